/**
 * Base roots: the folders that hold the versions and the sidecar of one plugin each.
 */
import { Effect, type FileSystem, Option, type Path, type PlatformError, Schema } from "effect"
import type { Fingerprint } from "../../CacheSnapshot.ts"
import * as InstallMetadata from "../../InstallMetadata.ts"
import * as PluginId from "../../PluginId.ts"
import * as PluginVersion from "../../PluginVersion.ts"
import type * as Disk from "./Disk.ts"

/** The content of one base root, according to its folder. */
export interface BaseRoot {
  readonly entries: ReadonlyArray<FileSystem.DirectoryEntry>
  readonly versions: ReadonlyArray<PluginVersion.PluginVersion>
  readonly active: Option.Option<PluginVersion.PluginVersion>
  /** The kind of the entry that has the sidecar's name. */
  readonly sidecar: FileSystem.File.Type | undefined
}

export const isNotFound = (error: PlatformError.PlatformError): boolean =>
  error.reason._tag === "NotFound"

export const mtimeOf = (info: FileSystem.File.Info): number =>
  Option.match(info.mtime, { onNone: () => 0, onSome: (mtime) => mtime.getTime() })

/** The place of a file or folder on its disk. No two that exist at a time have the same one. */
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

/** Contains names and places, because the time is too coarse to show every change. */
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

export type BaseRoots = ReturnType<typeof make>

export const make = (disk: Disk.Disk, path: Path.Path, cache: string) => {
  const marketplaceRoot = (marketplace: PluginId.MarketplaceName) => path.join(cache, marketplace)
  const baseRootOf = (pluginId: PluginId.PluginId) =>
    path.join(cache, PluginId.marketplace(pluginId), PluginId.name(pluginId))
  const sidecarOf = (baseRoot: string) => path.join(baseRoot, InstallMetadata.fileName)

  /** A folder's entries; none where there is no such folder. */
  const entriesOf = (directory: string) =>
    disk
      .entries(directory)
      .pipe(
        Effect.catchIf(isNotFound, () =>
          Effect.succeed<ReadonlyArray<FileSystem.DirectoryEntry>>([])
        )
      )

  /** lstat, or undefined if the path does not exist. */
  const infoOf = (target: string) => disk.lstat(target)

  /** The active version and the sidecar of a base root, as far as they exist. */
  const partsOf = (baseRoot: string, { active, sidecar }: BaseRoot) =>
    Effect.all([
      Option.isNone(active) ? Effect.succeed(undefined) : infoOf(path.join(baseRoot, active.value)),
      sidecar === undefined ? Effect.succeed(undefined) : infoOf(sidecarOf(baseRoot))
    ])

  /** Changes once anything in the folder is added, removed or replaced. */
  const fingerprintOf = Effect.fnUntraced(function* (target: string) {
    const info = yield* infoOf(target)
    if (info === undefined) return undefined
    const contents =
      info.type === "Directory"
        ? yield* Effect.orElseSucceed(readBaseRoot(target), () => emptyBaseRoot)
        : emptyBaseRoot
    return fingerprint(info, contents, ...(yield* partsOf(target, contents)))
  })

  const readBaseRoot = (baseRoot: string): Effect.Effect<BaseRoot, PlatformError.PlatformError> =>
    Effect.map(entriesOf(baseRoot), baseRootWith)

  /** The base root, if it is a folder below a marketplace that is one too. */
  const locate = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    const baseRoot = baseRootOf(pluginId)
    const infos = yield* Effect.forEach([path.dirname(baseRoot), baseRoot], infoOf, {
      concurrency: "unbounded"
    })
    return infos.every((info) => info?.type === "Directory")
      ? yield* readBaseRoot(baseRoot)
      : emptyBaseRoot
  })

  return {
    marketplaceRoot,
    baseRootOf,
    sidecarOf,
    entriesOf,
    infoOf,
    partsOf,
    fingerprintOf,
    readBaseRoot,
    locate
  }
}
