/**
 * One pass over a home: reads the cache and the listing, plans, and acts.
 */
import { Cause, Duration, Effect, Exit, Option, Scope } from "effect"
import * as CacheLock from "../../CacheLock.ts"
import type { CacheSnapshot } from "../../CacheSnapshot.ts"
import * as CodexHome from "../../CodexHome.ts"
import * as PluginStore from "../../PluginStore.ts"
import * as RemoteCatalog from "../../RemoteCatalog.ts"
import {
  outcomeOf,
  pluginsDisabled,
  type SyncError,
  SyncEvent,
  type SyncOutcome
} from "../../SyncEvent.ts"
import * as SyncPlan from "../../SyncPlan.ts"
import * as ActionRunner from "./actionRunner.ts"
import * as Rounds from "./rounds.ts"
import * as Telemetry from "./telemetry.ts"

/** A pass announces that it waits for the lock after this time. */
const announceAfter = Duration.millis(100)

const changesNothing = ({ _tag }: SyncPlan.Action): boolean =>
  _tag === "Keep" || _tag === "Reject" || _tag === "Defer"

/** The options of passes, and the receiver of their events. */
export interface Options {
  readonly concurrency: number
  readonly retention: Duration.Duration
  readonly removal: SyncPlan.RemovalPolicy
  readonly publish: (event: SyncEvent) => Effect.Effect<unknown>
}

/** Holds the lock, and announces a long wait for it. */
const heldWith =
  (lock: CacheLock.CacheLock["Service"], publish: Options["publish"]) =>
  <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | CacheLock.CacheLockError> =>
    Effect.scopedWith((scope) =>
      Effect.gen(function* () {
        const announcement = yield* publish(
          SyncEvent.Waiting({ for: "lock", pluginId: null })
        ).pipe(Effect.delay(announceAfter), Effect.forkIn(scope))
        return yield* lock.hold(
          Effect.suspend(() => {
            announcement.interruptUnsafe()
            return effect
          })
        )
      })
    )

export const make = Effect.fnUntraced(function* ({
  concurrency,
  publish,
  removal,
  retention
}: Options) {
  const catalog = yield* RemoteCatalog.RemoteCatalog
  const store = yield* PluginStore.PluginStore
  const lock = yield* CacheLock.CacheLock
  const home = yield* CodexHome.CodexHome

  const planFor = (account: SyncOutcome["account"], cached: CacheSnapshot): SyncPlan.SyncPlan =>
    SyncPlan.make(account, cached, {
      retention,
      removal,
      isShared: store.location.isShared
    })

  const listed = Effect.timed(catalog.installed).pipe(
    Effect.provideService(RemoteCatalog.OnRetry, (cause, delay) =>
      publish(SyncEvent.Retrying({ pluginId: null, cause, delay }))
    ),
    Effect.tap(([duration, { rows }]) => publish(SyncEvent.Listed({ rows: rows.length, duration })))
  )

  /**
   * Reads the cache and then the listing. If a plugin differs from this snapshot when an action
   * wants to change it, somebody changed it after the listing began, so the listing may be older
   * than the change.
   */
  const observe = Effect.gen(function* () {
    const cached = yield* store.snapshot
    const [, account] = yield* listed
    return { account, cached, plan: planFor(account, cached) }
  })

  const observeAgain = (account: SyncOutcome["account"]) =>
    Effect.map(store.snapshot, (cached) => ({ account, cached, plan: planFor(account, cached) }))

  const isEnabled = Effect.map(home.settings, ({ pluginsEnabled }) => pluginsEnabled)

  const plan = Effect.gen(function* () {
    if (!(yield* isEnabled)) return SyncPlan.empty
    const [account, cached] = yield* Effect.all([catalog.installed, store.snapshot], {
      concurrency: 2
    })
    return planFor(account, cached)
  }).pipe(
    Effect.tap(({ actions }) => Effect.annotateCurrentSpan({ actions: actions.length })),
    Effect.withSpan("PluginSync.plan")
  )

  const runRounds = Rounds.make({
    run: yield* ActionRunner.make(publish),
    publish,
    observe,
    observeAgain,
    concurrency
  })

  const carryOut = Effect.fnUntraced(function* (seen: Rounds.Observation) {
    const { plan } = seen
    yield* publish(SyncEvent.Planned({ plan }))
    if (plan.removalSkipped !== null) {
      yield* Effect.logWarning(`skipped removals: ${plan.removalSkipped}`)
    }
    const { account, results } = yield* runRounds(seen)
    return outcomeOf(account, results, plan)
  })

  const held = heldWith(lock, publish)

  const sweepLeftovers = Effect.flatMap(store.hasLeftovers, (has) =>
    has ? held(store.sweep) : Effect.void
  )

  const pass = Effect.gen(function* () {
    yield* publish(SyncEvent.Started())
    if (!(yield* isEnabled)) return pluginsDisabled
    yield* sweepLeftovers
    const seen = yield* observe
    // A pass that has nothing to do takes no lock, so it works in a read-only home.
    if (seen.plan.actions.every(changesNothing)) return yield* carryOut(seen)
    return yield* Effect.scopedWith((scope) =>
      Scope.provide(lock.internals.session, scope).pipe(
        // If the home cannot be locked, the pass fails once instead of once for each plugin.
        Effect.andThen(held(Effect.void)),
        Effect.andThen(carryOut(seen)),
        // A process may have died during this pass.
        Effect.tap(Effect.ignore(sweepLeftovers))
      )
    )
  }).pipe(Effect.tap(Telemetry.annotateOutcome), Effect.withSpan("PluginSync.pass"))

  return { plan, pass }
})

/** The event that a pass sends last. */
export const lastEvent = (
  exit: Exit.Exit<SyncOutcome, SyncError>,
  duration: Duration.Duration
): SyncEvent => {
  if (Exit.isSuccess(exit)) return SyncEvent.Finished({ outcome: exit.value, duration })
  const error = Cause.findErrorOption(exit.cause)
  return Option.match(error, {
    onNone: () => SyncEvent.Interrupted({ duration }),
    onSome: (error) => SyncEvent.PassFailed({ error, duration })
  })
}
