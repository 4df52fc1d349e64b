/**
 * The draft of a folder: its files while they are still in memory.
 *
 * A small bundle is completed in its draft, with the operations of a disk. So each file is written
 * once and none is read back.
 */
import { Effect, type FileSystem, type Path, PlatformError } from "effect"
import { folderMode } from "../disk/Disk.ts"
import * as Disk from "../disk/Disk.ts"
import * as FolderWriter from "./folderWriter.ts"

export interface Draft {
  readonly disk: Disk.Editable
  /** The entries to write, parents first. */
  readonly entries: () => ReadonlyArray<FolderWriter.Entry>
}

const refuse = (
  _tag: PlatformError.SystemErrorTag,
  code: string,
  path: string
): Effect.Effect<never, PlatformError.PlatformError> =>
  Effect.fail(
    PlatformError.systemError({
      _tag,
      module: "FileSystem",
      method: "draft",
      pathOrDescriptor: path,
      cause: Object.assign(new Error(`${code}, '${path}'`), { code })
    })
  )

const notFound = (path: string) => refuse("NotFound", "ENOENT", path)
const exists = (path: string) => refuse("AlreadyExists", "EEXIST", path)

/** Makes the draft of the folder `root`, which need not exist, from entries with parents first. */
export const make = (
  path: Path.Path,
  root: string,
  entries: ReadonlyArray<FolderWriter.Entry>
): Draft => {
  /** Entries by absolute path. A map keeps the order of insertion, so parents stay first. */
  const pathOf = FolderWriter.pathsBelow(path, root)
  const nodes = new Map(entries.map((entry) => [pathOf(entry.path), entry]))
  const typeOf = (at: string) => (at === root ? "Directory" : nodes.get(at)?._tag)
  const isFolder = (at: string) => typeOf(at) === "Directory"
  const add = (at: string, entry: FolderWriter.NewEntry) => {
    nodes.set(at, { ...entry, path: path.relative(root, at) })
    return Effect.void
  }

  const makeDirectory = (at: string, isRecursive: boolean): ReturnType<Disk.Disk["chmod"]> => {
    if (isFolder(at)) return isRecursive ? Effect.void : exists(at)
    if (nodes.has(at)) return exists(at)
    const parent = path.dirname(at)
    // A draft has nothing outside its folder.
    if (parent === at) return notFound(at)
    const made = isRecursive
      ? makeDirectory(parent, true)
      : isFolder(parent)
        ? Effect.void
        : notFound(at)
    // As on a disk, where the umask clears bits of the mode.
    return Effect.flatMap(made, () => add(at, { _tag: "Directory", mode: 0o777, exactMode: false }))
  }

  const disk: Disk.Editable = {
    lstat: (at) =>
      Effect.sync(() => {
        const type = typeOf(at)
        return type && { type, mode: nodes.get(at)?.mode ?? folderMode }
      }),
    entries: (at) =>
      Effect.suspend(() => {
        const folder = path.join(at, ".")
        if (!isFolder(folder)) return notFound(folder)
        const prefix = folder + path.sep
        const found: Array<FileSystem.DirectoryEntry> = []
        for (const [at, { _tag }] of nodes) {
          if (at.startsWith(prefix) && !at.includes(path.sep, prefix.length)) {
            found.push({ name: at.slice(prefix.length), type: _tag })
          }
        }
        return Effect.succeed(found)
      }),
    readFile: (at, limit = Number.POSITIVE_INFINITY) =>
      Effect.suspend(() => {
        const node = nodes.get(at)
        if (node?._tag !== "File") {
          return isFolder(at) ? Effect.fail(Disk.notAFile(at)) : notFound(at)
        }
        return node.content.length > limit
          ? Effect.fail(Disk.tooLarge(at, limit))
          : Effect.succeed(node.content)
      }),
    createFile: (at, content, { exactMode, mode }) =>
      Effect.suspend(() => {
        if (nodes.has(at)) return exists(at)
        return isFolder(path.dirname(at))
          ? add(at, { _tag: "File", mode, exactMode, content })
          : notFound(at)
      }),
    makeDirectory: (at, { recursive = false } = {}) =>
      Effect.suspend(() => makeDirectory(at, recursive)),
    chmod: (at, mode) =>
      Effect.suspend(() => {
        const node = nodes.get(at)
        return node === undefined ? notFound(at) : add(at, { ...node, mode, exactMode: true })
      }),
    remove: (at) =>
      Effect.sync(() => {
        for (const other of nodes.keys()) {
          if (other === at || other.startsWith(at + path.sep)) nodes.delete(other)
        }
      }),
    // Everything is synced when the draft is written.
    syncDirectory: () => Effect.void,
    syncDirectories: () => Effect.void
  }
  return { disk, entries: () => [...nodes.values()] }
}
