/**
 * Inflates one gzip member (RFC 1952), with `node:zlib`.
 *
 * The frame is read here, because zlib's own reader joins a second member to the first.
 */
import {
  type Array as Arr,
  Bytes,
  Cause,
  Effect,
  Predicate,
  type Pull,
  Result,
  type Scope,
  Stream
} from "effect"
// oxlint-disable-next-line no-restricted-imports -- no platform service inflates with a checksum
import * as Zlib from "node:zlib"

/** The reason why bytes are not exactly one gzip member. */
export type Problem =
  | "NotGzip"
  | "CorruptGzip"
  | "ChecksumMismatch"
  | "TruncatedGzip"
  /** A second member, padding or anything else. */
  | "TrailingData"

const KiB = 1024

/** The maximum packed size of a member that is inflated at once. Larger ones are worth a thread. */
export const smallMember = 256 * KiB

/**
 * The maximum content of a member that is inflated at once. The thread bounds the memory of larger
 * ones.
 */
const smallContent = 4 * 1024 * KiB

/** Fewer and larger chunks than zlib's default take half the processor time. */
const chunkLength = 128 * KiB
const options = { chunkSize: chunkLength, rejectGarbageAfterEnd: true }

const headerCrc = 2
const extraField = 4
const originalName = 8
const comment = 16
const reservedFlags = 0xe0
const fixedLength = 10
const trailerLength = 8

/** Twice the maximum size of the extra field, which is more than any program writes. */
const maxHeaderLength = 128 * KiB

/** The length of the header at the start of `bytes`. */
const headerLength = (bytes: Uint8Array): Result.Result<number, Problem> => {
  const magic = [0x1f, 0x8b, 8]
  if (magic.some((byte, i) => i < bytes.length && bytes[i] !== byte)) return Result.fail("NotGzip")
  const flags = bytes[3] ?? 0
  if (flags & reservedFlags) return Result.fail("CorruptGzip")
  let length = fixedLength
  if (flags & extraField) length += 2 + ((bytes[length] ?? 0) | ((bytes[length + 1] ?? 0) << 8))
  for (const text of [originalName, comment]) {
    if ((flags & text) === 0) continue
    const end = bytes.indexOf(0, length)
    length = end < 0 ? Math.max(bytes.length, length) + 1 : end + 1
  }
  const crcAt = length
  if (flags & headerCrc) length += 2
  if (length > maxHeaderLength) return Result.fail("CorruptGzip")
  if (length > bytes.length) return Result.fail("TruncatedGzip")
  if (flags & headerCrc) {
    const crc = Zlib.crc32(bytes.subarray(0, crcAt)) & 0xffff
    if ((bytes[crcAt]! | (bytes[crcAt + 1]! << 8)) !== crc) return Result.fail("CorruptGzip")
  }
  return Result.succeed(length)
}

const problemOf = (cause: unknown): Problem => {
  const code = Predicate.hasProperty(cause, "code") ? cause.code : undefined
  if (code === "Z_BUF_ERROR") return "TruncatedGzip"
  if (code === "ERR_TRAILING_JUNK_AFTER_STREAM_END") return "TrailingData"
  return "CorruptGzip"
}

/** Compares a member's trailer with its content. */
const checkTrailer = (trailer: Uint8Array, crc: number, length: number): Problem | undefined => {
  if (trailer.length < trailerLength) return "TruncatedGzip"
  const view = new DataView(trailer.buffer, trailer.byteOffset, trailerLength)
  return view.getUint32(0, true) === crc && view.getUint32(4, true) === length >>> 0
    ? undefined
    : "ChecksumMismatch"
}

/** The content of a small member; undefined if it is too large for memory. */
export const inflateSmall = (
  member: Uint8Array
): Result.Result<Uint8Array | undefined, Problem> => {
  const header = headerLength(member)
  if (Result.isFailure(header)) return Result.fail(header.failure)
  const deflated = member.subarray(
    header.success,
    Math.max(header.success, member.length - trailerLength)
  )
  let content: Uint8Array
  try {
    content = Zlib.inflateRawSync(deflated, {
      ...options,
      // Bundles with images hardly grow, so this size holds their content in one piece.
      chunkSize: Math.max(chunkLength, 2 * deflated.length),
      maxOutputLength: smallContent
    })
  } catch (cause) {
    return Predicate.hasProperty(cause, "code") && cause.code === "ERR_BUFFER_TOO_LARGE"
      ? Result.succeed(undefined)
      : Result.fail(problemOf(cause))
  }
  const problem = checkTrailer(
    member.subarray(header.success + deflated.length),
    Zlib.crc32(content),
    content.length
  )
  return problem === undefined ? Result.succeed(content) : Result.fail(problem)
}

/**
 * Frees memory at once. Otherwise that of hundreds of bundles would add up until V8 collects it.
 */
export const release = ({ buffer }: Uint8Array): Effect.Effect<void> =>
  Effect.sync(() => {
    if (buffer instanceof ArrayBuffer) buffer.transfer(0)
  })

/** A stream's chunks, as they arrive. */
export type Chunks<E, R> = Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, E, void, R>

/** The collected bytes, and whether the stream ended with them. */
interface Collected {
  readonly bytes: Uint8Array
  readonly isEnd: boolean
}

/** Collects bytes until there are more than `enough`, or until the stream ends. */
export const collect = <E, R>(
  pull: Chunks<E, R>,
  enough: number
): Effect.Effect<Collected, Pull.ExcludeDone<E>, R> =>
  Effect.suspend(() => {
    const pieces: Array<Uint8Array> = []
    let length = 0
    const collected = (isEnd: boolean): Collected => ({
      bytes: pieces.length === 1 ? pieces[0]! : Bytes.concat(pieces),
      isEnd
    })
    // One effect for each pull: a bundle arrives in many chunks.
    const next: Effect.Effect<Collected, Pull.ExcludeDone<E>, R> = Effect.matchEffect(pull, {
      onFailure: (error) =>
        Cause.isDone(error)
          ? Effect.succeed(collected(true))
          : Effect.fail(error as Pull.ExcludeDone<E>),
      onSuccess: (chunks) => {
        for (const chunk of chunks) {
          pieces.push(chunk)
          length += chunk.length
        }
        return length <= enough ? next : Effect.succeed(collected(false))
      }
    })
    return next
  })

/**
 * Inflates a large member on a thread. The stream succeeds only if the member's checksum and length
 * are correct and the input ends with the member.
 */
export const inflateLarge = Effect.fnUntraced(function* <E, R, E2>(
  first: Collected,
  rest: Chunks<E, R>,
  onProblem: (problem: Problem) => E2
): Effect.fn.Return<Stream.Stream<Uint8Array, E | E2, R>, E2, Scope.Scope> {
  const header = yield* Effect.mapError(Effect.fromResult(headerLength(first.bytes)), onProblem)
  const inflater = yield* Effect.acquireRelease(
    Effect.sync(() => Zlib.createInflateRaw(options)),
    (inflater) => Effect.sync(() => inflater.destroy())
  )
  // The last bytes are the trailer, unless more follow.
  let held: Uint8Array = new Uint8Array(0)
  let crc = 0
  let length = 0

  const write = (bytes: Uint8Array) =>
    Effect.suspend(() => {
      const all = held.length === 0 ? bytes : Bytes.concat([held, bytes])
      const end = Math.max(0, all.length - trailerLength)
      held = Uint8Array.from(all.subarray(end))
      // The readable side reports errors. The callback waits until the content has been read.
      return Effect.callback<void>((resume) => {
        inflater.write(all.subarray(0, end), () => resume(Effect.void))
      })
    })
  const feed = Effect.gen(function* () {
    yield* write(first.bytes.subarray(header))
    for (let { isEnd } = first; !isEnd;) {
      // Each chunk costs a round trip to the thread, so small ones are joined.
      const next = yield* collect(rest, chunkLength)
      if (next.bytes.length > 0) yield* write(next.bytes)
      isEnd = next.isEnd
    }
    inflater.end()
  })
  return Stream.fromAsyncIterable<Uint8Array, E2>(inflater, (cause) =>
    onProblem(problemOf(cause))
  ).pipe(
    Stream.mapArray((chunks) => {
      for (const chunk of chunks) {
        crc = Zlib.crc32(chunk, crc)
        length += chunk.length
      }
      return chunks
    }),
    Stream.mergeEffect(feed),
    Stream.onEnd(
      Effect.suspend(() => {
        const problem = checkTrailer(held, crc, length)
        return problem === undefined ? Effect.void : Effect.fail(onProblem(problem))
      })
    )
  )
})
