/**
 * Node's file system for a program that has nothing else to do while it waits: what is over in
 * microseconds is called at once, for a tenth of what it costs to have a thread do it. Syncs and
 * large writes, which wait for a disk, still go to Node's threads, many at a time.
 *
 * A host with other work should have the file system of `@effect/platform-node`, where nothing
 * holds up that work.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { ByteSize, Effect, FileSystem, Layer, Option, PlatformError } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as NodePath from "node:path"

/** Larger pieces are written by one of Node's threads, in bytes. */
const largeWrite = 64 * 1024

type Failure = PlatformError.PlatformError

const tags: Readonly<Record<string, PlatformError.SystemErrorTag>> = {
  EACCES: "PermissionDenied",
  EBUSY: "Busy",
  EEXIST: "AlreadyExists",
  EISDIR: "BadResource",
  ELOOP: "BadResource",
  ENOENT: "NotFound",
  ENOTDIR: "BadResource",
  EPERM: "PermissionDenied"
}

/** The error that Effect's Node layer makes of a system's refusal. */
const failureOf = (
  method: string,
  pathOrDescriptor: string | number,
  cause: NodeJS.ErrnoException
): Failure =>
  cause.syscall === undefined && cause.errno === undefined && cause.code?.startsWith("ERR_INVALID")
    ? PlatformError.badArgument({ module: "FileSystem", method, description: cause.message })
    : PlatformError.systemError({
        _tag: tags[cause.code ?? ""] ?? "Unknown",
        module: "FileSystem",
        method,
        pathOrDescriptor,
        syscall: cause.syscall,
        cause
      })

const direct = <A>(
  method: string,
  pathOrDescriptor: string | number,
  call: () => A
): Effect.Effect<A, Failure> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(call())
    } catch (cause) {
      return Effect.fail(failureOf(method, pathOrDescriptor, cause as NodeJS.ErrnoException))
    }
  })

const onThread = <A>(
  method: string,
  descriptor: number,
  call: (done: (error: NodeJS.ErrnoException | null, value?: A) => void) => void
): Effect.Effect<A, Failure> =>
  Effect.callback((resume) => {
    call((error, value) =>
      resume(
        error === null
          ? Effect.succeed(value as A)
          : Effect.fail(failureOf(method, descriptor, error))
      )
    )
  })

const typeOf = (entry: Fs.BigIntStats | Fs.Dirent): FileSystem.File.Type =>
  entry.isFile()
    ? "File"
    : entry.isDirectory()
      ? "Directory"
      : entry.isSymbolicLink()
        ? "SymbolicLink"
        : entry.isBlockDevice()
          ? "BlockDevice"
          : entry.isCharacterDevice()
            ? "CharacterDevice"
            : entry.isFIFO()
              ? "FIFO"
              : entry.isSocket()
                ? "Socket"
                : "Unknown"

const infoOf = (stats: Fs.BigIntStats): FileSystem.File.Info => ({
  type: typeOf(stats),
  mtime: Option.some(stats.mtime),
  atime: Option.some(stats.atime),
  birthtime: Option.some(stats.birthtime),
  dev: BigInt.asUintN(64, stats.dev),
  ino: Option.some(BigInt.asUintN(64, stats.ino)),
  mode: Number(stats.mode),
  nlink: Option.some(stats.nlink),
  uid: Option.some(Number(stats.uid)),
  gid: Option.some(Number(stats.gid)),
  rdev: Option.some(BigInt.asUintN(64, stats.rdev)),
  size: ByteSize.bytes(stats.size),
  blksize: Option.some(ByteSize.bytes(stats.blksize)),
  blocks: Option.some(stats.blocks)
})

/** A file opened to be written from its start, or to be synced. */
class WrittenFile {
  readonly [FileSystem.FileTypeId]: typeof FileSystem.FileTypeId = FileSystem.FileTypeId
  readonly fd: number
  constructor(fd: number) {
    this.fd = fd
  }
  get sync() {
    return onThread<void>("sync", this.fd, (done) => Fs.fsync(this.fd, done))
  }
}

export const make = Effect.gen(function* () {
  const base = yield* FileSystem.FileSystem
  const open: FileSystem.FileSystem["open"] = (path, options) =>
    options?.flag === "wx" || options?.flag === "r"
      ? Effect.acquireRelease(
          direct(
            "open",
            path,
            () => new WrittenFile(Fs.openSync(path, options.flag!, options.mode)) as any
          ),
          ({ fd }) => Effect.sync(() => Fs.closeSync(fd))
        )
      : base.open(path, options)
  ;(WrittenFile.prototype as any).writeAll = function (this: WrittenFile, buffer: Uint8Array) {
    const fd = this.fd
    return buffer.length > largeWrite
      ? onThread<void>("writeAll", fd, (done) => Fs.write(fd, buffer, done as any))
      : direct("writeAll", fd, () => void Fs.writeSync(fd, buffer))
  }
  return FileSystem.make({
    ...base,
    open,
    chmod: (path, mode) => direct("chmod", path, () => Fs.chmodSync(path, mode)),
    makeDirectory: (path, options) =>
      direct("makeDirectory", path, () => void Fs.mkdirSync(path, options as any)),
    makeTempDirectory: (options) => {
      const prefix = NodePath.join(options?.directory ?? Os.tmpdir(), options?.prefix ?? "/")
      return direct("makeTempDirectory", prefix, () => Fs.mkdtempSync(prefix))
    },
    readDirectoryEntries: (path) =>
      direct("readDirectoryEntries", path, () =>
        Fs.readdirSync(path, { withFileTypes: true }).map((entry) => ({
          name: entry.name,
          type: typeOf(entry)
        }))
      ),
    readFile: (path) => direct("readFile", path, () => Fs.readFileSync(path)),
    remove: (path, options) => direct("remove", path, () => Fs.rmSync(path, options as any)),
    rename: (from, to) => direct("rename", from, () => Fs.renameSync(from, to)),
    stat: (path) => direct("stat", path, () => infoOf(Fs.statSync(path, { bigint: true }))),
    lstat: (path) => direct("lstat", path, () => infoOf(Fs.lstatSync(path, { bigint: true })))
  })
})

export const layer: Layer.Layer<FileSystem.FileSystem> = Layer.provide(
  Layer.effect(FileSystem.FileSystem, make),
  NodeFileSystem.layer
)
