/**
 * A lock between processes and between the callers of this one.
 */
import { Clock, Context, Duration, Effect, Exit, Scope, type Semaphore } from "effect"
import type { Queue } from "./queues.ts"

/** A waiting caller tries again after this time, which doubles up to `pollInterval`. */
const firstPoll = Duration.millis(2)

/** A waiting caller says so after this time. */
const announceAfter = Duration.millis(100)

/** A brief holder leaves its note after this time, so that short holds write no file. */
const noteAfter = Duration.millis(50)

/**
 * How long a process may hold the lock again and again, in milliseconds, before it pauses for a
 * little more than a poll interval and so lets another process in.
 */
const turn = 250

/**
 * How long a brief holder waits at the least. Others hold the lock briefly, too, and the work that
 * it commits is done.
 */
export const leastPatience = Duration.seconds(5)

/** What a lock is made of. */
export interface Parts<E> {
  readonly path: string
  /** Opens the lock's file until the scope closes. Its error is never `E`. */
  readonly open: Effect.Effect<OpenLock<E>, E, Scope.Scope>
  /** Leaves a note that tells others who holds the lock. */
  readonly note: Effect.Effect<void, never, Scope.Scope>
  /** Logs who holds the lock. */
  readonly announce: Effect.Effect<void>
  readonly timedOut: (waited: Duration.Duration) => Effect.Effect<never, E>
  readonly waitLimit: Duration.Duration
  readonly pollInterval: Duration.Duration
  /** The queue of this process's callers. */
  readonly queue: Queue
  /** False if no other process uses the lock. */
  readonly isShared: boolean
}

/** An open lock file. Tries to lock it until the scope closes; false if another one holds it. */
export interface OpenLock<E> {
  readonly tryLock: Effect.Effect<boolean, E, Scope.Scope>
}

export interface ProcessLock<E> {
  /** Runs an effect under the lock. `isBrief` holders leave their note only if they take long. */
  readonly hold: <A, E1, R>(
    effect: Effect.Effect<A, E1, R>,
    isBrief: boolean
  ) => Effect.Effect<A, E1 | E, R>
  readonly isHeld: Effect.Effect<boolean>
  /** Keeps the lock's file open until the scope closes, so that each hold is cheap. */
  readonly session: Effect.Effect<void, E, Scope.Scope>
}

/** The lock, once it was taken. Whoever leaves last closes the scope, which releases it. */
interface Lease {
  users: number
  readonly scope: Scope.Closeable
}

/** The leases that the running fiber or its ancestors took, by the queue of their lock. */
const Leases = Context.Reference<ReadonlyMap<Semaphore.Semaphore, Lease>>(
  "effect-codex-plugins/CacheLock/Leases",
  { defaultValue: () => new Map() }
)

const leave = (lease: Lease) =>
  Effect.suspend(() => (--lease.users === 0 ? Scope.close(lease.scope, Exit.void) : Effect.void))

export const make = <E>(lock: Parts<E>): ProcessLock<E> => {
  const { queue } = lock
  const pollMillis = Duration.toMillis(lock.pollInterval)

  const poll = Effect.fnUntraced(function* (attempt: Effect.Effect<boolean, E>) {
    const start = yield* Clock.currentTimeMillis
    let isAnnounced = false
    for (let wait = Duration.toMillis(firstPoll); ; wait = Math.min(wait * 2, pollMillis)) {
      yield* Effect.sleep(wait)
      if (yield* attempt) return
      const waited = (yield* Clock.currentTimeMillis) - start
      if (isAnnounced || waited < Duration.toMillis(announceAfter)) continue
      isAnnounced = true
      yield* lock.announce
    }
  })

  /** Other processes poll, so they get the lock only if it stays free for a while. */
  const takeTurns = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    if (now - queue.leftAt > pollMillis) queue.busySince = now
    if (now - queue.busySince < turn) return
    yield* Effect.sleep(pollMillis * 1.5)
    queue.busySince = yield* Clock.currentTimeMillis
  })

  // The queue comes first and has no limit: the limit is for other processes alone.
  const acquire = Effect.fnUntraced(function* (scope: Scope.Scope, isBrief: boolean) {
    yield* Scope.provide(queue.semaphore.takeScoped(1), scope)
    if (lock.isShared) yield* takeTurns
    const file = yield* Scope.provide(lock.open, scope)
    const attempt = Scope.provide(file.tryLock, scope)
    if (!(yield* attempt)) {
      const limit = isBrief ? Duration.max(lock.waitLimit, leastPatience) : lock.waitLimit
      yield* Effect.timeoutOrElse(poll(attempt), {
        duration: limit,
        orElse: () => lock.timedOut(limit)
      })
    }
    yield* Scope.addFinalizer(
      scope,
      Effect.map(Clock.currentTimeMillis, (now) => {
        queue.leftAt = now
      })
    )
    const note = Scope.provide(lock.note, scope)
    yield* isBrief && lock.isShared ? Effect.forkIn(Effect.delay(note, noteAfter), scope) : note
  })

  /** A brief holder gets no span: a pass may have hundreds. */
  const wait = (scope: Scope.Scope, isBrief: boolean) =>
    isBrief
      ? acquire(scope, isBrief)
      : Effect.withSpan(acquire(scope, isBrief), "CacheLock.wait", {
          attributes: { path: lock.path }
        })

  const current = Effect.map(Leases, (leases) => {
    const lease = leases.get(queue.semaphore)
    return lease !== undefined && lease.users > 0 ? lease : undefined
  })

  const hold: ProcessLock<E>["hold"] = (effect, isBrief) =>
    Effect.uninterruptibleMask(
      Effect.fnUntraced(function* (restore) {
        const inherited = yield* current
        if (inherited !== undefined) {
          inherited.users++
          return yield* Effect.ensuring(restore(effect), leave(inherited))
        }
        const lease: Lease = { users: 1, scope: yield* Scope.make() }
        const leases = new Map(yield* Leases).set(queue.semaphore, lease)
        return yield* restore(wait(lease.scope, isBrief)).pipe(
          Effect.andThen(restore(Effect.provideService(effect, Leases, leases))),
          Effect.ensuring(leave(lease))
        )
      })
    )

  return {
    hold,
    isHeld: Effect.map(current, (lease) => lease !== undefined),
    session: Effect.asVoid(lock.open)
  }
}
