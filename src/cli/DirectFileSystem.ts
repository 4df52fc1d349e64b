/**
 * Node's file system for a program that has nothing else to do while it waits: what is over in
 * microseconds is called at once, for a fraction of what it costs to have a thread do it. Syncs and
 * large writes, which wait for a disk, still go to Node's threads, many at a time.
 *
 * A host with other work should have the file system of `@effect/platform-node`, where nothing
 * holds up that work.
 */
import { ByteSize, Effect, FileSystem, Layer, Option, PlatformError, Stream } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Shortcuts from "../internal/cache/shortcuts.ts"

type Failure = PlatformError.PlatformError

/** Larger pieces are written by one of Node's threads, in bytes. */
const largeWrite = 64 * 1024

/**
 * What syncs may take in milliseconds, at first and each, until they are known for those of a disk. In
 * memory there is nothing to sync, and a system call takes microseconds.
 */
const allowance = { first: 5, each: 0.1 }

const badArgument = (method: string, description: string): Failure =>
  PlatformError.badArgument({ module: "FileSystem", method, description })

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

/** What Effect's Node layer makes of a refusal: of the system's, or of Node's that saw no system call. */
const failureOf = (
  method: string,
  pathOrDescriptor: string | number,
  cause: NodeJS.ErrnoException
): Failure =>
  cause.code?.startsWith("ERR_INVALID_ARG") || cause.code === "ERR_OUT_OF_RANGE"
    ? badArgument(method, cause.message)
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

type Done<A> = (error: NodeJS.ErrnoException | null, value?: A) => void

const onThread = <A = void>(
  method: string,
  descriptor: number,
  call: (done: Done<A>) => void
): Effect.Effect<A, Failure> =>
  Effect.callback((resume) =>
    call((error, value) =>
      resume(
        error === null
          ? Effect.succeed(value as A)
          : Effect.fail(failureOf(method, descriptor, error))
      )
    )
  )

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

/** Each field is made where it is asked for: mostly that is the type alone. */
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

const infoOf = (stats: Fs.BigIntStats): FileSystem.File.Info => new Info(stats)

const bigint = { bigint: true } as const

/** What is left of the {@link allowance}. */
let patience = allowance.first

/**
 * A file system in memory has nothing to wait for, and is asked at once. A disk shows with its first
 * syncs, and is left to threads from then on.
 */
const isImmediate = () => patience > 0

const syncNow = (descriptor: number): void => {
  const before = performance.now()
  Fs.fsyncSync(descriptor)
  patience += allowance.each - (performance.now() - before)
}

const sync = (descriptor: number): Effect.Effect<void, Failure> =>
  isImmediate()
    ? direct("sync", descriptor, () => syncNow(descriptor))
    : onThread("sync", descriptor, (done) => Fs.fsync(descriptor, done))

const writeNow = (descriptor: number, contents: Uint8Array): void => {
  for (let rest = contents; rest.length > 0;) {
    rest = rest.subarray(Fs.writeSync(descriptor, rest))
  }
}

/** Opens, uses, syncs and closes: in one step, but that a thread waits for a disk's sync. */
const synced = (
  path: string,
  flag: "r" | "wx",
  mode: number | undefined,
  use: (descriptor: number) => void
): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    let method = "open"
    let open: number | undefined
    try {
      open = Fs.openSync(path, flag, mode)
      method = "writeAll"
      use(open)
      method = "sync"
      if (isImmediate()) {
        syncNow(open)
        return Effect.void
      }
      const descriptor = open
      open = undefined
      return sync(descriptor).pipe(
        Effect.ensuring(Effect.sync(() => Fs.closeSync(descriptor))),
        Effect.uninterruptible
      )
    } catch (cause) {
      return Effect.fail(failureOf(method, path, cause as NodeJS.ErrnoException))
    } finally {
      if (open !== undefined) Fs.closeSync(open)
    }
  })

const shortcuts: Shortcuts.Shortcuts = {
  infoOf: (path) =>
    direct("lstat", path, () => {
      const stats = Fs.lstatSync(path, { bigint: true, throwIfNoEntry: false })
      return stats && infoOf(stats)
    }),
  create: (path, contents, mode, settle) =>
    synced(path, "wx", mode, (descriptor) => {
      writeNow(descriptor, contents)
      if (settle) Fs.fchmodSync(descriptor, mode)
    }),
  syncDirectory: (path) => synced(path, "r", undefined, () => {}),
  isImmediate
}

class OpenFile implements FileSystem.File {
  readonly [FileSystem.FileTypeId]: typeof FileSystem.FileTypeId = FileSystem.FileTypeId
  readonly fd: number
  private readonly appends: boolean
  private position = 0n

  constructor(fd: number, appends: boolean) {
    this.fd = fd
    this.appends = appends
  }

  get stat() {
    return direct("stat", this.fd, () => infoOf(Fs.fstatSync(this.fd, bigint)))
  }

  get sync() {
    return sync(this.fd)
  }

  seek(offset: bigint, from: FileSystem.SeekMode) {
    return Effect.suspend(() => {
      const position = from === "start" ? offset : this.position + offset
      if (position < 0n) {
        return Effect.fail(badArgument("seek", "Cannot seek before the start of the file"))
      }
      this.position = position
      return Effect.succeed(position)
    })
  }

  read(buffer: Uint8Array, options?: FileSystem.File.ReadOptions) {
    return this.readInto("read", buffer, options?.position)
  }

  readAlloc(size: number, options?: FileSystem.File.ReadOptions) {
    return Effect.suspend(() => {
      if (!Number.isInteger(size) || size < 0) {
        return Effect.fail(badArgument("readAlloc", "size must be a non-negative integer"))
      }
      const buffer = new Uint8Array(size)
      return Effect.map(this.readInto("readAlloc", buffer, options?.position), (bytes) =>
        bytes === 0 ? Option.none() : Option.some(bytes === size ? buffer : buffer.slice(0, bytes))
      )
    })
  }

  private readInto(method: string, buffer: Uint8Array, explicit: bigint | undefined) {
    return Effect.suspend(() => {
      const position = explicit ?? this.position
      if (position < 0n) {
        return Effect.fail(badArgument(method, "Cannot read before the start of the file"))
      }
      return direct(method, this.fd, () => {
        const bytes = Fs.readSync(this.fd, buffer, 0, buffer.length, position)
        if (explicit === undefined) this.position = position + BigInt(bytes)
        return bytes
      })
    })
  }

  truncate(length?: number) {
    return direct("truncate", this.fd, () => {
      Fs.ftruncateSync(this.fd, length)
      const end = BigInt(length ?? 0)
      if (!this.appends && this.position > end) this.position = end
    })
  }

  write(buffer: Uint8Array) {
    return direct("write", this.fd, () => this.writeSome(buffer))
  }

  writeAll(buffer: Uint8Array): Effect.Effect<void, Failure> {
    return buffer.length <= largeWrite || isImmediate()
      ? direct("writeAll", this.fd, () => {
          for (let rest = buffer; rest.length > 0;) rest = rest.subarray(this.writeSome(rest))
        })
      : Effect.flatMap(
          onThread<number>("writeAll", this.fd, (done) =>
            Fs.write(this.fd, buffer, 0, buffer.length, this.writePosition, done)
          ),
          (written) => this.writeAll(buffer.subarray(this.moveOn(written)))
        )
  }

  private writeSome(buffer: Uint8Array): number {
    return this.moveOn(Fs.writeSync(this.fd, buffer, 0, buffer.length, this.writePosition))
  }

  private get writePosition(): number | null {
    return this.appends ? null : Number(this.position)
  }

  private moveOn(written: number): number {
    if (!this.appends) this.position += BigInt(written)
    return written
  }
}

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = Fs.constants

const flagBits: Readonly<Record<FileSystem.OpenFlag, number>> = {
  r: O_RDONLY,
  "r+": O_RDWR,
  w: O_TRUNC | O_CREAT | O_WRONLY,
  wx: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL,
  "w+": O_TRUNC | O_CREAT | O_RDWR,
  "wx+": O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  a: O_APPEND | O_CREAT | O_WRONLY,
  ax: O_APPEND | O_CREAT | O_WRONLY | O_EXCL,
  "a+": O_APPEND | O_CREAT | O_RDWR,
  "ax+": O_APPEND | O_CREAT | O_RDWR | O_EXCL
}

const open: FileSystem.FileSystem["open"] = (path, { flag = "r", mode, noFollow = false } = {}) =>
  // Windows passes over flags that it does not know.
  noFollow && !O_NOFOLLOW
    ? Effect.fail(badArgument("open", "noFollow is not supported on this platform"))
    : Effect.acquireRelease(
        direct("open", path, () => {
          const bits = noFollow ? flagBits[flag] | O_NOFOLLOW : flag
          return new OpenFile(Fs.openSync(path, bits, mode), flag.startsWith("a"))
        }),
        ({ fd }) => Effect.sync(() => Fs.closeSync(fd))
      )

interface TemporaryOptions {
  readonly directory?: string | undefined
  readonly prefix?: string | undefined
  readonly suffix?: string | undefined
}

const makeTempDirectoryAs =
  (method: string) =>
  ({ directory, prefix = "" }: TemporaryOptions = {}): Effect.Effect<string, Failure> => {
    const start = Path.join(directory ?? Os.tmpdir(), "/") + prefix
    return direct(method, start, () => Fs.mkdtempSync(start))
  }

const makeTempFileAs =
  (method: string) =>
  (options: TemporaryOptions = {}): Effect.Effect<string, Failure> =>
    Effect.flatMap(makeTempDirectoryAs(method)(options), (directory) => {
      const file = Path.join(directory, `file${options.suffix ?? ""}`)
      return direct(method, file, () => {
        Fs.writeFileSync(file, "")
        return file
      })
    })

const discard = (path: string) =>
  Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))

/** For what is rare or has no end: Effect's layer for Node, loaded only then. */
const viaNodeLayer = <A, E>(use: (fs: FileSystem.FileSystem) => Effect.Effect<A, E>) =>
  Effect.flatMap(
    Effect.promise(() => import("@effect/platform-node/NodeFileSystem")),
    ({ layer }) => Effect.provide(FileSystem.FileSystem.use(use), layer)
  )

const operations = FileSystem.make({
  access: (path, { readable = false, writable = false } = {}) =>
    direct("access", path, () =>
      Fs.accessSync(path, (readable ? Fs.constants.R_OK : 0) | (writable ? Fs.constants.W_OK : 0))
    ),
  chmod: (path, mode) => direct("chmod", path, () => Fs.chmodSync(path, mode)),
  chown: (path, uid, gid) => direct("chown", path, () => Fs.chownSync(path, uid, gid)),
  copy: (from, to, options) => viaNodeLayer((fs) => fs.copy(from, to, options)),
  copyFile: (from, to) => direct("copyFile", from, () => Fs.copyFileSync(from, to)),
  link: (from, to) => direct("link", from, () => Fs.linkSync(from, to)),
  lstat: (path) => direct("lstat", path, () => infoOf(Fs.lstatSync(path, bigint))),
  makeDirectory: (path, { mode, recursive = false } = {}) =>
    direct("makeDirectory", path, () => {
      Fs.mkdirSync(path, { mode, recursive })
    }),
  makeTempDirectory: makeTempDirectoryAs("makeTempDirectory"),
  makeTempDirectoryScoped: (options) =>
    Effect.acquireRelease(makeTempDirectoryAs("makeTempDirectoryScoped")(options), discard),
  makeTempFile: makeTempFileAs("makeTempFile"),
  makeTempFileScoped: (options) =>
    Effect.acquireRelease(makeTempFileAs("makeTempFileScoped")(options), (file) =>
      discard(Path.dirname(file))
    ),
  open,
  readDirectory: (path, { recursive = false } = {}) =>
    direct("readDirectory", path, () => Fs.readdirSync(path, { recursive, encoding: "utf8" })),
  readDirectoryEntries: (path) =>
    direct("readDirectoryEntries", path, () =>
      Fs.readdirSync(path, { withFileTypes: true }).map((entry) => ({
        name: entry.name,
        type: typeOf(entry)
      }))
    ),
  readFile: (path) => direct("readFile", path, () => Fs.readFileSync(path)),
  readLink: (path) => direct("readLink", path, () => Fs.readlinkSync(path)),
  realPath: (path) => direct("realPath", path, () => Fs.realpathSync(path)),
  remove: (path, { force = false, recursive = false } = {}) =>
    direct("remove", path, () => {
      // Else what lies below a file would count as removed.
      const stats = Fs.lstatSync(path, { throwIfNoEntry: !force })
      if (stats !== undefined) Fs.rmSync(path, { force, recursive })
    }).pipe(
      // Node's two ways to remove differ in how they refuse.
      Effect.catch(() => viaNodeLayer((fs) => fs.remove(path, { force, recursive })))
    ),
  rename: (from, to) => direct("rename", from, () => Fs.renameSync(from, to)),
  stat: (path) => direct("stat", path, () => infoOf(Fs.statSync(path, bigint))),
  symlink: (target, path) => direct("symlink", target, () => Fs.symlinkSync(target, path)),
  truncate: (path, length) => direct("truncate", path, () => Fs.truncateSync(path, length)),
  utimes: (path, atime, mtime) => direct("utime", path, () => Fs.utimesSync(path, atime, mtime)),
  watch: (path, options) =>
    Stream.unwrap(viaNodeLayer((fs) => Effect.succeed(fs.watch(path, options)))),
  writeFile: (path, data, { flag = "w", mode } = {}) =>
    direct("writeFile", path, () => Fs.writeFileSync(path, data, { flag, mode }))
})

// Not to be copied into a file system that has other operations.
export const fileSystem: FileSystem.FileSystem = Object.defineProperty(operations, Shortcuts.key, {
  value: shortcuts
})

export const layer: Layer.Layer<FileSystem.FileSystem> = Layer.succeed(
  FileSystem.FileSystem,
  fileSystem
)
