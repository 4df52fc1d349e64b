/**
 * The disk directly on `node:fs`; see `nodeCalls` for when a call is made on a thread.
 */
import { ByteSize, Effect, type FileSystem, Option } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { isAbsent } from "../platformError.ts"
import { type Disk, notAFile, tooLarge } from "./Disk.ts"
import {
  atOnce,
  call,
  type Done,
  failureOf,
  isFast,
  isInMemory,
  largeWrite,
  now,
  onThread,
  type Result,
  toCreate
} from "./nodeCalls.ts"
import type * as Reads from "./reads.ts"
import * as NodeReads from "./nodeReads.ts"
import { createAll, syncDirectories, syncFile } from "./nodeTree.ts"
import * as EventLoop from "./eventLoop.ts"

const typeOf = (entry: Fs.BigIntStats | Fs.Dirent): FileSystem.File.Type => {
  if (entry.isFile()) return "File"
  if (entry.isDirectory()) return "Directory"
  if (entry.isSymbolicLink()) return "SymbolicLink"
  if (entry.isBlockDevice()) return "BlockDevice"
  if (entry.isCharacterDevice()) return "CharacterDevice"
  if (entry.isFIFO()) return "FIFO"
  return entry.isSocket() ? "Socket" : "Unknown"
}

const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value)

/** Computes each field when it is read, because usually only the type is. */
class Info implements FileSystem.File.Info {
  private readonly stats: Fs.BigIntStats

  constructor(stats: Fs.BigIntStats) {
    this.stats = stats
  }

  get type() {
    return typeOf(this.stats)
  }
  get mtime() {
    return Option.some(this.stats.mtime)
  }
  get atime() {
    return Option.some(this.stats.atime)
  }
  get birthtime() {
    return Option.some(this.stats.birthtime)
  }
  get dev() {
    return unsigned(this.stats.dev)
  }
  get rdev() {
    return Option.some(unsigned(this.stats.rdev))
  }
  get ino() {
    return Option.some(unsigned(this.stats.ino))
  }
  get mode() {
    return Number(this.stats.mode)
  }
  get nlink() {
    return Option.some(unsigned(this.stats.nlink))
  }
  get uid() {
    return Option.some(Number(this.stats.uid))
  }
  get gid() {
    return Option.some(Number(this.stats.gid))
  }
  get size() {
    return ByteSize.bytes(this.stats.size)
  }
  get blksize() {
    return Option.some(ByteSize.bytes(this.stats.blksize))
  }
  get blocks() {
    return Option.some(this.stats.blocks)
  }
}

const bigint = { bigint: true } as const

const isNoEntry = (path: string, error: NodeJS.ErrnoException): boolean =>
  isAbsent(failureOf("lstat", path, error))

const toLstat = { bigint: true, throwIfNoEntry: false } as const

const lstatNow = (path: string): Info | undefined => {
  try {
    const stats = Fs.lstatSync(path, toLstat)
    return stats && new Info(stats)
  } catch (error) {
    if (isNoEntry(path, error as NodeJS.ErrnoException)) return undefined
    throw error
  }
}

const lstat = (path: string): Result<FileSystem.File.Info | undefined> =>
  call(
    "lstat",
    path,
    () => lstatNow(path),
    (done) =>
      Fs.lstat(path, bigint, (error, stats) =>
        done(error === null || isNoEntry(path, error) ? null : error, stats && new Info(stats))
      )
  )

const entryOf = (entry: Fs.Dirent): FileSystem.DirectoryEntry => ({
  name: entry.name,
  type: typeOf(entry)
})

const withTypes = { withFileTypes: true } as const

const entriesNow = (folder: string): ReadonlyArray<FileSystem.DirectoryEntry> =>
  Fs.readdirSync(folder, withTypes).map(entryOf)

const entries = (folder: string): Result<ReadonlyArray<FileSystem.DirectoryEntry>> =>
  call(
    "readDirectoryEntries",
    folder,
    () => entriesNow(folder),
    (done) => Fs.readdir(folder, withTypes, (error, entries) => done(error, entries?.map(entryOf)))
  )

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = Fs.constants

// Windows has neither flag.
const toRead = O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0)

const close = (descriptor: number) =>
  Effect.promise(
    () =>
      new Promise<void>((resolve) => {
        if (!isFast()) return Fs.close(descriptor, () => resolve())
        Fs.closeSync(descriptor)
        resolve()
      })
  )

const open = (path: string, flags: number | "r", mode?: number, method = "open") =>
  call(
    method,
    path,
    () => Fs.openSync(path, flags, mode),
    (done) => Fs.open(path, flags, mode, done)
  )

const withOpen = <A>(
  path: string,
  flags: number | "r",
  mode: number | undefined,
  use: (descriptor: number) => Result<A>,
  method = "open"
): Result<A> =>
  Effect.acquireUseRelease(open(path, flags, mode, method), use, (descriptor) =>
    isFast() ? Effect.sync(() => Fs.closeSync(descriptor)) : close(descriptor)
  )

/** Threads finish a read that has taken this long, in milliseconds. */
const longRead = 10

/** Reads a file at once; undefined for one that takes long. */
const readSmall = (path: string, limit: number): Reads.File | undefined => {
  const before = EventLoop.now()
  const isLong = () => EventLoop.now() - before > longRead
  const descriptor = Fs.openSync(path, toRead)
  try {
    const stats = Fs.fstatSync(descriptor)
    if (!stats.isFile()) throw notAFile(path)
    if (stats.size > limit) throw tooLarge(path, limit)
    if (stats.size > largeWrite || isLong()) return undefined
    const bytes = Fs.readFileSync(descriptor)
    // It may have grown in the meantime.
    return bytes.length > limit ? undefined : { bytes, mode: stats.mode }
  } finally {
    if (isLong()) Fs.close(descriptor, () => {})
    else Fs.closeSync(descriptor)
  }
}

const readFile = (path: string, limit = Number.POSITIVE_INFINITY): Result<Uint8Array> =>
  Effect.suspend(() =>
    isFast()
      ? Effect.flatMap(
          atOnce("readFile", path, () => readSmall(path, limit)),
          (file) => (file === undefined ? readInSteps(path, limit) : Effect.succeed(file.bytes))
        )
      : readInSteps(path, limit)
  )

const readInSteps = (path: string, limit: number): Result<Uint8Array> =>
  withOpen(
    path,
    toRead,
    undefined,
    (descriptor) =>
      Effect.gen(function* () {
        const stats = yield* call(
          "readFile",
          path,
          () => Fs.fstatSync(descriptor),
          (done) => Fs.fstat(descriptor, done)
        )
        if (!stats.isFile()) return yield* Effect.fail(notAFile(path))
        if (stats.size > limit) return yield* Effect.fail(tooLarge(path, limit))
        const bytes: Uint8Array =
          stats.size > largeWrite
            ? yield* onThread("readFile", path, (done: Done<Uint8Array>) =>
                Fs.readFile(descriptor, done)
              )
            : yield* call<Uint8Array>(
                "readFile",
                path,
                () => Fs.readFileSync(descriptor),
                (done) => Fs.readFile(descriptor, done)
              )
        // It may have grown in the meantime.
        if (bytes.length > limit) return yield* Effect.fail(tooLarge(path, limit))
        return bytes
      }),
    "readFile"
  )

const write = (path: string, descriptor: number, piece: Uint8Array): Result =>
  Effect.gen(function* () {
    for (let rest = piece; rest.length > 0;) {
      const part = rest
      const onDescriptor = (done: Done<number>) =>
        Fs.write(descriptor, part, 0, part.length, null, done)
      const written: number =
        part.length > largeWrite
          ? yield* onThread("writeAll", path, onDescriptor)
          : yield* call("writeAll", path, () => Fs.writeSync(descriptor, part), onDescriptor)
      rest = rest.subarray(written)
    }
  })

const fchmod = (path: string, descriptor: number, mode: number): Result =>
  call(
    "chmod",
    path,
    () => Fs.fchmodSync(descriptor, mode),
    (done) => Fs.fchmod(descriptor, mode, done)
  )

const sync = (path: string, descriptor: number): Result =>
  Effect.suspend(() =>
    isFast() && isInMemory(path)
      ? atOnce("sync", path, () => Fs.fsyncSync(descriptor))
      : onThread("sync", path, (done) => Fs.fsync(descriptor, done))
  )

const makeDirectory: Disk["makeDirectory"] = (path, { mode, recursive = false } = {}) =>
  call<void>(
    "makeDirectory",
    path,
    () => void Fs.mkdirSync(path, { mode, recursive }),
    (done) => Fs.mkdir(path, { mode, recursive }, (error) => done(error))
  )

const makeTempDirectory: Disk["makeTempDirectory"] = (directory, prefix) => {
  const start = Path.join(directory, "/") + prefix
  return call(
    "makeTempDirectory",
    start,
    () => Fs.mkdtempSync(start),
    (done) => Fs.mkdtemp(start, done)
  )
}

const forced = { recursive: true, force: true } as const

/** A folder may hold any number of files, so only an empty one is removed at once. */
const removeSmall = (path: string): boolean => {
  try {
    const stats = Fs.lstatSync(path, { throwIfNoEntry: false })
    if (stats === undefined) return true
    if (stats.isDirectory()) Fs.rmdirSync(path)
    else Fs.unlinkSync(path)
    return true
  } catch {
    return false
  }
}

const remove: Disk["remove"] = (path) =>
  Effect.suspend(() => {
    const removeTree = onThread<void>("remove", path, (done) => Fs.rm(path, forced, done))
    if (!isFast()) return removeTree
    return Effect.flatMapEager(
      now("remove", path, () => removeSmall(path)),
      // If a call failed here, `removeTree` reports Node's own error or works around it.
      (isRemoved) => (isRemoved ? Effect.void : removeTree)
    )
  })

const readNow: NodeReads.ReadNow = ({ limit = Number.POSITIVE_INFINITY, method, path }) => {
  switch (method) {
    case "lstat":
      return { answer: lstatNow(path) }
    case "entries":
      return { answer: entriesNow(path) }
    case "readFile": {
      const file = readSmall(path, limit)
      return file && { answer: file.bytes }
    }
    case "file": {
      const file = readSmall(path, limit)
      return file && { answer: file }
    }
  }
}

/** The operations on Node's file system. */
export const nodeDisk: Disk = {
  yieldTurn: EventLoop.yieldTurn,
  lstat,
  entries,
  names: (folder) =>
    call<ReadonlyArray<string>>(
      "readDirectory",
      folder,
      () => Fs.readdirSync(folder),
      (done) => Fs.readdir(folder, done)
    ),
  ensureWritable: (path) =>
    call(
      "access",
      path,
      () => Fs.accessSync(path, Fs.constants.W_OK),
      (done) => Fs.access(path, Fs.constants.W_OK, done)
    ),
  realPath: (path) =>
    call(
      "realPath",
      path,
      () => Fs.realpathSync.native(path),
      (done) => Fs.realpath.native(path, done)
    ),
  readFile,
  ...NodeReads.make(readNow, { lstat, entries, readFile }),
  createFile: (path, contents, options) =>
    createAll([{ _tag: "File", path, contents, ...options }]),
  openNew: (path, mode) =>
    Effect.map(
      Effect.acquireRelease(open(path, toCreate, mode), (descriptor) => close(descriptor)),
      (descriptor) => ({
        write: (piece) => write(path, descriptor, piece),
        chmod: (mode) => fchmod(path, descriptor, mode),
        sync: sync(path, descriptor)
      })
    ),
  copyFile: (from, to) =>
    onThread("copyFile", from, (done: Done<void>) =>
      // Shares blocks if the file system can, else copies.
      Fs.copyFile(from, to, Fs.constants.COPYFILE_FICLONE, done)
    ),
  makeDirectory,
  makeTempDirectory,
  chmod: (path, mode) =>
    call(
      "chmod",
      path,
      () => Fs.chmodSync(path, mode),
      (done) => Fs.chmod(path, mode, done)
    ),
  touch: (path, time) =>
    call(
      "utime",
      path,
      () => Fs.utimesSync(path, new Date(time), new Date(time)),
      (done) => Fs.utimes(path, new Date(time), new Date(time), done)
    ),
  rename: (from, to) =>
    call(
      "rename",
      from,
      () => Fs.renameSync(from, to),
      (done) => Fs.rename(from, to, done)
    ),
  remove,
  syncFile,
  createAll,
  syncDirectory: (path) => syncDirectories([path]),
  syncDirectories
}
