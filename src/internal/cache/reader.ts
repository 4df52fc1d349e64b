/**
 * Reads the cache as it is. Nothing here changes anything, waits for a lock, or follows a link in the
 * cache.
 */
import {
  Array as Arr,
  Clock,
  Effect,
  Equivalence,
  type FileSystem,
  Option,
  Order,
  Path,
  type PlatformError,
  Schema
} from "effect"
import {
  type CachedPlugin,
  type CacheSnapshot,
  Identity,
  type Stray,
  type Witness
} from "../../CacheSnapshot.ts"
import * as CodexHome from "../../CodexHome.ts"
import * as InstallMetadata from "../../InstallMetadata.ts"
import * as PluginId from "../../PluginId.ts"
import * as PluginVersion from "../../PluginVersion.ts"
import { remoteMarketplaces } from "../../RemotePlugin.ts"
import type { RemotePluginId } from "../../RemotePluginId.ts"
import * as manifestFile from "../bundle/manifestFile.ts"
import * as Disk from "./Disk.ts"
import * as platformError from "../platformError.ts"
import { doubtPrefix } from "./staging.ts"

/** The identity in a sidecar, and whether the sidecar has the very bytes that Codex writes. */
export interface Sidecar {
  readonly remotePluginId: RemotePluginId
  readonly exact: boolean
}

/** How many base roots are read at a time. */
const concurrency = 16

/** A sidecar of more bytes is not read. Codex writes less than a hundred. */
const smallFile = 1024 * 1024

/** How often a base root is read anew because it changed under the reader. */
const raceRetries = 8

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

/**
 * Everything that is known of a plugin, as text. Two looks give the same text only if nobody has
 * changed the plugin in between.
 */
export const stateOf = (plugin: Option.Option<CachedPlugin>): string =>
  Option.match(plugin, {
    onNone: () => "absent",
    onSome: ({ identity, intact, witness }) => {
      const details =
        identity._tag === "Known"
          ? [identity.remotePluginId, identity.exact]
          : identity._tag === "Unreadable"
            ? [identity.error.message]
            : []
      return JSON.stringify([witness, intact, identity._tag, ...details])
    }
  })

const decodePluginName = Schema.decodeUnknownOption(PluginId.PluginName)
const decodeMarketplaceName = Schema.decodeUnknownOption(PluginId.MarketplaceName)
const isVersion = Schema.is(PluginVersion.PluginVersion)
const isSameVersion = Option.makeEquivalence<PluginVersion.PluginVersion>(Equivalence.String)

const baseRootWith = (entries: ReadonlyArray<FileSystem.DirectoryEntry>): BaseRoot => {
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

/** Names and places beside the time: changes can be too fast for the clock of a file system. */
const witness = (
  info: FileSystem.File.Info,
  contents: BaseRoot,
  active: FileSystem.File.Info | undefined,
  sidecar: FileSystem.File.Info | undefined
): Witness =>
  [
    placeOf(info),
    mtimeOf(info),
    placeOf(active),
    placeOf(sidecar),
    ...contents.entries.map(({ name }) => name).toSorted()
  ].join("/")

const pluginIdOf = (
  marketplace: PluginId.MarketplaceName,
  entry: FileSystem.DirectoryEntry
): Option.Option<PluginId.PluginId> =>
  entry.type === "Directory"
    ? Option.map(decodePluginName(entry.name), (name) => PluginId.make(name, marketplace))
    : Option.none()

export const make = Effect.gen(function* () {
  const disk = yield* Disk.make
  const path = yield* Path.Path
  const home = yield* CodexHome.CodexHome

  const marketplaceRoot = (marketplace: PluginId.MarketplaceName) =>
    path.join(home.cache, marketplace)
  const baseRootOf = (pluginId: PluginId.PluginId) =>
    path.join(home.cache, PluginId.marketplace(pluginId), PluginId.name(pluginId))
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
  const witnessOf = Effect.fnUntraced(function* (target: string) {
    const info = yield* infoOf(target)
    if (info === undefined) return undefined
    const contents =
      info.type === "Directory"
        ? yield* Effect.orElseSucceed(readBaseRoot(target), () => emptyBaseRoot)
        : emptyBaseRoot
    return witness(info, contents, ...(yield* partsOf(target, contents)))
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

  const readSidecar = (
    pluginId: PluginId.PluginId,
    contents: BaseRoot
  ): Effect.Effect<Option.Option<Sidecar>, InstallMetadata.InstallMetadataError> => {
    if (contents.sidecar === undefined) return Effect.succeedNone
    const path = sidecarOf(baseRootOf(pluginId))
    const corrupt = (reason: InstallMetadata.CorruptInstallMetadata["reason"]) =>
      Effect.fail(new InstallMetadata.CorruptInstallMetadata({ path, reason }))
    // A link is not followed: it could name any file of the user's.
    if (contents.sidecar !== "File") return corrupt("NotAFile")
    return Effect.matchEffect(disk.readFile(path, smallFile), {
      onFailure: (error) => (isNotFound(error) ? Effect.succeedNone : corrupt("Inaccessible")),
      onSuccess: (bytes) =>
        Effect.map(InstallMetadata.decode(bytes, path), (remotePluginId) =>
          Option.some({ remotePluginId, exact: InstallMetadata.isExact(bytes, remotePluginId) })
        )
    })
  }

  const identityOf = (
    pluginId: PluginId.PluginId,
    contents: BaseRoot,
    inDoubt: boolean
  ): Effect.Effect<Identity> =>
    Effect.match(readSidecar(pluginId, contents), {
      onFailure: (error): Identity => Identity.Unreadable({ error }),
      onSuccess: Option.match({
        onNone: () => (inDoubt ? Identity.InDoubt() : Identity.Absent()),
        onSome: Identity.Known
      })
    })

  const readPlugin = Effect.fnUntraced(function* (
    pluginId: PluginId.PluginId,
    inDoubt: boolean
  ): Effect.fn.Return<Option.Option<CachedPlugin>, PlatformError.PlatformError> {
    const baseRoot = baseRootOf(pluginId)
    // Before its entries: what changes in between must show as a change later.
    const info = yield* infoOf(baseRoot)
    if (info?.type !== "Directory") return Option.none()
    // A base root that may not be read is one without a version: to install there tells why.
    const look = Effect.match(disk.entries(baseRoot), {
      onFailure: () => emptyBaseRoot,
      onSuccess: baseRootWith
    })
    let contents = yield* look
    let identity = yield* identityOf(pluginId, contents, inDoubt)
    // The sidecar was read after the versions: it may be that of a version which came meanwhile.
    for (let retries = 0; identity._tag === "Known" && retries < raceRetries; retries++) {
      const now = yield* look
      if (isSameVersion(now.active, contents.active)) break
      contents = now
      identity = yield* identityOf(pluginId, contents, inDoubt)
    }
    const { active, versions } = contents
    const [activeInfo, sidecarInfo] = yield* partsOf(baseRoot, contents)
    const plugin = {
      pluginId,
      versions,
      active,
      identity,
      witness: witness(info, contents, activeInfo, sidecarInfo)
    }
    if (Option.isNone(active)) {
      return Option.some({ ...plugin, intact: false, activeSince: mtimeOf(info) })
    }
    const root = path.join(baseRoot, active.value)
    return Option.some({
      ...plugin,
      intact: yield* Effect.isSuccess(manifestFile.read(disk, path, root, PluginId.name(pluginId))),
      activeSince: mtimeOf(versions.length === 1 ? info : (activeInfo ?? info))
    })
  })

  const readPlugins = Effect.fnUntraced(function* (pluginIds: ReadonlyArray<PluginId.PluginId>) {
    const doubts = new Set((yield* entriesOf(home.staging)).map(({ name }) => name))
    const readSome = Effect.forEach(
      (pluginId: PluginId.PluginId) =>
        readPlugin(pluginId, doubts.has(`${doubtPrefix}${pluginId}`)),
      { concurrency }
    )
    const [first = [], ...rest] = Arr.chunksOf(pluginIds, concurrency)
    const plugins = [yield* readSome(first)]
    for (const some of rest) {
      // Else a file system that never waits would keep the network waiting till all are read.
      yield* Effect.yieldNow
      plugins.push(yield* readSome(some))
    }
    return Arr.getSomes(plugins.flat())
  })

  /** The entries of marketplaces that are real folders; a link is passed over. */
  const marketplaceEntries = Effect.fnUntraced(function* (
    wanted: (marketplace: PluginId.MarketplaceName) => boolean,
    entriesIn: typeof entriesOf = entriesOf
  ) {
    const marketplaces = (yield* entriesOf(home.cache))
      .filter(({ type }) => type === "Directory")
      .flatMap(({ name }) => Option.toArray(decodeMarketplaceName(name)))
      .filter(wanted)
    const entries = yield* Effect.forEach(
      marketplaces,
      (marketplace) =>
        Effect.map(entriesIn(marketplaceRoot(marketplace)), (entries) =>
          entries.map((entry) => ({
            marketplace,
            name: entry.name,
            pluginId: pluginIdOf(marketplace, entry)
          }))
        ),
      { concurrency }
    )
    return entries.flat()
  })

  const pluginsAmong = (
    entries: ReadonlyArray<{ readonly pluginId: Option.Option<PluginId.PluginId> }>
  ) => readPlugins(Arr.getSomes(entries.map(({ pluginId }) => pluginId)).toSorted(Order.String))

  const list: Effect.Effect<
    ReadonlyArray<CachedPlugin>,
    PlatformError.PlatformError
  > = Effect.flatMap(
    marketplaceEntries(
      () => true,
      (folder) =>
        // A marketplace that cannot be read hides its own plugins alone.
        entriesOf(folder).pipe(
          Effect.catch((error) =>
            Effect.as(
              Effect.logWarning(`cannot list ${folder}: ${platformError.describe(error)}`),
              []
            )
          )
        )
    ),
    pluginsAmong
  )

  const snapshot: Effect.Effect<CacheSnapshot, PlatformError.PlatformError> = Effect.gen(
    function* () {
      const takenAt = yield* Clock.currentTimeMillis
      const entries = yield* marketplaceEntries((name) => remoteMarketplaces.has(name))
      const plugins = yield* pluginsAmong(entries)
      const strays: Array<Stray> = []
      for (const { marketplace, name, pluginId } of entries) {
        if (Option.isSome(pluginId)) continue
        const witness = yield* witnessOf(path.join(marketplaceRoot(marketplace), name))
        if (witness !== undefined) strays.push({ marketplace, name, witness })
      }
      return { takenAt, plugins, strays }
    }
  )

  const read = (pluginId: PluginId.PluginId) => Effect.map(readPlugins([pluginId]), Arr.head)

  return {
    marketplaceRoot,
    baseRootOf,
    sidecarOf,
    entriesOf,
    infoOf,
    witnessOf,
    readBaseRoot,
    locate,
    readSidecar,
    identityOf,
    list,
    snapshot,
    read
  }
})
