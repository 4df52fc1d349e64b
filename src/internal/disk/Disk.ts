/**
 * The seam between the cache and its disk.
 *
 * Everything below `<home>/plugins` is changed through these operations, except the files that SQLite
 * opens for locks. There are two implementations: {@link fromFileSystem} over Effect's `FileSystem`,
 * and `nodeDisk` directly on `node:fs`. Both make the same changes and the same syncs in the same
 * order.
 */
import { ByteSize, Context, Effect, FileSystem, type Path, PlatformError, type Scope } from "effect"
import { codeOf, isAbsent } from "../platformError.ts"
import * as Reads from "./reads.ts"

type Failure = PlatformError.PlatformError
type Result<A = void> = Effect.Effect<A, Failure>

/** A new file that is written piece by piece. */
export interface NewFile {
  readonly write: (piece: Uint8Array) => Result
  readonly chmod: (mode: number) => Result
  readonly sync: Result
}

interface CreateOptions {
  readonly mode: number
  /** False leaves the mode to the umask. Default: true, which sets the mode whatever the umask is. */
  readonly exactMode?: boolean | undefined
}

/** A folder or file to create. Its parent is there, or is created before it. */
export type NewEntry =
  | (CreateOptions & { readonly _tag: "Folder"; readonly path: string })
  | (CreateOptions & {
      readonly _tag: "File"
      readonly path: string
      readonly contents: Uint8Array
    })

export interface Disk {
  /** Lets the event loop run other work of this process if that is due. Call it before long work. */
  readonly yieldTurn: Effect.Effect<void>
  /** The attributes of an entry, without following links; undefined if it does not exist. */
  readonly lstat: (path: string) => Result<FileSystem.File.Info | undefined>
  /** The entries of a folder, which must exist. */
  readonly entries: (folder: string) => Result<ReadonlyArray<FileSystem.DirectoryEntry>>
  /** The names in a folder, which must exist. Much cheaper than its entries. */
  readonly names: (folder: string) => Result<ReadonlyArray<string>>
  /**
   * Reads a regular file of at most `limit` bytes (default: no limit). Never waits for the other end
   * of a pipe. Fails with `BadResource` for anything but a regular file, and with the code `EFBIG`
   * for a file that is too large.
   */
  readonly readFile: (path: string, limit?: number) => Result<Uint8Array>
  /** Fails unless this process may write the file. Does not open it. */
  readonly ensureWritable: (path: string) => Result
  /** The path with its links resolved. */
  readonly realPath: (path: string) => Result<string>
  /** Runs reads that depend on one another. */
  readonly runReads: <A>(make: () => Reads.Reads<A>) => Result<A>
  /** Runs many such reads, several at a time if that is faster. Keeps their order. */
  readonly runAllReads: <A>(all: ReadonlyArray<() => Reads.Reads<A>>) => Result<ReadonlyArray<A>>
  /** Creates a file that does not exist, writes it and syncs it. */
  readonly createFile: (path: string, contents: Uint8Array, options: CreateOptions) => Result
  /**
   * Creates folders and files that do not exist. Files are synced, several at a time; the names in
   * the folders are not. If it fails or is interrupted, any of them may have been created, but no
   * operation is still running.
   */
  readonly createAll: (entries: ReadonlyArray<NewEntry>) => Result
  /**
   * Opens a file that does not exist. The caller syncs it before the scope closes it, if it must
   * survive a power loss.
   */
  readonly openNew: (path: string, mode: number) => Effect.Effect<NewFile, Failure, Scope.Scope>
  /** Copies a file's bytes to a new name. The copy is not synced. */
  readonly copyFile: (from: string, to: string) => Result
  readonly makeDirectory: (
    path: string,
    options?: { readonly mode?: number; readonly recursive?: boolean }
  ) => Result
  /** Creates a folder with a new name that begins with `prefix`, and returns its path. */
  readonly makeTempDirectory: (directory: string, prefix: string) => Result<string>
  readonly chmod: (path: string, mode: number) => Result
  /** Sets the times of the last access and of the last change, in milliseconds since 1970. */
  readonly touch: (path: string, time: number) => Result
  readonly rename: (from: string, to: string) => Result
  /** Removes a file, a link or a whole folder. Does nothing if there is none. */
  readonly remove: (path: string) => Result
  /** Makes a file's bytes durable after another operation has written them. */
  readonly syncFile: (path: string) => Result
  /**
   * Makes the names in a folder durable: everything that was created, renamed or removed there.
   * Does nothing if the folder does not exist or if its file system cannot sync folders.
   */
  readonly syncDirectory: (path: string) => Result
  /** Does the same for several folders, several at a time. */
  readonly syncDirectories: (paths: ReadonlyArray<string>) => Result
}

/** The operations that change the files of a new folder before anybody else sees them. */
export interface Editable extends Pick<
  Disk,
  | "entries"
  | "readFile"
  | "createFile"
  | "makeDirectory"
  | "chmod"
  | "remove"
  | "syncDirectory"
  | "syncDirectories"
> {
  readonly lstat: (path: string) => Result<Pick<FileSystem.File.Info, "type" | "mode"> | undefined>
}

/** The mode of folders in the cache, as in Codex. */
export const folderMode = 0o755

/** The number of concurrent operations in one tree. */
export const concurrency = 8

/** True if the folder does not exist or cannot be opened, as on Windows. */
const isUnopenable = (error: Failure): boolean =>
  error.reason.method === "open" && (isAbsent(error) || error.reason._tag === "PermissionDenied")

/**
 * True if the file system cannot sync folders. Such file systems, for example on a network, keep
 * names durable themselves.
 */
const isUnsyncable = (error: Failure): boolean =>
  ["EINVAL", "ENOTSUP", "ENOSYS"].includes(codeOf(error) ?? "")

/** True for an error after which a folder need not be synced. */
export const needsNoSync = (error: Failure): boolean => isUnopenable(error) || isUnsyncable(error)

/** Ignores the errors after which a folder need not be synced. */
const ifSyncable = (sync: Result): Result => Effect.catchIf(sync, needsNoSync, () => Effect.void)

const refusal = (
  _tag: PlatformError.SystemErrorTag,
  path: string,
  code: string,
  description: string
): Failure =>
  PlatformError.systemError({
    _tag,
    module: "FileSystem",
    method: "readFile",
    pathOrDescriptor: path,
    syscall: "read",
    cause: Object.assign(new Error(`${code}: ${description}, read '${path}'`), { code })
  })

/** The error for an entry that is not a regular file. */
export const notAFile = (path: string): Failure =>
  refusal("BadResource", path, "EINVAL", "not a regular file")

/** The error for a file of more than `limit` bytes. */
export const tooLarge = (path: string, limit: number): Failure =>
  refusal("Unknown", path, "EFBIG", `file of more than ${limit} bytes`)

/** An operation that has started cannot be cancelled, so an interruption waits for its end. */
const several = <A>(items: ReadonlyArray<A>, operation: (item: A) => Result): Result =>
  Effect.forEach(items, (item) => Effect.uninterruptible(operation(item)), {
    concurrency,
    discard: true
  })

/** The number of `Reads` that run at the same time. */
const readConcurrency = 16

/**
 * Runs many `Reads` with one effect for each read. They yield now and then, so that a file system that answers
 * at once does not block requests.
 */
const runAllReadsOver =
  (operations: Reads.Operations): Disk["runAllReads"] =>
  (all) =>
    Effect.forEach(
      all,
      (make, nth) =>
        nth > 0 && nth % readConcurrency === 0
          ? Effect.andThen(Effect.yieldNow, Reads.run(operations, make))
          : Reads.run(operations, make),
      { concurrency: readConcurrency }
    )

/** The operations on any `FileSystem` of Effect. */
export const fromFileSystem = (fs: FileSystem.FileSystem): Disk => {
  const lstat: Disk["lstat"] = (path) =>
    Effect.catchIf(fs.lstat(path), isAbsent, () => Effect.succeed(undefined))
  const syncFile = (path: string): Result =>
    fs.open(path, { flag: "r" }).pipe(
      Effect.flatMap((file) => file.sync),
      Effect.scoped
    )
  const createFile: Disk["createFile"] = (path, contents, { exactMode = true, mode }) =>
    fs.open(path, { flag: "wx", mode }).pipe(
      Effect.tap((file) => file.writeAll(contents)),
      Effect.tap(() => (exactMode ? fs.chmod(path, mode) : Effect.void)),
      Effect.flatMap((file) => file.sync),
      Effect.scoped
    )
  const syncDirectory: Disk["syncDirectory"] = (path) => ifSyncable(syncFile(path))
  const readFile: Disk["readFile"] = (path, limit = Number.POSITIVE_INFINITY) =>
    Effect.gen(function* () {
      const info = yield* lstat(path)
      if (info !== undefined && info.type !== "File") return yield* Effect.fail(notAFile(path))
      if (info !== undefined && ByteSize.toNumberUnsafe(info.size) > limit) {
        return yield* Effect.fail(tooLarge(path, limit))
      }
      return yield* fs.readFile(path)
    })
  const reads: Reads.Operations = { lstat, entries: fs.readDirectoryEntries, readFile }
  return {
    yieldTurn: Effect.void,
    ...reads,
    runReads: (make) => Reads.run(reads, make),
    runAllReads: runAllReadsOver(reads),
    createFile,
    names: fs.readDirectory,
    ensureWritable: (path) => fs.access(path, { writable: true }),
    realPath: fs.realPath,
    createAll: Effect.fnUntraced(function* (entries) {
      for (const { _tag, exactMode = true, mode, path } of entries) {
        if (_tag === "File") continue
        yield* Effect.uninterruptible(
          Effect.andThen(
            fs.makeDirectory(path, { mode }),
            exactMode ? fs.chmod(path, mode) : Effect.void
          )
        )
      }
      yield* several(entries, (entry) =>
        entry._tag === "File" ? createFile(entry.path, entry.contents, entry) : Effect.void
      )
    }),
    openNew: (path, mode) =>
      Effect.map(fs.open(path, { flag: "wx", mode }), (file) => ({
        write: (piece) => file.writeAll(piece),
        chmod: (mode) => fs.chmod(path, mode),
        sync: file.sync
      })),
    copyFile: fs.copyFile,
    makeDirectory: (path, options) => Effect.asVoid(fs.makeDirectory(path, options)),
    makeTempDirectory: (directory, prefix) => fs.makeTempDirectory({ directory, prefix }),
    chmod: fs.chmod,
    touch: (path, time) => fs.utimes(path, new Date(time), new Date(time)),
    rename: fs.rename,
    remove: (path) => fs.remove(path, { recursive: true, force: true }),
    syncFile,
    syncDirectory,
    syncDirectories: (paths) => several(paths, syncDirectory)
  }
}

/**
 * Makes the disk of a file system. The default is {@link fromFileSystem}; a platform that knows a
 * faster way provides it here.
 */
export const Implementation = Context.Reference<(fs: FileSystem.FileSystem) => Disk>(
  "effect-codex-plugins/internal/Disk/Implementation",
  { defaultValue: () => fromFileSystem }
)

/** The disk of the file system in the context. Read once, when a layer is built. */
export const make: Effect.Effect<Disk, never, FileSystem.FileSystem> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return (yield* Implementation)(fs)
})

/**
 * Replaces `target` in one step. The rename is the only commit point: on failure or interruption
 * before it, the target is unchanged and the temporary file is removed.
 */
export const replaceFile = (
  disk: Disk,
  options: {
    readonly target: string
    readonly contents: Uint8Array
    readonly mode: number
    /** A new name on the target's file system, written and then renamed. */
    readonly temporary: string
  }
): Result => {
  const { contents, mode, target, temporary } = options
  return disk.createFile(temporary, contents, { mode }).pipe(
    Effect.andThen(disk.rename(temporary, target)),
    Effect.onError(() => Effect.ignore(disk.remove(temporary)))
  )
}

/** The path with its links resolved, as far as it exists. */
export const resolve = (disk: Disk, path: Path.Path, target: string): Effect.Effect<string> =>
  Effect.matchEffect(disk.realPath(target), {
    onSuccess: Effect.succeed,
    onFailure: () => {
      const parent = path.dirname(target)
      return parent === target
        ? Effect.succeed(target)
        : Effect.map(resolve(disk, path, parent), (real) => path.join(real, path.basename(target)))
    }
  })
