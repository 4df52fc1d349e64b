/**
 * The state of a home's plugins at the moment when a session opens.
 */
import { Option } from "effect"
import type { CacheSnapshot } from "./CacheSnapshot.ts"
import { isSignInNeeded, isTransient } from "./ErrorAdvice.ts"
import type * as PluginId from "./PluginId.ts"
import type { PluginVersion } from "./PluginVersion.ts"
import type { SyncError, SyncEvent, SyncFailureCause, SyncResult } from "./SyncEvent.ts"
import type * as SyncPlan from "./SyncPlan.ts"

/**
 * The result of a wait for the plugins:
 *
 * - - `Ready`: the pass has ended; `stale` and `missing` list the plugins that it could not sync.
 * - `DeadlinePassed`: the pass continues in the background.
 * - `Unreachable`: the backend cannot be reached, or another process holds the lock; see `error`.
 * - `SignedOut`: the home has no credentials that the backend accepts.
 * - `Expired`: the backend refused the token; a start of `codex` renews it.
 * - `Failed`: the pass failed for another reason; see `error`.
 * - `PluginsDisabled`: `config.toml` switches plugins off.
 *
 * @category models
 * @since 0.2.0
 */
export type State =
  | "Ready"
  | "DeadlinePassed"
  | "Unreachable"
  | "SignedOut"
  | "Expired"
  | "Failed"
  | "PluginsDisabled"

/**
 * The reason why a plugin is not ready:
 *
 * - - `Pending`: the pass has not reached it yet.
 * - `Unverified`: the pass ended before it knew the account's plugins.
 * - `Deferred`: the change is left to a later pass.
 * - `Failed`: it could not be synced; see `error`.
 *
 * @category models
 * @since 0.2.0
 */
export type Why = "Pending" | "Unverified" | "Deferred" | "Failed"

/**
 * A plugin that is not ready.
 *
 * @category models
 * @since 0.2.0
 */
export interface NotReady {
  /** `name@marketplace`; null for a row that has no valid name. */
  readonly pluginId: string | null
  readonly remotePluginId: string | null
  /** The version that a session finds in the cache; null if there is none. */
  readonly version: PluginVersion | null
  readonly why: Why
  readonly error: SyncFailureCause | null
}

/**
 * The plugins that a session finds.
 *
 * @category models
 * @since 0.2.0
 */
export interface Readiness {
  readonly state: State
  /** The error of the pass; null if it has not failed. */
  readonly error: SyncError | null
  /** Plugins of the account whose current version is in the cache. */
  readonly ready: ReadonlyArray<PluginId.PluginId>
  /** Plugins whose cached version is old, or not known to be current. */
  readonly stale: ReadonlyArray<NotReady>
  /** Plugins of the account that have no version in the cache. */
  readonly missing: ReadonlyArray<NotReady>
}

/**
 * The progress of the current pass.
 *
 * @internal
 */
export interface PassState {
  readonly plan: SyncPlan.SyncPlan | null
  readonly results: ReadonlyArray<SyncResult>
}

/**
 * The state of the current pass after an event of it.
 *
 * @internal
 */
export const advance = (state: PassState, event: SyncEvent): PassState => {
  switch (event._tag) {
    case "Started":
      return { plan: null, results: [] }
    case "Planned":
      return { plan: event.plan, results: [] }
    case "Kept":
    case "Backfilled":
    case "Installed":
    case "Deferred":
    case "Failed":
      return { ...state, results: [...state.results, event] }
    default:
      return state
  }
}

/** The state of a wait that ended with an error of the pass. */
const stateOf = (error: SyncError): State => {
  if (isSignInNeeded(error)) return error._tag === "NotSignedIn" ? "SignedOut" : "Expired"
  return isTransient(error) ? "Unreachable" : "Failed"
}

const fromResult = (result: SyncResult): PluginId.PluginId | NotReady | undefined => {
  switch (result._tag) {
    case "Kept":
    case "Backfilled":
    case "Installed":
      return result.pluginId
    case "Failed":
    case "Deferred":
      return {
        pluginId: result.pluginId,
        remotePluginId: result.remotePluginId,
        version: result.to,
        why: result._tag,
        error: result._tag === "Failed" ? result.failure.error : null
      }
    default:
      return undefined
  }
}

/** The state of a plugin whose action has no result yet. */
const fromAction = (
  action: SyncPlan.Action,
  cached: ReadonlyMap<string, PluginVersion>
): PluginId.PluginId | NotReady | undefined => {
  switch (action._tag) {
    case "Keep":
    case "Backfill":
      return action.plugin.pluginId
    case "Install": {
      const { pluginId, remotePluginId } = action.plugin
      const version = cached.get(pluginId) ?? null
      return { pluginId, remotePluginId, version, why: "Pending", error: null }
    }
    default:
      return undefined
  }
}

const activeVersions = ({
  plugins
}: CacheSnapshot): ReadonlyMap<PluginId.PluginId, PluginVersion> =>
  new Map(
    plugins.flatMap(({ active, pluginId }) =>
      Option.isSome(active) ? [[pluginId, active.value] as const] : []
    )
  )

const isForAccount = ({ _tag }: SyncPlan.Action | SyncResult): boolean =>
  _tag !== "Remove" && _tag !== "Prune" && _tag !== "Removed" && _tag !== "Pruned"

/**
 * Decides readiness from the state of a pass and the cache. `error` is the error of the pass.
 *
 * @internal
 */
export const decide = (
  pass: PassState,
  cached: CacheSnapshot,
  end: { readonly state: State } | { readonly error: SyncError }
): Readiness => {
  const versions = activeVersions(cached)
  const error = "error" in end ? end.error : null
  const state = "error" in end ? stateOf(end.error) : end.state
  if (pass.plan === null) {
    const why: Why = state === "DeadlinePassed" ? "Pending" : "Unverified"
    const identities = new Map(cached.plugins.map(({ identity, pluginId }) => [pluginId, identity]))
    const stale = Array.from(versions, ([pluginId, version]): NotReady => {
      const identity = identities.get(pluginId)
      const remotePluginId = identity?._tag === "Known" ? identity.remotePluginId : null
      return { pluginId, remotePluginId, version, why, error: null }
    })
    return { state, error, ready: [], stale: state === "PluginsDisabled" ? [] : stale, missing: [] }
  }
  const results = pass.results.filter(isForAccount)
  const done = new Set(results.map(({ pluginId }) => pluginId))
  const pending = pass.plan.actions.filter(
    (action) => "plugin" in action && !done.has(action.plugin.pluginId)
  )
  const all = [
    ...results.map(fromResult),
    ...pending.map((action) => fromAction(action, versions))
  ].filter((plugin) => plugin !== undefined)
  const notReady = all.filter((plugin) => typeof plugin === "object")
  return {
    state,
    error,
    ready: all.filter((plugin) => typeof plugin === "string"),
    stale: notReady.filter(({ version }) => version !== null),
    missing: notReady.filter(({ version }) => version === null)
  }
}
