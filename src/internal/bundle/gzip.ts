/**
 * One gzip member (RFC 1952) as a stream. The frame is read here, because engines differ in it:
 * some join a second member, some pass over what follows. A host's engine inflates the raw deflate
 * data between header and trailer.
 */
import { Array as Arr, Bytes, Context, Effect, Predicate, type Scope, Stream } from "effect"

/** Why bytes are not one whole gzip member and nothing else. */
export type Problem =
  | "NotGzip"
  | "CorruptGzip"
  | "ChecksumMismatch"
  | "TruncatedGzip"
  /** A second member, padding or anything else. */
  | "TrailingData"

/** What a host inflates with. */
export interface Engine {
  /**
   * Inflates one raw deflate stream. It fails where the input ends before the deflate data does
   * and where it goes on after it, with zlib's `code` on the cause. The bytes that it gives stay
   * until `scope` closes.
   */
  readonly inflateRaw: <E, R, E2>(
    deflated: Stream.Stream<Uint8Array, E, R>,
    onError: (cause: unknown) => E2,
    scope: Scope.Scope
  ) => Stream.Stream<Uint8Array, E | E2, R>
  /** Goes on from `crc`, which is 0 at first. */
  readonly crc32: (bytes: Uint8Array, crc: number) => number
}

const crcTables = new Int32Array(4 * 256)
for (let i = 0; i < 256; i++) {
  let crc = i
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  crcTables[i] = crc
}
for (let i = 256; i < crcTables.length; i++) {
  const crc = crcTables[i - 256]!
  crcTables[i] = (crc >>> 8) ^ crcTables[crc & 0xff]!
}

/** CRC-32 by four tables, so that a step takes four bytes. */
export const crc32 = (bytes: Uint8Array, crc: number): number => {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let i = 0
  crc = ~crc
  for (; i + 4 <= bytes.length; i += 4) {
    crc ^= words.getInt32(i, true)
    crc =
      crcTables[0x300 | (crc & 0xff)]! ^
      crcTables[0x200 | ((crc >>> 8) & 0xff)]! ^
      crcTables[0x100 | ((crc >>> 16) & 0xff)]! ^
      crcTables[crc >>> 24]!
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ crcTables[(crc ^ bytes[i]!) & 0xff]!
  return ~crc >>> 0
}

// What is wrong with the data fails both sides of the inflater; the readable one reports it.
const settled = (promise: () => Promise<void>) => Effect.ignore(Effect.tryPromise(promise))

/**
 * The Web's own inflater: everywhere, at about twice the processor time of `node:zlib`. That of
 * Node 22 passes over what follows the deflate data; there only the trailer can tell.
 */
export const webEngine: Engine = {
  inflateRaw: (deflated, onError) =>
    Stream.suspend(() => {
      const { readable, writable } = new DecompressionStream("deflate-raw")
      const writer = writable.getWriter()
      const feed = Stream.runForEach(deflated, (chunk) =>
        settled(() => writer.write(chunk as Uint8Array<ArrayBuffer>))
      )
      return Stream.fromReadableStream({ evaluate: () => readable, onError }).pipe(
        Stream.mergeEffect(
          Effect.andThen(
            feed,
            settled(() => writer.close())
          )
        )
      )
    }),
  crc32
}

/** The host's engine. */
export const Engine = Context.Reference<Engine>("effect-codex-plugins/internal/gzip/Engine", {
  defaultValue: () => webEngine
})

const headerCrc = 2
const extraField = 4
const originalName = 8
const comment = 16
const reservedFlags = 0xe0
const trailerLength = 8

/** Bytes of a header: twice what its extra field can have, which is more than any program writes. */
const maxHeaderLength = 128 * 1024

/** Takes a header byte by byte and returns after its last one. Throws a `Problem`. */
function* readHeader(crcSoFar: () => number): Generator<void, void, number> {
  if ((yield) !== 0x1f || (yield) !== 0x8b || (yield) !== 8) throw "NotGzip"
  const flags = yield
  if (flags & reservedFlags) throw "CorruptGzip"
  // Its time, level and system.
  for (let i = 0; i < 6; i++) yield
  if (flags & extraField) {
    let length = (yield) | ((yield) << 8)
    while (length-- > 0) yield
  }
  if (flags & originalName) while ((yield) !== 0);
  if (flags & comment) while ((yield) !== 0);
  if (flags & headerCrc) {
    const expected = crcSoFar() & 0xffff
    if (((yield) | ((yield) << 8)) !== expected) throw "CorruptGzip"
  }
}

class Member {
  private readonly crc32: Engine["crc32"]
  private readonly header: Generator<void, void, number>
  private headerCrc = 0
  private headerLength = 0
  private headerEnded = false
  /** The last bytes so far, which are the trailer unless more follow. */
  private held = new Uint8Array(0)
  private crc = 0
  private length = 0

  constructor(engine: Engine) {
    this.crc32 = engine.crc32
    this.header = readHeader(() => this.headerCrc)
    this.header.next()
  }

  /** The deflate data that is certain now that `chunk` came, as parts of it. Throws a `Problem`. */
  packed(chunk: Uint8Array): Arr.NonEmptyReadonlyArray<Uint8Array> {
    let start = 0
    for (; !this.headerEnded && start < chunk.length; start++) {
      if (++this.headerLength > maxHeaderLength) throw "CorruptGzip"
      this.headerCrc = this.crc32(chunk.subarray(start, start + 1), this.headerCrc)
      this.headerEnded = this.header.next(chunk[start]!).done === true
    }
    const parts = [this.held, chunk.subarray(start)]
    const bytes = chunk.length - start < trailerLength ? [Bytes.concat(parts)] : parts
    const last = bytes.pop()!
    const end = Math.max(0, last.length - trailerLength)
    this.held = Uint8Array.from(last.subarray(end))
    return Arr.append(bytes, last.subarray(0, end))
  }

  unpacked(chunk: Uint8Array): void {
    this.crc = this.crc32(chunk, this.crc)
    this.length += chunk.length
  }

  /** What is wrong with the member after its last byte, if anything. */
  verdict(): Problem | undefined {
    if (this.held.length < trailerLength) return "TruncatedGzip"
    const trailer = new DataView(this.held.buffer)
    const matches =
      trailer.getUint32(0, true) === this.crc && trailer.getUint32(4, true) === this.length >>> 0
    return matches ? undefined : "ChecksumMismatch"
  }
}

const engineProblem = (cause: unknown): Problem => {
  const code = Predicate.hasProperty(cause, "code") ? cause.code : undefined
  if (code === "Z_BUF_ERROR") return "TruncatedGzip"
  if (code === "ERR_TRAILING_JUNK_AFTER_STREAM_END") return "TrailingData"
  return "CorruptGzip"
}

/**
 * Gives the content of one gzip member, which stays until `scope` closes. The stream ends well only
 * after the member's checksum and length held and its input ended with it.
 */
export const gunzip =
  <E2>(engine: Engine, onProblem: (problem: Problem) => E2, scope: Scope.Scope) =>
  <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Uint8Array, E | E2, R> =>
    Stream.suspend(() => {
      const member = new Member(engine)
      const deflated = Stream.mapArrayEffect(bytes, (chunks) =>
        Effect.try({
          try: () => Arr.flatMap(chunks, (chunk) => member.packed(chunk)),
          catch: (problem) => onProblem(problem as Problem)
        })
      )
      return engine
        .inflateRaw(deflated, (cause) => onProblem(engineProblem(cause)), scope)
        .pipe(
          Stream.mapArray((chunks) => {
            for (const chunk of chunks) member.unpacked(chunk)
            return chunks
          }),
          Stream.onEnd(
            Effect.suspend(() => {
              const problem = member.verdict()
              return problem === undefined ? Effect.void : Effect.fail(onProblem(problem))
            })
          )
        )
    })
