/**
 * Runs one action of a plan and returns its result, also if it fails.
 */
import { Clock, Duration, Effect } from "effect"
import type { CacheSnapshot } from "../../CacheSnapshot.ts"
import type * as PluginStore from "../../PluginStore.ts"
import { SyncEvent, type SyncFailureCause, type SyncResult } from "../../SyncEvent.ts"
import * as SyncPlan from "../../SyncPlan.ts"
import { identified } from "../cache/storeError.ts"
import * as Actions from "./actions.ts"
import { byPluginId, kept, subjectOf } from "./actionSubject.ts"
import { reasonText } from "./reason.ts"
import * as Telemetry from "./telemetry.ts"

/**
 * A result, or the reason why there is none: somebody else is installing the plugin, or it has
 * changed.
 */
export type Settled = SyncResult | "Claimed" | "Changed"

/**
 * Runs an action of a plan that was made with a snapshot. If `wait` is false, it does not wait for
 * a plugin that another process is installing.
 */
export type Run = (
  cached: CacheSnapshot
) => (action: SyncPlan.Action, options: { readonly wait: boolean }) => Effect.Effect<Settled>

const hasReason =
  (reason: PluginStore.PluginStoreError["reason"]["_tag"]) =>
  (
    error: SyncFailureCause
  ): error is PluginStore.PluginStoreError & { readonly pluginId: string } =>
    error._tag === "PluginStoreError" && error.reason._tag === reason && error.pluginId !== null

export const make = Effect.fnUntraced(function* (
  publish: (event: SyncEvent) => Effect.Effect<unknown>
) {
  const actions = yield* Actions.make(publish)

  const run: Run = (cached) => {
    const plugins = byPluginId(cached)
    const act = actions(cached)

    return (action, { wait }) => {
      // An account may have hundreds of plugins that are up to date, so each takes only one step
      // and no span.
      if (action._tag === "Keep") return Effect.succeed(kept(action, subjectOf(action, plugins)))
      return Effect.flatMap(Clock.currentTimeMillis, (start) => {
        const subject = subjectOf(action, plugins)
        const elapsed = Effect.map(Clock.currentTimeMillis, (end) => Duration.millis(end - start))
        const { pluginId, remotePluginId } = subject
        return act(action, { subject, elapsed, wait }).pipe(
          identified(remotePluginId),
          Effect.catchIf(hasReason("Leased"), (error) =>
            Effect.gen(function* () {
              yield* Effect.logInfo(`left for a later pass: ${error.message}`)
              return SyncEvent.Deferred({
                ...subject,
                pluginId: error.pluginId,
                to: subject.from,
                bytes: 0,
                duration: yield* elapsed,
                action: action._tag,
                reason: "Leased"
              })
            })
          ),
          Effect.catchIf(hasReason("Changed"), () => Effect.succeed("Changed" as const)),
          // A caller that has waited until its limit fails.
          Effect.catchIf(
            (error) => !wait && hasReason("Claimed")(error),
            () => Effect.succeed("Claimed" as const)
          ),
          Effect.catch((error) =>
            Effect.gen(function* () {
              yield* Effect.logWarning(
                `could not sync ${pluginId ?? remotePluginId ?? "a row without an id"}: ${reasonText(error, [pluginId, remotePluginId])}`
              )
              return SyncEvent.Failed({
                ...subject,
                to: subject.from,
                bytes: 0,
                duration: yield* elapsed,
                failure: {
                  remotePluginId: SyncPlan.isForRow(action) ? remotePluginId : null,
                  pluginId,
                  error
                }
              })
            })
          ),
          Effect.tap((settled) =>
            typeof settled === "string"
              ? Effect.annotateCurrentSpan({ outcome: settled })
              : Telemetry.annotateResult(settled)
          ),
          Effect.withSpan("PluginSync.action", {
            attributes: Telemetry.known({ action: action._tag, pluginId, remotePluginId })
          }),
          Effect.annotateLogs({ pluginId, remotePluginId })
        )
      })
    }
  }
  return run
})
