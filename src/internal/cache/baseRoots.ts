/**
 * Base roots: each is the folder of one plugin's versions and sidecar.
 */
import { Effect, type FileSystem, Option, type Path, type PlatformError, Schema } from "effect"
import { isNotFound } from "../platformError.ts"
import type { Fingerprint } from "../../CacheSnapshot.ts"
import * as InstallMetadata from "../../InstallMetadata.ts"
import * as PluginId from "../../PluginId.ts"
import * as PluginVersion from "../../PluginVersion.ts"
import type * as Disk from "../disk/Disk.ts"
import * as Reads from "../disk/reads.ts"

/** The content of one base root, from its folder's entries. */
export interface BaseRoot {
  readonly entries: ReadonlyArray<FileSystem.DirectoryEntry>
  readonly versions: ReadonlyArray<PluginVersion.PluginVersion>
  readonly active: Option.Option<PluginVersion.PluginVersion>
  /** The type of the entry with the sidecar's name. */
  readonly sidecar: FileSystem.File.Type | undefined
}

export const mtimeOf = (info: FileSystem.File.Info): number =>
  Option.match(info.mtime, { onNone: () => 0, onSome: (mtime) => mtime.getTime() })

/** The inode of a file or folder. No two that exist at the same time have the same one. */
const placeOf = (info: FileSystem.File.Info | undefined): string =>
  info === undefined ? "" : `${info.dev}:${Option.getOrElse(info.ino, () => 0n)}`

const isVersion = Schema.is(PluginVersion.PluginVersion)

export const baseRootWith = (entries: ReadonlyArray<FileSystem.DirectoryEntry>): BaseRoot => {
  const versions = entries
    .filter(({ type }) => type === "Directory")
    .map(({ name }) => name)
    .filter(isVersion)
  return {
    entries,
    versions,
    active: PluginVersion.active(versions),
    sidecar: entries.find(({ name }) => name === InstallMetadata.fileName)?.type
  }
}

export const emptyBaseRoot = baseRootWith([])

/** Contains names and inodes, because timestamps are too coarse to reveal every change. */
export const fingerprint = (
  info: FileSystem.File.Info,
  contents: BaseRoot,
  active: FileSystem.File.Info | undefined,
  sidecar: FileSystem.File.Info | undefined
): Fingerprint =>
  [
    placeOf(info),
    mtimeOf(info),
    placeOf(active),
    placeOf(sidecar),
    ...contents.entries.map(({ name }) => name).toSorted()
  ].join("/")

/** A folder's entries; none where there is no such folder. */
const entriesIn = (folder: string): Reads.Reads<ReadonlyArray<FileSystem.DirectoryEntry>> =>
  Reads.recover(Reads.entries(folder), isNotFound, [])

export type BaseRoots = ReturnType<typeof make>

export const make = (disk: Disk.Disk, path: Path.Path, cache: string) => {
  // Checked names below an absolute path need no normalization, which is slow.
  const within = (folder: string, name: string) => `${folder}${path.sep}${name}`
  const marketplaceRoot = (marketplace: PluginId.MarketplaceName) => within(cache, marketplace)
  const baseRootOf = (pluginId: PluginId.PluginId) =>
    within(marketplaceRoot(PluginId.marketplace(pluginId)), PluginId.name(pluginId))
  const versionRootOf = (baseRoot: string, version: PluginVersion.PluginVersion) =>
    within(baseRoot, version)
  const sidecarOf = (baseRoot: string) => within(baseRoot, InstallMetadata.fileName)

  /** A folder's entries; none where there is no such folder. */
  const entriesOf = (directory: string) => disk.runReads(() => entriesIn(directory))

  /** lstat, or undefined if the path does not exist. */
  const infoOf = (target: string) => disk.lstat(target)

  /** The active version and the sidecar of a base root, as far as they exist. */
  function* partsReads(
    baseRoot: string,
    { active, sidecar }: BaseRoot
  ): Reads.Reads<
    readonly [active: FileSystem.File.Info | undefined, sidecar: FileSystem.File.Info | undefined]
  > {
    return [
      Option.isNone(active) ? undefined : yield* Reads.lstat(versionRootOf(baseRoot, active.value)),
      sidecar === undefined ? undefined : yield* Reads.lstat(sidecarOf(baseRoot))
    ]
  }

  /** A value that changes when anything in the folder is added, removed or replaced. */
  function* fingerprintReads(target: string): Reads.Reads<Fingerprint | undefined> {
    const info = yield* Reads.lstat(target)
    if (info === undefined) return undefined
    const contents =
      info.type === "Directory"
        ? baseRootWith(yield* Reads.recover(Reads.entries(target), () => true, []))
        : emptyBaseRoot
    return fingerprint(info, contents, ...(yield* partsReads(target, contents)))
  }

  const fingerprintOf = (target: string) => disk.runReads(() => fingerprintReads(target))

  const readBaseRoot = (baseRoot: string): Effect.Effect<BaseRoot, PlatformError.PlatformError> =>
    Effect.map(entriesOf(baseRoot), baseRootWith)

  /** The base root, if it and its marketplace are real folders. */
  function* locateReads(pluginId: PluginId.PluginId): Reads.Reads<BaseRoot> {
    const baseRoot = baseRootOf(pluginId)
    for (const folder of [path.dirname(baseRoot), baseRoot]) {
      if ((yield* Reads.lstat(folder))?.type !== "Directory") return emptyBaseRoot
    }
    return baseRootWith(yield* entriesIn(baseRoot))
  }

  const locate = (pluginId: PluginId.PluginId) => disk.runReads(() => locateReads(pluginId))

  return {
    marketplaceRoot,
    baseRootOf,
    versionRootOf,
    sidecarOf,
    entriesOf,
    infoOf,
    partsReads,
    fingerprintReads,
    fingerprintOf,
    readBaseRoot,
    locateReads,
    locate
  }
}
