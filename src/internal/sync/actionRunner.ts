/**
 * Carries out one action of a plan and gives its result.
 */
import { Clock, Duration, Effect, identity, Option } from "effect"
import type { CachedPlugin, CacheSnapshot } from "../../CacheSnapshot.ts"
import * as PluginStore from "../../PluginStore.ts"
import * as RemoteBundle from "../../RemoteBundle.ts"
import type { RemotePlugin } from "../../RemotePlugin.ts"
import {
  type ActionResult,
  SyncEvent,
  type SyncFailureCause,
  type SyncResult
} from "../../SyncEvent.ts"
import type { PluginVersion } from "../../PluginVersion.ts"
import * as Leases from "../cache/leases.ts"
import * as SyncPlan from "../../SyncPlan.ts"
import * as Telemetry from "./telemetry.ts"

const removalReasons: Record<SyncPlan.RemovalReason, string> = {
  NotInstalled: "the account does not have it installed",
  RetiredMarketplace: "its marketplace is retired",
  Stray: "it is not a plugin"
}

/** The part of a result that is known before the action runs. */
type Subject = Omit<ActionResult<string | null>, "to" | "bytes" | "duration">

const remotePluginIdOf = (cached: Pick<CachedPlugin, "identity"> | undefined): string | null =>
  cached?.identity._tag === "Known" ? cached.identity.remotePluginId : null

const subjectOf = (
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

const byPluginId = (cached: CacheSnapshot) =>
  new Map<string | null, CachedPlugin>(cached.plugins.map((plugin) => [plugin.pluginId, plugin]))

/** A result, or why there is none: somebody else installs the plugin, or it is not as it was seen. */
export type Settled = SyncResult | "Claimed" | "Changed"

/** Runs an action of a plan that was made with a snapshot. `wait` is false to fail instead. */
export type Run = (
  cached: CacheSnapshot
) => (action: SyncPlan.Action, options: { readonly wait: boolean }) => Effect.Effect<Settled>

/** A row of the listing, as opposed to an entry of the cache that no row asks for. */
export const isForRow = ({ _tag }: SyncPlan.Action): boolean =>
  _tag !== "Prune" && _tag !== "Remove"

const hasReason =
  (reason: PluginStore.PluginStoreError["reason"]["_tag"]) =>
  (
    error: SyncFailureCause
  ): error is PluginStore.PluginStoreError & { readonly pluginId: string } =>
    error._tag === "PluginStoreError" && error.reason._tag === reason && error.pluginId !== null

export const make = Effect.fnUntraced(function* (
  publish: (event: SyncEvent) => Effect.Effect<unknown>
) {
  const bundles = yield* RemoteBundle.RemoteBundle
  const store = yield* PluginStore.PluginStore

  /** Installs the plugin and gives the bytes that were received. */
  const install = (plugin: RemotePlugin, expected: Option.Option<CachedPlugin>) =>
    Effect.suspend(() => {
      const { pluginId } = plugin
      let received = 0
      return bundles
        .install(plugin, {
          expected,
          onProgress: ({ bytes, total }) => {
            received = bytes
            return Effect.asVoid(publish(SyncEvent.Progress({ pluginId, bytes, total })))
          },
          onRetry: ({ cause, delay }) =>
            Effect.asVoid(publish(SyncEvent.Retrying({ pluginId, cause, delay })))
        })
        .pipe(Effect.map(() => received))
    })

  const run: Run = (cached) => {
    const plugins = byPluginId(cached)

    const expectedOf = (pluginId: string) => Option.fromUndefinedOr(plugins.get(pluginId))

    /** Looks for leases before the download; the store looks again before it changes anything. */
    const checkLeases = Effect.fnUntraced(function* (
      { pluginId, remotePluginId }: RemotePlugin,
      version: PluginVersion
    ) {
      const plugin = plugins.get(pluginId)
      if (plugin === undefined) return
      const owner = remotePluginIdOf(plugin)
      const changesOwner = owner !== null && owner !== remotePluginId
      const leased = Leases.conflict(yield* store.leased(pluginId), { version, changesOwner })
      if (leased === undefined) return
      return yield* new PluginStore.PluginStoreError({
        operation: "install",
        pluginId,
        reason: { _tag: "Leased", version: leased }
      })
    })

    const act = (
      action: SyncPlan.Action,
      subject: Subject,
      elapsed: Effect.Effect<Duration.Duration>,
      wait: boolean
    ): Effect.Effect<SyncResult, SyncFailureCause> => {
      const done = <To extends ActionResult["to"]>(to: To) =>
        Effect.map(elapsed, (duration) => ({
          remotePluginId: subject.remotePluginId,
          from: subject.from,
          to,
          bytes: 0,
          duration
        }))
      switch (action._tag) {
        case "Keep":
          return Effect.map(done(action.version), (result) =>
            SyncEvent.Kept({ ...result, pluginId: action.plugin.pluginId })
          )
        case "Backfill": {
          const { pluginId, remotePluginId } = action.plugin
          return Effect.andThen(
            store.writeIdentity(pluginId, remotePluginId, { expected: expectedOf(pluginId) }),
            Effect.map(done(action.version), (result) =>
              SyncEvent.Backfilled({ ...result, pluginId })
            )
          )
        }
        case "Install": {
          const { plugin, reason, version } = action
          const { pluginId } = plugin
          const expected = expectedOf(pluginId)
          const onWait = publish(SyncEvent.Waiting({ for: "plugin", pluginId }))
          return checkLeases(plugin, version).pipe(
            Effect.andThen(
              store.claimed(pluginId, install(plugin, expected), {
                expected,
                wait,
                onWait: Effect.asVoid(onWait)
              })
            ),
            Effect.flatMap((bytes) =>
              Effect.map(done(version), (result) =>
                SyncEvent.Installed({ ...result, bytes, pluginId, reason })
              )
            )
          )
        }
        case "Defer": {
          const { plugin, reason } = action
          return Effect.map(done(subject.from), (result) =>
            SyncEvent.Deferred({ ...result, pluginId: plugin.pluginId, action: "Install", reason })
          )
        }
        case "Reject":
          return Effect.fail(action.error)
        case "Prune": {
          const { pluginId, version } = action
          const active = Option.getOrNull(
            Option.flatMap(Option.fromUndefinedOr(plugins.get(pluginId)), ({ active }) => active)
          )
          return Effect.flatMap(store.prune(pluginId, version), (pruned) =>
            Effect.map(done(active), (result) =>
              pruned
                ? SyncEvent.Pruned({ ...result, pluginId })
                : SyncEvent.Unnecessary({ ...result, pluginId, action: "Prune" })
            )
          )
        }
        case "Remove": {
          const { reason, target } = action
          const pluginId = SyncPlan.nameOf(target)
          return store.remove(target).pipe(
            Effect.tap((removed) =>
              Effect.logInfo(
                removed
                  ? `removed ${pluginId} from the cache: ${removalReasons[reason]}`
                  : `kept ${pluginId} in the cache: it changed during this pass`
              )
            ),
            Effect.flatMap((removed) =>
              Effect.map(done(removed ? null : subject.from), (result) =>
                removed
                  ? SyncEvent.Removed({ ...result, pluginId, reason })
                  : SyncEvent.Unnecessary({ ...result, pluginId, action: "Remove" })
              )
            )
          )
        }
      }
    }

    return (action, { wait }) =>
      Effect.flatMap(Clock.currentTimeMillis, (start) => {
        const subject = subjectOf(action, plugins)
        const elapsed = Effect.map(Clock.currentTimeMillis, (end) => Duration.millis(end - start))
        const { pluginId, remotePluginId } = subject
        return act(action, subject, elapsed, wait).pipe(
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
          // A caller that has waited as long as it can fails.
          Effect.catchIf(
            (error) => !wait && hasReason("Claimed")(error),
            () => Effect.succeed("Claimed" as const)
          ),
          Effect.catch((error) =>
            Effect.gen(function* () {
              yield* Effect.logWarning(
                `could not sync ${pluginId ?? remotePluginId ?? "a row without an id"}: ${error.message}`
              )
              return SyncEvent.Failed({
                ...subject,
                to: subject.from,
                bytes: 0,
                duration: yield* elapsed,
                failure: {
                  remotePluginId: isForRow(action) ? remotePluginId : null,
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
          // A plugin that is up to date gets no span: an account may have hundreds.
          action._tag === "Keep"
            ? identity
            : Effect.withSpan("PluginSync.action", {
                attributes: Telemetry.known({ action: action._tag, pluginId, remotePluginId })
              }),
          Effect.annotateLogs({ pluginId, remotePluginId })
        )
      })
  }
  return run
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

/** The result of an action that a look at the changed plugin does not ask for any more. */
export const unnecessary = (action: SyncPlan.Action, cached: CacheSnapshot): SyncResult =>
  SyncEvent.Unnecessary({ ...notRun(action, cached), action: action._tag })

/** The result of an action whose plugin never stayed as it was seen. */
export const deferred = (action: SyncPlan.Action, cached: CacheSnapshot): SyncResult =>
  SyncEvent.Deferred({ ...notRun(action, cached), action: action._tag, reason: "Changed" })
