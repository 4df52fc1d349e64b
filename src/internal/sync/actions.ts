/**
 * Executes the actions of a plan, with one function for each kind of action.
 */
import { type Duration, Effect, Option } from "effect"
import type { CachedPlugin, CacheSnapshot } from "../../CacheSnapshot.ts"
import * as PluginStore from "../../PluginStore.ts"
import type { PluginVersion } from "../../PluginVersion.ts"
import * as RemoteBundle from "../../RemoteBundle.ts"
import type { RemotePlugin } from "../../RemotePlugin.ts"
import {
  type ActionResult,
  SyncEvent,
  type SyncFailureCause,
  type SyncResult
} from "../../SyncEvent.ts"
import * as SyncPlan from "../../SyncPlan.ts"
import * as Leases from "../cache/leases.ts"
import { byPluginId, remotePluginIdOf, type Subject } from "./actionSubject.ts"

type ActionOf<Tag extends SyncPlan.Action["_tag"]> = Extract<
  SyncPlan.Action,
  { readonly _tag: Tag }
>

/** The context of an action. */
interface Call {
  readonly subject: Subject
  /** The time since the action began. */
  readonly elapsed: Effect.Effect<Duration.Duration>
  /**
   * If false, the action fails with `Claimed` instead of waiting for a plugin that another process
   * is installing.
   */
  readonly wait: boolean
}

const done = <To extends ActionResult["to"]>({ elapsed, subject }: Call, to: To) =>
  Effect.map(elapsed, (duration) => ({
    remotePluginId: subject.remotePluginId,
    from: subject.from,
    to,
    bytes: 0,
    duration
  }))

/** Installs one plugin, unless a lease or another process prevents it. */
const makeInstall = Effect.fnUntraced(function* (
  publish: (event: SyncEvent) => Effect.Effect<unknown>
) {
  const bundles = yield* RemoteBundle.RemoteBundle
  const store = yield* PluginStore.PluginStore

  /** Installs the plugin and returns the number of received bytes. */
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

  /** Checks leases before the download; the store checks them again before it changes anything. */
  const checkLeases = Effect.fnUntraced(function* (
    { pluginId, remotePluginId }: RemotePlugin,
    version: PluginVersion,
    cached: Option.Option<CachedPlugin>
  ) {
    if (Option.isNone(cached)) return
    const owner = remotePluginIdOf(cached.value)
    const changesOwner = owner !== null && owner !== remotePluginId
    const leased = Leases.conflict(yield* store.leased(pluginId), { version, changesOwner })
    if (leased === undefined) return
    return yield* new PluginStore.PluginStoreError({
      operation: "install",
      pluginId,
      remotePluginId,
      reason: { _tag: "Leased", version: leased }
    })
  })

  return Effect.fnUntraced(function* (
    { plugin, reason, version }: ActionOf<"Install">,
    expected: Option.Option<CachedPlugin>,
    call: Call
  ) {
    const { pluginId } = plugin
    yield* checkLeases(plugin, version, expected)
    const bytes = yield* store.claimed(pluginId, install(plugin, expected), {
      expected,
      wait: call.wait,
      onWait: Effect.asVoid(publish(SyncEvent.Waiting({ for: "plugin", pluginId })))
    })
    const result = yield* done(call, version)
    return SyncEvent.Installed({ ...result, bytes, pluginId, reason })
  })
})

export const make = Effect.fnUntraced(function* (
  publish: (event: SyncEvent) => Effect.Effect<unknown>
) {
  const store = yield* PluginStore.PluginStore
  const runInstall = yield* makeInstall(publish)

  const runBackfill = Effect.fnUntraced(function* (
    { plugin: { pluginId, remotePluginId }, version }: ActionOf<"Backfill">,
    expected: Option.Option<CachedPlugin>,
    call: Call
  ) {
    yield* store.writeIdentity(pluginId, remotePluginId, { expected })
    return SyncEvent.Backfilled({ ...(yield* done(call, version)), pluginId })
  })

  const runPrune = Effect.fnUntraced(function* (
    { pluginId, version }: ActionOf<"Prune">,
    cached: Option.Option<CachedPlugin>,
    call: Call
  ) {
    const isPruned = yield* store.prune(pluginId, version)
    const result = yield* done(
      call,
      Option.getOrNull(Option.flatMap(cached, ({ active }) => active))
    )
    return isPruned
      ? SyncEvent.Pruned({ ...result, pluginId })
      : SyncEvent.Unnecessary({ ...result, pluginId, action: "Prune" })
  })

  const runRemove = Effect.fnUntraced(function* (
    { reason, target }: ActionOf<"Remove">,
    call: Call
  ) {
    const pluginId = SyncPlan.nameOf(target)
    const isRemoved = yield* store.remove(target)
    yield* Effect.logInfo(
      isRemoved
        ? `removed ${pluginId} from the cache: ${SyncPlan.removalReasons[reason]}`
        : `kept ${pluginId} in the cache: it changed during this pass`
    )
    const result = yield* done(call, isRemoved ? null : call.subject.from)
    return isRemoved
      ? SyncEvent.Removed({ ...result, pluginId, reason })
      : SyncEvent.Unnecessary({ ...result, pluginId, action: "Remove" })
  })

  return (cached: CacheSnapshot) => {
    const plugins = byPluginId(cached)
    const seen = (pluginId: string) => Option.fromUndefinedOr(plugins.get(pluginId))
    return (
      action: Exclude<SyncPlan.Action, ActionOf<"Keep">>,
      call: Call
    ): Effect.Effect<SyncResult, SyncFailureCause> => {
      switch (action._tag) {
        case "Defer": {
          const { pluginId } = action.plugin
          const { reason } = action
          return Effect.map(done(call, call.subject.from), (result) =>
            SyncEvent.Deferred({ ...result, pluginId, action: "Install", reason })
          )
        }
        case "Reject":
          return Effect.fail(action.error)
        case "Backfill":
          return runBackfill(action, seen(action.plugin.pluginId), call)
        case "Install":
          return runInstall(action, seen(action.plugin.pluginId), call)
        case "Prune":
          return runPrune(action, seen(action.pluginId), call)
        case "Remove":
          return runRemove(action, call)
      }
    }
  }
})
