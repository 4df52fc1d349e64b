/**
 * Reads a bundle, a gzipped tar, into a new folder and refuses what is not wholly harmless.
 */
import {
  type Array as Arr,
  Bytes,
  Channel,
  Context,
  Effect,
  type FileSystem,
  Layer,
  Path,
  type PlatformError,
  Pull,
  Result,
  Schema,
  Scope,
  Stream,
  Struct
} from "effect"
import * as Tar from "effect/encoding/Tar"
import * as ArchiveTree from "./internal/bundle/archiveTree.ts"
import * as FolderWriter from "./internal/bundle/folderWriter.ts"
import * as Disk from "./internal/cache/Disk.ts"
import * as Gzip from "./internal/bundle/gzip.ts"
import * as TarFrames from "./internal/bundle/tarFrames.ts"

const KiB = 1024
const MiB = 1024 * KiB

/** What an archive may use at most. */
export const limits = {
  /** Bytes received. As in Codex. */
  PackedBytes: 50 * MiB,
  /** Bytes of all files together. As in Codex. */
  UnpackedBytes: 250 * MiB,
  /** Entries, and folders that they need. */
  Entries: 50_000,
  /** Parts of one path, without `.` and empty ones. */
  PathComponents: 128,
  /** Bytes of one part of a path, in UTF-8: what common file systems take. */
  NameBytes: 255,
  /** Bytes of one extended header: a GNU long name, or a set of PAX records. */
  HeaderBytes: 1 * MiB,
  /** PAX records that hold for one entry, those of global headers included. */
  PaxRecords: 256,
  /** Bytes between the contents of two entries or after the last, counted as they come in. */
  GapBytes: 2 * MiB,
  /** Bytes of the tar: all files, and 2 KiB of headers and padding for each entry. */
  TarBytes: 250 * MiB + 50_000 * 2 * KiB
} as const

export type Limit = keyof typeof limits

const Reason = Schema.Union([
  Schema.TaggedUnion({
    NotGzip: {},
    CorruptGzip: {},
    /** The trailer of the gzip member does not match its content. */
    ChecksumMismatch: {},
    /** The stream ended inside the gzip member or inside the tar. */
    Truncated: {},
    /** Something follows the gzip member: another one, padding, anything. */
    TrailingData: {},
    MalformedTar: { detail: Schema.String },
    /** A symbolic or a hard link. */
    LinkEntry: { path: Schema.String },
    /** A device, a FIFO, a sparse file, or a type that only some tools know. */
    UnsupportedEntry: { path: Schema.optionalKey(Schema.String), type: Schema.String },
    LimitExceeded: {
      limit: Schema.Literals(Struct.keys(limits)),
      path: Schema.optionalKey(Schema.String)
    }
  }),
  ArchiveTree.Problem
])
type Reason = typeof Reason.Type

/** Why an archive was refused. Nothing of it is left on disk. */
export class BundleArchiveError extends Schema.TaggedError<BundleArchiveError>()(
  "BundleArchiveError",
  { reason: Reason }
) {
  override get message(): string {
    return `the bundle's archive is refused: ${explain(this.reason)}`
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
      return "something follows its gzip data"
    case "MalformedTar":
      return `its tar is malformed: ${reason.detail}`
    case "LinkEntry":
      return `${show(reason.path)} is a link`
    case "UnsupportedEntry":
      return `${reason.path === undefined ? "an entry" : show(reason.path)} is neither file nor folder (${reason.type})`
    case "LimitExceeded":
      return `${reason.path === undefined ? "" : `${show(reason.path)}: `}more than ${limits[reason.limit]} ${limitUnits[reason.limit]}`
    case "EntryOutside":
      return `${show(reason.path)} leaves its folder`
    case "UnsafeName":
      return `the name ${show(reason.path)} ${nameProblems[reason.problem]}`
    case "DuplicatePath":
      return `${show(reason.path)} comes twice`
    case "CollidingPath":
      return `${show(reason.path)} and ${show(reason.other)} are the same where case or Unicode form does not count`
    case "EntryBelowFile":
      return `${show(reason.path)} lies below ${show(reason.file)}, which is a file`
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
  Empty: "names nothing",
  NotUtf8: "is not UTF-8",
  ControlCharacter: "has a control character",
  Backslash: "has a backslash",
  DrivePrefix: "starts with a drive"
}

/** Of bounded length, with what cannot be seen or would move the cursor escaped. */
const printable = (text: string) =>
  (text.length > 200 ? `${text.slice(0, 200)}…` : text).replace(
    /[[\p{C}\p{Z}]--[ ]]/gv,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`
  )

const show = (path: string) => printable(JSON.stringify(path))

/** What was extracted. */
export interface Extracted {
  readonly files: number
  /** Without the folder itself. */
  readonly directories: number
  /** Of all files together. */
  readonly bytes: number
}

/** Extracts bundles. */
export class BundleArchive extends Context.Service<
  BundleArchive,
  {
    /**
     * Reads a gzipped tar into `directory`, which must not exist and whose parent must.
     *
     * The effect succeeds only after the stream has ended, the checksum held, and every file and
     * folder is synced. On failure and on interruption the directory is removed again. Nothing is
     * written anywhere else.
     *
     * Files keep their mode below 0777, folders get 0755, whatever the umask is. Owners and times
     * are not kept. A regular entry whose name ends in `/` is a folder, as in old tars. The
     * end-of-archive marker may be missing, as GNU tar, bsdtar and Codex have it; what follows the
     * marker inside the gzip member is passed over, within the limits. What other readers of tar
     * would take for another tree, such as a folder with content, is refused.
     */
    readonly extract: <E, R>(
      bytes: Stream.Stream<Uint8Array, E, R>,
      directory: string
    ) => Effect.Effect<Extracted, BundleArchiveError | PlatformError.PlatformError | E, R>
  }
>()("effect-codex-plugins/BundleArchive") {}

/** Larger files are written in parts while they are read, smaller ones in one go beside others. */
const wholeFileBytes = 256 * KiB

const refusal = (reason: Reason) => new BundleArchiveError({ reason })

const exceeded = (limit: Limit, path?: string) =>
  refusal({ _tag: "LimitExceeded", limit, ...(path === undefined ? {} : { path }) })

const malformed = (detail: string) => refusal({ _tag: "MalformedTar", detail })

const gzipRefusal = (problem: Gzip.Problem) =>
  refusal({ _tag: problem === "TruncatedGzip" ? "Truncated" : problem })

const tarRefusal = (error: Tar.TarError) => {
  switch (error.kind) {
    case "Truncated":
      return refusal({ _tag: "Truncated" })
    case "Unsupported":
      return refusal({ _tag: "UnsupportedEntry", type: error.message })
    default:
      // Tar has this limit itself and tells so by its message alone.
      return error.message.startsWith("extended header of ")
        ? exceeded("HeaderBytes")
        : malformed(printable(error.message))
  }
}

const typeOf = (header: Tar.Header): Result.Result<ArchiveTree.NodeType, BundleArchiveError> => {
  switch (header.type) {
    case "File":
      return Result.succeed(header.path.endsWith("/") ? "Directory" : "File")
    case "Directory":
      return Result.succeed("Directory")
    case "Symlink":
    case "Hardlink":
      return Result.fail(refusal({ _tag: "LinkEntry", path: header.path }))
    default:
      return Result.fail(
        refusal({ _tag: "UnsupportedEntry", path: header.path, type: header.type })
      )
  }
}

const utf8 = new TextEncoder()

const isLongName = (name: string) =>
  // A UTF-16 unit takes three bytes at most.
  name.length * 3 > limits.NameBytes && utf8.encode(name).length > limits.NameBytes

/** The path of an entry below the archive's root, which is `""`. */
const nameOf = (path: string): Result.Result<string, BundleArchiveError> =>
  Result.flatMap(Result.mapError(ArchiveTree.components(path), refusal), (parts) =>
    parts.length > limits.PathComponents
      ? Result.fail(exceeded("PathComponents", path))
      : parts.some(isLongName)
        ? Result.fail(exceeded("NameBytes", path))
        : Result.succeed(parts.join("/"))
  )

type Chunks = Arr.NonEmptyReadonlyArray<Uint8Array>

/** The content of an entry, which mostly comes in one piece: then it is not copied. */
const contentOf = <E>({ body, header }: Tar.Entry<E>, scope: Scope.Scope) => {
  const pieces: Array<Uint8Array> = []
  return Effect.gen(function* () {
    const pull = yield* Channel.toPullScoped(body.channel, scope)
    for (let length = 0; length < header.size;) {
      for (const piece of yield* pull) {
        pieces.push(piece)
        length += piece.length
      }
    }
  }).pipe(
    Pull.catchDone(() => Effect.void),
    Effect.map(() => (pieces.length === 1 ? pieces[0]! : Bytes.concat(pieces)))
  )
}

export const make = Effect.gen(function* () {
  const disk = yield* Disk.make
  const path = yield* Path.Path
  const engine = yield* Gzip.Engine

  const unpack = Effect.fnUntraced(function* <E, R>(
    bytes: Stream.Stream<Uint8Array, E, R>,
    directory: string
  ) {
    const scope = yield* Effect.scope
    // Closes after all that is written of the content.
    const contents = yield* Scope.fork(scope)
    const folder = yield* FolderWriter.make(disk, path, directory)
    const tree = new ArchiveTree.ArchiveTree()
    const frames = new TarFrames.TarFrames()
    const extracted = { files: 0, directories: 0, bytes: 0 }
    let entries = 0
    let announced = 0
    let packed = 0
    let received = 0
    /** Another entry must come before more than this is received. */
    let receivable: number = limits.GapBytes

    const receivePacked = (chunks: Chunks) => {
      for (const chunk of chunks) packed += chunk.length
      return packed > limits.PackedBytes
        ? Effect.fail(exceeded("PackedBytes"))
        : Effect.succeed(chunks)
    }

    const receive = (chunks: Chunks) => {
      for (const chunk of chunks) {
        received += chunk.length
        if (received > limits.TarBytes) return Effect.fail(exceeded("TarBytes"))
        if (received > receivable) return Effect.fail(exceeded("GapBytes"))
        const ambiguity = frames.push(chunk)
        if (ambiguity !== undefined) return Effect.fail(malformed(ambiguity))
      }
      return Effect.succeed(chunks)
    }

    /** What an entry is, once it is taken in, and the folders that must be made for it. */
    const accept = ({ header }: Tar.Entry<unknown>) =>
      Result.gen(function* () {
        entries += 1
        announced += header.size
        receivable = received + header.size + limits.GapBytes
        if (entries > limits.Entries) return yield* Result.fail(exceeded("Entries"))
        if (announced > limits.UnpackedBytes) {
          return yield* Result.fail(exceeded("UnpackedBytes", header.path))
        }
        if (Object.keys(header.pax).length > limits.PaxRecords) {
          return yield* Result.fail(exceeded("PaxRecords", header.path))
        }
        if (frames.nextSize() !== header.size && header.type === "Directory") {
          return yield* Result.fail(malformed(`${show(header.path)} is a folder with content`))
        }
        const name = yield* nameOf(header.path)
        const type = yield* typeOf(header)
        const missing = yield* Result.mapError(tree.add(name, type), refusal)
        extracted.directories += missing.length
        if (extracted.directories > limits.Entries) return yield* Result.fail(exceeded("Entries"))
        return { name, type, missing }
      })

    /** Takes an entry in. What is left to be done then is done beside the entries that follow. */
    const enter = Effect.fnUntraced(function* ([entry]: Arr.NonEmptyReadonlyArray<
      Tar.Entry<E | BundleArchiveError | Tar.TarError>
    >) {
      const { body, header } = entry
      const { missing, name, type } = yield* Effect.fromResult(accept(entry))
      for (const directory of missing) yield* folder.makeDirectory(directory)
      // A folder has no content: if there is some, it is passed over with the next entry.
      if (type === "Directory") return
      extracted.files += 1
      extracted.bytes += header.size
      const mode = header.mode & 0o777
      yield* header.size <= wholeFileBytes
        ? folder.writeFile(name, mode, yield* contentOf(entry, scope))
        : folder.writeFileStream(name, mode, body)
    })

    yield* bytes.pipe(
      Stream.mapArrayEffect(receivePacked),
      Gzip.gunzip(engine, gzipRefusal, contents),
      Stream.mapArrayEffect(receive),
      Stream.pipeThroughChannel(Tar.decode()),
      Stream.runForEachArray(enter)
    )
    if (received === 0) return yield* refusal({ _tag: "Truncated" })
    yield* folder.sync
    return extracted
  }, Effect.scoped)

  return BundleArchive.of({
    extract: Effect.fn("BundleArchive.extract")((bytes, directory) =>
      Effect.mapError(unpack(bytes, directory), (error) =>
        Tar.isTarError(error) ? tarRefusal(error) : error
      )
    )
  })
})

export const layer: Layer.Layer<BundleArchive, never, FileSystem.FileSystem | Path.Path> =
  Layer.effect(BundleArchive, make)
