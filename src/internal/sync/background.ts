/**
 * Passes on a schedule.
 */
import {
  Cause,
  Clock,
  Duration,
  Effect,
  Exit,
  Queue,
  Random,
  type Scope,
  Stream,
  SubscriptionRef
} from "effect"
import { isTransient } from "../../ErrorAdvice.ts"
import type { SyncError, SyncOutcome } from "../../SyncEvent.ts"
import * as OptionCheck from "../optionCheck.ts"

/**
 * The options of a schedule.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options {
  /** The age of the last successful pass at which the next one starts. Default: 1 hour. */
  readonly every?: Duration.Input | undefined
  /** Each wait is extended at random by up to this fraction of itself. Default: 0.1. */
  readonly jitter?: number | undefined
  /**
   * The wait after a first transient failure; each further one doubles it, up to `every`. A failure
   * that only a person can resolve is not retried before `every` or a change of the credentials or
   * the settings.
   * Default: 30 seconds.
   */
  readonly backoff?: Duration.Input | undefined
}

/**
 * The state of a schedule.
 *
 * @category models
 * @since 0.2.0
 */
export interface State {
  /** True while a pass runs for the schedule. */
  readonly isRunning: boolean
  /** The outcome of the last successful pass; null before the first. */
  readonly outcome: SyncOutcome | null
  /** The time of the last successful pass, in milliseconds since 1970; null before the first. */
  readonly succeededAt: number | null
  /** The error of the last pass; null if it succeeded. */
  readonly error: SyncError | null
  /** The number of failed passes since the last successful one. */
  readonly failures: number
  /**
   * The latest time at which the next pass starts, in milliseconds since 1970; null while one runs.
   */
  readonly nextAt: number | null
}

/**
 * A running schedule, for health checks.
 *
 * @category models
 * @since 0.2.0
 */
export interface Background {
  readonly state: Effect.Effect<State>
  /** Emits the current state, then each further one. */
  readonly changes: Stream.Stream<State>
}

const validated = Effect.fnUntraced(function* (options: Options) {
  const duration = (name: "backoff" | "every", fallback: Duration.Input) =>
    Effect.map(
      OptionCheck.duration(
        `PluginSync.background.${name}`,
        options[name] ?? fallback,
        "more than zero"
      ),
      Duration.toMillis
    )
  const jitter = options.jitter ?? 0.1
  if (!(jitter >= 0 && jitter <= 1)) {
    return yield* OptionCheck.invalid("PluginSync.background.jitter", "from 0 to 1", jitter)
  }
  return {
    every: yield* duration("every", "1 hour"),
    backoff: yield* duration("backoff", "30 seconds"),
    jitter
  }
})

/** Starts a schedule that ends with the scope. */
export const start = Effect.fnUntraced(function* (
  source: {
    readonly sync: Effect.Effect<SyncOutcome, SyncError>
    /** The time of the last successful pass of any caller; null before the first. */
    readonly succeededAt: Effect.Effect<number | null>
    /** Each element starts a pass at once. */
    readonly wakeUps: Stream.Stream<void>
  },
  options: Options
): Effect.fn.Return<Background, never, Scope.Scope> {
  const { backoff, every, jitter } = yield* validated(options)
  const state = yield* SubscriptionRef.make<State>({
    isRunning: false,
    outcome: null,
    succeededAt: yield* source.succeededAt,
    error: null,
    failures: 0,
    nextAt: null
  })
  const update = (change: Partial<State>) =>
    SubscriptionRef.update(state, (known) => ({ ...known, ...change }))
  const wakeUps = yield* Queue.sliding<void>(1)
  yield* source.wakeUps.pipe(
    Stream.runForEach(() => Queue.offer(wakeUps, undefined)),
    Effect.forkScoped
  )

  const waitFor = Effect.fnUntraced(function* (millis: number) {
    const wait = Math.max(0, millis) * (1 + jitter * (yield* Random.next))
    yield* update({ nextAt: (yield* Clock.currentTimeMillis) + wait })
    yield* Effect.raceFirst(Effect.sleep(wait), Queue.take(wakeUps))
  })

  const untilOld = Effect.gen(function* () {
    const succeededAt = yield* source.succeededAt
    if (succeededAt === null) return
    const age = (yield* Clock.currentTimeMillis) - succeededAt
    if (age < every) yield* waitFor(every - age)
  })

  const pass = Effect.gen(function* () {
    yield* update({ isRunning: true, nextAt: null })
    const exit = yield* Effect.exit(source.sync)
    if (Exit.isSuccess(exit)) {
      const succeededAt = yield* source.succeededAt
      const outcome = exit.value
      yield* update({ isRunning: false, outcome, succeededAt, error: null, failures: 0 })
      return yield* waitFor(every)
    }
    const error = Cause.findErrorOption(exit.cause)
    const { failures } = yield* SubscriptionRef.get(state)
    const isWorthRetry = error._tag === "None" || isTransient(error.value)
    yield* update({
      isRunning: false,
      error: error._tag === "None" ? null : error.value,
      failures: failures + 1
    })
    yield* Effect.logWarning(
      `a background sync failed: ${error._tag === "None" ? "it was interrupted" : error.value.message}`
    )
    yield* waitFor(isWorthRetry ? Math.min(every, backoff * 2 ** Math.min(failures, 30)) : every)
  })

  yield* Effect.forkScoped(Effect.andThen(untilOld, Effect.forever(pass)))
  return { state: SubscriptionRef.get(state), changes: SubscriptionRef.changes(state) }
})
