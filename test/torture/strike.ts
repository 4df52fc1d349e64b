/**
 * A kill at a chosen moment of a program's work.
 */
import { Deferred, Effect, Random, type Scope } from "effect"
import * as Fs from "node:fs"
import { lockHolderName } from "../../src/internal/cache/staging.ts"
import * as Cache from "./cache.ts"

/** A program at work. */
export interface Work<E> {
  readonly pid: number
  /** Waits until its work is done. */
  readonly over: Effect.Effect<unknown, E>
  /** Kills it outright, and waits until it is gone. */
  readonly kill: Effect.Effect<unknown, E>
}

export type Start<E, R> = Effect.Effect<Work<E>, E, R | Scope.Scope>

/** The usual steps of the work. */
export interface Pace {
  /** From its start to its end, in milliseconds. */
  readonly whole: number
  /** From its first entry in staging to its end, in milliseconds. */
  readonly staging: number
  /** How often something changes in the cache. */
  readonly changes: number
}

/** When to kill, in parts of what is usual: some time after its start, or after staging began, or at a change. */
export interface Moment {
  readonly by: keyof Pace
  readonly part: number
}

/** Half of all are aimed at changes, which take but a part of the time. */
const aims = ["whole", "changes", "staging", "changes"] as const

/** How far kills reach: from the start on, also somewhat beyond the usual end. */
const reach: Readonly<Record<keyof Pace, number>> = { whole: 1.2, staging: 1, changes: 1 }

/** Evenly spread over what each aim reaches, in an order by chance. */
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

/** Tells of staging and the cache until the scope ends. */
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

/** Lets work come to its end, and measures it. */
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

/** Starts work and kills it; in which part of its usual time, and whether it had ended before. */
export const strike = Effect.fnUntraced(function* <E, R>(
  home: string,
  start: Start<E, R>,
  { by, part }: Moment,
  pace: Pace
) {
  const staging = yield* Deferred.make<void>()
  const struck = yield* Deferred.make<void>()
  let pid: number | undefined
  let left = by === "changes" ? 1 + Math.floor(part * pace.changes) : Infinity
  yield* watch(home, {
    staging: () => Deferred.doneUnsafe(staging, Effect.void),
    change: () => {
      if (--left > 0 || pid === undefined) return
      // At once: what follows on this change may take no longer than a fiber's turn.
      process.kill(pid, "SIGKILL")
      pid = undefined
      Deferred.doneUnsafe(struck, Effect.void)
    }
  })
  const due = {
    whole: Effect.sleep(part * pace.whole),
    staging: Effect.andThen(Deferred.await(staging), Effect.sleep(part * pace.staging)),
    changes: Deferred.await(struck)
  }[by]
  const startedAt = performance.now()
  const work = yield* start
  pid = work.pid
  const ended = yield* Effect.raceFirst(Effect.as(due, false), Effect.as(work.over, true))
  const struckAt = performance.now()
  pid = undefined
  yield* work.kill
  return { ended, part: (struckAt - startedAt) / pace.whole }
}, Effect.scoped)
