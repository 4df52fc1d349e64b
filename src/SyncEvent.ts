/**
 * The events of a pass: each change to a plugin, in order.
 */
import { Data, type Duration } from "effect"
import type { CacheLockError } from "./CacheLock.ts"
import type { UnsupportedSchemaVersion } from "./InstallMetadata.ts"
import type * as PluginId from "./PluginId.ts"
import type { PluginStoreError } from "./PluginStore.ts"
import type { PluginVersion } from "./PluginVersion.ts"
import type * as RemoteBundle from "./RemoteBundle.ts"
import type * as RemoteCatalog from "./RemoteCatalog.ts"
import type { InstalledSnapshot, InvalidRemotePlugin } from "./RemotePlugin.ts"
import * as SyncPlan from "./SyncPlan.ts"

/**
 * The reason why a whole pass failed. Nothing was changed.
 *
 * @category errors
 * @since 0.1.0
 */
export type SyncError = RemoteCatalog.CatalogError | PluginStoreError | CacheLockError

/**
 * The reason why one plugin could not be synced. Its cached version is unchanged.
 *
 * @category errors
 * @since 0.1.0
 */
export type SyncFailureCause =
  | InvalidRemotePlugin
  | UnsupportedSchemaVersion
  | RemoteBundle.InstallError
  | PluginStoreError
  | CacheLockError

/**
 * A plugin that could not be synced.
 *
 * @category models
 * @since 0.1.0
 */
export interface SyncFailure {
  /** Null for a row without an id, and for a cached plugin that could not be removed or pruned. */
  readonly remotePluginId: string | null
  /** Null for a row that has no valid name. */
  readonly pluginId: string | null
  readonly error: SyncFailureCause
}

/**
 * The fields that all results of an action share.
 *
 * @category models
 * @since 0.2.0
 */
export interface ActionResult<Id extends string | null = PluginId.PluginId> {
  /**
   * `name@marketplace`. An unrecognized entry of the cache may have a name that no plugin can have.
   */
  readonly pluginId: Id
  /**
   * The plugin's id in the backend. For a removal or a pruning, the id that the sidecar had; null
   * if it is unknown.
   */
  readonly remotePluginId: string | null
  /** The version that was active before, or the version that was pruned; null if there was none. */
  readonly from: PluginVersion | null
  /** The version that is active now; null if there is none. */
  readonly to: PluginVersion | null
  /** The number of bytes that were downloaded. */
  readonly bytes: number
  /** The time that the action took, including the wait for a free download slot. */
  readonly duration: Duration.Duration
}

/**
 * Something that happens during a pass. A pass sends `Started` first and exactly one of `Finished`,
 * `PassFailed` and `Interrupted` last. Each action of the plan gets exactly one final event:
 * `Kept`, `Backfilled`, `Installed`, `Removed`, `Pruned`, `Unnecessary`, `Deferred` or `Failed`,
 * unless the pass is interrupted.
 *
 * @category models
 * @since 0.1.0
 */
export type SyncEvent = Data.TaggedEnum<{
  /** The pass has begun. */
  Started: {}
  /** The pass waits for another process: for the lock of the home, or for a plugin to be installed. */
  Waiting: { readonly for: "lock" | "plugin"; readonly pluginId: PluginId.PluginId | null }
  /** The listing is complete; the account has this number of rows. */
  Listed: { readonly rows: number; readonly duration: Duration.Duration }
  /** The plan of the pass, or of another round of it. */
  Planned: { readonly plan: SyncPlan.SyncPlan }
  /** Bytes of a bundle have arrived. `bytes` counts from the beginning of the current attempt. */
  Progress: {
    readonly pluginId: PluginId.PluginId
    readonly bytes: number
    /** The size that the server announced; null if it did not. */
    readonly total: number | null
  }
  /** The listing or a download failed and will be retried after the delay. */
  Retrying: {
    /** Null for the listing. */
    readonly pluginId: PluginId.PluginId | null
    readonly cause: SyncFailureCause | RemoteCatalog.RemoteCatalogError
    readonly delay: Duration.Duration
  }
  /** The plugin was up to date. */
  Kept: ActionResult
  /** The version was cached; its missing sidecar has been written. */
  Backfilled: ActionResult
  /** A version was downloaded, or copied from a seed, and is active now. */
  Installed: ActionResult & { readonly reason: SyncPlan.InstallReason }
  /** The plugin was removed from the cache. */
  Removed: ActionResult<string> & { readonly reason: SyncPlan.RemovalReason }
  /** A superseded version was deleted. */
  Pruned: ActionResult
  /** The action turned out to be unnecessary, because the plugin changed during the pass. */
  Unnecessary: ActionResult<string> & { readonly action: SyncPlan.Action["_tag"] }
  /** The action is left to a later pass. */
  Deferred: ActionResult<string> & {
    readonly action: SyncPlan.Action["_tag"]
    /** `Changed`: other programs kept changing the plugin. */
    readonly reason: "Changed" | "Leased" | "SharedCache"
  }
  /** The action failed. The plugin is as it was, and the pass continues. */
  Failed: ActionResult<string | null> & { readonly failure: SyncFailure }
  /** The pass has ended; some of its actions may have failed. */
  Finished: { readonly outcome: SyncOutcome; readonly duration: Duration.Duration }
  /** The whole pass failed. */
  PassFailed: { readonly error: SyncError; readonly duration: Duration.Duration }
  /** Every caller of the pass was interrupted, or the layer was closed. */
  Interrupted: { readonly duration: Duration.Duration }
}>

/**
 * Constructors and guards of the events.
 *
 * @category constructors
 * @since 0.1.0
 */
export const SyncEvent = Data.taggedEnum<SyncEvent>()

/**
 * The final event of one action.
 *
 * @category models
 * @since 0.2.0
 */
export type SyncResult = Extract<
  SyncEvent,
  {
    readonly _tag:
      | "Kept"
      | "Backfilled"
      | "Installed"
      | "Removed"
      | "Pruned"
      | "Unnecessary"
      | "Deferred"
      | "Failed"
  }
>

/**
 * The outcome of a pass.
 *
 * @category models
 * @since 0.1.0
 */
export interface SyncOutcome {
  /** The listing that the pass used. */
  readonly account: InstalledSnapshot
  /** The result of each action, in the order of the plan. */
  readonly results: ReadonlyArray<SyncResult>
  /** Plugins that had no version, or a different one. */
  readonly installed: ReadonlyArray<PluginId.PluginId>
  /** Plugins whose missing sidecar was written. */
  readonly backfilled: ReadonlyArray<PluginId.PluginId>
  /** Plugins that were up to date. */
  readonly kept: ReadonlyArray<PluginId.PluginId>
  /** Plugins that were installed again: the version was broken, or its identity was wrong. */
  readonly repaired: ReadonlyArray<PluginId.PluginId>
  /**
   * Removed entries, as `name@marketplace`; unrecognized entries may have names that no plugin can
   * have.
   */
  readonly removed: ReadonlyArray<string>
  readonly pruned: ReadonlyArray<{
    readonly pluginId: PluginId.PluginId
    readonly version: PluginVersion
  }>
  readonly failures: ReadonlyArray<SyncFailure>
  /** The message of `removalSkippedReason`; null if removals were allowed. */
  readonly removalSkipped: string | null
  /** The reason why stale plugins were kept; null if removals were allowed. */
  readonly removalSkippedReason: SyncPlan.RemovalSkippedReason | null
  /**
   * The reason why the whole pass was skipped; null if the pass ran. A skipped pass requests and
   * changes nothing. `PluginsDisabled`: `config.toml` sets `features.plugins` to false.
   */
  readonly skipped: "PluginsDisabled" | null
}

const pluginIds = (results: ReadonlyArray<ActionResult>) => results.map(({ pluginId }) => pluginId)

/**
 * Sums up the results of a pass.
 *
 * @category constructors
 * @since 0.2.0
 */
export const outcomeOf = (
  account: InstalledSnapshot,
  results: ReadonlyArray<SyncResult>,
  plan: SyncPlan.SyncPlan
): SyncOutcome => {
  const installs = results.filter(SyncEvent.$is("Installed"))
  return {
    account,
    results,
    installed: pluginIds(installs.filter(({ reason }) => !SyncPlan.isRepair(reason))),
    backfilled: pluginIds(results.filter(SyncEvent.$is("Backfilled"))),
    kept: pluginIds(results.filter(SyncEvent.$is("Kept"))),
    repaired: pluginIds(installs.filter(({ reason }) => SyncPlan.isRepair(reason))),
    removed: results.filter(SyncEvent.$is("Removed")).map(({ pluginId }) => pluginId),
    pruned: results
      .filter(SyncEvent.$is("Pruned"))
      .flatMap(({ from, pluginId }) => (from === null ? [] : [{ pluginId, version: from }])),
    failures: results.filter(SyncEvent.$is("Failed")).map(({ failure }) => failure),
    removalSkipped: plan.removalSkipped,
    removalSkippedReason: plan.removalSkippedReason,
    skipped: null
  }
}

/**
 * The outcome of a pass that is skipped because `config.toml` switches plugins off.
 *
 * @category constructors
 * @since 0.2.0
 */
export const pluginsDisabled: SyncOutcome = {
  ...outcomeOf({ rows: [] }, [], SyncPlan.empty),
  skipped: "PluginsDisabled"
}
