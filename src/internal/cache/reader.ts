/**
 * Reads the cache. Nothing here changes anything, waits for a lock, or follows a link in the cache.
 */
import {
  Array as Arr,
  Clock,
  Effect,
  type FileSystem,
  Option,
  Order,
  Path,
  type PlatformError,
  Schema
} from "effect"
import { isNotFound } from "../platformError.ts"
import type { CachedPlugin, CacheSnapshot, Stray } from "../../CacheSnapshot.ts"
import * as CodexHome from "../../CodexHome.ts"
import * as PluginId from "../../PluginId.ts"
import { remoteMarketplaces } from "../marketplaces.ts"
import * as PlatformErrors from "../platformError.ts"
import * as BaseRoots from "./baseRoots.ts"
import * as Disk from "../disk/Disk.ts"
import * as PluginReader from "./pluginReader.ts"
import { doubtPrefix } from "./staging.ts"

/** The number of marketplaces that are listed at the same time. */
const concurrency = 16

const decodePluginName = Schema.decodeUnknownOption(PluginId.PluginName)
const decodeMarketplaceName = Schema.decodeUnknownOption(PluginId.MarketplaceName)

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
  const baseRoots = BaseRoots.make(disk, path, home.cache)
  const { entriesOf, fingerprintOf, marketplaceRoot } = baseRoots
  const plugins = PluginReader.make(disk, path, baseRoots)

  const stagedNames = Effect.catchIf(disk.names(home.staging), isNotFound, () =>
    Effect.succeed<ReadonlyArray<string>>([])
  )

  /** Reads those of the plugins that have base roots, in the given order. */
  const readAll = Effect.fnUntraced(function* (pluginIds: ReadonlyArray<PluginId.PluginId>) {
    const doubts = new Set(yield* stagedNames)
    const reads = pluginIds.map(
      (pluginId) => () => plugins.pluginReads(pluginId, doubts.has(`${doubtPrefix}${pluginId}`))
    )
    return Arr.getSomes(yield* disk.runAllReads(reads))
  })

  /** The entries of marketplaces that are real folders; links are ignored. */
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
  ) => readAll(Arr.getSomes(entries.map(({ pluginId }) => pluginId)).toSorted(Order.String))

  const list: Effect.Effect<
    ReadonlyArray<CachedPlugin>,
    PlatformError.PlatformError
  > = Effect.flatMap(
    marketplaceEntries(
      () => true,
      (folder) =>
        // An unreadable marketplace hides only its own plugins.
        entriesOf(folder).pipe(
          Effect.catch((error) =>
            Effect.as(
              Effect.logWarning(`cannot list ${folder}: ${PlatformErrors.messageOf(error)}`),
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
        const fingerprint = yield* fingerprintOf(path.join(marketplaceRoot(marketplace), name))
        if (fingerprint !== undefined) strays.push({ marketplace, name, fingerprint })
      }
      return { takenAt, plugins, strays }
    }
  )

  const read = (pluginId: PluginId.PluginId) => Effect.map(readAll([pluginId]), Arr.head)

  return {
    ...baseRoots,
    readSidecar: plugins.readSidecar,
    identityOf: plugins.identityOf,
    list,
    snapshot,
    read
  }
})
