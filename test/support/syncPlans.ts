/**
 * Plans as lines of text, and entries of the cache that the account does not have.
 */
import { Duration } from "effect"
import { type CacheSnapshot, type Stray } from "../../src/CacheSnapshot.ts"
import type { InstalledSnapshot } from "../../src/RemotePlugin.ts"
import * as PluginId from "../../src/PluginId.ts"
import * as SyncPlan from "../../src/SyncPlan.ts"
import { cachedPlugin } from "./snapshots.ts"

export const plan = (
  installed: InstalledSnapshot,
  cached: CacheSnapshot,
  retention: Duration.Input = "24 hours"
) => SyncPlan.make(installed, cached, { retention: Duration.fromInputUnsafe(retention) })

/** An action as a line of text. */
export const line = (action: SyncPlan.Action): string => {
  switch (action._tag) {
    case "Keep":
    case "Backfill":
      return `${action._tag} ${action.plugin.pluginId} ${action.version}`
    case "Install":
      return `Install ${action.plugin.pluginId} ${action.version}: ${action.reason._tag}`
    case "Defer":
      return `Defer ${action.plugin.pluginId} ${action.version}: ${action.change._tag}, ${action.reason}`
    case "Reject":
      return `Reject ${action.error._tag === "UnsupportedSchemaVersion" ? action.error._tag : action.error.reason._tag}`
    case "Remove":
      return `Remove ${SyncPlan.nameOf(action.target)}: ${action.reason}`
    case "Prune":
      return `Prune ${action.pluginId} ${action.version}`
  }
}

export const lines = ({ actions }: SyncPlan.SyncPlan): ReadonlyArray<string> => actions.map(line)

export const alpha = "alpha@openai-curated-remote"
export const curated = PluginId.MarketplaceName.make("openai-curated-remote")

export const stale = cachedPlugin({ id: "beta@openai-curated-remote" })
export const stray: Stray = { marketplace: curated, name: "plugin-backup-x", fingerprint: "w" }
