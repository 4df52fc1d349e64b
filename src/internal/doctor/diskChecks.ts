/**
 * Checks of the folders, the lock and the file system.
 */
import { Clock, Duration, Effect, type FileSystem, Option, type Path } from "effect"
import { count } from "../display.ts"
import type * as CacheLock from "../../CacheLock.ts"
import type * as CodexHome from "../../CodexHome.ts"
import { prefix } from "../cache/staging.ts"
import * as Finding from "./finding.ts"

type Home = CodexHome.CodexHome["Service"]

/** The time for which the check waits for the lock. */
const lockWaitLimit = Duration.seconds(1)

/** Below this much free space a sync may fail, in bytes. */
const minFreeBytes = 256 * 1024 * 1024

/** Below this many free inodes a sync may fail. */
const minFreeInodes = 10_000

export interface Disk {
  readonly fs: FileSystem.FileSystem
  readonly path: Path.Path
  readonly home: Home
}

const resolve = ({ fs }: Disk, target: string) => Effect.option(fs.realPath(target))

export const folder = (disk: Disk): Effect.Effect<Finding.Finding> =>
  Effect.gen(function* () {
    const { fs, home } = disk
    const exists = yield* fs.exists(home.root).pipe(Effect.orElseSucceed(() => false))
    if (!exists) {
      return Finding.ok("the home does not exist yet; Codex or a sync creates it", {
        path: home.root
      })
    }
    const readable = yield* Effect.isSuccess(fs.readDirectory(home.root))
    if (!readable) {
      return Finding.error("the home cannot be read", `check the permissions of ${home.root}`, {
        path: home.root
      })
    }
    const writable = yield* Effect.isSuccess(fs.access(home.root, { writable: true }))
    return Finding.ok(
      writable ? "the home can be read and written" : "the home is read-only; syncs only compare",
      { path: home.root, writable: String(writable) }
    )
  })

/** Links on the way to the cache, and a cache that several homes may share. */
export const links = (disk: Disk): Effect.Effect<Finding.Finding> =>
  Effect.gen(function* () {
    const { home, path } = disk
    const root = yield* resolve(disk, home.root)
    const cache = yield* resolve(disk, path.join(home.root, "plugins", "cache"))
    if (Option.isNone(root) || Option.isNone(cache)) return Finding.ok("there is no cache yet")
    const isInside = cache.value.startsWith(`${root.value}/`)
    if (isInside && home.isShared !== true) {
      return Finding.ok("the cache is inside the home", { cache: cache.value })
    }
    const place = isInside ? "a mount" : "outside the home"
    return Finding.ok(`the cache is ${place}, so other homes may share it`, {
      cache: cache.value,
      shared: "true"
    })
  })

/** Takes the lock briefly. If another process holds it, it works, too. */
export const lock = (
  disk: Disk,
  service: CacheLock.CacheLock["Service"]
): Effect.Effect<Finding.Finding> =>
  Effect.gen(function* () {
    const { fs, home, path } = disk
    const plugins = path.dirname(home.cache)
    const writable = yield* Effect.isSuccess(fs.access(plugins, { writable: true }))
    if (!writable) return Finding.ok("not checked, because nothing can be written here")
    return yield* service.hold(Effect.void).pipe(
      Effect.as(Finding.ok("the lock works")),
      Effect.timeoutOrElse({
        duration: lockWaitLimit,
        orElse: () => Effect.succeed(Finding.ok("another process holds the lock"))
      }),
      Effect.catch((error) =>
        Effect.succeed(
          error.reason._tag === "TimedOut"
            ? Finding.ok("another process holds the lock")
            : Finding.failure(error, "make the folder writable, on a file system with locks")
        )
      )
    )
  })

interface Statistics {
  readonly type: bigint
  readonly freeBytes: bigint
  readonly inodes: bigint
  readonly freeInodes: bigint
}

/** The statistics of the nearest existing folder. None if this platform does not report them. */
export const statistics = (disk: Disk): Effect.Effect<Option.Option<Statistics>> =>
  Effect.tryPromise(async () => {
    // oxlint-disable-next-line no-restricted-imports -- no platform service has statfs
    const { statfs } = await import("node:fs/promises")
    for (let folder = disk.home.cache; ; folder = disk.path.dirname(folder)) {
      try {
        const { bavail, bsize, ffree, files, type } = await statfs(folder, { bigint: true })
        return { type, freeBytes: bavail * bsize, inodes: files, freeInodes: ffree }
      } catch (cause) {
        if (folder === disk.path.dirname(folder)) throw cause
      }
    }
  }).pipe(Effect.option)

/** The magic numbers of Linux file systems. */
const types: ReadonlyMap<bigint, string> = new Map([
  [0xef53n, "ext4"],
  [0x01021994n, "tmpfs"],
  [0x794c7630n, "overlay"],
  [0x58465342n, "xfs"],
  [0x9123683en, "btrfs"],
  [0x6969n, "nfs"],
  [0xff534d42n, "cifs"],
  [0x65735546n, "fuse"],
  [0x2fc12fc1n, "zfs"]
])

export const fileSystem = (found: Option.Option<Statistics>): Finding.Finding => {
  if (Option.isNone(found))
    return Finding.ok("this platform does not report the file system's type")
  const type = types.get(found.value.type) ?? `0x${found.value.type.toString(16)}`
  return Finding.ok(
    type === "overlay"
      ? "an overlay file system: plugins of lower layers are deleted in place"
      : `the file system is ${type}`,
    { type }
  )
}

export const space = (found: Option.Option<Statistics>): Finding.Finding => {
  if (Option.isNone(found)) return Finding.ok("this platform does not report the free space")
  const details = { freeBytes: String(found.value.freeBytes) }
  return found.value.freeBytes < BigInt(minFreeBytes)
    ? Finding.warning("little space is left", "free some space on the home's disk", details)
    : Finding.ok("there is enough space", details)
}

export const inodes = (found: Option.Option<Statistics>): Finding.Finding => {
  if (Option.isNone(found)) return Finding.ok("this platform does not report the free inodes")
  const details = { freeInodes: String(found.value.freeInodes) }
  // Some file systems have no fixed number and report zero.
  return found.value.inodes > 0n && found.value.freeInodes < BigInt(minFreeInodes)
    ? Finding.warning("few inodes are left", "delete files on the home's disk", details)
    : Finding.ok("there are enough inodes", details)
}

/** Entries in staging. Ours and Codex's are removed by passes once nobody can use them. */
export const leftovers = (disk: Disk): Effect.Effect<Finding.Finding> =>
  Effect.gen(function* () {
    const { fs, home } = disk
    const entries = yield* fs.readDirectory(home.staging).pipe(Effect.orElseSucceed(() => []))
    const ours = entries.filter((name) => name.startsWith(prefix))
    const others = entries.length - ours.length
    return Finding.ok(
      entries.length === 0
        ? "staging is empty"
        : `${count(entries.length, "leftover")} in staging; the next sync removes what nobody uses`,
      { ours: String(ours.length), ofCodex: String(others) }
    )
  })

/** The prefix of the folders in which Codex keeps a replaced plugin. */
export const backupPrefix = "plugin-backup-"

export interface Backup {
  /** The folder that Codex made. */
  readonly folder: string
  /** The plugin in it. */
  readonly source: string
  /** The plugin's path in the cache, which does not exist if `isOnlyCopy`. */
  readonly target: string
  readonly isOnlyCopy: boolean
  readonly modifiedAt: number
}

/** The time at which a folder's entries last changed, in milliseconds since 1970. */
export const modifiedAtOf = ({ fs }: Disk, folder: string) =>
  Effect.map(Effect.option(fs.stat(folder)), (info) =>
    Option.match(
      Option.flatMap(info, ({ mtime }) => mtime),
      { onNone: () => 0, onSome: (date) => date.getTime() }
    )
  )

/** Finds the backups in all marketplaces. */
export const backupsOf = Effect.fnUntraced(function* (disk: Disk) {
  const { fs, home, path } = disk
  const foldersIn = (folder: string) =>
    fs.readDirectoryEntries(folder).pipe(
      Effect.map((entries) => entries.filter(({ type }) => type === "Directory")),
      Effect.orElseSucceed(() => [])
    )
  const backups: Array<Backup> = []
  for (const marketplace of yield* foldersIn(home.cache)) {
    const root = path.join(home.cache, marketplace.name)
    for (const { name } of yield* foldersIn(root)) {
      if (!name.startsWith(backupPrefix)) continue
      const folder = path.join(root, name)
      const modifiedAt = yield* modifiedAtOf(disk, folder)
      for (const plugin of yield* foldersIn(folder)) {
        const target = path.join(root, plugin.name)
        const isTaken = yield* fs.exists(target).pipe(Effect.orElseSucceed(() => true))
        backups.push({
          folder,
          source: path.join(folder, plugin.name),
          target,
          isOnlyCopy: !isTaken,
          modifiedAt
        })
      }
    }
  }
  return backups
})

export const backups = (disk: Disk): Effect.Effect<Finding.Finding> =>
  Effect.gen(function* () {
    const found = yield* backupsOf(disk)
    const only = found.filter(({ isOnlyCopy }) => isOnlyCopy)
    const now = yield* Clock.currentTimeMillis
    const details = { backups: Finding.names(found.map(({ source }) => source)) }
    if (found.length === 0) return Finding.ok("Codex left no backups")
    return only.length === 0
      ? Finding.ok(
          `${count(found.length, "backup")} left by Codex, the newest ${Math.round(
            (now - Math.max(...found.map(({ modifiedAt }) => modifiedAt))) / 60_000
          )} minutes old`,
          details
        )
      : Finding.warning(
          `${count(only.length, "backup")} of Codex with the only copy of a plugin`,
          "restore it: codex-plugins doctor --fix",
          details
        )
  })
