/**
 * The methods of `node:fs` that make more than one system call, on the disk in memory.
 */
import { posix } from "node:path"
import type { FileSystem } from "effect"
import type * as Errno from "./errno.ts"
import type { Inode, SymbolicLink } from "./inode.ts"
import * as Linux from "./linuxDisk.ts"

export const accessOf = (flag: FileSystem.OpenFlag, noFollow = false): Linux.Access => ({
  read: flag.startsWith("r") || flag.endsWith("+"),
  write: flag !== "r",
  append: flag.startsWith("a"),
  create: !flag.startsWith("r"),
  exclusive: flag.includes("x"),
  truncate: flag.startsWith("w"),
  noFollow
})

/** Relative paths start at the root. */
export const resolve = (...paths: ReadonlyArray<string>): string => posix.resolve("/", ...paths)

/** True if an absolute `path` is `folder` or below it, by its name. */
const isPathWithin = (path: string, folder: string): boolean =>
  path === folder || folder === "/" || path.startsWith(`${folder}/`)

const namesIn = (disk: Linux.Disk, path: string) =>
  disk
    .readdir(path)
    .sorted()
    .map(([name]) => name)

export const attempt = <A, B>(body: () => A, refused: (failure: Linux.Failure) => B): A | B => {
  try {
    return body()
  } catch (error) {
    if (error instanceof Linux.Failure) return refused(error)
    throw error
  }
}

/** The result, or undefined if the path does not exist. Other errors are thrown. */
const orMissing = <A>(body: () => A): A | undefined =>
  attempt(body, (failure) => {
    if (failure.code !== "ENOENT") throw failure
    return undefined
  })

const isDirectory = (look: () => Inode): boolean =>
  attempt(
    () => look().type === "Directory",
    () => false
  )

/** The reason why the entry of the path cannot serve as a folder; undefined if it can. */
const obstacleAt = (disk: Linux.Disk, path: string): Errno.Code | undefined =>
  attempt(
    () => (disk.stat(path).type === "Directory" ? undefined : "EEXIST"),
    ({ code }) => code
  )

export const makeDirectories = (disk: Linux.Disk, path: string, mode: number): void => {
  const todo = [path]
  for (let next = todo.at(-1); next !== undefined; next = todo.at(-1)) {
    const at = next
    const refusal = attempt(
      () => disk.mkdir(at, mode),
      ({ code }) => code
    )
    const parent = posix.dirname(at)
    if (refusal === "ENOENT" && at !== "" && parent !== at) {
      todo.push(parent)
      continue
    }
    const obstacle = refusal === "EEXIST" ? obstacleAt(disk, at) : refusal
    if (obstacle !== undefined) {
      const isOnTheWay = refusal === "EEXIST" && todo.length > 1
      throw new Linux.Failure(isOnTheWay ? "ENOTDIR" : obstacle, "mkdir", path)
    }
    todo.pop()
  }
}

export const readWhole = (disk: Linux.Disk, path: string) => {
  const handle = disk.open(path, accessOf("r"), 0)
  try {
    const bytes = new Uint8Array(handle.inode.type === "File" ? handle.inode.size : 0)
    disk.read(handle, bytes, 0)
    return bytes
  } finally {
    disk.close(handle)
  }
}

const writeAll = (disk: Linux.Disk, handle: Linux.Handle, data: Uint8Array) => {
  let done = 0
  while (done < data.length) done += disk.write(handle, data.subarray(done), done)
}

export const writeWhole = (
  disk: Linux.Disk,
  path: string,
  data: Uint8Array,
  flag: FileSystem.OpenFlag,
  mode: number
) => {
  const handle = disk.open(path, accessOf(flag), mode)
  try {
    writeAll(disk, handle, data)
  } finally {
    disk.close(handle)
  }
}

export const copyFile = (disk: Linux.Disk, from: string, to: string) => {
  const refuse = (code: Errno.Code) => new Linux.Failure(code, "copyfile", from, to)
  try {
    const source = disk.open(from, accessOf("r"), 0)
    const { inode } = source
    disk.close(source)
    const target = disk.open(to, { ...accessOf("w"), truncate: false }, inode.mode)
    try {
      if (inode === target.inode) return
      disk.ftruncate(target, 0)
      disk.chmod(to, inode.mode)
      // libuv notices only now that a folder cannot be copied, and removes its copy.
      if (inode.type === "Directory") {
        disk.unlink(to)
        throw refuse("EISDIR")
      }
      writeAll(disk, target, inode.bytes)
    } finally {
      disk.close(target)
    }
  } catch (error) {
    throw error instanceof Linux.Failure ? refuse(error.code) : error
  }
}

export const remove = (disk: Linux.Disk, path: string, recursive: boolean, force: boolean) => {
  const inode = force ? orMissing(() => disk.lstat(path)) : disk.lstat(path)
  if (inode === undefined) return
  if (inode.type === "Directory" && !recursive) throw new Linux.Failure("ERR_FS_EISDIR", "rm", path)
  removeTree(disk, path)
}

/** An entry that disappears meanwhile counts as removed. */
const removeTree = (disk: Linux.Disk, path: string): void =>
  orMissing(() => {
    if (!isDirectory(() => disk.lstat(path))) return disk.unlink(path)
    const refusal = attempt(
      () => disk.rmdir(path),
      (failure) => failure
    )
    // A link to a folder with a trailing slash is a folder for lstat(2) but not for rmdir(2).
    if (refusal === undefined || refusal.code === "ENOTDIR") return
    if (refusal.code !== "ENOTEMPTY" && refusal.code !== "EPERM") throw refusal
    for (const name of namesIn(disk, path)) removeTree(disk, `${path}/${name}`)
    disk.rmdir(path)
  })

interface CopyOptions {
  readonly overwrite: boolean
  readonly preserveTimestamps: boolean
}

export const copy = (disk: Linux.Disk, from: string, to: string, options: CopyOptions) => {
  const source = disk.lstat(from)
  const target = orMissing(() => disk.lstat(to))
  if (target !== undefined) mayCopyOnto(source, target, to)
  const insideItself = () => new Linux.Failure("ERR_FS_CP_EINVAL", "cp", to)
  if (source.type === "Directory" && isPathWithin(resolve(to), resolve(from))) throw insideItself()
  for (let at = posix.dirname(resolve(to)); at !== "/"; at = posix.dirname(at)) {
    if (at !== posix.dirname(resolve(from)) && orMissing(() => disk.stat(at)) === source)
      throw insideItself()
  }
  const parent = posix.dirname(to)
  if (orMissing(() => disk.stat(parent)) === undefined) makeDirectories(disk, parent, 0o777)
  copyTree(disk, from, source, to, target, options)
}

const mayCopyOnto = (source: Inode, target: Inode, to: string) => {
  const fail = (code: Errno.Code) => new Linux.Failure(code, "cp", to)
  if (source === target) throw fail("ERR_FS_CP_EINVAL")
  if (source.type === "Directory" && target.type !== "Directory")
    throw fail("ERR_FS_CP_DIR_TO_NON_DIR")
  if (source.type !== "Directory" && target.type === "Directory")
    throw fail("ERR_FS_CP_NON_DIR_TO_DIR")
}

const copyTree = (
  disk: Linux.Disk,
  from: string,
  source: Inode,
  to: string,
  target: Inode | undefined,
  options: CopyOptions
) => {
  switch (source.type) {
    case "File": {
      if (target !== undefined) {
        if (!options.overwrite) return
        disk.unlink(to)
      }
      copyFile(disk, from, to)
      if (options.preserveTimestamps) disk.utimes(to, source.atime, source.mtime)
      return disk.chmod(to, source.mode)
    }
    case "SymbolicLink":
      return copyLink(disk, from, source, to, target)
    case "Directory": {
      if (target === undefined) disk.mkdir(to, 0o777)
      for (const name of namesIn(disk, from)) {
        const inner = posix.join(from, name)
        const outer = posix.join(to, name)
        const child = disk.lstat(inner)
        const existing = orMissing(() => disk.lstat(outer))
        if (existing !== undefined) mayCopyOnto(child, existing, outer)
        copyTree(disk, inner, child, outer, existing, options)
      }
      if (options.preserveTimestamps) disk.utimes(to, source.atime, source.mtime)
      if (target === undefined) disk.chmod(to, source.mode)
    }
  }
}

const copyLink = (
  disk: Linux.Disk,
  from: string,
  source: SymbolicLink,
  to: string,
  target: Inode | undefined
) => {
  const resolved = resolve(posix.dirname(from), source.target)
  if (target?.type !== "SymbolicLink") return disk.symlink(resolved, to)
  const targetFolder = resolve(posix.dirname(to), target.target)
  if (isDirectory(() => disk.stat(from)) && isPathWithin(targetFolder, resolved))
    throw new Linux.Failure("ERR_FS_CP_EINVAL", "cp", to)
  if (disk.stat(from).type === "Directory" && isPathWithin(resolved, targetFolder))
    throw new Linux.Failure("ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY", "cp", to)
  disk.unlink(to)
  disk.symlink(resolved, to)
}

export const readDirectory = (
  disk: Linux.Disk,
  path: string,
  recursive: boolean
): Array<string> => {
  const found: Array<string> = []
  // Node descends level by level and through links, until the system reports too many links.
  const folders = [{ prefix: "", entries: disk.readdir(path).sorted() }]
  for (const { entries, prefix } of folders) {
    for (const [name, { type }] of entries) {
      const inner = `${path}/${prefix}${name}`
      found.push(`${prefix}${name}`)
      if (recursive && (type === "Directory" || isDirectory(() => disk.stat(inner))))
        folders.push({ prefix: `${prefix}${name}/`, entries: disk.readdir(inner).sorted() })
    }
  }
  return found
}

export const realPath = (disk: Linux.Disk, path: string) => {
  const todo = resolve(path).split("/").toReversed()
  const seen = new Set<SymbolicLink>()
  let done = ""
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (name === "") continue
    const here = `${done}/${name}`
    const inode = disk.lstat(here)
    if (inode.type !== "SymbolicLink") {
      done = here
      continue
    }
    // Node follows a link once, which also ends a cycle.
    if (!seen.has(inode)) disk.stat(here)
    seen.add(inode)
    todo.push(...resolve(done, inode.target).split("/").toReversed())
    done = ""
  }
  return done === "" ? "/" : done
}
