/**
 * One pass: read what the account has installed and what the cache contains, plan, and act.
 */
import {
  Cause,
  Clock,
  Context,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  PubSub,
  Result,
  type Scope,
  Stream
} from "effect"
import * as CacheLock from "./CacheLock.ts"
import * as CodexHome from "./CodexHome.ts"
import * as Credentials from "./Credentials.ts"
import * as Background from "./internal/sync/background.ts"
import * as Readiness from "./Readiness.ts"
import * as Pass from "./internal/sync/pass.ts"
import * as Telemetry from "./internal/sync/telemetry.ts"
import * as OptionCheck from "./internal/optionCheck.ts"
import * as Polling from "./internal/polling.ts"
import * as SharedRun from "./internal/sharedRun.ts"
import * as PluginStore from "./PluginStore.ts"
import type * as RemoteBundle from "./RemoteBundle.ts"
import type * as RemoteCatalog from "./RemoteCatalog.ts"
import type { SyncError, SyncEvent, SyncOutcome } from "./SyncEvent.ts"
import * as SyncPlan from "./SyncPlan.ts"

export type {
  Background,
  Options as BackgroundOptions,
  State as BackgroundState
} from "./internal/sync/background.ts"
export {
  type SyncError,
  SyncEvent,
  type SyncFailure,
  type SyncFailureCause,
  type SyncOutcome,
  type SyncResult
} from "./SyncEvent.ts"

/**
 * The default number of plugins that a pass works on at the same time.
 *
 * @category constants
 * @since 0.2.0
 */
export const defaultConcurrency = 16

/**
 * The default time for which a superseded version is kept for the sessions that still use it: 24
 * hours.
 *
 * @category constants
 * @since 0.2.0
 */
export const defaultRetention = Duration.hours(24)

/**
 * Options of {@link layerWith}. They are read once, when the layer is built. An invalid value is a
 * defect.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options {
  /**
   * The number of plugins that are worked on at a time: a positive integer. Default: 16.
   */
  readonly concurrency?: number | undefined
  /**
   * The time for which a superseded version is kept for the sessions that still use it. Zero prunes
   * it in the pass that supersedes it. Default: 24 hours.
   */
  readonly retention?: Duration.Input | undefined
  /** The policy for stale plugins; see {@link SyncPlan.RemovalPolicy}. Default: `"auto"`. */
  readonly removal?: SyncPlan.RemovalPolicy | undefined
}

/**
 * Syncs the cache of one Codex home with the plugins that its account has installed.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PluginSync } from "effect-codex-plugins"
 *
 * const program = Effect.gen(function* () {
 *   const { sync } = yield* PluginSync.PluginSync
 *   const { failures, installed, removed } = yield* sync
 *   yield* Effect.logInfo(`${installed.length} installed, ${removed.length} removed`)
 *   yield* Effect.forEach(failures, (failure) => Effect.logWarning(failure))
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class PluginSync extends Context.Service<
  PluginSync,
  {
    /** The plan of a pass that would start now. Takes no lock and changes nothing. */
    readonly plan: Effect.Effect<SyncPlan.SyncPlan, SyncError>
    /**
     * Runs one pass. A caller that comes while a pass runs joins it, except for a caller that holds
     * the lock of the home, which runs a separate pass. A pass is interrupted only when every
     * caller was interrupted. The cache is valid whenever that happens.
     *
     * One plugin that cannot be synced does not fail the pass; see `failures` of the outcome.
     *
     * The lock is held only while a change is made, not during downloads. A plugin that somebody
     * else changed after the listing began is planned again with a new listing; one that keeps
     * changing is left to a later pass.
     */
    readonly sync: Effect.Effect<SyncOutcome, SyncError>
    /**
     * Starts or joins a pass and returns when its plugins are in place, when the deadline passes
     * (default: {@link defaultDeadline}), or when it is clear that the pass fails. An error of the
     * pass is part of the result. The pass continues in the background until the layer is closed.
     * Call it before a session opens.
     *
     * It fails only if the home is unusable: if its settings or its cache cannot be read.
     */
    readonly ensureReady: (options?: {
      readonly deadline?: Duration.Input | undefined
    }) => Effect.Effect<
      Readiness.Readiness,
      CodexHome.CodexHomeError | PluginStore.PluginStoreError
    >
    /**
     * Runs passes on a schedule until the scope closes: when the last successful pass is old enough,
     * sooner after a transient failure, and at once when the credentials or the settings change. It
     * joins a pass that runs already. Invalid options are a defect.
     */
    readonly background: (
      options?: Background.Options
    ) => Effect.Effect<Background.Background, never, Scope.Scope>
    /**
     * The events of every pass from now on; it ends when the layer is closed. Subscribe before the
     * pass starts.
     */
    readonly events: Stream.Stream<SyncEvent>
  }
>()("effect-codex-plugins/PluginSync") {}

/**
 * The default deadline of {@link PluginSync} `ensureReady`.
 *
 * @category constants
 * @since 0.2.0
 */
export const defaultDeadline = Duration.seconds(10)

const validated = ({ concurrency, removal, retention }: Options) =>
  Effect.all({
    concurrency: OptionCheck.integer(
      "PluginSync.concurrency",
      concurrency ?? defaultConcurrency,
      1
    ),
    retention: OptionCheck.duration("PluginSync.retention", retention ?? defaultRetention),
    removal: OptionCheck.oneOf("PluginSync.removal", removal ?? "auto", SyncPlan.removalPolicies)
  })

/** Emits when the credentials or the settings of the home change. */
const wakeUpsOf = Effect.fnUntraced(function* (home: CodexHome.CodexHome["Service"]) {
  const { changes: credentialChanges } = yield* Credentials.ofHome(home)
  const settingChanges = Polling.changesOf(
    Effect.result(home.settings).pipe(
      Effect.map(
        Result.match({
          onFailure: ({ message }) => message,
          onSuccess: ({ baseUrl, pluginsEnabled }) => `${baseUrl} ${pluginsEnabled}`
        })
      )
    ),
    Credentials.pollInterval
  )
  return Stream.merge(credentialChanges, settingChanges)
})

/** Implements `ensureReady`. The pass runs in `scope`, and `current` is its progress. */
const ensureReadyWith = (
  home: CodexHome.CodexHome["Service"],
  store: PluginStore.PluginStore["Service"],
  sync: PluginSync["Service"]["sync"],
  current: Effect.Effect<Readiness.PassState>,
  scope: Scope.Scope
) =>
  Effect.fn("PluginSync.ensureReady")(
    function* ({
      deadline = defaultDeadline
    }: { readonly deadline?: Duration.Input | undefined } = {}) {
      yield* home.settings
      const fiber = yield* Effect.forkIn(sync, scope)
      const exit = yield* Effect.timeoutOption(Fiber.await(fiber), deadline)
      const cached = yield* store.snapshot
      if (Option.isNone(exit))
        return Readiness.decide(yield* current, cached, { state: "DeadlinePassed" })
      if (Exit.isFailure(exit.value)) {
        const error = Option.getOrNull(Cause.findErrorOption(exit.value.cause))
        return Readiness.decide(
          yield* current,
          cached,
          error === null ? { state: "Failed" } : { error }
        )
      }
      const { results, skipped } = exit.value.value
      return Readiness.decide({ plan: skipped === null ? SyncPlan.empty : null, results }, cached, {
        state: skipped ?? "Ready"
      })
    },
    Effect.tap(({ state }) => Effect.annotateCurrentSpan({ outcome: state }))
  )

/**
 * Makes the service.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<
  PluginSync["Service"],
  never,
  | RemoteCatalog.RemoteCatalog
  | RemoteBundle.RemoteBundle
  | PluginStore.PluginStore
  | CacheLock.CacheLock
  | CodexHome.CodexHome
  | Scope.Scope
> {
  const valid = yield* validated(options)
  const store = yield* PluginStore.PluginStore
  const lock = yield* CacheLock.CacheLock
  const home = yield* CodexHome.CodexHome
  const events = yield* Effect.acquireRelease(PubSub.unbounded<SyncEvent>(), PubSub.shutdown)
  let current: Readiness.PassState = { plan: null, results: [] }
  let succeededAt: number | null = null
  const publish = (event: SyncEvent) =>
    Effect.suspend(() => {
      current = Readiness.advance(current, event)
      return Effect.andThen(Telemetry.record(event), PubSub.publish(events, event))
    })

  const { pass, plan } = yield* Pass.make({ ...valid, publish })

  const reported = (run: typeof pass): typeof pass =>
    Effect.flatMap(Clock.currentTimeMillis, (start) =>
      Effect.onExit(run, (exit) =>
        Effect.flatMap(Clock.currentTimeMillis, (end) => {
          if (Exit.isSuccess(exit)) succeededAt = end
          return publish(Pass.lastEvent(exit, Duration.millis(end - start)))
        })
      )
    )

  const joined = yield* SharedRun.make(pass, reported)

  // A caller that holds the lock would wait for itself if it joined a pass that waits for the lock.
  const sync = Effect.flatMap(lock.isHeld, (isHeld) => (isHeld ? reported(pass) : joined)).pipe(
    Effect.tap(Telemetry.annotateOutcome),
    Effect.withSpan("PluginSync.sync")
  )

  const ensureReady = ensureReadyWith(
    home,
    store,
    sync,
    Effect.sync(() => current),
    yield* Effect.scope
  )

  const wakeUps = yield* wakeUpsOf(home)
  const background = (options: Background.Options = {}) =>
    Background.start(
      {
        sync,
        wakeUps,
        succeededAt: Effect.sync(() => succeededAt)
      },
      options
    )

  return PluginSync.of({ plan, sync, ensureReady, background, events: Stream.fromPubSub(events) })
})

/**
 * Provides {@link PluginSync} with options.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerWith = (
  options: Options
): Layer.Layer<
  PluginSync,
  never,
  | RemoteCatalog.RemoteCatalog
  | RemoteBundle.RemoteBundle
  | PluginStore.PluginStore
  | CacheLock.CacheLock
  | CodexHome.CodexHome
> => Layer.effect(PluginSync, make(options))

/**
 * Provides {@link PluginSync} with the default options.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = layerWith({})
