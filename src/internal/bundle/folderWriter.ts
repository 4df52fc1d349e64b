/**
 * A new folder that is written completely and durably, or not at all.
 */
import { Effect, Exit, type Path, type PlatformError, type Scope } from "effect"
import { folderMode } from "../disk/Disk.ts"
import type * as Disk from "../disk/Disk.ts"

type Failure = PlatformError.PlatformError

export type NewEntry =
  | {
      readonly _tag: "Directory"
      /** Default: {@link folderMode}. */
      readonly mode?: number | undefined
      /** False leaves the mode to the umask. Default: true. */
      readonly exactMode?: boolean | undefined
    }
  | {
      readonly _tag: "File"
      readonly mode: number
      readonly exactMode?: boolean | undefined
      readonly content: Uint8Array
    }

/** Paths are relative to the folder, with `/` between their parts and without `.` and `..`. */
export type Entry = NewEntry & { readonly path: string }

/** A file that is written in parts. */
export interface OpenFile {
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, Failure>
  readonly sync: Effect.Effect<void, Failure>
}

export interface FolderWriter {
  /**
   * Creates folders and files, parents first. When it ends, the content of the files is durable.
   */
  readonly create: (entries: ReadonlyArray<Entry>) => Effect.Effect<void, Failure>
  /** Opens a new file, which is closed with the scope. */
  readonly openFile: (path: string, mode: number) => Effect.Effect<OpenFile, Failure, Scope.Scope>
  /** Makes all names in the folder durable. */
  readonly sync: Effect.Effect<void, Failure>
}

/**
 * Returns a function that makes absolute paths of a folder's entries. Relative paths are normalized
 * already.
 */
export const pathsBelow = (path: Path.Path, root: string): ((entry: string) => string) => {
  const prefix = path.join(root, path.sep)
  return path.sep === "/"
    ? (entry) => prefix + entry
    : (entry) => prefix + entry.replaceAll("/", path.sep)
}

/**
 * Creates the folder, which must not exist and whose parent must. It is removed again if the scope
 * ends in failure or interruption.
 *
 * Modes are exact, whatever the umask is.
 */
export const make = Effect.fnUntraced(function* (
  disk: Disk.Disk,
  path: Path.Path,
  root: string
): Effect.fn.Return<FolderWriter, Failure, Scope.Scope> {
  yield* Effect.acquireRelease(disk.makeDirectory(root, { mode: folderMode }), (_, exit) =>
    Exit.isSuccess(exit)
      ? Effect.void
      : Effect.ignore(disk.remove(root), {
          log: "Warn",
          message: `could not remove the unfinished folder ${root}`
        })
  )
  const directories = [root]

  // The umask cannot be read, but the folder's mode reveals it. Bits that our folders never have
  // remain unknown.
  const rootMode = (yield* Effect.uninterruptible(disk.lstat(root)))?.mode ?? 0
  const doubtful = (folderMode & ~rootMode) | (0o777 & ~folderMode)
  const isDoubtful = (mode: number) => (mode & doubtful) !== 0

  if (isDoubtful(folderMode)) yield* Effect.uninterruptible(disk.chmod(root, folderMode))

  const pathOf = pathsBelow(path, root)
  const newEntry = (entry: Entry): Disk.NewEntry => {
    const path = pathOf(entry.path)
    const { mode = folderMode } = entry
    const exactMode = entry.exactMode !== false && isDoubtful(mode)
    if (entry._tag === "File") {
      return { _tag: "File", path, mode, contents: entry.content, exactMode }
    }
    directories.push(path)
    return { _tag: "Folder", path, mode, exactMode }
  }

  return {
    create: (entries) => Effect.suspend(() => disk.createAll(entries.map(newEntry))),
    openFile: Effect.fnUntraced(function* (entry, mode) {
      const target = pathOf(entry)
      const file = yield* disk.openNew(target, mode)
      if (isDoubtful(mode)) yield* Effect.uninterruptible(file.chmod(mode))
      return {
        write: (bytes) => Effect.uninterruptible(file.write(bytes)),
        sync: Effect.uninterruptible(file.sync)
      }
    }),
    sync: Effect.suspend(() => disk.syncDirectories(directories))
  }
})
