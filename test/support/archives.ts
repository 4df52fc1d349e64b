/**
 * Archives that are made byte by byte, so that a test can make each of them invalid in one way.
 */
import { Stream } from "effect"
import * as Zlib from "node:zlib"

const utf8 = new TextEncoder()

const bytesOf = (value: string | Uint8Array) =>
  typeof value === "string" ? utf8.encode(value) : value

export const concat = (...parts: ReadonlyArray<string | Uint8Array>): Uint8Array =>
  new Uint8Array(Buffer.concat(parts.map(bytesOf)))

// --- tar

export interface Header {
  /** Cut at 100 bytes. */
  readonly name: string | Uint8Array
  readonly prefix?: string
  /** The last bytes of the block, after all fields of ustar. */
  readonly tail?: string
  /** A number, or the text of the field. */
  readonly mode?: number | string
  readonly size?: number
  /** Default: `0`, a regular file. */
  readonly typeflag?: string
  readonly linkname?: string
  /** The magic and version field. Default: `ustar`'s. */
  readonly magic?: string
  /** A change of the header after its checksum was made. */
  readonly spoil?: (block: Uint8Array) => void
}

const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, "0")}\0`

export const header = (options: Header): Uint8Array => {
  const block = new Uint8Array(512)
  const put = (offset: number, value: string | Uint8Array, length: number) =>
    block.set(bytesOf(value).subarray(0, length), offset)
  put(0, options.name, 100)
  const { mode = 0o644 } = options
  put(100, typeof mode === "string" ? mode : octal(mode, 8), 8)
  put(108, octal(0, 8), 8)
  put(116, octal(0, 8), 8)
  put(124, octal(options.size ?? 0, 12), 12)
  put(136, octal(0, 12), 12)
  put(148, " ".repeat(8), 8)
  put(156, options.typeflag ?? "0", 1)
  put(157, options.linkname ?? "", 100)
  put(257, options.magic ?? "ustar\x0000", 8)
  put(345, options.prefix ?? "", 155)
  put(508, options.tail ?? "", 4)
  const sum = block.reduce((total, byte) => total + byte, 0)
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `, 8)
  options.spoil?.(block)
  return block
}

/** An entry. The default size is that of the body. */
export const entry = (options: Header, body: string | Uint8Array = ""): Uint8Array => {
  const bytes = bytesOf(body)
  const padding = new Uint8Array((512 - (bytes.length % 512)) % 512)
  return concat(header({ size: bytes.length, ...options }), bytes, padding)
}

export const file = (name: string, body: string | Uint8Array = "", mode = 0o644): Uint8Array =>
  entry({ name, mode }, body)

export const folder = (name: string, mode = 0o755): Uint8Array =>
  entry({ name, mode, typeflag: "5" })

/** One PAX record. */
export const paxRecord = (key: string, value: string | Uint8Array): Uint8Array => {
  const rest = concat(` ${key}=`, value, "\n")
  let length = rest.length + 1
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length
  return concat(`${length}`, rest)
}

/** PAX records for the next entry or for all following entries. */
export const pax = (
  records: Readonly<Record<string, string>>,
  scope: "next" | "global" = "next"
): Uint8Array =>
  entry(
    { name: "PaxHeaders/x", typeflag: scope === "next" ? "x" : "g" },
    concat(...Object.entries(records).map(([key, value]) => paxRecord(key, value)))
  )

export const gnuLongName = (name: string): Uint8Array =>
  entry({ name: "././@LongLink", typeflag: "L", magic: "ustar  \0" }, `${name}\0`)

/** The end-of-archive marker. */
export const end = new Uint8Array(1024)

export const tar = (...entries: ReadonlyArray<Uint8Array>): Uint8Array => concat(...entries, end)

// --- gzip

export const gzip = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(Zlib.gzipSync(bytes, { level: 1 }))

/** The gzip of a tar with these entries. */
export const tarGz = (...entries: ReadonlyArray<Uint8Array>): Uint8Array => gzip(tar(...entries))

/** Deflate blocks that are not the last ones of a stream. */
export const deflated = (bytes: Uint8Array): Uint8Array =>
  Zlib.deflateRawSync(bytes, { level: 1, finishFlush: Zlib.constants.Z_FULL_FLUSH })

/** The overhead of a stored block, in bytes. */
export const storedOverhead = 5

/** A deflate block that stores up to 65,535 bytes without compression. */
const stored = (bytes: Uint8Array): Uint8Array => {
  const head = new DataView(new ArrayBuffer(storedOverhead))
  head.setUint16(1, bytes.length, true)
  head.setUint16(3, bytes.length ^ 0xffff, true)
  return concat(new Uint8Array(head.buffer), bytes)
}

export interface Piece {
  readonly bytes: Uint8Array
  readonly times?: number
  /** True to store the bytes without compression. Default: false. */
  readonly stored?: boolean
}

/** The product of two polynomials over GF(2), modulo that of CRC-32, each with its bits reversed. */
const product = (a: number, b: number): number => {
  let sum = 0
  for (let bit = 0x8000_0000; bit !== 0; bit >>>= 1) {
    if (a & bit) sum ^= b
    b = b & 1 ? (b >>> 1) ^ 0xedb8_8320 : b >>> 1
  }
  return sum >>> 0
}

/** `x` to the power of this number of bits, modulo the polynomial of CRC-32. */
const powerOfX = (bits: number): number => {
  let power = 0x8000_0000
  for (let square = 0x4000_0000; bits > 0; bits = Math.floor(bits / 2)) {
    if (bits % 2 === 1) power = product(square, power)
    square = product(square, square)
  }
  return power
}

/**
 * The checksum of content that continues with many repetitions of these bytes. The bytes are read only
 * once, because a checksum of hundreds of megabytes would take longer than the test itself.
 */
const crcOfRepeated = (crc: number, bytes: Uint8Array, times: number): number => {
  const shift = powerOfX(bytes.length * 8)
  const added = Zlib.crc32(bytes)
  for (let i = 0; i < times; i++) crc = (product(shift, crc) ^ added) >>> 0
  return crc
}

/** A gzip member with repeated content, made without ever having the whole content in memory. */
export const gzipOf = (
  pieces: ReadonlyArray<Piece>,
  options: {
    /** The name of the original file in the header. */
    readonly name?: string
  } = {}
): Stream.Stream<Uint8Array> => {
  const name = options.name === undefined ? "" : `${options.name}\0`
  function* packed() {
    let crc = 0
    let length = 0
    yield concat(new Uint8Array([0x1f, 0x8b, 8, name === "" ? 0 : 8, 0, 0, 0, 0, 0, 0xff]), name)
    for (const { bytes, stored: isStored = false, times = 1 } of pieces) {
      crc = crcOfRepeated(crc, bytes, times)
      length += times * bytes.length
      yield* repeat(isStored ? stored(bytes) : deflated(bytes), times)
    }
    const trailer = new DataView(new ArrayBuffer(8))
    trailer.setUint32(0, crc, true)
    trailer.setUint32(4, length % 2 ** 32, true)
    yield concat(new Uint8Array([3, 0]), new Uint8Array(trailer.buffer))
  }
  return Stream.rechunk(Stream.fromIterable({ [Symbol.iterator]: packed }), 1)
}

/** Repetitions of the same bytes in pieces of about 64 KiB. */
function* repeat(bytes: Uint8Array, times: number): Generator<Uint8Array> {
  const atOnce = Math.max(1, Math.floor((64 * 1024) / bytes.length))
  const piece = concat(...Array.from({ length: Math.min(times, atOnce) }, () => bytes))
  let left = times
  for (; left >= atOnce; left -= atOnce) yield piece
  if (left > 0) yield piece.subarray(0, left * bytes.length)
}

/** A stream in chunks of this size. */
export const chunked = (bytes: Uint8Array, size = 64 * 1024): Stream.Stream<Uint8Array> => {
  function* chunks() {
    for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size)
  }
  return Stream.rechunk(Stream.fromIterable({ [Symbol.iterator]: chunks }), 1)
}
