/**
 * The changes of a pass for a host: the plugins to reload, and the kinds of parts that are
 * concerned. This is the answer to Codex's `plugin/reconcile`.
 */
import { Array as Arr, Option, Order, Result } from "effect"
import type { CachedPlugin } from "../CacheSnapshot.ts"
import * as PluginCapabilities from "./PluginCapabilities.ts"
import type * as PluginSync from "../PluginSync.ts"
import * as RemotePlugin from "../RemotePlugin.ts"

/** One cached plugin at a certain time. */
export interface Observation {
  readonly cached: CachedPlugin
  readonly capabilities: PluginCapabilities.PluginCapabilities
  /** True if the account has enabled the plugin; null if that is unknown. */
  readonly enabled: boolean | null
}

/** By `name@marketplace`. */
export type Observations = ReadonlyMap<string, Observation>

interface ChangedPlugin extends PluginCapabilities.PluginCapabilities {
  /** `name@marketplace`; unrecognized entries may have names that no plugin can have. */
  readonly id: string
}

export interface PluginChanges {
  /**
   * Plugins that were installed, upgraded, repaired, removed, enabled or disabled, with the
   * capabilities of both versions.
   */
  readonly changedPlugins: ReadonlyArray<ChangedPlugin>
  readonly failedRemotePluginIds: ReadonlyArray<string>
  /** Of these, the plugins whose current version is not cached. */
  readonly failedMaterializationRemotePluginIds: ReadonlyArray<string>
}

export const none: PluginChanges = {
  changedPlugins: [],
  failedRemotePluginIds: [],
  failedMaterializationRemotePluginIds: []
}

const wasSwitched = (before: Observation | undefined, after: Observation): boolean =>
  before !== undefined &&
  before.enabled !== null &&
  after.enabled !== null &&
  before.enabled !== after.enabled

const isMaterialized = (plugin: RemotePlugin.RemotePlugin, after: Observations): boolean => {
  const cached = after.get(plugin.pluginId)?.cached
  if (cached === undefined || !cached.intact) return false
  const { active, identity } = cached
  const wanted = Result.getSuccess(RemotePlugin.version(plugin))
  return (
    Option.exists(wanted, (version) => Option.contains(active, version)) &&
    (identity._tag !== "Known" || identity.remotePluginId === plugin.remotePluginId)
  )
}

/** Compares the observations before and after a pass. */
export const make = (
  outcome: PluginSync.SyncOutcome,
  before: Observations,
  after: Observations
): PluginChanges => {
  const switched = Array.from(after)
    .filter(([id, observation]) => wasSwitched(before.get(id), observation))
    .map(([id]) => id)
  const changed: ReadonlyArray<string> = Arr.dedupe([
    ...outcome.installed,
    ...outcome.repaired,
    ...outcome.removed,
    ...switched
  ])
  const changedPlugin = (id: string): ChangedPlugin => ({
    id,
    ...PluginCapabilities.union(
      before.get(id)?.capabilities ?? PluginCapabilities.none,
      after.get(id)?.capabilities ?? PluginCapabilities.none
    )
  })
  const failed = Arr.dedupe(outcome.failures.flatMap(({ remotePluginId }) => remotePluginId ?? []))
  const materialized = new Set<string>(
    Arr.getSuccesses(outcome.account.rows)
      .filter((plugin) => isMaterialized(plugin, after))
      .map(({ remotePluginId }) => remotePluginId)
  )
  return {
    changedPlugins: Arr.sort(changed, Order.String).map(changedPlugin),
    failedRemotePluginIds: failed,
    failedMaterializationRemotePluginIds: failed.filter((id) => !materialized.has(id))
  }
}
