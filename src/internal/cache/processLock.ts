/**
 * A lock between processes and between the callers of this one.
 */
import { Clock, Context, Duration, Effect, Exit, Scope, type Semaphore } from "effect"
import * as Counted from "./counted.ts"
import * as NoteWatch from "./noteWatch.ts"
import type { Queue } from "./queues.ts"

/** A waiting caller tries again after this time, which doubles up to `pollInterval`. */
const firstPoll = Duration.millis(2)

/** A waiting caller says so after this time. */
const announceAfter = Duration.millis(100)

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

/** An open lock file. */
export interface OpenLock<E> {
  /** Tries to lock the file; false if another process holds it. */
  readonly tryLock: Effect.Effect<boolean, E>
  readonly unlock: () => void
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

/** The lock, once a caller has taken it. Whoever leaves last closes the scope, which releases it. */
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

/** The waits for other processes. */
const makeTurns = <E>(lock: Parts<E>) => {
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

  /** Waits until an attempt succeeds, because another process has locked the file. */
  const outwait = (attempt: Effect.Effect<boolean, E>, isBrief: boolean) => {
    const limit = isBrief ? Duration.max(lock.waitLimit, leastPatience) : lock.waitLimit
    return Effect.timeoutOrElse(poll(attempt), {
      duration: limit,
      orElse: () => lock.timedOut(limit)
    })
  }

  /** True if this process has had its turn. Other processes poll: the lock must stay free for a while. */
  const isTurnOver = (now: number) => {
    if (!lock.isShared) return false
    if (now - queue.leftAt > pollMillis) queue.busySince = now
    return now - queue.busySince >= turn
  }

  const takeTurns = Effect.gen(function* () {
    if (!isTurnOver(yield* Clock.currentTimeMillis)) return
    yield* Effect.sleep(pollMillis * 1.5)
    queue.busySince = yield* Clock.currentTimeMillis
  })

  return { outwait, isTurnOver, takeTurns }
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** A caller who wants to take the lock at once. */
interface Call<E> {
  /** Releases the lock when it closes. */
  readonly scope: Scope.Closeable
  readonly clock: Clock.Clock
  readonly restore: Restore
  /** Takes the lock in any case. */
  readonly slowly: Effect.Effect<void, E>
}

/**
 * Takes the lock for a brief holder in a few steps, because a pass has two such holds for each plugin.
 * Mostly a session keeps the file open and nobody waits, so all that remains is to lock the file.
 */
const makeAtOnce = <E>(
  lock: Parts<E>,
  files: Counted.Counted<OpenLock<E>, E>,
  { isTurnOver, outwait }: ReturnType<typeof makeTurns<E>>
) => {
  const { queue } = lock
  const watch = NoteWatch.make(lock.note)

  /** Locks the file until the scope closes, for a caller that has the place in front. */
  const lockFile = (
    file: Counted.Use<OpenLock<E>>,
    { clock, restore, scope }: Call<E>
  ): Effect.Effect<void, E> => {
    let isLocked = false
    const unlock = Effect.sync(() => {
      if (!isLocked) return
      watch.end()
      queue.leftAt = clock.currentTimeMillisUnsafe()
      file.value.unlock()
    })
    const makeRoom = Effect.suspend(() => {
      const leave = queue.semaphore.release(1)
      return files.leaveToOthers(file) ? leave : Effect.andThen(files.leave(file), leave)
    })
    const attempt = Effect.map(file.value.tryLock, (answer) => (isLocked = answer))
    const begin = Effect.suspend(() => {
      const watching = lock.isShared ? watch.begin(scope) : undefined
      return watching === undefined
        ? Effect.void
        : Effect.asVoid(Effect.forkIn(watching, file.scope))
    })
    return Scope.addFinalizer(scope, Effect.ensuring(unlock, makeRoom)).pipe(
      Effect.andThen(attempt),
      Effect.flatMap((isFree) =>
        isFree
          ? begin
          : Effect.andThen(restore(outwait(Effect.uninterruptible(attempt), true)), begin)
      )
    )
  }

  /**
   * The steps of an uninterruptible caller. Undefined, and nothing is taken, if no session keeps the
   * file open or if somebody waits.
   */
  return (call: Call<E>): Effect.Effect<void, E> | undefined => {
    if (queue.waiting > 0 || isTurnOver(call.clock.currentTimeMillisUnsafe())) return undefined
    const file = files.join()
    if (file === undefined) return undefined
    return Effect.flatMap(queue.semaphore.takeIfAvailable(1), (isInFront) =>
      isInFront ? lockFile(file, call) : Effect.andThen(files.leave(file), call.slowly)
    )
  }
}

export const make = <E>(lock: Parts<E>): ProcessLock<E> => {
  const { queue } = lock
  const files = Counted.make(lock.open)
  const turns = makeTurns(lock)
  const acquireAtOnce = makeAtOnce(lock, files, turns)

  const enqueue = Effect.acquireUseRelease(
    Effect.sync(() => queue.waiting++),
    () => queue.semaphore.takeScoped(1),
    () => Effect.sync(() => queue.waiting--)
  )

  // The queue comes first and has no limit: the limit is for other processes alone.
  const acquire = Effect.fnUntraced(function* (scope: Scope.Scope, isBrief: boolean) {
    yield* Scope.provide(enqueue, scope)
    yield* turns.takeTurns
    const file = yield* Scope.provide(files.scoped, scope)
    const unlock = Effect.map(Clock.currentTimeMillis, (now) => {
      queue.leftAt = now
      file.unlock()
    })
    const attempt = Effect.uninterruptible(
      Effect.tap(file.tryLock, (isLocked) =>
        isLocked ? Scope.addFinalizer(scope, unlock) : Effect.void
      )
    )
    if (!(yield* attempt)) yield* turns.outwait(attempt, isBrief)
    const note = Scope.provide(lock.note, scope)
    yield* isBrief && lock.isShared
      ? Effect.forkIn(Effect.delay(note, NoteWatch.noteAfter), scope)
      : note
  })

  /** A brief holder gets no span: a pass may have hundreds. */
  const wait = (scope: Scope.Scope, isBrief: boolean) =>
    isBrief
      ? acquire(scope, isBrief)
      : Effect.withSpan(acquire(scope, isBrief), "CacheLock.wait", {
          attributes: { path: lock.path }
        })

  const currentIn = (leases: ReadonlyMap<Semaphore.Semaphore, Lease>) => {
    const lease = leases.get(queue.semaphore)
    return lease !== undefined && lease.users > 0 ? lease : undefined
  }

  const hold: ProcessLock<E>["hold"] = (effect, isBrief) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) => {
        const leases = fiber.getRef(Leases)
        const inherited = currentIn(leases)
        if (inherited !== undefined) {
          inherited.users++
          return Effect.ensuring(restore(effect), leave(inherited))
        }
        const lease: Lease = { users: 1, scope: Scope.makeUnsafe() }
        const slowly = restore(wait(lease.scope, isBrief))
        const clock = fiber.getRef(Clock.Clock)
        const acquired = isBrief
          ? acquireAtOnce({ scope: lease.scope, clock, restore, slowly })
          : undefined
        const mine = new Map(leases).set(queue.semaphore, lease)
        return (acquired ?? slowly).pipe(
          Effect.andThen(restore(Effect.provideService(effect, Leases, mine))),
          Effect.ensuring(leave(lease))
        )
      })
    )

  return {
    hold,
    isHeld: Effect.map(Leases, (leases) => currentIn(leases) !== undefined),
    session: Effect.asVoid(files.scoped)
  }
}
