/**
 * Kills a program at a chosen moment of its work.
 */
import { Deferred, Effect, Random, type Scope } from "effect"
import * as Fs from "node:fs"
import { lockHolderName } from "../../src/internal/cache/staging.ts"
import * as Cache from "./cache.ts"

/** A running program. */
export interface Work<E> {
  readonly pid: number
  /** Waits until the work is done. */
  readonly over: Effect.Effect<unknown, E>
  /** Kills the program with SIGKILL and waits until it has ended. */
  readonly kill: Effect.Effect<unknown, E>
}

export type Start<E, R> = Effect.Effect<Work<E>, E, R | Scope.Scope>

/** The usual pace of the work. */
export interface Pace {
  /** From the start to the end, in milliseconds. */
  readonly whole: number
  /** From the first entry in staging to the end, in milliseconds. */
  readonly staging: number
  /** The number of changes in the cache. */
  readonly changes: number
}

/** A moment as a fraction of the usual pace: a time after the start or after the first entry in staging, or a change. */
export interface Moment {
  readonly by: keyof Pace
  readonly part: number
}

/** Half of the kills are aimed at changes, which take only a small part of the time. */
const aims = ["whole", "changes", "staging", "changes"] as const

/** The greatest fraction. Some kills come after the usual end. */
const reach: Readonly<Record<keyof Pace, number>> = { whole: 1.2, staging: 1, changes: 1 }

/** Moments that are spread evenly over the reach of each aim, in random order. */
export const moments = Effect.fnUntraced(function* (count: number) {
  const all = yield* Effect.forEach(Array.from({ length: count }).keys(), (n) =>
    Effect.map(Random.next, (chance): Moment => {
      const by = aims[n % aims.length]!
      const ofTheSame = Math.ceil((count - (n % aims.length)) / aims.length)
      return { by, part: (reach[by] * (Math.floor(n / aims.length) + chance)) / ofTheSame }
    })
  )
  return yield* Random.shuffle(all)
})

/** Reports changes of staging and the cache until the scope ends. */
const watch = Effect.fnUntraced(function* (
  home: string,
  on: { readonly staging: () => void; readonly change: () => void }
) {
  const look = (folder: string, tell: () => void) =>
    Effect.acquireRelease(
      Effect.sync(() =>
        Fs.watch(folder, (_, name) => {
          if (name !== lockHolderName) tell()
        })
      ),
      (watcher) => Effect.sync(() => watcher.close())
    )
  yield* look(Cache.stagingOf(home), on.staging)
  for (const folder of [Cache.marketplaceOf(home), ...Cache.baseRootsOf(home)]) {
    yield* look(folder, on.change)
  }
})

/** Lets work complete and measures its pace. */
export const measure = Effect.fnUntraced(function* <E, R>(home: string, start: Start<E, R>) {
  let stagingAt: number | undefined
  let changes = 0
  yield* watch(home, {
    staging: () => {
      stagingAt ??= performance.now()
    },
    change: () => {
      changes++
    }
  })
  const startedAt = performance.now()
  const work = yield* start
  yield* work.over
  const endedAt = performance.now()
  yield* work.kill
  return {
    whole: endedAt - startedAt,
    staging: endedAt - (stagingAt ?? endedAt),
    changes
  } satisfies Pace
}, Effect.scoped)

/** Starts work and kills it. Returns the time as a fraction of the usual time, and whether the work had ended before. */
export const killAt = Effect.fnUntraced(function* <E, R>(
  home: string,
  start: Start<E, R>,
  { by, part }: Moment,
  pace: Pace
) {
  const staging = yield* Deferred.make<void>()
  const killed = yield* Deferred.make<void>()
  let pid: number | undefined
  let left = by === "changes" ? 1 + Math.floor(part * pace.changes) : Infinity
  yield* watch(home, {
    staging: () => Deferred.doneUnsafe(staging, Effect.void),
    change: () => {
      if (--left > 0 || pid === undefined) return
      // The kill must not wait for a fiber, because the next change may follow sooner.
      process.kill(pid, "SIGKILL")
      pid = undefined
      Deferred.doneUnsafe(killed, Effect.void)
    }
  })
  const due = {
    whole: Effect.sleep(part * pace.whole),
    staging: Effect.andThen(Deferred.await(staging), Effect.sleep(part * pace.staging)),
    changes: Deferred.await(killed)
  }[by]
  const startedAt = performance.now()
  const work = yield* start
  pid = work.pid
  const ended = yield* Effect.raceFirst(Effect.as(due, false), Effect.as(work.over, true))
  const killedAt = performance.now()
  pid = undefined
  yield* work.kill
  return { ended, part: (killedAt - startedAt) / pace.whole }
}, Effect.scoped)
