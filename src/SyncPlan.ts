/**
 * What a pass will do, decided from what the account has and what the cache holds.
 *
 * Every rule of synchronisation is here and nothing else is: no clock, no disk, no network. The
 * real pass carries out the same value that a dry run prints.
 */
import { Data, Duration, Option, type Redacted, Result } from "effect"
import type { CachedPlugin, CacheSnapshot, Stray } from "./CacheSnapshot.ts"
import type { UnsupportedSchemaVersion } from "./InstallMetadata.ts"
import type { InstalledSnapshot } from "./RemotePlugin.ts"
import * as PluginId from "./PluginId.ts"
import { outranks, type PluginVersion } from "./PluginVersion.ts"
import * as RemotePlugin from "./RemotePlugin.ts"
import type { RemotePluginId } from "./RemotePluginId.ts"

/** Why a version is fetched although something may stand in its place. */
export type InstallReason = Data.TaggedEnum<{
  /** No version stands there. */
  Missing: {}
  /** Another version is active. */
  VersionChanged: { readonly from: PluginVersion }
  /** The version is active, but its manifest is missing, unreadable, or another plugin's. */
  Broken: {}
  /** The version is active, but the sidecar says that its bytes are another plugin's. */
  IdentityChanged: { readonly from: RemotePluginId }
  /** The version is active, but a change of identity was cut short: whose bytes they are is unknown. */
  IdentityInDoubt: {}
  /** The version is active, but the sidecar cannot be read. */
  IdentityUnreadable: {}
}>
export const InstallReason = Data.taggedEnum<InstallReason>()

/** One step of a pass. */
export type Action = Data.TaggedEnum<{
  /** Everything is in place; nothing is touched. */
  Keep: { readonly plugin: RemotePlugin.RemotePlugin; readonly version: PluginVersion }
  /** The version is in place; only its sidecar is missing, or has other bytes than Codex writes. */
  Backfill: { readonly plugin: RemotePlugin.RemotePlugin; readonly version: PluginVersion }
  /** The version is fetched and put in place. */
  Install: {
    readonly plugin: RemotePlugin.RemotePlugin
    readonly version: PluginVersion
    readonly bundleUrl: Redacted.Redacted
    readonly reason: InstallReason
  }
  /** The row cannot be synced; the cached version stays. */
  Reject: {
    /** Null for a row without an id. */
    readonly remotePluginId: string | null
    /** Null for a row that has no valid name. */
    readonly pluginId: PluginId.PluginId | null
    /** The row is invalid, or a newer Codex wrote the sidecar of the cached version. */
    readonly error: RemotePlugin.InvalidRemotePlugin | UnsupportedSchemaVersion
  }
  /** No row names it, or it is not a plugin. */
  Remove: { readonly target: CachedPlugin | Stray; readonly reason: RemovalReason }
  /** A superseded version whose grace period is over. */
  Prune: { readonly pluginId: PluginId.PluginId; readonly version: PluginVersion }
}>
export const Action = Data.taggedEnum<Action>()

/** The reason why an entry of the cache is removed. */
export type RemovalReason = "NotInstalled" | "RetiredMarketplace" | "Stray"

export interface SyncPlan {
  /** Rows first, in the listing's order, then prunings, then removals. */
  readonly actions: ReadonlyArray<Action>
  /** Why nothing is removed in this pass although something may be stale; null where removals are allowed. */
  readonly removalSkipped: string | null
}

export interface SyncPlanOptions {
  /** How long a superseded version stays for the sessions that still use it. */
  readonly retention: Duration.Duration
}

/** What is removed, as `name@marketplace`; a stray may have a name that no plugin can have. */
export const nameOf = (target: CachedPlugin | Stray): string =>
  "pluginId" in target ? target.pluginId : `${target.name}@${target.marketplace}`

/** Decides a pass. Total: whatever the two sides hold, there is a plan. */
export const make = (
  installed: InstalledSnapshot,
  cached: CacheSnapshot,
  options: SyncPlanOptions
): SyncPlan => {
  const standing = new Map(cached.plugins.map((plugin) => [plugin.pluginId, plugin]))
  // Of several rows for one plugin the last stands, as it does where Codex installs one by one.
  const named = new Map(
    installed.rows
      .filter(Result.isSuccess)
      .map(({ success }) => [success.pluginId, success] as const)
  )
  const unnamed: Array<RemotePlugin.InvalidRemotePlugin> = []
  const actions: Array<Action> = []

  for (const row of installed.rows) {
    if (Result.isFailure(row)) {
      unnamed.push(row.failure)
      actions.push(reject(row.failure))
      continue
    }
    const plugin = row.success
    const kept = named.get(plugin.pluginId) ?? plugin
    if (kept === plugin) {
      actions.push(decide(plugin, standing.get(plugin.pluginId)))
    } else if (kept.remotePluginId !== plugin.remotePluginId) {
      const reason = { _tag: "DuplicatePlugin", kept: kept.remotePluginId } as const
      actions.push(reject(RemotePlugin.invalid(plugin, reason)))
    }
  }

  const stale = cached.plugins.filter((plugin) => !named.has(plugin.pluginId))
  const removalSkipped =
    unnamed.length === 0
      ? null
      : `${unnamed.length} of ${installed.rows.length} rows have no valid name, so stale plugins cannot be identified`
  const removals = removalSkipped === null ? removalsOf(stale, cached.strays) : []
  const kept = cached.plugins.filter((plugin) => named.has(plugin.pluginId))
  const prunes = prunings(kept, actions, cached.takenAt, options)
  return { actions: [...actions, ...prunes, ...removals], removalSkipped }
}

const reject = (error: RemotePlugin.InvalidRemotePlugin): Action =>
  Action.Reject({ remotePluginId: error.remotePluginId, pluginId: error.pluginId, error })

const decide = (plugin: RemotePlugin.RemotePlugin, cached: CachedPlugin | undefined): Action =>
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
      return Result.match(RemotePlugin.bundleUrl(plugin), {
        onFailure: reject,
        onSuccess: (bundleUrl) =>
          Action.Install({ plugin, version, bundleUrl, reason: reason.value })
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

/** What was superseded a grace period ago; what an install supersedes was so only just now. */
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
    // A clock that was set back makes nothing superseded in the future.
    const supersededFor = (version: PluginVersion) =>
      version === active.value ? 0 : Math.max(0, takenAt - activeSince)
    return (
      versions
        .filter((version) => supersededFor(version) >= Duration.toMillis(options.retention))
        // What outranks the next one goes when that is put in place.
        .filter((version) => version !== next && !outranks(version, next))
        .map((version) => Action.Prune({ pluginId, version }))
    )
  })
}
