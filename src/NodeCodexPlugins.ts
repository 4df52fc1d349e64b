/**
 * Every service of one Codex home, on Node's file system and HTTP client.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeStream from "@effect/platform-node/NodeStream"
import { type Array as Arr, Cause, Effect, Layer, Predicate, Pull, Scope, Stream } from "effect"
import * as Zlib from "node:zlib"
import * as CodexPlugins from "./CodexPlugins.ts"
import * as Gzip from "./internal/bundle/gzip.ts"
import * as Disk from "./internal/cache/Disk.ts"
import { nodeDisk } from "./internal/cache/nodeDisk.ts"
import * as NodeHttp from "./internal/nodeHttp.ts"

const KiB = 1024

/** A bundle of up to so many bytes, packed, is inflated at once: to have a thread do it costs more. */
const smallBundle = 256 * KiB

/** What a small bundle may come to, in bytes, for the memory that it takes while it is inflated. */
const smallContent = 4 * 1024 * KiB

/** Fewer and larger pieces than by default take half the processor time. */
const pieceLength = 128 * KiB
const inflateOptions = { chunkSize: pieceLength, rejectGarbageAfterEnd: true }

const inflateStream = <E, R, E2>(
  deflated: Stream.Stream<Uint8Array, E, R>,
  onError: (cause: unknown) => E2
): Stream.Stream<Uint8Array, E | E2, R> =>
  NodeStream.pipeThroughDuplex(deflated, {
    evaluate: () => Zlib.createInflateRaw(inflateOptions),
    onError
  })

/** Where the pieces of a small bundle come together: what is inflated at once needs it no longer. */
const gathered = Buffer.allocUnsafeSlow(smallBundle)

/** The content of a small bundle; undefined where it is too much to be held in memory. */
const inflateSmall = (pieces: ReadonlyArray<Uint8Array>): Uint8Array | undefined => {
  let length = 0
  for (const piece of pieces) {
    gathered.set(piece, length)
    length += piece.length
  }
  // Bundles with images come to little more than they were; then all of it is one piece of memory.
  const chunkSize = Math.max(pieceLength, 2 * length)
  try {
    return Zlib.inflateRawSync(gathered.subarray(0, length), {
      ...inflateOptions,
      chunkSize,
      maxOutputLength: smallContent
    })
  } catch (cause) {
    if (Predicate.hasProperty(cause, "code") && cause.code === "ERR_BUFFER_TOO_LARGE") return
    throw cause
  }
}

/** Gives memory back at once: until V8 collects it, that of hundreds of bundles would come together. */
const release = ({ buffer }: Uint8Array): Effect.Effect<void> =>
  Effect.sync(() => {
    if (buffer instanceof ArrayBuffer) buffer.transfer(0)
  })

/** One at a time: limits are held against what has come, so it must not come all at once. */
const piecesOf = (content: Uint8Array): Stream.Stream<Uint8Array> =>
  content.length <= pieceLength
    ? Stream.succeed(content)
    : Stream.range(0, Math.ceil(content.length / pieceLength) - 1).pipe(
        Stream.rechunk(1),
        Stream.map((index) => content.subarray(index * pieceLength, (index + 1) * pieceLength))
      )

type Chunks = Arr.NonEmptyReadonlyArray<Uint8Array>

/** What comes until there is more than `enough`, or no more. */
const gather = Effect.fnUntraced(function* <E, R>(
  pull: Pull.Pull<Chunks, E, void, R>,
  enough: number
) {
  const pieces: Array<Uint8Array> = []
  for (let length = 0; length <= enough;) {
    const chunks = yield* Pull.catchDone(pull, () => Effect.undefined)
    if (chunks === undefined) return { pieces, isEnd: true }
    for (const chunk of chunks) {
      pieces.push(chunk)
      length += chunk.length
    }
  }
  return { pieces, isEnd: false }
})

/** A thread is asked for each piece that it inflates, so that they should not be small. */
const inLargePieces = <E, R>(
  pull: Pull.Pull<Chunks, E, void, R>
): Stream.Stream<Uint8Array, E, R> =>
  Stream.suspend(() => {
    let isEnd = false
    const next = Effect.suspend((): Pull.Pull<Chunks, E, void, R> => {
      if (isEnd) return Cause.done()
      return Effect.map(gather(pull, pieceLength), (last) => {
        isEnd = last.isEnd
        return [Buffer.concat(last.pieces)]
      })
    })
    return Stream.fromPull(Effect.succeed(next))
  })

export const gzipEngine: Gzip.Engine = {
  inflateRaw: (deflated, onError, scope) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const pull = yield* Stream.toPull(deflated)
        const { isEnd, pieces } = yield* gather(pull, smallBundle)
        const content = isEnd
          ? yield* Effect.try({ try: () => inflateSmall(pieces), catch: onError })
          : undefined
        if (content !== undefined) {
          yield* Scope.addFinalizer(scope, release(content))
          return piecesOf(content)
        }
        const first = Stream.succeed(Buffer.concat(pieces))
        return inflateStream(isEnd ? first : Stream.concat(first, inLargePieces(pull)), onError)
      })
    ),
  crc32: Zlib.crc32
}

export { CertificateFileError } from "./internal/certificateFile.ts"

/**
 * The HTTP client and the inflater of the other layers here.
 *
 * The client keeps its connections. It goes through the proxies that `HTTPS_PROXY`, `HTTP_PROXY`,
 * `ALL_PROXY` and `NO_PROXY` name, and trusts the file in `CODEX_CA_CERTIFICATE`, else
 * `SSL_CERT_FILE`, beside Node's and the system's roots. Both are read once, when the layer is built.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHttp = Layer.merge(NodeHttp.layer, Layer.succeed(Gzip.Engine, gzipEngine))

const platform = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  layerHttp,
  Layer.succeed(Disk.Implementation, () => nodeDisk)
)

/** The home that the environment names: `$CODEX_HOME`, else `~/.codex`. */
export const layer = Layer.provide(CodexPlugins.layer, platform)

/** The home at this path, which must be a folder. */
export const layerAt = (root: string) => Layer.provide(CodexPlugins.layerAt(root), platform)
