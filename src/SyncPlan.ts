/**
 * Plans a pass from the account's listing and the cache.
 *
 * This module contains every rule of a sync and nothing else: no clock, no disk, no network. A pass
 * carries out the same value that a dry run prints.
 */
import { Data, Duration, Option, type Redacted, Result } from "effect"
import type { CachedPlugin, CacheSnapshot, Stray } from "./CacheSnapshot.ts"
import type { UnsupportedSchemaVersion } from "./InstallMetadata.ts"
import type { InstalledSnapshot } from "./RemotePlugin.ts"
import * as PluginId from "./PluginId.ts"
import { outranks, type PluginVersion } from "./PluginVersion.ts"
import * as RemotePlugin from "./RemotePlugin.ts"
import type { RemotePluginId } from "./RemotePluginId.ts"

/**
 * The reason why a version is downloaded, even if its folder may exist.
 *
 * @category models
 * @since 0.1.0
 */
export type InstallReason = Data.TaggedEnum<{
  /** The version is not cached. */
  Missing: {}
  /** Another version is active. */
  VersionChanged: { readonly from: PluginVersion }
  /** The version is active, but its manifest is missing, unreadable, or that of another plugin. */
  Broken: {}
  /** The version is active, but the sidecar names another backend plugin. */
  IdentityChanged: { readonly from: RemotePluginId }
  /**
   * The version is active, but a change of its identity was interrupted, so its backend plugin is
   * unknown.
   */
  IdentityInDoubt: {}
  /** The version is active, but the sidecar cannot be read. */
  IdentityUnreadable: {}
}>
/**
 * Constructors and guards of the reasons.
 *
 * @category constructors
 * @since 0.1.0
 */
export const InstallReason = Data.taggedEnum<InstallReason>()

/**
 * True if an install repairs a version that is already cached.
 *
 * @category guards
 * @since 0.2.0
 */
export const isRepair = (reason: InstallReason): boolean =>
  reason._tag !== "Missing" && reason._tag !== "VersionChanged"

/**
 * One step of a pass.
 *
 * @category models
 * @since 0.1.0
 */
export type Action = Data.TaggedEnum<{
  /** Everything is in place; nothing is changed. */
  Keep: { readonly plugin: RemotePlugin.RemotePlugin; readonly version: PluginVersion }
  /**
   * The version is in place, but its sidecar is missing or differs from the one that Codex writes.
   */
  Backfill: { readonly plugin: RemotePlugin.RemotePlugin; readonly version: PluginVersion }
  /** The version is downloaded and activated. */
  Install: {
    readonly plugin: RemotePlugin.RemotePlugin
    readonly version: PluginVersion
    readonly bundleUrl: Redacted.Redacted
    readonly reason: InstallReason
  }
  /** The change is not allowed in a shared cache, where another account may need the version. */
  Defer: {
    readonly plugin: RemotePlugin.RemotePlugin
    readonly version: PluginVersion
    readonly change: InstallReason
    readonly reason: "SharedCache"
  }
  /** The row cannot be synced; the cached version is kept. */
  Reject: {
    /** Null for a row without an id. */
    readonly remotePluginId: string | null
    /** Null for a row that has no valid name. */
    readonly pluginId: PluginId.PluginId | null
    /** The row is invalid, or a newer Codex wrote the sidecar of the cached version. */
    readonly error: RemotePlugin.InvalidRemotePlugin | UnsupportedSchemaVersion
  }
  /** No row of the listing has this plugin, or it is not a plugin. */
  Remove: { readonly target: CachedPlugin | Stray; readonly reason: RemovalReason }
  /** A superseded version whose grace period is over. */
  Prune: { readonly pluginId: PluginId.PluginId; readonly version: PluginVersion }
}>
/**
 * Constructors and guards of the actions.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Action = Data.taggedEnum<Action>()

/**
 * True for the action of a row of the listing, as opposed to that of an entry of the cache without a
 * row.
 *
 * @category guards
 * @since 0.2.0
 */
export const isForRow = ({ _tag }: Pick<Action, "_tag">): boolean =>
  _tag !== "Prune" && _tag !== "Remove"

/**
 * The reason why an entry of the cache is removed.
 *
 * @category models
 * @since 0.2.0
 */
export type RemovalReason = "NotInstalled" | "RetiredMarketplace" | "Stray"

/**
 * The reasons of removals, for people.
 *
 * @internal
 */
export const removalReasons: Readonly<Record<RemovalReason, string>> = {
  NotInstalled: "uninstalled upstream",
  RetiredMarketplace: "its marketplace is retired",
  Stray: "not a plugin"
}

/**
 * The reason why stale plugins are kept.
 *
 * @category models
 * @since 0.2.0
 */
export type RemovalSkippedReason = Data.TaggedEnum<{
  /** Some rows have no valid name, so it is unknown which cached plugins are stale. */
  UnnamedRows: { readonly unnamed: number; readonly rows: number }
  /** Other homes may use the cache. */
  SharedCache: {}
  /** The policy is `"never"`. */
  Never: {}
}>
/**
 * Constructors and guards of the reasons.
 *
 * @category constructors
 * @since 0.2.0
 */
export const RemovalSkippedReason = Data.taggedEnum<RemovalSkippedReason>()

/**
 * The actions of a pass, in order, and whether removals were skipped.
 *
 * @category models
 * @since 0.1.0
 */
export interface SyncPlan {
  /** Rows first, in the listing's order, then prunings, then removals. */
  readonly actions: ReadonlyArray<Action>
  /** The message of `removalSkippedReason`; null if removals are allowed. */
  readonly removalSkipped: string | null
  /** The reason why nothing is removed in this pass; null if removals are allowed. */
  readonly removalSkippedReason: RemovalSkippedReason | null
}

/**
 * The plan of a pass that has nothing to do.
 *
 * @category constants
 * @since 0.2.0
 */
export const empty: SyncPlan = { actions: [], removalSkipped: null, removalSkippedReason: null }

/**
 * The policy for stale plugins: `"auto"` removes them unless the cache is shared, `"always"`
 * removes them from a shared cache, too, and `"never"` keeps them. Nothing is removed while a row
 * has no valid name.
 *
 * @category models
 * @since 0.2.0
 */
export type RemovalPolicy = (typeof removalPolicies)[number]

/**
 * Every {@link RemovalPolicy}.
 *
 * @category constants
 * @since 0.2.0
 */
export const removalPolicies = ["auto", "always", "never"] as const

/**
 * The options of a plan.
 *
 * @category options
 * @since 0.1.0
 */
export interface SyncPlanOptions {
  /** The time for which a superseded version is kept for the sessions that still use it. */
  readonly retention: Duration.Duration
  /** Default: `"auto"`. */
  readonly removal?: RemovalPolicy
  /** True if other homes use the cache, too. Default: false. */
  readonly isShared?: boolean
}

const removalMessages = RemovalSkippedReason.$match({
  UnnamedRows: ({ rows, unnamed }) =>
    `${unnamed} of ${rows} rows have no valid name, so stale plugins cannot be identified`,
  SharedCache: () =>
    "the cache is shared with other homes, which may need what this account does not",
  Never: () => "removals are switched off"
})

const skippedReason = (
  unnamed: number,
  rows: number,
  { isShared = false, removal = "auto" }: SyncPlanOptions
): RemovalSkippedReason | null => {
  if (unnamed > 0) return RemovalSkippedReason.UnnamedRows({ unnamed, rows })
  if (removal === "never") return RemovalSkippedReason.Never()
  return removal === "auto" && isShared ? RemovalSkippedReason.SharedCache() : null
}

/**
 * The name of a removed entry, as `name@marketplace`; an unrecognized entry may have a name that no
 * plugin can have.
 *
 * @category functions
 * @since 0.1.0
 */
export const nameOf = (target: CachedPlugin | Stray): string =>
  "pluginId" in target ? target.pluginId : `${target.name}@${target.marketplace}`

/** Equal for names that are the same on a disk that ignores case. */
const folded = (pluginId: string): string => pluginId.normalize("NFC").toLowerCase()

/** The names that differ from another one only in case, each with that other name. */
const caseConflicts = (pluginIds: Iterable<PluginId.PluginId>) => {
  const byFolded = Map.groupBy(pluginIds, folded)
  const conflicts = new Map<string, PluginId.PluginId>()
  for (const group of byFolded.values()) {
    for (const pluginId of group) {
      const other = group.find((other) => other !== pluginId)
      if (other !== undefined) conflicts.set(pluginId, other)
    }
  }
  return conflicts
}

/**
 * Plans a pass. There is a plan for any two snapshots.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  installed: InstalledSnapshot,
  cached: CacheSnapshot,
  options: SyncPlanOptions
): SyncPlan => {
  const cachedPlugins = new Map(cached.plugins.map((plugin) => [plugin.pluginId, plugin]))
  // The last of several rows for one plugin counts, because Codex installs them one after another.
  const named = new Map(
    installed.rows
      .filter(Result.isSuccess)
      .map(({ success }) => [success.pluginId, success] as const)
  )
  const conflicts = caseConflicts(named.keys())
  let unnamed = 0
  const actions: Array<Action> = []

  for (const row of installed.rows) {
    if (Result.isFailure(row)) {
      unnamed++
      actions.push(reject(row.failure))
      continue
    }
    const plugin = row.success
    const kept = named.get(plugin.pluginId) ?? plugin
    const other = conflicts.get(plugin.pluginId)
    if (other !== undefined) {
      actions.push(reject(RemotePlugin.invalid(plugin, { _tag: "CaseConflict", other })))
    } else if (kept === plugin) {
      actions.push(decide(plugin, cachedPlugins.get(plugin.pluginId), options))
    } else if (kept.remotePluginId !== plugin.remotePluginId) {
      const reason = { _tag: "DuplicatePlugin", kept: kept.remotePluginId } as const
      actions.push(reject(RemotePlugin.invalid(plugin, reason)))
    }
  }

  const removalSkippedReason = skippedReason(unnamed, installed.rows.length, options)
  const conflicting = new Set(Array.from(conflicts.keys(), folded))
  const mayChange = (target: CachedPlugin | Stray) => !conflicting.has(folded(nameOf(target)))
  const removals =
    removalSkippedReason === null
      ? removalsOf(
          cached.plugins.filter((plugin) => !named.has(plugin.pluginId) && mayChange(plugin)),
          cached.strays.filter(mayChange)
        )
      : []
  const kept = cached.plugins.filter((plugin) => named.has(plugin.pluginId) && mayChange(plugin))
  const prunes = prunings(kept, actions, cached.takenAt, options)
  return {
    actions: [...actions, ...prunes, ...removals],
    removalSkipped: removalSkippedReason === null ? null : removalMessages(removalSkippedReason),
    removalSkippedReason
  }
}

const reject = (error: RemotePlugin.InvalidRemotePlugin): Action =>
  Action.Reject({ remotePluginId: error.remotePluginId, pluginId: error.pluginId, error })

/** True for a change that takes a version away from another account that uses the cache. */
const takesAway = (
  plugin: RemotePlugin.RemotePlugin,
  version: PluginVersion,
  reason: InstallReason,
  cached: CachedPlugin | undefined
): boolean =>
  (cached?.identity._tag === "Known" &&
    cached.identity.remotePluginId !== plugin.remotePluginId &&
    Option.isSome(cached.active)) ||
  (reason._tag === "VersionChanged" && outranks(reason.from, version))

const decide = (
  plugin: RemotePlugin.RemotePlugin,
  cached: CachedPlugin | undefined,
  { isShared = false, removal = "auto" }: SyncPlanOptions
): Action =>
  Result.match(RemotePlugin.version(plugin), {
    onFailure: reject,
    onSuccess: (version) => {
      if (
        cached?.identity._tag === "Unreadable" &&
        cached.identity.error._tag === "UnsupportedSchemaVersion"
      ) {
        const { pluginId, remotePluginId } = plugin
        return Action.Reject({ remotePluginId, pluginId, error: cached.identity.error })
      }
      const reason = reasonToInstall(plugin, version, cached)
      if (Option.isNone(reason)) {
        return cached?.identity._tag === "Known" && cached.identity.exact
          ? Action.Keep({ plugin, version })
          : Action.Backfill({ plugin, version })
      }
      const change = reason.value
      if (isShared && removal !== "always" && takesAway(plugin, version, change, cached)) {
        return Action.Defer({ plugin, version, change, reason: "SharedCache" })
      }
      return Result.match(RemotePlugin.bundleUrl(plugin), {
        onFailure: reject,
        onSuccess: (bundleUrl) => Action.Install({ plugin, version, bundleUrl, reason: change })
      })
    }
  })

const reasonToInstall = (
  plugin: RemotePlugin.RemotePlugin,
  version: PluginVersion,
  cached: CachedPlugin | undefined
): Option.Option<InstallReason> => {
  if (cached === undefined || Option.isNone(cached.active)) {
    return Option.some(InstallReason.Missing())
  }
  if (cached.active.value !== version) {
    return Option.some(InstallReason.VersionChanged({ from: cached.active.value }))
  }
  if (!cached.intact) return Option.some(InstallReason.Broken())
  switch (cached.identity._tag) {
    case "Absent":
      return Option.none()
    case "InDoubt":
      return Option.some(InstallReason.IdentityInDoubt())
    case "Unreadable":
      return Option.some(InstallReason.IdentityUnreadable())
    case "Known": {
      const from = cached.identity.remotePluginId
      return from === plugin.remotePluginId
        ? Option.none()
        : Option.some(InstallReason.IdentityChanged({ from }))
    }
  }
}

const removalsOf = (
  stale: ReadonlyArray<CachedPlugin>,
  strays: ReadonlyArray<Stray>
): ReadonlyArray<Action> => [
  ...stale.map((target) =>
    Action.Remove({
      target,
      reason: RemotePlugin.retiredMarketplaces.includes(PluginId.marketplace(target.pluginId))
        ? "RetiredMarketplace"
        : "NotInstalled"
    })
  ),
  ...strays.map((target) => Action.Remove({ target, reason: "Stray" }))
]

/**
 * Prunes versions that were superseded at least `retention` ago. A version that this pass
 * supersedes is therefore kept.
 */
const prunings = (
  kept: ReadonlyArray<CachedPlugin>,
  actions: ReadonlyArray<Action>,
  takenAt: number,
  options: SyncPlanOptions
): ReadonlyArray<Action> => {
  const incoming = new Map(
    actions.filter(Action.$is("Install")).map(({ plugin, version }) => [plugin.pluginId, version])
  )
  return kept.flatMap(({ active, activeSince, pluginId, versions }) => {
    if (Option.isNone(active)) return []
    const next = incoming.get(pluginId) ?? active.value
    // If the clock was set back, a version may seem to be superseded in the future.
    const supersededFor = (version: PluginVersion) =>
      version === active.value ? 0 : Math.max(0, takenAt - activeSince)
    return (
      versions
        .filter((version) => supersededFor(version) >= Duration.toMillis(options.retention))
        // The activation of the next version removes the versions that outrank it.
        .filter((version) => version !== next && !outranks(version, next))
        .map((version) => Action.Prune({ pluginId, version }))
    )
  })
}
