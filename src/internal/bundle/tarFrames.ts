/**
 * Follows a tar beside Effect's decoder, for what that one passes over in silence although other
 * readers go by it: an archive must not mean one thing to who checks it and another here. Whatever
 * the decoder itself refuses is left to it.
 */

const blockLength = 512

/** Longer extended headers the decoder refuses. */
const maxExtendedLength = 1024 * 1024

/** A character for each byte. */
const latin1 = new TextDecoder("latin1")

/** Octal, or base-256 as GNU tar has it. NaN for what the decoder refuses. */
const numberAt = (block: Uint8Array, offset: number, length: number): number => {
  const field = block.subarray(offset, offset + length)
  if (field[0]! < 0x80) {
    return Number(`0o0${latin1.decode(field).replace(/^[\0 ]+|[\0 ]+$/g, "")}`)
  }
  return field[0]! & 0x40
    ? Number.NaN
    : field.reduce((value, byte, i) => value * 256 + (i === 0 ? byte & 0x7f : byte), 0)
}

/** The records of a PAX header, up to one that the decoder refuses. Throws what is ambiguous. */
const recordsOf = (data: Uint8Array): Map<string, string> => {
  const records = new Map<string, string>()
  const text = latin1.decode(data)
  for (let start = 0; start < text.length;) {
    const length = Number.parseInt(text.slice(start, start + 16), 10)
    const record = /^\d+ ([^=]+)=([^]*)\n$/.exec(text.slice(start, start + length))
    if (record === null) break
    const key = record[1]!
    if (records.has(key) && (key === "path" || key === "size")) throw `a PAX ${key} twice`
    records.set(key, record[2]!)
    start += length
  }
  return records
}

/**
 * Whether a ustar header that ends as star's do has more in its prefix than star's can: 131 bytes
 * with a NUL, where ustar's has 155.
 */
const hasOpenStarPrefix = (block: Uint8Array) =>
  latin1.decode(block.subarray(257, 263)) === "ustar\0" &&
  latin1.decode(block.subarray(508)) === "tar\0" &&
  !block.subarray(345, 345 + 131).includes(0)

/** Where a header has what is kept of an entry. */
const numbers = [
  ["mode", 100, 108],
  ["size", 124, 136]
] as const

/** Blanks alone, or something after a NUL at the start: 0 to some readers, refused by others. */
const unclear = /^ +$|^ *\0[\0 ]*[^\0 ]/

/** The next bytes of the tar: to be put there, or to be passed over. */
interface Wanted {
  readonly length: number
  readonly into?: Uint8Array
}

/** Adds the size of each entry to `sizes`. Throws what is ambiguous. */
function* follow(sizes: Array<number>): Generator<Wanted, void, void> {
  const block = new Uint8Array(blockLength)
  let zeroBlock = false
  let longName = false
  let records: Map<string, string> | undefined
  for (;;) {
    yield { length: blockLength, into: block }
    if (block[0] === 0 && block.every((byte) => byte === 0)) {
      if (zeroBlock) return
      zeroBlock = true
      continue
    }
    for (const [field, start, end] of numbers) {
      if (unclear.test(latin1.decode(block.subarray(start, end)))) throw `an unclear ${field}`
    }
    const type = String.fromCharCode(block[156]!)
    const announced = numberAt(block, 124, 12)
    if (zeroBlock || !Number.isSafeInteger(announced)) return
    const isExtended = type === "x" || type === "g" || type === "L" || type === "K"
    if (isExtended && announced > maxExtendedLength) return
    const size = isExtended ? announced : Number(records?.get("size") || announced)
    if (!Number.isSafeInteger(size)) return
    const length = Math.ceil(size / blockLength) * blockLength
    const data = isExtended ? new Uint8Array(length) : undefined
    if (data === undefined) {
      if (hasOpenStarPrefix(block)) throw "a star prefix without an end"
      sizes.push(size)
      longName = false
      records = undefined
    }
    if (length > 0) yield data === undefined ? { length } : { length, into: data }
    if (data === undefined) continue
    if (type === "L") {
      if (size === 0 || data[0] === 0) throw "a GNU long name without a name"
      // GNU tar reads on in the padding.
      if (size < length && data.subarray(0, size + 1).indexOf(0) < 0) {
        throw "a GNU long name without an end"
      }
      longName = true
    }
    if (type === "g") {
      for (const key of recordsOf(data.subarray(0, size)).keys()) {
        const found = /^(path$|linkpath$|size$|GNU\.sparse(?=\.))/.exec(key)
        if (found !== null) throw `a PAX ${found[1]} for all entries`
      }
    }
    if (type === "x") {
      records = recordsOf(data.subarray(0, size))
      for (const key of ["path", "size"]) {
        if (records.get(key) === "") throw `a PAX ${key} without a value`
      }
    }
    if (longName && records?.has("path")) throw "a GNU long name beside a PAX path"
  }
}

/** Takes a tar as it comes. */
export class TarFrames {
  private readonly sizes: Array<number> = []
  private readonly follower = follow(this.sizes)
  private wanted = this.follower.next()
  private filled = 0

  /** What is ambiguous in these bytes, if anything. */
  push(chunk: Uint8Array): string | undefined {
    let start = 0
    while (start < chunk.length && this.wanted.done !== true) {
      const { into, length } = this.wanted.value
      const end = Math.min(chunk.length, start + length - this.filled)
      into?.set(chunk.subarray(start, end), this.filled)
      this.filled += end - start
      start = end
      if (this.filled < length) break
      this.filled = 0
      try {
        this.wanted = this.follower.next()
      } catch (ambiguity) {
        return ambiguity as string
      }
    }
    return undefined
  }

  /**
   * How many bytes follow the header of the next entry that the decoder gives. It gives folders
   * none, and takes what is theirs for more headers.
   */
  nextSize(): number | undefined {
    return this.sizes.shift()
  }
}
