/**
 * Extracts a bundle, a gzipped tar, into a new folder and rejects anything unsafe.
 */
import {
  Context,
  Effect,
  type FileSystem,
  Layer,
  Path,
  type PlatformError,
  type Stream
} from "effect"
import * as ArchiveError from "./internal/bundle/archiveError.ts"
import { BundleArchiveError } from "./internal/bundle/archiveError.ts"
import * as Extraction from "./internal/bundle/extraction.ts"
import type * as Inflate from "./internal/bundle/inflate.ts"
import type * as Unpacker from "./internal/bundle/unpacker.ts"
import * as Disk from "./internal/disk/Disk.ts"
import * as OptionCheck from "./internal/optionCheck.ts"

export { BundleArchiveError } from "./internal/bundle/archiveError.ts"

/**
 * The limits of an archive. {@link layerWith} can set the first two.
 *
 * @category constants
 * @since 0.1.0
 */
export const limits = ArchiveError.limits

/**
 * The name of a limit.
 *
 * @category models
 * @since 0.1.0
 */
export type Limit = ArchiveError.Limit

/**
 * A summary of an extracted archive.
 *
 * @category models
 * @since 0.1.0
 */
export interface Extracted {
  readonly files: number
  /** Does not count the folder itself. */
  readonly directories: number
  /** Of all files together. */
  readonly bytes: number
}

interface Internals {
  /**
   * Extracts a bundle and completes it: in memory before it is written if it is small, else on the
   * disk. If `complete` fails, the folder is removed as well.
   */
  readonly extract: <E, R, E2, R2>(
    bytes: Stream.Stream<Uint8Array, E, R>,
    directory: string,
    complete: Extraction.Complete<E2, R2>
  ) => Effect.Effect<Extracted, BundleArchiveError | PlatformError.PlatformError | E | E2, R | R2>
}

/**
 * Extracts bundles.
 *
 * @example
 * ```ts
 * import { Effect, FileSystem } from "effect"
 * import { BundleArchive } from "effect-codex-plugins"
 *
 * const program = Effect.gen(function* () {
 *   const fs = yield* FileSystem.FileSystem
 *   const archive = yield* BundleArchive.BundleArchive
 *   const { files } = yield* archive.extract(fs.stream("/bundles/hello.tar.gz"), "/bundles/hello")
 *   yield* Effect.logInfo(`extracted ${files} files`)
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class BundleArchive extends Context.Service<
  BundleArchive,
  {
    /** The limits that this instance applies. */
    readonly limits: Readonly<Record<Limit, number>>
    /**
     * Reads a gzipped tar into `directory`, which must not exist and whose parent must.
     *
     * The effect succeeds only after the stream has ended, the checksum was correct, and every file
     * and folder is synced. On failure and on interruption the directory is removed again. Nothing
     * is written anywhere else.
     *
     * Files keep their permission bits and folders get mode 0755, whatever the umask is. Owners and
     * times are not kept. A regular entry whose name ends in `/` is a folder, as in old tars. The
     * end-of-archive marker may be missing; GNU tar, bsdtar and Codex allow that, too. Bytes after
     * the marker and inside the gzip member are ignored, within the limits. An archive that another
     * reader could extract differently, such as one with a folder that has content, is rejected.
     */
    readonly extract: <E, R>(
      bytes: Stream.Stream<Uint8Array, E, R>,
      directory: string
    ) => Effect.Effect<Extracted, BundleArchiveError | PlatformError.PlatformError | E, R>
    /**
     * The parts of the service that the other services need.
     *
     * @internal
     */
    readonly internals: Internals
  }
>()("effect-codex-plugins/BundleArchive") {}

/**
 * The limits that a host can set, in bytes: positive integers.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options {
  /** Bytes received for one bundle. Default: 100 MiB. */
  readonly packedBytes?: number | undefined
  /** Bytes of all files of one bundle. Default: 512 MiB. */
  readonly unpackedBytes?: number | undefined
}

const gzipRefusal = (problem: Inflate.Problem) =>
  new BundleArchiveError({
    reason: { _tag: problem === "TruncatedGzip" ? "Truncated" : problem }
  })

/**
 * Makes the service.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const disk = yield* Disk.make
  const path = yield* Path.Path
  const packedBytes = yield* OptionCheck.integer(
    "BundleArchive.packedBytes",
    options.packedBytes ?? limits.PackedBytes,
    1
  )
  const unpackedBytes = yield* OptionCheck.integer(
    "BundleArchive.unpackedBytes",
    options.unpackedBytes ?? limits.UnpackedBytes,
    1
  )
  const most: Readonly<Record<Limit, number>> = {
    ...limits,
    PackedBytes: packedBytes,
    UnpackedBytes: unpackedBytes,
    TarBytes: ArchiveError.tarBytes(unpackedBytes)
  }

  const exceeded = (limit: Limit, path?: string): ArchiveError.Reason => ({
    _tag: "LimitExceeded",
    limit,
    most: most[limit],
    ...(path === undefined ? {} : { path })
  })

  const refusal = (problem: Unpacker.Problem) => {
    switch (problem._tag) {
      case "LimitExceeded":
        return new BundleArchiveError({ reason: exceeded(problem.limit, problem.path) })
      case "MalformedTar":
        return new BundleArchiveError({
          reason: { ...problem, detail: ArchiveError.printable(problem.detail) }
        })
      default:
        return new BundleArchiveError({ reason: problem })
    }
  }

  const refusals = {
    gzip: gzipRefusal,
    tar: refusal,
    packedBytes: () => new BundleArchiveError({ reason: exceeded("PackedBytes") })
  }

  const extract: Internals["extract"] = Effect.fn("BundleArchive.extract")(
    (bytes, directory, complete) =>
      Effect.scoped(
        Extraction.extract(bytes, directory, disk, path, most, refusals, complete)
      ).pipe(Effect.tap(({ bytes, files }) => Effect.annotateCurrentSpan({ bytes, files })))
  )

  return BundleArchive.of({
    limits: most,
    extract: (bytes, directory) => extract(bytes, directory, () => Effect.void),
    internals: { extract }
  })
})

/**
 * Provides {@link BundleArchive} with these limits.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerWith = (
  options: Options
): Layer.Layer<BundleArchive, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(BundleArchive, make(options))

/**
 * Provides {@link BundleArchive} with the default limits.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = layerWith({})
