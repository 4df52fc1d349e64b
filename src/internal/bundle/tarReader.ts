/**
 * A strict tar reader: bytes in, entries out, without an effect for each chunk or block.
 *
 * It reads v7, ustar, PAX and GNU archives. It refuses everything that two readers could understand
 * differently, because an archive must not mean one thing to a scanner and another one here.
 */

/** The entry's kind, by its type flag. */
export type EntryType =
  | "File"
  | "Directory"
  | "Symlink"
  | "Hardlink"
  | "CharDevice"
  | "BlockDevice"
  | "Fifo"
  | "Other"

export interface Header {
  /** As the archive spells it. Bytes that are not UTF-8 are U+FFFD. */
  readonly path: string
  readonly type: EntryType
  /** Bytes of content. */
  readonly size: number
  /** Permission bits, with the set-uid, set-gid and sticky ones. */
  readonly mode: number
  /** PAX records in force that the other fields do not show. */
  readonly paxRecords: number
}

/** Why a tar is refused. */
export type Problem =
  | { readonly _tag: "Truncated" }
  | { readonly _tag: "MalformedTar"; readonly detail: string }
  | { readonly _tag: "UnsupportedEntry"; readonly type: string }
  | { readonly _tag: "LimitExceeded"; readonly limit: keyof Limits }

export interface Limits {
  /** Bytes of one extended header. */
  readonly HeaderBytes: number
  /** Bytes between the contents of two entries, or after the last. */
  readonly GapBytes: number
  /** Bytes of the whole tar. */
  readonly TarBytes: number
}

/** One step through an archive. An entry's content follows it, in as many parts as it arrives in. */
export type Item =
  | { readonly _tag: "Entry"; readonly header: Header }
  /** A part of the buffer that was pushed, not a copy. */
  | { readonly _tag: "Content"; readonly bytes: Uint8Array; readonly isLast: boolean }
  | { readonly _tag: "Refused"; readonly problem: Problem }

const blockLength = 512
const permissionBits = 0o7777

/** JavaScript has no later date. */
const maxSeconds = 8.64e12

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })
const latin1 = new TextDecoder("latin1")

const malformed = (detail: string): Problem => ({ _tag: "MalformedTar", detail })
const damaged = (detail: string, at: number): Problem =>
  malformed(`${detail} (header at byte ${at})`)
const refused = (problem: Problem): Item => ({ _tag: "Refused", problem })
const truncated: Problem = { _tag: "Truncated" }

const padded = (size: number) => Math.ceil(size / blockLength) * blockLength

const isZero = (block: Uint8Array) => block[0] === 0 && block.every((byte) => byte === 0)

/** A text field, which ends at its first NUL. */
const textAt = (block: Uint8Array, offset: number, length: number): string => {
  let end = offset
  while (end < offset + length && block[end] !== 0) end++
  return end === offset ? "" : utf8.decode(block.subarray(offset, end))
}

const startsWith = (block: Uint8Array, offset: number, text: string) => {
  for (let i = 0; i < text.length; i++) {
    if (block[offset + i] !== text.charCodeAt(i)) return false
  }
  return true
}

const isBlank = (byte: number) => byte === 0 || byte === 0x20

/** An octal number between blanks and NULs. NaN for anything else. */
const octalAt = (block: Uint8Array, offset: number, length: number): number => {
  let start = offset
  let end = offset + length
  while (start < end && isBlank(block[start]!)) start++
  while (end > start && isBlank(block[end - 1]!)) end--
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = block[i]! - 0x30
    if (digit < 0 || digit > 7) return Number.NaN
    value = value * 8 + digit
  }
  return value
}

/** An octal number, or one in base 256 as GNU tar writes it. NaN for anything else. */
const numberAt = (block: Uint8Array, offset: number, length: number): number => {
  const first = block[offset]!
  if (first < 0x80) return octalAt(block, offset, length)
  // Two's complement: negative numbers are read as the inverse of their magnitude minus one.
  const inverse = first & 0x40 ? 0xff : 0
  let value = (first ^ inverse) & 0x7f
  for (let i = 1; i < length; i++) {
    value = value * 256 + (block[offset + i]! ^ inverse)
    if (value > Number.MAX_SAFE_INTEGER) return Number.NaN
  }
  return inverse === 0 ? value : -value - 1
}

/** The sum of the block's bytes, with its own field as blanks. Old writers summed signed bytes. */
const hasValidChecksum = (block: Uint8Array, stored: number): boolean => {
  let sum = 8 * 0x20
  let high = 0
  for (let i = 0; i < blockLength; i++) {
    if (i === 148) i = 156
    const byte = block[i]!
    sum += byte
    if (byte > 0x7f) high++
  }
  return stored === sum || stored === sum - 0x100 * high
}

/** Numeric fields that every format has. */
const numericFields = [
  ["mode", 100, 8],
  ["uid", 108, 8],
  ["gid", 116, 8],
  ["size", 124, 12],
  ["mtime", 136, 12]
] as const

const allFields = [...numericFields, ["devMajor", 329, 8], ["devMinor", 337, 8]] as const

/** Blanks alone, or digits after a leading NUL: some readers take 0, others refuse the entry. */
const isUnclear = (block: Uint8Array, offset: number, length: number): boolean => {
  const end = offset + length
  let i = offset
  while (i < end && block[i] === 0x20) i++
  if (i === end) return true
  if (block[i] !== 0) return false
  while (i < end && isBlank(block[i]!)) i++
  return i < end
}

interface RawHeader {
  readonly typeflag: string
  readonly path: string
  readonly size: number
  readonly mode: number
  readonly hasOpenStarPrefix: boolean
}

const parseHeader = (block: Uint8Array, at: number): RawHeader | Problem => {
  const stored = octalAt(block, 148, 8)
  if (Number.isNaN(stored)) {
    return damaged("an invalid number in the header field at offset 148", at)
  }
  if (!hasValidChecksum(block, stored)) return damaged("a header has a wrong checksum", at)
  const isUstar = startsWith(block, 257, "ustar\0")
  const isGnu = startsWith(block, 257, "ustar  \0")
  for (const [name, offset, length] of isUstar || isGnu ? allFields : numericFields) {
    const value = numberAt(block, offset, length)
    if (Number.isNaN(value)) {
      return damaged(`an invalid number in the header field at offset ${offset}`, at)
    }
    if (name === "mtime") {
      if (Math.abs(value) > maxSeconds) return damaged("mtime is out of range", at)
    } else if (value < 0) return damaged(`negative ${name}`, at)
    if ((name === "mode" || name === "size") && isUnclear(block, offset, length)) {
      return malformed(`an unclear ${name}`)
    }
  }
  let path = textAt(block, 0, 100)
  // Star keeps times behind a shorter prefix and marks the block's end.
  const isStar = isUstar && startsWith(block, 508, "tar\0")
  if (isUstar) {
    const prefix = textAt(block, 345, isStar ? 131 : 155)
    if (prefix !== "") path = `${prefix}/${path}`
  }
  return {
    typeflag: String.fromCharCode(block[156]!),
    path,
    size: numberAt(block, 124, 12),
    mode: numberAt(block, 100, 8) & permissionBits,
    hasOpenStarPrefix: isStar && !block.subarray(345, 345 + 131).includes(0)
  }
}

type Records = ReadonlyMap<string, string>

/** PAX keys that must not contain a NUL. */
const textKeys: ReadonlySet<string> = new Set(["path", "linkpath", "uname", "gname"])

/** PAX keys that stand for a header field. */
const fieldKeys: ReadonlySet<string> = new Set([...textKeys, "size", "uid", "gid", "mtime"])

/** Records of the form `<length> <key>=<value>\n`; the length counts the bytes of the whole record. */
const parseRecords = (data: Uint8Array, at: number): Records | Problem => {
  const records = new Map<string, string>()
  for (let start = 0; start < data.length;) {
    let space = start
    while (space < data.length && space - start < 16 && data[space] !== 0x20) space++
    const digits = latin1.decode(data.subarray(start, space))
    const length = /^\d+$/.test(digits) ? Number(digits) : 0
    const end = start + length
    const equals = data.indexOf(0x3d, space + 1)
    if (
      length < 5 ||
      end > data.length ||
      data[space] !== 0x20 ||
      data[end - 1] !== 0x0a ||
      equals <= space + 1 ||
      equals >= end - 1
    ) {
      return damaged("malformed PAX record", at)
    }
    const key = utf8.decode(data.subarray(space + 1, equals))
    const value = utf8.decode(data.subarray(equals + 1, end - 1))
    if (key.includes("\0") || (textKeys.has(key) && value.includes("\0"))) {
      return damaged(`invalid PAX record ${key}`, at)
    }
    if (records.has(key) && (key === "path" || key === "size")) {
      return malformed(`a PAX ${key} twice`)
    }
    records.set(key, value)
    start = end
  }
  return records
}

const isProblem = (value: object): value is Problem => "_tag" in value

const isWholeNumber = (value: string) => /^\d+$/.test(value) && Number.isSafeInteger(Number(value))

/** The PAX time as seconds. NaN if it is none. */
const secondsOf = (value: string) => (/^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : Number.NaN)

/** Checks the values of records that stand for a header field. An empty value keeps the field. */
const problemOfRecords = (records: Records, at: number): Problem | undefined => {
  for (const [key, value] of records) {
    if (key.startsWith("GNU.sparse.")) return sparse
    if (value === "") continue
    if (key === "size" || key === "uid" || key === "gid") {
      if (!isWholeNumber(value)) {
        return damaged(`invalid PAX ${key} ${JSON.stringify(value)}`, at)
      }
    } else if (key === "mtime") {
      const seconds = secondsOf(value)
      if (Number.isNaN(seconds)) return damaged(`invalid PAX mtime ${JSON.stringify(value)}`, at)
      if (Math.abs(seconds) > maxSeconds) return damaged("mtime is out of range", at)
    }
  }
  return undefined
}

const sparse: Problem = { _tag: "UnsupportedEntry", type: "GNU sparse file" }

const types: Readonly<Record<string, EntryType>> = {
  "0": "File",
  "1": "Hardlink",
  "2": "Symlink",
  "3": "CharDevice",
  "4": "BlockDevice",
  "5": "Directory",
  "6": "Fifo",
  // Contiguous files.
  "7": "File"
}

/** Old archives mark folders by a slash alone. */
const typeOf = (typeflag: string, path: string): EntryType =>
  typeflag === "\0" ? (path.endsWith("/") ? "Directory" : "File") : (types[typeflag] ?? "Other")

/**
 * Reads one tar. Push a chunk, take items until there are none, push the next chunk. After a refusal
 * the reader is of no further use.
 */
export class TarReader {
  private readonly limits: Limits
  private chunk: Uint8Array = new Uint8Array(0)
  /** The next byte of the chunk. */
  private start = 0
  /** Bytes of the tar before the chunk. */
  private before = 0
  /** Part of a block, or of an extended header, whose rest is in the next chunk. */
  private partial: Uint8Array | undefined
  private filled = 0
  /** An extended header whose data follows. */
  private extended: RawHeader | undefined
  private content = 0
  private padding = 0
  /** The offset at which the last entry's content ended. */
  private contentEnd = 0
  /** The offset of the header block that was read last. */
  private headerAt = 0
  private zeroBlock = false
  private ended = false
  private records: Records | undefined
  private globals: Records = new Map()
  private longName = ""
  private hasLongLink = false

  constructor(limits: Limits) {
    this.limits = limits
  }

  /** Adds bytes. The chunk before must have been used up by {@link TarReader.next}. */
  push(chunk: Uint8Array): void {
    this.before += this.chunk.length
    this.chunk = chunk
    this.start = 0
  }

  /** The next item; undefined if more bytes are needed. */
  next(): Item | undefined {
    if (this.before + this.chunk.length > this.limits.TarBytes) return this.exceeded("TarBytes")
    for (;;) {
      if (this.content > 0) return this.nextContent()
      this.skipPadding()
      if (this.ended) this.start = this.chunk.length
      if (this.offset - this.contentEnd > this.limits.GapBytes) return this.exceeded("GapBytes")
      if (this.start === this.chunk.length) return undefined
      const { extended } = this
      const bytes = this.take(extended === undefined ? blockLength : padded(extended.size))
      if (bytes === undefined) continue
      const item = extended === undefined ? this.block(bytes) : this.extension(extended, bytes)
      if (item !== undefined) return item
    }
  }

  /** Why the tar may not end here, if it may not. */
  end(): Problem | undefined {
    const isInside =
      this.content > 0 || this.padding > 0 || this.filled > 0 || this.extended !== undefined
    const isPending = this.records !== undefined || this.longName !== "" || this.hasLongLink
    return this.offset === 0 || isInside || isPending ? truncated : undefined
  }

  private get offset(): number {
    return this.before + this.start
  }

  private exceeded(limit: keyof Limits): Item {
    return refused({ _tag: "LimitExceeded", limit })
  }

  private nextContent(): Item | undefined {
    if (this.start === this.chunk.length) return undefined
    const end = Math.min(this.chunk.length, this.start + this.content)
    const bytes = this.chunk.subarray(this.start, end)
    this.content -= bytes.length
    this.start = end
    this.contentEnd = this.offset
    return { _tag: "Content", bytes, isLast: this.content === 0 }
  }

  private skipPadding(): void {
    const skipped = Math.min(this.padding, this.chunk.length - this.start)
    this.padding -= skipped
    this.start += skipped
  }

  /** So many bytes in one piece, which is copied only if it is spread over chunks. */
  private take(length: number): Uint8Array | undefined {
    if (this.partial === undefined && this.chunk.length - this.start >= length) {
      return this.chunk.subarray(this.start, (this.start += length))
    }
    const partial = (this.partial ??= new Uint8Array(length))
    const end = Math.min(this.chunk.length, this.start + length - this.filled)
    partial.set(this.chunk.subarray(this.start, end), this.filled)
    this.filled += end - this.start
    this.start = end
    if (this.filled < length) return undefined
    this.partial = undefined
    this.filled = 0
    return partial
  }

  private block(block: Uint8Array): Item | undefined {
    this.headerAt = this.offset - blockLength
    if (isZero(block)) {
      this.ended = this.zeroBlock
      this.zeroBlock = true
      return undefined
    }
    if (this.zeroBlock)
      return refused(damaged("non-zero block after an end-of-archive block", this.headerAt))
    const raw = parseHeader(block, this.headerAt)
    if (isProblem(raw)) return refused(raw)
    switch (raw.typeflag) {
      case "x":
      case "g":
      case "L":
      case "K":
        if (raw.size > this.limits.HeaderBytes) return this.exceeded("HeaderBytes")
        if (raw.size === 0) return this.extension(raw, new Uint8Array(0))
        this.extended = raw
        return undefined
      case "S":
        return refused(sparse)
      default:
        return this.entry(raw)
    }
  }

  /** Takes the data of an extended header, with its padding. */
  private extension({ size, typeflag }: RawHeader, bytes: Uint8Array): Item | undefined {
    this.extended = undefined
    const data = bytes.subarray(0, size)
    if (typeflag === "K") {
      this.hasLongLink = data.length > 0 && data[0] !== 0
      return undefined
    }
    if (typeflag === "L") {
      if (size === 0 || data[0] === 0) {
        return refused(malformed("a GNU long name without a name"))
      }
      // GNU tar reads on in the padding.
      if (size < bytes.length && bytes.subarray(0, size + 1).indexOf(0) < 0) {
        return refused(malformed("a GNU long name without an end"))
      }
      this.longName = textAt(data, 0, size)
    } else {
      const records = parseRecords(data, this.headerAt)
      if (isProblem(records)) return refused(records)
      const problem = typeflag === "g" ? this.addGlobals(records) : this.addRecords(records)
      if (problem !== undefined) return refused(problem)
    }
    return this.longName !== "" && this.records?.has("path") === true
      ? refused(malformed("a GNU long name beside a PAX path"))
      : undefined
  }

  private addRecords(records: Records): Problem | undefined {
    for (const key of ["path", "size"]) {
      if (records.get(key) === "") return malformed(`a PAX ${key} without a value`)
    }
    this.records = records
    return undefined
  }

  private addGlobals(records: Records): Problem | undefined {
    const globals = new Map(this.globals)
    for (const [key, value] of records) {
      const found = /^(path$|linkpath$|size$|GNU\.sparse(?=\.))/.exec(key)
      if (found !== null) return malformed(`a PAX ${found[1]} for all entries`)
      if (value === "") globals.delete(key)
      else globals.set(key, value)
    }
    this.globals = globals
    return undefined
  }

  private entry(raw: RawHeader): Item {
    const records =
      this.globals.size === 0
        ? this.records
        : new Map([...this.globals, ...(this.records ?? new Map<string, string>())])
    let { path, size } = raw
    let paxRecords = 0
    if (records !== undefined) {
      const problem = problemOfRecords(records, this.headerAt)
      if (problem !== undefined) return refused(problem)
      path = records.get("path") ?? path
      size = Number(records.get("size") ?? size)
      for (const key of records.keys()) if (!fieldKeys.has(key)) paxRecords++
    }
    if (raw.hasOpenStarPrefix) return refused(malformed("a star prefix without an end"))
    if (this.longName !== "") path = this.longName
    this.records = undefined
    this.longName = ""
    this.hasLongLink = false
    this.content = size
    this.padding = padded(size) - size
    this.contentEnd = this.offset
    return {
      _tag: "Entry",
      header: { path, type: typeOf(raw.typeflag, path), size, mode: raw.mode, paxRecords }
    }
  }
}
