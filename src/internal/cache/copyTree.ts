/**
 * Durable copies of folders that are independent of their source.
 */
import { Effect, type Path } from "effect"
import { isTooLarge } from "../platformError.ts"
import * as Disk from "../disk/Disk.ts"
import * as Reads from "../disk/reads.ts"

interface Options {
  /** The mode of the copied folders. Default: the mode of each source folder. */
  readonly folderMode?: number | undefined
  /** Folders of this name are left out. */
  readonly without?: string | undefined
}

/** The maximum size of a file that is copied through memory, in bytes. */
const smallFile = 64 * 1024

/** The number of bytes that are read before they are written. */
const batch = 1024 * 1024

/** Clears the set-uid and set-gid bits. */
const permissions = 0o777

/** Keeps folders writable for their owner, who could not copy or remove them otherwise. */
const ownersFolder = 0o700

/** Folders and files below a root, by paths that begin with a separator. Links and devices are left out. */
interface Tree {
  /** Parents first. */
  readonly folders: ReadonlyArray<{ readonly path: string; readonly mode: number }>
  readonly files: ReadonlyArray<string>
}

function* treeReads(
  path: Path.Path,
  root: string,
  { folderMode, without }: Options
): Reads.Reads<Tree> {
  const paths = [""]
  const folders: Array<Tree["folders"][number]> = []
  const files: Array<string> = []
  // The loop also visits the folders that it appends.
  for (const folder of paths) {
    const mode = folderMode ?? (yield* Reads.lstat(`${root}${folder}`))?.mode ?? 0
    folders.push({ path: folder, mode: (mode & permissions) | ownersFolder })
    for (const { name, type } of yield* Reads.entries(`${root}${folder}`)) {
      const below = `${folder}${path.sep}${name}`
      if (type === "Directory" && name !== without) paths.push(below)
      if (type === "File") files.push(below)
    }
  }
  return { folders, files }
}

/** The next files of a list: small ones with their content, and the names of large ones. */
interface Batch {
  readonly small: ReadonlyArray<{ readonly path: string; readonly file: Reads.File }>
  readonly large: ReadonlyArray<string>
  /** The number of files in the batch. */
  readonly count: number
}

function* batchReads(root: string, files: ReadonlyArray<string>): Reads.Reads<Batch> {
  const small: Array<Batch["small"][number]> = []
  const large: Array<string> = []
  let bytes = 0
  let count = 0
  for (; count < files.length && bytes < batch; count++) {
    const path = files[count]!
    const file = yield* Reads.recover(
      Reads.file(`${root}${path}`, smallFile),
      isTooLarge,
      undefined
    )
    if (file === undefined) large.push(path)
    else small.push({ path, file })
    bytes += file?.bytes.length ?? 0
  }
  return { small, large, count }
}

/**
 * Copies a folder's files and folders to a path that does not exist, and syncs them. Links and
 * devices are left out. If the file system can share blocks, a large file shares them with its copy
 * until either is written to.
 */
export const copyTree = Effect.fnUntraced(function* (
  disk: Disk.Disk,
  path: Path.Path,
  source: string,
  target: string,
  options: Options = {}
) {
  const tree = yield* disk.runReads(() => treeReads(path, source, options))
  yield* disk.createAll(
    tree.folders.map(({ mode, path }) => ({ _tag: "Folder", path: `${target}${path}`, mode }))
  )
  const copyLarge = Effect.fnUntraced(function* (file: string) {
    const copied = `${target}${file}`
    yield* disk.copyFile(`${source}${file}`, copied)
    const mode = (yield* disk.lstat(copied))?.mode ?? 0
    if ((mode & 0o7000) !== 0) yield* disk.chmod(copied, mode & permissions)
    yield* disk.syncFile(copied)
  })
  for (let files = tree.files; files.length > 0;) {
    const rest = files
    const { count, large, small } = yield* disk.runReads(() => batchReads(source, rest))
    yield* disk.createAll(
      small.map(({ file, path }) => ({
        _tag: "File",
        path: `${target}${path}`,
        mode: file.mode & permissions,
        contents: file.bytes
      }))
    )
    yield* Effect.forEach(large, copyLarge, { concurrency: Disk.concurrency, discard: true })
    files = files.slice(count)
  }
  yield* disk.syncDirectories(tree.folders.map(({ path }) => `${target}${path}`))
})
