/**
 * A lock between processes, and between the callers of this process.
 */
import { Clock, Context, Duration, Effect, Exit, type Fiber, Scope, type Semaphore } from "effect"
import * as RefCounted from "./refCounted.ts"
import * as NoteWatch from "./noteWatch.ts"
import type { Queue } from "./queues.ts"
import * as EventLoop from "../disk/eventLoop.ts"

/** The first interval at which a waiting caller tries again. It doubles up to `pollInterval`. */
const firstPoll = Duration.millis(2)

/** A waiting caller reports its wait after this time. */
const announceAfter = Duration.millis(100)

/**
 * The time for which a process may take the lock repeatedly, in milliseconds. Then it pauses for a
 * little more than a poll interval, so that another process can take it.
 */
const turn = 250

/**
 * The shortest wait limit of a brief holder. The others hold the lock briefly, too, and the work of
 * a brief holder would be lost.
 */
const minWaitLimit = Duration.seconds(5)

/** The parts of a lock. */
interface Parts<E> {
  readonly path: string
  /** Opens the lock's file until the scope closes. */
  readonly open: Effect.Effect<OpenLock<E>, E, Scope.Scope>
  /** Leaves a note that names this process as the holder. */
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
interface OpenLock<E> {
  /** Tries to lock the file; false if another process holds it. */
  readonly tryLock: Effect.Effect<boolean, E>
  /** Unlocks the file. False if it was not locked. */
  readonly unlock: () => boolean
}

/**
 * The duration of a hold. A brief holder leaves a note only if it takes long after all. An instant
 * one makes a few disk calls, which are not interrupted and between which the event loop runs
 * nothing else, so that other callers of this process hardly ever find the lock taken.
 */
type HoldKind = "long" | "brief" | "instant"

export interface ProcessLock<E> {
  /** Runs an effect under the lock. */
  readonly hold: <A, E1, R>(
    effect: Effect.Effect<A, E1, R>,
    length: HoldKind
  ) => Effect.Effect<A, E1 | E, R>
  readonly isHeld: Effect.Effect<boolean>
  /** The same for a fiber that is running. */
  readonly isHeldBy: (fiber: Fiber.Fiber<unknown, unknown>) => boolean
  /** Keeps the lock's file open until the scope closes, so that each hold is cheap. */
  readonly session: Effect.Effect<void, E, Scope.Scope>
}

/** A lock that a caller has taken. Its last user releases it. */
interface Lease extends NoteWatch.Holder {
  users: number
  /** Keeps the caller's place in the queue. */
  readonly scope: Scope.Closeable
  /** Releases everything that has been taken. */
  release: Effect.Effect<void>
}

/** The leases that the running fiber or its ancestors have taken, by the queue of their lock. */
const Leases = Context.Reference<ReadonlyMap<Semaphore.Semaphore, Lease>>(
  "effect-codex-plugins/CacheLock/Leases",
  { defaultValue: () => new Map() }
)

const makeLease = (): Lease => {
  const scope = Scope.makeUnsafe()
  return { users: 1, scope, notes: undefined, release: Scope.close(scope, Exit.void) }
}

const leave = (lease: Lease) => (--lease.users > 0 ? Effect.void : lease.release)

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
  const waitForOthers = (attempt: Effect.Effect<boolean, E>, isBrief: boolean) => {
    const limit = isBrief ? Duration.max(lock.waitLimit, minWaitLimit) : lock.waitLimit
    return Effect.timeoutOrElse(poll(attempt), {
      duration: limit,
      orElse: () => lock.timedOut(limit)
    })
  }

  /**
   * True if this process must pause. Other processes poll, so the lock must stay free for a while.
   */
  const isTurnOver = (now: number) => {
    if (!lock.isShared) return false
    if (now - queue.leftAt > pollMillis) queue.busySince = now
    return now - queue.busySince >= turn
  }

  /** Pauses, so that another process can take the lock. */
  const takeTurn = Effect.gen(function* () {
    yield* Effect.sleep(pollMillis * 1.5)
    queue.busySince = yield* Clock.currentTimeMillis
  })

  return { waitForOthers, isTurnOver, takeTurn }
}

/** Prepares a lease for the release of a file's lock, even if the attempt to lock it fails. */
const makeReleasing =
  <E>(lock: Parts<E>, files: RefCounted.RefCounted<OpenLock<E>, E>, watch: NoteWatch.NoteWatch) =>
  (lease: Lease, file: RefCounted.Use<OpenLock<E>>, clock: Clock.Clock) => {
    const leavePlace = lease.release
    const free = Effect.suspend(() => {
      const rest = files.leaveToOthers(file)
        ? leavePlace
        : Effect.ensuring(files.leave(file), leavePlace)
      try {
        if (file.value.unlock()) lock.queue.leftAt = clock.currentTimeMillisUnsafe()
        return rest
      } catch (defect) {
        return Effect.ensuring(Effect.die(defect), rest)
      }
    })
    lease.release = Effect.suspend(() => {
      watch.end()
      return lease.notes === undefined
        ? free
        : Effect.ensuring(Scope.close(lease.notes, Exit.void), free)
    })
  }

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

export const make = <E>(lock: Parts<E>): ProcessLock<E> => {
  const { queue } = lock
  const { isTurnOver, waitForOthers, takeTurn } = makeTurns(lock)
  const files = RefCounted.make(lock.open)
  const watch = NoteWatch.make(lock.note)
  const releasing = makeReleasing(lock, files, watch)
  const enqueue = Effect.acquireUseRelease(
    Effect.sync(() => queue.waiting++),
    () => queue.semaphore.takeScoped(1),
    () => Effect.sync(() => queue.waiting--)
  )

  const inSpan = Effect.withSpan("CacheLock.wait", { attributes: { path: lock.path } })

  /**
   * Takes the lock for an uninterruptible caller, who releases it in any case. A pass takes the
   * lock twice for each plugin, so there are few steps if a session keeps the file open and no
   * other process has locked it.
   *
   * The queue comes first and has no limit; the limit applies only to waits for other processes.
   */
  const acquire = (lease: Lease, isBrief: boolean, clock: Clock.Clock, restore: Restore) =>
    Effect.gen(function* () {
      // Nobody overtakes a waiting caller.
      const isFirst = queue.waiting === 0 && (yield* queue.semaphore.takeIfAvailable(1))
      if (isFirst) lease.release = queue.semaphore.release(1)
      else yield* restore(Scope.provide(enqueue, lease.scope))
      if (isTurnOver(clock.currentTimeMillisUnsafe())) yield* restore(takeTurn)
      const file = files.join() ?? (yield* files.enter)
      releasing(lease, file, clock)
      const { tryLock } = file.value
      if (!(yield* tryLock)) {
        const waited = waitForOthers(Effect.uninterruptible(tryLock), isBrief)
        yield* restore(isBrief ? inSpan(waited) : waited)
      }
      if (!isBrief) {
        lease.notes = Scope.makeUnsafe()
        yield* Scope.provide(lock.note, lease.notes)
      } else if (lock.isShared) {
        const start = watch.begin(lease, file.scope)
        if (start !== undefined) yield* start
      }
    })

  const currentIn = (leases: ReadonlyMap<Semaphore.Semaphore, Lease>) => {
    const lease = leases.get(queue.semaphore)
    return lease !== undefined && lease.users > 0 ? lease : undefined
  }

  const hold = <A, E1, R>(
    effect: Effect.Effect<A, E1, R>,
    length: HoldKind
  ): Effect.Effect<A, E1 | E, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) => {
        const leases = fiber.getRef(Leases)
        const inherited = currentIn(leases)
        const isInstant = length === "instant"
        if (inherited !== undefined) {
          inherited.users++
          return Effect.onExit(isInstant ? effect : restore(effect), () => leave(inherited))
        }
        const lease = makeLease()
        const isBrief = length !== "long"
        const taken = acquire(lease, isBrief, fiber.getRef(Clock.Clock), restore)
        // A pass may have hundreds of brief holders. Only one that waits for a process has a span.
        const waited = isBrief ? taken : inSpan(taken)
        const mine = new Map(leases).set(queue.semaphore, lease)
        const held = Effect.updateContext(effect, (context: Context.Context<R>) => {
          const own = Context.add(context, Leases, mine)
          return isInstant ? Context.add(own, EventLoop.IsUrgent, true) : own
        })
        return waited.pipe(
          Effect.andThen(isInstant ? held : restore(held)),
          Effect.onExit(() => leave(lease))
        )
      })
    )

  const isHeldBy = (fiber: Fiber.Fiber<unknown, unknown>) =>
    currentIn(fiber.getRef(Leases)) !== undefined

  return {
    hold,
    isHeld: Effect.withFiber((fiber) => Effect.succeed(isHeldBy(fiber))),
    isHeldBy,
    session: Effect.asVoid(files.scoped)
  }
}
