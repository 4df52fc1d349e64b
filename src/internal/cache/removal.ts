/**
 * The removal of plugins, of their superseded versions and of unrecognized entries, and the way back.
 */
import { Effect, Equal } from "effect"
import type { CachedPlugin, Stray } from "../../CacheSnapshot.ts"
import * as PluginId from "../../PluginId.ts"
import * as PluginVersion from "../../PluginVersion.ts"
import type { Changes, Context } from "./changes.ts"
import type * as Claims from "./claims.ts"
import type * as Leases from "./leases.ts"
import { isGone, isRace, fail } from "./storeError.ts"

interface Options {
  readonly force?: boolean | undefined
}

/** Every effect here needs the lock, and a scope with which the removed files are deleted. */
export const make = (
  { disk, path, reader }: Context,
  changes: Changes,
  leases: Leases.Leases,
  isClaimed: ReturnType<typeof Claims.make>["isClaimed"]
) => {
  const { baseRootOf, infoOf, locate } = reader
  const { deleteBaseRootInPlace, deleteInPlace, discard, discardVersion, rename, unmark } = changes

  /** Fails if a running process has leased one of these versions. */
  const ensureUnleased = Effect.fnUntraced(function* (
    pluginId: PluginId.PluginId,
    versions: ReadonlyArray<PluginVersion.PluginVersion>,
    options: Options | undefined
  ) {
    if (options?.force === true) return
    const [version] = yield* leases.leased(pluginId, versions)
    if (version !== undefined) yield* fail({ _tag: "Leased", version })
  })

  /** Removes a base root. False if there is none. */
  const uninstall = (pluginId: PluginId.PluginId, options: Options | undefined) =>
    Effect.gen(function* () {
      const baseRoot = baseRootOf(pluginId)
      const [marketplaceInfo, info] = yield* Effect.all([
        infoOf(path.dirname(baseRoot)),
        infoOf(baseRoot)
      ])
      if (marketplaceInfo?.type !== "Directory" || info === undefined) return false
      const { versions } = yield* locate(pluginId)
      yield* ensureUnleased(pluginId, versions, options)
      yield* discard(baseRoot, deleteBaseRootInPlace(pluginId))
      yield* unmark(pluginId)
      return true
    }).pipe(Effect.uninterruptible)

  /**
   * Removes an entry of a snapshot. False if it has changed since the snapshot, or if somebody is
   * installing it.
   */
  const remove = Effect.fnUntraced(function* (target: CachedPlugin | Stray) {
    const [marketplace, name] =
      "pluginId" in target
        ? [PluginId.marketplace(target.pluginId), PluginId.name(target.pluginId)]
        : [target.marketplace, target.name]
    const place = path.join(reader.marketplaceRoot(marketplace), name)
    const isUnchanged = (at: string) =>
      Effect.map(reader.fingerprintOf(at), (fingerprint) => fingerprint === target.fingerprint)

    return yield* Effect.gen(function* () {
      if (!(yield* isUnchanged(place))) return false
      if ("pluginId" in target) {
        if (yield* isClaimed(target.pluginId)) return false
        yield* ensureUnleased(target.pluginId, target.versions, undefined)
      }
      const inPlace =
        "pluginId" in target ? deleteBaseRootInPlace(target.pluginId) : deleteInPlace(place)
      const discarded = yield* discard(place, inPlace)
      if (discarded === undefined || (yield* isUnchanged(discarded))) {
        if ("pluginId" in target) yield* unmark(target.pluginId)
        return true
      }
      // It changed between the read and the rename, so it is moved back, unless it has already been
      // replaced.
      yield* Effect.catchIf(rename(discarded, place), isRace, () => Effect.void)
      return false
    }).pipe(
      Effect.catchIf(isGone, () => Effect.succeed(false)),
      Effect.uninterruptible
    )
  })

  /** Removes a version that is not active. */
  const prune = (pluginId: PluginId.PluginId, version: PluginVersion.PluginVersion) =>
    Effect.gen(function* () {
      const { active, versions } = yield* locate(pluginId)
      const rest = versions.filter((other) => other !== version)
      // Versions have no total order, so a third one could become active.
      const isInUse = !Equal.equals(PluginVersion.active(rest), active)
      if (rest.length === versions.length || isInUse) return false
      yield* ensureUnleased(pluginId, [version], undefined)
      yield* discardVersion(path.join(baseRootOf(pluginId), version))
      return true
    }).pipe(Effect.uninterruptible)

  /** Moves a base root back into its place. */
  const restore = (pluginId: PluginId.PluginId, from: string) =>
    Effect.gen(function* () {
      const baseRoot = baseRootOf(pluginId)
      // Version and sidecar come back in one rename, so the identity is the one that was there.
      yield* rename(from, baseRoot)
      // The new name first: a power loss in between must not take both.
      yield* disk.syncDirectory(path.dirname(baseRoot))
      yield* disk.syncDirectory(path.dirname(from))
    }).pipe(Effect.uninterruptible)

  return { ensureUnleased, uninstall, remove, prune, restore }
}
