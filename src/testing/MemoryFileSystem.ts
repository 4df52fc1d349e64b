/**
 * A file system in memory that answers as Effect's Node layer does on Linux, errors included, and
 * whose disk can be inspected and copied.
 *
 * It is not built on a package such as `memfs`, because those leave out what these tests need:
 * Linux's refusals of a rename, permissions, the umask, folders opened to be synced, and which
 * changes are durable.
 *
 * Times come from Effect's `Clock`; a read does not change the access time. Paths are POSIX paths,
 * and relative ones start at the root. Nothing waits: each operation is done when its effect runs.
 */
import { posix } from "node:path"
import {
  ByteSize,
  Context,
  Effect,
  FileSystem,
  Layer,
  Option,
  PlatformError,
  Scope,
  Stream
} from "effect"
import * as Errno from "./internal/errno.ts"
import type { Inode } from "./internal/inode.ts"
import * as Linux from "./internal/linuxDisk.ts"
import type { EntryChange } from "./internal/nameJournal.ts"
import * as Node from "./internal/nodeMethods.ts"
import { Stopped } from "./internal/stopped.ts"

/** @internal */
export type { Inode } from "./internal/inode.ts"
/** @internal */
export type { PowerLoss, Step } from "./internal/linuxDisk.ts"
/** @internal */
export type { EntryChange } from "./internal/nameJournal.ts"

// --- what tests hold of a disk -------------------------------------------------------------------

/**
 * The entry of one path. `mode` holds the permission bits, `mtime` milliseconds since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry =
  | { readonly type: "Directory"; readonly mode: number; readonly mtime: number }
  | {
      readonly type: "File"
      readonly mode: number
      readonly mtime: number
      readonly bytes: Uint8Array
    }
  | {
      readonly type: "SymbolicLink"
      readonly mode: number
      readonly mtime: number
      readonly target: string
    }

/**
 * A whole tree by absolute path, the root included. Equal trees give equal snapshots;
 * hard links appear as separate files.
 *
 * @category models
 * @since 0.1.0
 */
export type Snapshot = { readonly [path: string]: Entry }

/**
 * The options of a disk.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Permission bits that a new file or folder does not get. Default: 0o022. */
  readonly umask?: number | undefined
  /** Who calls. The default, 0, is root and refused nothing; any other is held to permissions. */
  readonly uid?: number | undefined
  /** The caller's only group. Default: 0. */
  readonly gid?: number | undefined
  /** How many bytes all files together can hold; a write beyond fails with ENOSPC. Default: no end. */
  readonly capacity?: number | undefined
  /**
   * Names that differ only in case or Unicode form are one name, as on macOS and Windows. A name
   * keeps the spelling it was made with until it is renamed. Default: false, as on Linux.
   */
  readonly caseInsensitive?: boolean | undefined
  /**
   * Asked before each step. A code makes its system call fail with it. `"Stop"` stops the world, as
   * `kill -9` of the process would: this and every later operation dies with `Stopped` and changes
   * nothing, finalizers included. Continue with a `clone` or after a `crash`.
   *
   * @internal
   */
  readonly onStep?: ((step: Linux.Step) => Errno.Code | "Stop" | undefined) | undefined
}

/**
 * The power loss that loses nothing.
 *
 * @internal
 */
export const loseNothing: Linux.PowerLoss = {
  entry: () => true,
  content: ({ written }) => written,
  attributes: () => true
}

/**
 * The power loss after which only synced changes remain.
 *
 * @internal
 */
export const loseUnsynced: Linux.PowerLoss = {
  entry: () => false,
  content: ({ synced }) => synced,
  attributes: () => false
}

/**
 * A power loss that loses at random: some changes of names and attributes; of written content all,
 * some tail (cut off, or NULs or old bytes in its place), or none. The same seed loses the same;
 * each value is for one `crash`.
 *
 * @internal
 */
export const loseSome = (seed: number): Linux.PowerLoss => {
  // Marsaglia's xorshift: 32 bits of state, never all zero.
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1
  const random = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  random()
  const kept = random()
  return {
    entry: () => random() < kept,
    content: ({ synced, written }) => {
      const drawn = random()
      if (drawn < 0.25) return synced
      if (drawn < 0.5) return written
      const cut = Math.floor(random() * written.length)
      const tail = random()
      if (tail < 0.5) return written.slice(0, cut)
      const torn = new Uint8Array(written.length)
      if (tail < 0.75) torn.set(synced.subarray(0, written.length))
      torn.set(written.subarray(0, cut))
      return torn
    },
    attributes: () => random() < kept
  }
}

/**
 * One disk: its file system, and what only a test can see and do.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryDisk {
  readonly fileSystem: FileSystem.FileSystem
  /** The tree as a plain value; that below (and with) `path` if given, empty if nothing is there. */
  readonly snapshot: (path?: string) => Snapshot
  /** A disk with the same content that goes its own way. Options not given stay, but for `onStep`. */
  readonly clone: (options?: Options) => MemoryDisk
  /**
   * The disk as it comes back after a power loss at this moment; this one stays as it is.
   *
   * @internal
   */
  readonly crash: (powerLoss: Linux.PowerLoss, options?: Options) => MemoryDisk
  /**
   * Makes every change durable.
   *
   * @internal
   */
  readonly sync: () => void
  /**
   * Changes that a power loss could lose: those of names, and files written or changed after their
   * sync.
   *
   * @internal
   */
  readonly unsynced: () => {
    readonly entries: ReadonlyArray<EntryChange>
    readonly files: ReadonlyArray<string>
  }
  /**
   * The changes of names alone.
   *
   * @internal
   */
  readonly unsyncedEntries: () => ReadonlyArray<EntryChange>
  /**
   * The disk's own inode at a path, by its names alone. It is not to be changed.
   *
   * @internal
   */
  readonly inode: (path: string) => Inode | undefined
  /**
   * How many steps were made.
   *
   * @internal
   */
  readonly steps: () => number
  /**
   * True once `onStep` stopped it.
   *
   * @internal
   */
  readonly isStopped: () => boolean
}

/**
 * The disk below the `FileSystem` that {@link layer} gives.
 *
 * @example
 * ```ts
 * import { assert, it } from "@effect/vitest"
 * import { Effect } from "effect"
 * import { PluginSync } from "effect-codex-plugins"
 * import { MemoryFileSystem, TestBackend, TestCodexPlugins } from "effect-codex-plugins/testing"
 *
 * const hello = TestBackend.plugin({ name: "hello", version: "1.0.0" })
 *
 * it.effect("a pass puts each version into a folder of its own", () =>
 *   Effect.gen(function* () {
 *     const { sync } = yield* PluginSync.PluginSync
 *     yield* sync
 *     const disk = yield* MemoryFileSystem.Disk
 *     const cache = `${TestCodexPlugins.root}/plugins/cache/openai-curated-remote`
 *     assert.property(disk.snapshot(), `${cache}/hello/1.0.0`)
 *   }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: [hello] })))
 * )
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Disk extends Context.Service<Disk, MemoryDisk>()(
  "effect-codex-plugins/testing/MemoryFileSystem/Disk"
) {}

// --- Node's methods ------------------------------------------------------------------------------

const fileTypes = { File: 0o100000, Directory: 0o040000, SymbolicLink: 0o120000 }

const sizeOf = (inode: Inode) => {
  switch (inode.type) {
    case "File":
      return inode.size
    case "Directory":
      return Linux.pageSize
    case "SymbolicLink":
      return new TextEncoder().encode(inode.target).length
  }
}

const linksOf = (inode: Inode) => {
  const isRemoved = inode.names === 0 && inode.type === "Directory" && inode.parent !== inode
  if (inode.type !== "Directory" || isRemoved) return inode.names
  let links = 2
  for (const child of inode.entries.values()) if (child.type === "Directory") links++
  return links
}

const noDevice = Option.some(0n)
const blockSize = Option.some(ByteSize.bytes(Linux.pageSize))

const infoOf = (inode: Inode): FileSystem.File.Info => {
  const size = sizeOf(inode)
  return {
    type: inode.type,
    mtime: Option.some(new Date(inode.mtime)),
    atime: Option.some(new Date(inode.atime)),
    birthtime: Option.some(new Date(inode.birthtime)),
    dev: 1n,
    rdev: noDevice,
    ino: Option.some(BigInt(inode.ino)),
    mode: fileTypes[inode.type] | inode.mode,
    nlink: Option.some(BigInt(linksOf(inode))),
    uid: Option.some(inode.uid),
    gid: Option.some(inode.gid),
    size: ByteSize.bytes(size),
    blksize: blockSize,
    blocks: Option.some(BigInt(Math.ceil(size / Linux.pageSize) * 8))
  }
}

const badArgument = (method: string, description: string) =>
  PlatformError.badArgument({ module: "FileSystem", method, description })

const checkInteger = (method: string, name: string, value: number, min: number, max: number) => {
  if (!Number.isInteger(value) || value < min || value > max)
    throw badArgument(method, `${name} must be an integer from ${min} to ${max}, not ${value}`)
}

const millisecondsOf = (time: Date | number, now: number) => {
  const milliseconds = typeof time === "number" ? time * 1000 : time.getTime()
  return typeof time === "number" && time < 0 ? now : milliseconds
}

// --- the service ---------------------------------------------------------------------------------

const makeFileSystem = (disk: Linux.Disk): FileSystem.FileSystem => {
  const run = <A>(
    method: string,
    pathOrDescriptor: string | number,
    body: () => A
  ): Effect.Effect<A, PlatformError.PlatformError> =>
    Effect.clockWith((clock) => {
      if (disk.stopped) return Effect.die(new Stopped())
      disk.now = clock.currentTimeMillisUnsafe()
      try {
        return Effect.succeed(body())
      } catch (error) {
        if (error instanceof Linux.Failure)
          return Effect.fail(
            Errno.platformError({
              code: error.code,
              method,
              pathOrDescriptor,
              syscall: error.syscall,
              path: error.path,
              dest: error.dest
            })
          )
        if (PlatformError.isPlatformError(error)) return Effect.fail(error)
        throw error
      }
    })

  const onPath = <A>(method: string, paths: ReadonlyArray<string>, body: () => A) =>
    run(method, paths[0] ?? "", () => {
      if (paths.some((path) => path.includes("\0")))
        throw badArgument(method, "a path must not hold a null byte")
      return body()
    })

  const makeTemporary = (method: string, options: TemporaryOptions | undefined) => {
    const prefix = posix.join(options?.directory ?? "/tmp", options?.prefix || "./")
    return onPath(method, [prefix], () => {
      for (;;) {
        const path = `${prefix}${disk.nextTemporary()}`
        const taken = Node.attempt(
          () => disk.mkdir(path, 0o700, "mkdtemp"),
          (failure) => {
            if (failure.code !== "EEXIST") throw failure
            return true
          }
        )
        if (!taken) return path
      }
    })
  }
  const makeTemporaryFile = (method: string, options: TemporaryOptions | undefined) =>
    Effect.flatMap(makeTemporary(method, options), (directory) => {
      const path = posix.join(directory, `file${options?.suffix ?? ""}`)
      return Effect.as(writeFile(path, new Uint8Array(0)), path)
    })
  const removeTemporary = (method: string, path: string) =>
    Effect.orDie(onPath(method, [path], () => Node.remove(disk, path, true, true)))

  const writeFile: FileSystem.FileSystem["writeFile"] = (path, data, options) =>
    onPath("writeFile", [path], () =>
      Node.writeWhole(disk, path, data, options?.flag ?? "w", options?.mode ?? 0o666)
    )

  const truncateTo = (method: string, handle: Linux.Handle, length: number) => {
    checkInteger(method, "len", length, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
    disk.ftruncate(handle, Math.max(0, length))
  }

  const makeFile = (handle: Linux.Handle): FileSystem.File => {
    const { append } = handle.access
    let cursor = 0n
    const onFile = <A>(method: string, body: () => A) => run(method, handle.fd, body)
    const read = (
      method: string,
      buffer: Uint8Array,
      options: FileSystem.File.ReadOptions | undefined
    ) => {
      const position = options?.position ?? cursor
      if (position < 0n) throw badArgument(method, "Cannot read before the start of the file")
      // Node makes no system call then.
      if (buffer.length === 0) return 0
      const length = disk.read(handle, buffer, Number(position))
      if (options?.position === undefined) cursor += BigInt(length)
      return length
    }
    const write = (buffer: Uint8Array) => {
      const length = disk.write(handle, buffer, Number(cursor))
      if (!append) cursor += BigInt(length)
      return length
    }
    return {
      [FileSystem.FileTypeId]: FileSystem.FileTypeId,
      stat: onFile("stat", () => infoOf(disk.fstat(handle))),
      sync: onFile("sync", () => disk.fsync(handle)),
      seek: (offset, from) =>
        onFile("seek", () => {
          const position = from === "start" ? offset : cursor + offset
          if (position < 0n) throw badArgument("seek", "Cannot seek before the start of the file")
          cursor = position
          return position
        }),
      read: (buffer, options) => onFile("read", () => read("read", buffer, options)),
      readAlloc: (size, options) =>
        onFile("readAlloc", () => {
          checkInteger("readAlloc", "size", size, 0, Number.MAX_SAFE_INTEGER)
          const buffer = new Uint8Array(size)
          const length = read("readAlloc", buffer, options)
          if (length === 0) return Option.none()
          return Option.some(length === size ? buffer : buffer.slice(0, length))
        }),
      truncate: (length = 0) =>
        onFile("truncate", () => {
          truncateTo("truncate", handle, length)
          const end = BigInt(Math.max(0, length))
          if (!append && cursor > end) cursor = end
        }),
      write: (buffer) => onFile("write", () => write(buffer)),
      writeAll: (buffer) =>
        onFile("writeAll", () => {
          let done = 0
          while (done < buffer.length) done += write(buffer.subarray(done))
        })
    }
  }

  return FileSystem.make({
    access: (path, options) =>
      onPath("access", [path], () =>
        disk.access(path, {
          readable: options?.readable ?? false,
          writable: options?.writable ?? false
        })
      ),
    chmod: (path, mode) =>
      onPath("chmod", [path], () => {
        checkInteger("chmod", "mode", mode, 0, 2 ** 32 - 1)
        disk.chmod(path, mode)
      }),
    chown: (path, uid, gid) =>
      onPath("chown", [path], () => {
        checkInteger("chown", "uid", uid, -1, 2 ** 32 - 1)
        checkInteger("chown", "gid", gid, -1, 2 ** 32 - 1)
        disk.chown(path, uid, gid)
      }),
    copy: (from, to, options) =>
      onPath("copy", [from, to], () =>
        Node.copy(disk, from, to, {
          overwrite: options?.overwrite ?? false,
          preserveTimestamps: options?.preserveTimestamps ?? false
        })
      ),
    copyFile: (from, to) => onPath("copyFile", [from, to], () => Node.copyFile(disk, from, to)),
    link: (from, to) => onPath("link", [from, to], () => disk.link(from, to)),
    lstat: (path) => onPath("lstat", [path], () => infoOf(disk.lstat(path))),
    makeDirectory: (path, options) =>
      onPath("makeDirectory", [path], () => {
        const mode = options?.mode ?? 0o777
        checkInteger("makeDirectory", "mode", mode, 0, 2 ** 32 - 1)
        if (options?.recursive) Node.makeDirectories(disk, path, mode)
        else disk.mkdir(path, mode)
      }),
    makeTempDirectory: (options) => makeTemporary("makeTempDirectory", options),
    makeTempDirectoryScoped: (options) =>
      Effect.acquireRelease(makeTemporary("makeTempDirectoryScoped", options), (path) =>
        removeTemporary("makeTempDirectoryScoped", path)
      ),
    makeTempFile: (options) => makeTemporaryFile("makeTempFile", options),
    makeTempFileScoped: (options) =>
      Effect.acquireRelease(makeTemporaryFile("makeTempFileScoped", options), (path) =>
        removeTemporary("makeTempFileScoped", posix.dirname(path))
      ),
    open: (path, options) =>
      // As `acquireRelease` does it, in fewer steps: tests open files very often.
      Effect.uninterruptible(
        Effect.flatMap(Effect.scope, (scope) =>
          Effect.flatMap(
            onPath("open", [path], () =>
              disk.open(
                path,
                Node.accessOf(options?.flag ?? "r", options?.noFollow),
                options?.mode ?? 0o666
              )
            ),
            (handle) =>
              Effect.as(
                Scope.addFinalizer(
                  scope,
                  Effect.sync(() => disk.close(handle))
                ),
                makeFile(handle)
              )
          )
        )
      ),
    readDirectory: (path, options) =>
      onPath("readDirectory", [path], () =>
        Node.readDirectory(disk, path, options?.recursive ?? false)
      ),
    readDirectoryEntries: (path) =>
      onPath("readDirectoryEntries", [path], () =>
        disk
          .readdir(path)
          .sorted()
          .map(([name, { type }]) => ({ name, type }))
      ),
    readFile: (path) => onPath("readFile", [path], () => Node.readWhole(disk, path)),
    readLink: (path) => onPath("readLink", [path], () => disk.readlink(path)),
    realPath: (path) => onPath("realPath", [path], () => Node.realPath(disk, path)),
    remove: (path, options) =>
      onPath("remove", [path], () =>
        Node.remove(disk, path, options?.recursive ?? false, options?.force ?? false)
      ),
    rename: (from, to) => onPath("rename", [from, to], () => disk.rename(from, to)),
    stat: (path) => onPath("stat", [path], () => infoOf(disk.stat(path))),
    symlink: (target, path) => onPath("symlink", [target, path], () => disk.symlink(target, path)),
    truncate: (path, length = 0) =>
      onPath("truncate", [path], () => {
        const handle = disk.open(path, Node.accessOf("r+"), 0)
        try {
          truncateTo("truncate", handle, length)
        } finally {
          disk.close(handle)
        }
      }),
    utimes: (path, atime, mtime) =>
      onPath("utime", [path], () => {
        const [accessed, modified] = [
          millisecondsOf(atime, disk.now),
          millisecondsOf(mtime, disk.now)
        ]
        if (!Number.isFinite(accessed) || !Number.isFinite(modified))
          throw badArgument("utime", "a time must be a valid date or a number of seconds")
        disk.utimes(path, accessed, modified)
      }),
    watch: (path) =>
      Stream.fromEffect(
        Effect.andThen(
          onPath("stat", [path], () => disk.stat(path)),
          Effect.fail(badArgument("watch", "a file system in memory cannot be watched"))
        )
      ),
    writeFile
  })
}

interface TemporaryOptions {
  readonly directory?: string | undefined
  readonly prefix?: string | undefined
  readonly suffix?: string | undefined
}

const makeDisk = (disk: Linux.Disk): MemoryDisk => {
  const settings = (options: Options | undefined) => ({
    umask: options?.umask ?? disk.settings.umask,
    uid: options?.uid ?? disk.settings.uid,
    gid: options?.gid ?? disk.settings.gid,
    capacity: options?.capacity ?? disk.settings.capacity,
    caseInsensitive: options?.caseInsensitive ?? disk.settings.caseInsensitive,
    onStep: options?.onStep
  })
  let fileSystem: FileSystem.FileSystem | undefined
  return {
    // Most pictures of a disk are never mounted.
    get fileSystem() {
      return (fileSystem ??= makeFileSystem(disk))
    },
    snapshot: (path = "/") => {
      const snapshot: Record<string, Entry> = {}
      disk.visit((at, inode) => {
        snapshot[at] = entryOf(inode)
      }, Node.resolve(path))
      return snapshot
    },
    inode: (path) => disk.at(Node.resolve(path)),
    clone: (options) => makeDisk(disk.clone(settings(options))),
    crash: (powerLoss, options) => makeDisk(disk.crash(powerLoss, settings(options))),
    sync: () => disk.sync(),
    unsynced: () => disk.unsynced(),
    unsyncedEntries: () => disk.unsyncedEntries(),
    steps: () => disk.steps,
    isStopped: () => disk.stopped
  }
}

const entryOf = (inode: Inode): Entry => {
  const { mode, mtime } = inode
  switch (inode.type) {
    case "Directory":
      return { type: "Directory", mode, mtime }
    case "File":
      return { type: "File", mode, mtime, bytes: inode.bytes.slice() }
    case "SymbolicLink":
      return { type: "SymbolicLink", mode, mtime, target: inode.target }
  }
}

/**
 * A new disk. It holds the files of `tree`, all durable, with their folders made where the tree
 * does not name them; without a tree, an empty `/tmp`. All of it belongs to the caller.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options?: Options & { readonly tree?: Snapshot | undefined }
): Effect.Effect<MemoryDisk> =>
  Effect.clockWith((clock) =>
    Effect.sync(() => {
      const {
        capacity = Infinity,
        caseInsensitive = false,
        gid = 0,
        onStep,
        uid = 0,
        umask = 0o022
      } = options ?? {}
      const now = clock.currentTimeMillisUnsafe()
      const plain = {
        umask: 0o022,
        uid,
        gid,
        capacity: Infinity,
        caseInsensitive,
        onStep: undefined
      }
      const disk = new Linux.Disk(plain, now)
      plant(disk, options?.tree ?? { "/tmp": { type: "Directory", mode: 0o1777, mtime: now } })
      return makeDisk(disk.clone({ umask, uid, gid, capacity, caseInsensitive, onStep }))
    })
  )

const plant = (disk: Linux.Disk, tree: Snapshot) => {
  for (const path of Object.keys(tree).toSorted()) {
    const entry = tree[path]
    if (entry === undefined) continue
    Node.makeDirectories(disk, entry.type === "Directory" ? path : posix.dirname(path), 0o755)
    if (entry.type === "File") Node.writeWhole(disk, path, entry.bytes, "w", entry.mode)
    if (entry.type === "SymbolicLink") disk.symlink(entry.target, path)
  }
  disk.visit((path, inode) => {
    const entry = tree[path]
    if (entry === undefined) return
    inode.mode = entry.mode
    inode.atime = inode.mtime = entry.mtime
  })
  disk.sync()
}

/**
 * The file system and the {@link Disk} below it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOf = (disk: MemoryDisk): Layer.Layer<FileSystem.FileSystem | Disk> =>
  Layer.succeedContext(
    Context.make(FileSystem.FileSystem, disk.fileSystem).pipe(Context.add(Disk, disk))
  )

/**
 * As {@link layer}, with options. Each layer that this gives has a disk of its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (
  options: Options & { readonly tree?: Snapshot | undefined }
): Layer.Layer<FileSystem.FileSystem | Disk> => Layer.unwrap(Effect.map(make(options), layerOf))

/**
 * A `FileSystem` on a new disk, and that {@link Disk}. It is one disk wherever the layer is used in
 * one program; `Layer.fresh` gives a second one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<FileSystem.FileSystem | Disk> = layerWith({})
