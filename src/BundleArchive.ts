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
  Schema,
  type Stream,
  Struct
} from "effect"
import * as ArchiveTree from "./internal/bundle/archiveTree.ts"
import * as Extraction from "./internal/bundle/extraction.ts"
import type * as Inflate from "./internal/bundle/inflate.ts"
import type * as Unpacker from "./internal/bundle/unpacker.ts"
import * as Disk from "./internal/disk/Disk.ts"
import * as OptionCheck from "./internal/optionCheck.ts"

const KiB = 1024
const MiB = 1024 * KiB

/** The maximum size of an entry's headers and padding, in bytes. */
const entryOverhead = 2 * KiB

const maxEntries = 50_000

const tarBytes = (unpackedBytes: number) => unpackedBytes + maxEntries * entryOverhead

const defaultUnpackedBytes = 512 * MiB

/**
 * The limits of an archive. {@link layerWith} can set the first two.
 *
 * @category constants
 * @since 0.1.0
 */
export const limits = {
  /** Bytes received. The default is that of Codex. */
  PackedBytes: 100 * MiB,
  /** Bytes of all files together. The default is that of Codex. */
  UnpackedBytes: defaultUnpackedBytes,
  /** Entries, together with the parent folders that have no entry of their own. */
  Entries: maxEntries,
  /** Parts of one path. `.` and empty parts do not count. */
  PathComponents: 128,
  /** Bytes of one part of a path, in UTF-8. Common file systems allow no more. */
  NameBytes: 255,
  /** Bytes of one extended header: a GNU long name, or a set of PAX records. */
  HeaderBytes: 1 * MiB,
  /** PAX records that apply to one entry, including those of global headers. */
  PaxRecords: 256,
  /** Bytes between the contents of two entries or after the last. */
  GapBytes: 2 * MiB,
  /** Bytes of the tar: all files, and 2 KiB of headers and padding for each entry. */
  TarBytes: tarBytes(defaultUnpackedBytes)
} as const

/**
 * The name of a limit.
 *
 * @category models
 * @since 0.1.0
 */
export type Limit = keyof typeof limits

const Reason = Schema.Union([
  Schema.TaggedUnion({
    NotGzip: {},
    CorruptGzip: {},
    /** The trailer of the gzip member does not match its content. */
    ChecksumMismatch: {},
    /** The stream ended inside the gzip member or inside the tar. */
    Truncated: {},
    /** There is data after the gzip member: another member, padding or anything else. */
    TrailingData: {},
    MalformedTar: { detail: Schema.String },
    /** A symbolic or a hard link. */
    LinkEntry: { path: Schema.String },
    /** A device, a FIFO, a sparse file, or a type that only some tools support. */
    UnsupportedEntry: { path: Schema.optionalKey(Schema.String), type: Schema.String },
    LimitExceeded: {
      limit: Schema.Literals(Struct.keys(limits)),
      /** The limit's value. */
      most: Schema.Number,
      path: Schema.optionalKey(Schema.String)
    }
  }),
  ArchiveTree.Problem
])
type Reason = typeof Reason.Type

/**
 * An archive was rejected. None of its files is left on disk.
 *
 * @category errors
 * @since 0.1.0
 */
export class BundleArchiveError extends Schema.TaggedError<BundleArchiveError>()(
  "BundleArchiveError",
  { reason: Reason }
) {
  override get message(): string {
    return `the bundle is rejected: ${explain(this.reason)}`
  }
}

const explain = (reason: Reason): string => {
  switch (reason._tag) {
    case "NotGzip":
      return "it is not gzip"
    case "CorruptGzip":
      return "its gzip data is corrupt"
    case "ChecksumMismatch":
      return "its content does not match the gzip checksum; download it again"
    case "Truncated":
      return "it ends too early; download it again"
    case "TrailingData":
      return "there is more data after its gzip data"
    case "MalformedTar":
      return `its tar is malformed: ${reason.detail}`
    case "LinkEntry":
      return `${show(reason.path)} is a link`
    case "UnsupportedEntry":
      return `${reason.path === undefined ? "an entry" : show(reason.path)} is neither a file nor a folder (type ${reason.type})`
    case "LimitExceeded":
      return `${reason.path === undefined ? "" : `${show(reason.path)}: `}more than ${reason.most} ${limitUnits[reason.limit]}`
    case "EntryOutside":
      return `${show(reason.path)} points outside the bundle`
    case "UnsafeName":
      return `the name ${show(reason.path)} ${nameProblems[reason.problem]}`
    case "DuplicatePath":
      return `${show(reason.path)} appears twice`
    case "CollidingPath":
      return `${show(reason.path)} and ${show(reason.other)} differ only in case or Unicode form`
    case "EntryBelowFile":
      return `${show(reason.path)} is below ${show(reason.file)}, which is a file`
  }
}

const limitUnits: Record<Limit, string> = {
  PackedBytes: "bytes packed",
  UnpackedBytes: "bytes unpacked",
  Entries: "entries",
  PathComponents: "parts in a path",
  NameBytes: "bytes in a name",
  HeaderBytes: "bytes in one extended header",
  PaxRecords: "PAX records for one entry",
  GapBytes: "bytes of headers before an entry, or after the last",
  TarBytes: "bytes of tar"
}

const nameProblems = {
  Empty: "is empty",
  NotUtf8: "is not UTF-8",
  ControlCharacter: "has a control character",
  Backslash: "has a backslash",
  DrivePrefix: "starts with a drive letter"
}

/** Bounds the text's length and escapes invisible characters and those that move the cursor. */
const printable = (text: string) =>
  (text.length > 200 ? `${text.slice(0, 200)}…` : text).replace(
    /[[\p{C}\p{Z}]--[ ]]/gv,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`
  )

const show = (path: string) => printable(JSON.stringify(path))

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
    TarBytes: tarBytes(unpackedBytes)
  }

  const exceeded = (limit: Limit, path?: string): Reason => ({
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
        return new BundleArchiveError({ reason: { ...problem, detail: printable(problem.detail) } })
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
      Effect.scoped(Extraction.extract(bytes, directory, disk, path, most, refusals, complete))
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
