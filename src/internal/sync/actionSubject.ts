/**
 * The plugin of an action, in the form of results.
 */
import { Duration, Option } from "effect"
import type { CachedPlugin, CacheSnapshot } from "../../CacheSnapshot.ts"
import { type ActionResult, SyncEvent, type SyncResult } from "../../SyncEvent.ts"
import * as SyncPlan from "../../SyncPlan.ts"

/** The part of a result that is known before the action runs. */
export type Subject = Omit<ActionResult<string | null>, "to" | "bytes" | "duration">

export const remotePluginIdOf = (
  cached: Pick<CachedPlugin, "identity"> | undefined
): string | null => (cached?.identity._tag === "Known" ? cached.identity.remotePluginId : null)

export const subjectOf = (
  action: SyncPlan.Action,
  cached: ReadonlyMap<string | null, CachedPlugin>
): Subject => {
  const subject = (pluginId: string | null, remotePluginId?: string | null): Subject => {
    const plugin = cached.get(pluginId)
    return {
      pluginId,
      remotePluginId: remotePluginId ?? remotePluginIdOf(plugin),
      from: plugin === undefined ? null : Option.getOrNull(plugin.active)
    }
  }
  switch (action._tag) {
    case "Keep":
    case "Backfill":
    case "Install":
    case "Defer":
      return subject(action.plugin.pluginId, action.plugin.remotePluginId)
    case "Reject":
      return subject(action.pluginId, action.remotePluginId)
    case "Remove":
      return subject(SyncPlan.nameOf(action.target))
    case "Prune":
      return { ...subject(action.pluginId), from: action.version }
  }
}

/** The plugins of a snapshot by their id. */
export const byPluginId = (cached: CacheSnapshot) =>
  new Map<string | null, CachedPlugin>(cached.plugins.map((plugin) => [plugin.pluginId, plugin]))

/** The result for a plugin that is up to date. */
export const kept = (
  { plugin: { pluginId }, version }: Extract<SyncPlan.Action, { readonly _tag: "Keep" }>,
  { from, remotePluginId }: Subject
): SyncResult =>
  SyncEvent.Kept({
    pluginId,
    remotePluginId,
    from,
    to: version,
    bytes: 0,
    duration: Duration.zero
  })

const notRun = (action: SyncPlan.Action, cached: CacheSnapshot): ActionResult<string> => {
  const { from, pluginId, remotePluginId } = subjectOf(action, byPluginId(cached))
  return {
    pluginId: pluginId ?? "",
    remotePluginId,
    from,
    to: from,
    bytes: 0,
    duration: Duration.zero
  }
}

/** The result of an action that is no longer needed after a change of the plugin. */
export const unnecessary = (action: SyncPlan.Action, cached: CacheSnapshot): SyncResult =>
  SyncEvent.Unnecessary({ ...notRun(action, cached), action: action._tag })

/** The result of an action whose plugin kept changing. */
export const deferred = (action: SyncPlan.Action, cached: CacheSnapshot): SyncResult =>
  SyncEvent.Deferred({ ...notRun(action, cached), action: action._tag, reason: "Changed" })
