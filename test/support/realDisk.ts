/**
 * Real folders in the place of disks in memory: the same paths, with `node:fs` below. A home at `/home` is
 * the folder `home` of a temporary folder.
 */
import { Effect, FileSystem, type PlatformError, type Scope } from "effect"
import * as Fs from "node:fs"
import { dirname, join } from "node:path"
import * as Disk from "../../src/internal/disk/Disk.ts"
import { failureOf } from "../../src/internal/disk/nodeCalls.ts"
import { nodeDisk } from "../../src/internal/disk/nodeDisk.ts"
import type * as Reads from "../../src/internal/disk/reads.ts"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as FaultyDisk from "./FaultyDisk.ts"

/** A disk at a temporary folder. Its paths begin there. */
export interface RealDisk {
  readonly fileSystem: FileSystem.FileSystem
  /** See `MemoryDisk.snapshot`. */
  readonly snapshot: (path?: string) => MemoryFileSystem.Snapshot
  /** A copy in another temporary folder, with a hook before each operation, or with none. */
  readonly clone: (hook?: FaultyDisk.Hook) => RealDisk
  /** The same folder with another hook, or with none. */
  readonly withHook: (hook?: FaultyDisk.Hook) => RealDisk
}

/** A disk whose paths begin at a folder of another one. */
const rooted = (disk: Disk.Disk, root: string): Disk.Disk => {
  const below = (path: string) => join(root, path)
  const above = (path: string) => path.slice(root.length)
  const translated =
    <A>(make: () => Reads.Reads<A>) =>
    () =>
      FaultyDisk.intercept(make, (read) => ({ ...read, path: below(read.path) }))
  return {
    yieldTurn: disk.yieldTurn,
    lstat: (path) => disk.lstat(below(path)),
    entries: (folder) => disk.entries(below(folder)),
    names: (folder) => disk.names(below(folder)),
    readFile: (path, limit) => disk.readFile(below(path), limit),
    ensureWritable: (path) => disk.ensureWritable(below(path)),
    realPath: (path) => Effect.map(disk.realPath(below(path)), above),
    runReads: (make) => disk.runReads(translated(make)),
    runAllReads: (all) => disk.runAllReads(all.map((make) => translated(make))),
    createFile: (path, contents, options) => disk.createFile(below(path), contents, options),
    createAll: (entries) =>
      disk.createAll(entries.map((entry) => ({ ...entry, path: below(entry.path) }))),
    openNew: (path, mode) => disk.openNew(below(path), mode),
    copyFile: (from, to) => disk.copyFile(below(from), below(to)),
    makeDirectory: (path, options) => disk.makeDirectory(below(path), options),
    makeTempDirectory: (directory, prefix) =>
      Effect.map(disk.makeTempDirectory(below(directory), prefix), above),
    chmod: (path, mode) => disk.chmod(below(path), mode),
    touch: (path, time) => disk.touch(below(path), time),
    rename: (from, to) => disk.rename(below(from), below(to)),
    remove: (path) => disk.remove(below(path)),
    syncFile: (path) => disk.syncFile(below(path)),
    syncDirectory: (path) => disk.syncDirectory(below(path)),
    syncDirectories: (paths) => disk.syncDirectories(paths.map(below))
  }
}

const attempt = <A>(
  method: string,
  path: string,
  call: () => A
): Effect.Effect<A, PlatformError.PlatformError> =>
  Effect.try({
    try: call,
    catch: (cause) => failureOf(method, path, cause as NodeJS.ErrnoException)
  })

/** The methods by which tests and other writers change a home. Each is one synchronous step. */
const fileSystemAt = (root: string): FileSystem.FileSystem => {
  const below = (path: string) => join(root, path)
  const writeFile = (path: string, data: string | Uint8Array, mode?: number) =>
    attempt("writeFile", path, () => Fs.writeFileSync(below(path), data, { mode }))
  return FileSystem.makeNoop({
    exists: (path) => attempt("exists", path, () => Fs.existsSync(below(path))),
    makeDirectory: (path, options) =>
      attempt("makeDirectory", path, () => {
        Fs.mkdirSync(below(path), { recursive: options?.recursive ?? false })
        return undefined as never
      }),
    readDirectory: (path) => attempt("readDirectory", path, () => Fs.readdirSync(below(path))),
    remove: (path, { force = false, recursive = false } = {}) =>
      attempt("remove", path, () => Fs.rmSync(below(path), { recursive, force })),
    rename: (from, to) => attempt("rename", from, () => Fs.renameSync(below(from), below(to))),
    writeFile: (path, data, options) => writeFile(path, data, options?.mode),
    writeFileString: (path, data, options) => writeFile(path, data, options?.mode)
  })
}

const entryOf = (file: string): MemoryFileSystem.Entry => {
  const stats = Fs.lstatSync(file)
  const common = { mode: stats.mode & 0o7777, mtime: stats.mtimeMs }
  if (stats.isDirectory()) return { type: "Directory", ...common }
  return stats.isFile()
    ? { type: "File", ...common, bytes: Uint8Array.from(Fs.readFileSync(file)) }
    : { type: "SymbolicLink", ...common, target: Fs.readlinkSync(file) }
}

/** All that is below a folder, under the path that it has on its disk. */
export const snapshotOf = (folder: string, path: string): MemoryFileSystem.Snapshot =>
  Fs.existsSync(folder)
    ? Object.fromEntries([
        [path, entryOf(folder)],
        ...Fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).map(
          (name) => [join(path, name), entryOf(join(folder, name))] as const
        )
      ])
    : {}

/** The disks of file systems that are the front of one. */
const disks = new WeakMap<FileSystem.FileSystem, Disk.Disk>()

const at = (root: string, hook?: FaultyDisk.Hook): RealDisk => {
  const fileSystem = fileSystemAt(root)
  const disk = rooted(nodeDisk, root)
  disks.set(fileSystem, hook === undefined ? disk : FaultyDisk.make(disk, hook))
  return {
    fileSystem,
    snapshot: (path = "/") => snapshotOf(join(root, path), path),
    clone: (hook) => {
      const copy = Fs.mkdtempSync(join(dirname(root), "copy-"))
      Fs.cpSync(root, copy, { recursive: true, preserveTimestamps: true })
      return at(copy, hook)
    },
    withHook: (hook) => at(root, hook)
  }
}

/** An empty disk below a folder, which goes with the scope, all copies included. */
export const make = (folder: string): Effect.Effect<RealDisk, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(join(folder, "real-disk-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
    ),
    (folder) => {
      const root = join(folder, "first")
      Fs.mkdirSync(root)
      return at(root)
    }
  )

/** Lets services find the disk of the file system of a {@link RealDisk}. */
export const implementation = (fs: FileSystem.FileSystem): Disk.Disk =>
  disks.get(fs) ?? Disk.fromFileSystem(fs)
