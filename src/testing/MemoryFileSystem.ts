/**
 * A file system in memory that behaves as Effect's Node layer does on Linux, including errors. Its
 * disk can be inspected and copied.
 *
 * It is not built on a package such as `memfs`, because those lack features that these tests need:
 * Linux's errors of a rename, permissions, the umask, the sync of folders, and the durability of
 * each change.
 *
 * Times come from Effect's `Clock`; a read does not change the access time. Paths are POSIX paths,
 * and relative ones start at the root. Each operation is complete as soon as its effect runs.
 */
import { posix } from "node:path"
import { Context, Effect, FileSystem, Layer } from "effect"
import type * as Errno from "./internal/errno.ts"
import * as FileSystemOf from "./internal/fileSystemOf.ts"
import type { Inode } from "./internal/inode.ts"
import * as Linux from "./internal/linuxDisk.ts"
import type { EntryChange } from "./internal/nameJournal.ts"
import * as Node from "./internal/nodeMethods.ts"

/** @internal */
export type { Inode } from "./internal/inode.ts"
/** @internal */
export type { PowerLoss, Step } from "./internal/linuxDisk.ts"
/** @internal */
export type { EntryChange } from "./internal/nameJournal.ts"

// --- model of a disk -----------------------------------------------------------------------------

/**
 * The entry of one path. `mode` has the permission bits, and `mtime` is in milliseconds since 1970.
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
 * A whole tree by absolute path, including the root. Equal trees give equal snapshots; hard links
 * appear as separate files.
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
  /** The permission bits that new files and folders do not get. Default: 0o022. */
  readonly umask?: number | undefined
  /** The caller's user id. Default: 0, which is root and passes every permission check. */
  readonly uid?: number | undefined
  /** The caller's only group. Default: 0. */
  readonly gid?: number | undefined
  /**
   * The maximum size of all files together, in bytes; a write beyond it fails with ENOSPC. Default:
   * unlimited.
   */
  readonly capacity?: number | undefined
  /**
   * True treats names that differ only in case or Unicode form as one name, as on macOS and
   * Windows. An entry keeps its spelling until it is renamed. Default: false, as on Linux.
   */
  readonly caseInsensitive?: boolean | undefined
  /**
   * Called before each step. If it returns a code, the step's system call fails with that code.
   * `"Stop"` acts like `kill -9` of the process: this and every later operation dies with `Stopped`
   * and changes nothing, including finalizers. Continue with a `clone` or after a `crash`.
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
 * A random power loss. It loses some changes of names and attributes. Of written content it loses
 * everything, nothing, or a tail, which is cut off or replaced by NULs or old bytes. The same seed
 * loses the same changes; each value is for one `crash`.
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
 * One disk: its file system, and operations for tests.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryDisk {
  readonly fileSystem: FileSystem.FileSystem
  /**
   * The tree as a plain value; with `path`, only that path and everything below it. Empty if the
   * path does not exist.
   */
  readonly snapshot: (path?: string) => Snapshot
  /** An independent copy of the disk. Options that are not given are kept, except `onStep`. */
  readonly clone: (options?: Options) => MemoryDisk
  /**
   * The disk after a power loss at this moment. This disk does not change.
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
   * The changes that a power loss could lose: changes of names, and files that were changed after
   * their last sync.
   *
   * @internal
   */
  readonly unsynced: () => {
    readonly entries: ReadonlyArray<EntryChange>
    readonly files: ReadonlyArray<string>
  }
  /**
   * Only the changes of names.
   *
   * @internal
   */
  readonly unsyncedEntries: () => ReadonlyArray<EntryChange>
  /**
   * The disk's own inode at a path. Links are not followed. It must not be changed.
   *
   * @internal
   */
  readonly inode: (path: string) => Inode | undefined
  /**
   * The number of steps so far.
   *
   * @internal
   */
  readonly steps: () => number
  /**
   * True once `onStep` has stopped the disk.
   *
   * @internal
   */
  readonly isStopped: () => boolean
}

/**
 * The disk of the `FileSystem` from {@link layer}.
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
    // Most copies of a disk never need a file system.
    get fileSystem() {
      return (fileSystem ??= FileSystemOf.make(disk))
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
 * Makes a disk with the files of `tree`, all of them durable. Missing parent folders are created.
 * Without a tree, the disk has an empty `/tmp`. Everything belongs to the caller.
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
 * Provides the file system of a disk, and the {@link Disk}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOf = (disk: MemoryDisk): Layer.Layer<FileSystem.FileSystem | Disk> =>
  Layer.succeedContext(
    Context.make(FileSystem.FileSystem, disk.fileSystem).pipe(Context.add(Disk, disk))
  )

/**
 * Provides the same as {@link layer}, with options. Each call returns a layer with a separate disk.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (
  options: Options & { readonly tree?: Snapshot | undefined }
): Layer.Layer<FileSystem.FileSystem | Disk> => Layer.unwrap(Effect.map(make(options), layerOf))

/**
 * Provides a `FileSystem` on a new disk, and that {@link Disk}. All uses of the layer in a program
 * share one disk; `Layer.fresh` makes a second one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<FileSystem.FileSystem | Disk> = layerWith({})
