/**
 * One pass: read what the account has and what the cache holds, decide, and act.
 */
import {
  Array as Arr,
  Context,
  Data,
  Duration,
  Effect,
  Layer,
  Option,
  PubSub,
  Stream
} from "effect"
import * as CacheLock from "./CacheLock.ts"
import type { UnsupportedSchemaVersion } from "./InstallMetadata.ts"
import type { InstalledSnapshot } from "./RemotePlugin.ts"
import * as DownloadSlots from "./internal/downloadSlots.ts"
import * as sharedRun from "./internal/sharedRun.ts"
import type * as PluginId from "./PluginId.ts"
import * as PluginStore from "./PluginStore.ts"
import type { PluginVersion } from "./PluginVersion.ts"
import * as RemoteBundle from "./RemoteBundle.ts"
import * as RemoteCatalog from "./RemoteCatalog.ts"
import type { RemotePlugin, InvalidRemotePlugin } from "./RemotePlugin.ts"
import * as SyncPlan from "./SyncPlan.ts"

/**
 * How many plugins are worked on at a time. Unless a number is given, a pass finds out how many the
 * connection is good for: from 4 to 64.
 */
export const Concurrency = Context.Reference<number | "adaptive">(
  "effect-codex-plugins/PluginSync/Concurrency",
  { defaultValue: () => "adaptive" }
)

/** Why a pass could not be carried out at all. Nothing was changed. */
export type SyncError =
  | RemoteCatalog.CatalogError
  | PluginStore.PluginStoreError
  | CacheLock.CacheLockError

/** Why one plugin could not be brought in step. What it had cached stays. */
export type SyncFailureCause =
  | InvalidRemotePlugin
  | UnsupportedSchemaVersion
  | RemoteBundle.InstallError
  | PluginStore.PluginStoreError
  | CacheLock.CacheLockError

export interface SyncFailure {
  /** Null for a row without an id, and for a cached plugin that could not be removed or pruned. */
  readonly remotePluginId: string | null
  /** Null for a row that cannot be named. */
  readonly pluginId: string | null
  readonly error: SyncFailureCause
}

/** What a pass did. */
export interface SyncOutcome {
  /** What the account has installed, as the pass went by it. */
  readonly account: InstalledSnapshot
  /** Fetched because no version stood there or another one did. */
  readonly installed: ReadonlyArray<PluginId.PluginId>
  /** Given the sidecar they lacked. */
  readonly backfilled: ReadonlyArray<PluginId.PluginId>
  /** Not touched. */
  readonly kept: ReadonlyArray<PluginId.PluginId>
  /** Fetched although their version stood there: it was broken, or its identity was not theirs. */
  readonly repaired: ReadonlyArray<PluginId.PluginId>
  /** Removed, as `name@marketplace`; strays may have names that no plugin can have. */
  readonly removed: ReadonlyArray<string>
  readonly pruned: ReadonlyArray<{
    readonly pluginId: PluginId.PluginId
    readonly version: PluginVersion
  }>
  readonly failures: ReadonlyArray<SyncFailure>
  /** Why nothing was removed although something may be stale; null where removals were allowed. */
  readonly removalSkipped: string | null
}

/** What happens during a pass, in the order in which it happens. */
export type SyncEvent = Data.TaggedEnum<{
  Planned: { readonly plan: SyncPlan.SyncPlan }
  Kept: { readonly pluginId: PluginId.PluginId; readonly version: PluginVersion }
  Backfilled: { readonly pluginId: PluginId.PluginId; readonly version: PluginVersion }
  Installed: {
    readonly pluginId: PluginId.PluginId
    readonly version: PluginVersion
    readonly reason: SyncPlan.InstallReason
  }
  Removed: { readonly name: string; readonly reason: string }
  Pruned: { readonly pluginId: PluginId.PluginId; readonly version: PluginVersion }
  Failed: { readonly failure: SyncFailure }
  Finished: { readonly outcome: SyncOutcome }
}>
export const SyncEvent = Data.taggedEnum<SyncEvent>()

export class PluginSync extends Context.Service<
  PluginSync,
  {
    /** What a pass would do now. Takes no lock and changes nothing. */
    readonly plan: Effect.Effect<SyncPlan.SyncPlan, SyncError>
    /**
     * Carries out one pass. A caller that comes while one runs joins it, unless the caller holds the
     * lock. The pass is interrupted once all its callers were; the cache stays consistent.
     */
    readonly sync: Effect.Effect<SyncOutcome, SyncError>
    /** The events of every pass from now on. Subscribe before the pass is started. */
    readonly events: Stream.Stream<SyncEvent>
  }
>()("effect-codex-plugins/PluginSync") {}

/** An action that was repaired rather than installed: the wanted version stood there already. */
const isRepair = (reason: SyncPlan.InstallReason): boolean =>
  reason._tag !== "Missing" && reason._tag !== "VersionChanged"

const isForRow = ({ _tag }: SyncPlan.Action): boolean => _tag !== "Prune" && _tag !== "Remove"

const failureOf = (plugin: RemotePlugin, error: SyncFailureCause): SyncFailure => ({
  remotePluginId: plugin.remotePluginId,
  pluginId: plugin.pluginId,
  error
})

/** The failure that a rejected row counts as. */
export const rejection = ({
  error
}: Extract<SyncPlan.Action, { readonly _tag: "Reject" }>): SyncFailure =>
  error._tag === "RejectedIdentity"
    ? failureOf(error.plugin, error.cause)
    : { remotePluginId: error.remotePluginId, pluginId: error.pluginId, error }

export const make = Effect.gen(function* () {
  const catalog = yield* RemoteCatalog.RemoteCatalog
  const bundles = yield* RemoteBundle.RemoteBundle
  const store = yield* PluginStore.PluginStore
  const lock = yield* CacheLock.CacheLock
  const concurrency = yield* Concurrency
  const retention = yield* PluginStore.Retention
  const events = yield* PubSub.unbounded<SyncEvent>()

  const read = Effect.all([Effect.timed(catalog.installed), store.snapshot], {
    concurrency: 2
  }).pipe(
    Effect.map(([[latency, account], cached]) => ({
      account,
      latency,
      plan: SyncPlan.make(account, cached, { retention })
    }))
  )

  const plan = read.pipe(
    Effect.map(({ plan }) => plan),
    Effect.withSpan("PluginSync.plan")
  )

  /**
   * Downloads share the connection. One that does not come in time beside others is tried again
   * once it has the connection to itself, as every download has in Codex.
   */
  const install = (plugin: RemotePlugin, slots: DownloadSlots.DownloadSlots) =>
    slots.share(bundles.install(plugin)).pipe(
      Effect.catchIf(
        (error) => error._tag === "RemoteBundleError" && error.reason._tag === "TimedOut",
        () => slots.alone(bundles.install(plugin))
      )
    )

  const carryOut = (
    action: SyncPlan.Action,
    slots: DownloadSlots.DownloadSlots
  ): Effect.Effect<Option.Option<SyncEvent>, never> => {
    switch (action._tag) {
      case "Keep": {
        const { plugin, version } = action
        return Effect.succeedSome(SyncEvent.Kept({ pluginId: plugin.pluginId, version }))
      }
      case "Backfill": {
        const { plugin, version } = action
        return store.writeIdentity(plugin.pluginId, plugin.remotePluginId).pipe(
          Effect.as(Option.some(SyncEvent.Backfilled({ pluginId: plugin.pluginId, version }))),
          Effect.catch((error) => failed(failureOf(plugin, error)))
        )
      }
      case "Install": {
        const { plugin, reason, version } = action
        return install(plugin, slots).pipe(
          Effect.as(
            Option.some(SyncEvent.Installed({ pluginId: plugin.pluginId, version, reason }))
          ),
          Effect.catch((error) => failed(failureOf(plugin, error)))
        )
      }
      case "Reject":
        return failed(rejection(action))
      case "Prune": {
        const { pluginId, version } = action
        return store.prune(pluginId, version).pipe(
          Effect.map((pruned) =>
            pruned ? Option.some(SyncEvent.Pruned({ pluginId, version })) : Option.none()
          ),
          Effect.catch((error) => failed({ remotePluginId: null, pluginId, error }))
        )
      }
      case "Remove": {
        const { reason, target } = action
        const name = SyncPlan.nameOf(target)
        return store.remove(target).pipe(
          Effect.tap((removed) =>
            removed
              ? Effect.logInfo(`removed ${name} from the cache: ${removalReasons[reason]}`)
              : Effect.logInfo(`left ${name} in the cache: it changed while this pass ran`)
          ),
          Effect.map((removed) =>
            removed ? Option.some(SyncEvent.Removed({ name, reason })) : Option.none()
          ),
          Effect.catch((error) => failed({ remotePluginId: null, pluginId: name, error }))
        )
      }
    }
  }

  const pass = Effect.gen(function* () {
    yield* store.sweep
    const { account, latency, plan } = yield* read
    yield* PubSub.publish(events, SyncEvent.Planned({ plan }))
    if (plan.removalSkipped !== null) {
      yield* Effect.logWarning(`removing nothing in this pass: ${plan.removalSkipped}`)
    }
    const slots = yield* DownloadSlots.make(concurrency, Duration.toMillis(latency))
    // A version stands before what it supersedes is pruned.
    const settled = yield* Effect.forEach(Arr.span(plan.actions, isForRow), (actions) =>
      Effect.forEach(
        actions,
        (action) =>
          Effect.tap(carryOut(action, slots), (event) =>
            Option.isSome(event) ? PubSub.publish(events, event.value) : Effect.void
          ),
        { concurrency: concurrency === "adaptive" ? DownloadSlots.bounds.most : concurrency }
      )
    )
    const outcome = outcomeOf(account, Arr.getSomes(settled.flat()), plan.removalSkipped)
    yield* PubSub.publish(events, SyncEvent.Finished({ outcome }))
    return outcome
  }).pipe(lock.hold, Effect.withSpan("PluginSync.pass"))

  const joined = yield* sharedRun.make(pass)
  const sync = lock.isHeld.pipe(
    // A caller that holds the lock would wait for itself if it joined a pass that waits for the lock.
    Effect.flatMap((isHeld) => (isHeld ? pass : joined)),
    Effect.withSpan("PluginSync.sync")
  )

  return PluginSync.of({ plan, sync, events: Stream.fromPubSub(events) })
})

const removalReasons: Record<Extract<SyncPlan.Action, { _tag: "Remove" }>["reason"], string> = {
  NotInstalled: "the account does not have it installed",
  RetiredMarketplace: "its marketplace is retired",
  Stray: "it is no plugin"
}

const failed = (failure: SyncFailure): Effect.Effect<Option.Option<SyncEvent>> =>
  Effect.as(
    Effect.logWarning(
      `could not bring ${failure.pluginId ?? failure.remotePluginId ?? "a row"} in step: ${failure.error.message}`
    ),
    Option.some(SyncEvent.Failed({ failure }))
  )

const pluginIds = (events: ReadonlyArray<{ readonly pluginId: PluginId.PluginId }>) =>
  events.map(({ pluginId }) => pluginId)

const outcomeOf = (
  account: InstalledSnapshot,
  events: ReadonlyArray<SyncEvent>,
  removalSkipped: string | null
): SyncOutcome => {
  const installs = events.filter(SyncEvent.$is("Installed"))
  return {
    account,
    installed: pluginIds(installs.filter(({ reason }) => !isRepair(reason))),
    backfilled: pluginIds(events.filter(SyncEvent.$is("Backfilled"))),
    kept: pluginIds(events.filter(SyncEvent.$is("Kept"))),
    repaired: pluginIds(installs.filter(({ reason }) => isRepair(reason))),
    removed: events.filter(SyncEvent.$is("Removed")).map(({ name }) => name),
    pruned: events
      .filter(SyncEvent.$is("Pruned"))
      .map(({ pluginId, version }) => ({ pluginId, version })),
    failures: events.filter(SyncEvent.$is("Failed")).map(({ failure }) => failure),
    removalSkipped
  }
}

export const layer: Layer.Layer<
  PluginSync,
  never,
  | RemoteCatalog.RemoteCatalog
  | RemoteBundle.RemoteBundle
  | PluginStore.PluginStore
  | CacheLock.CacheLock
> = Layer.effect(PluginSync, make)
