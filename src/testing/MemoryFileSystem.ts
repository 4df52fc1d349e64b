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
