/**
 * The requests to the test backend, and the progress of each answer.
 */
import { Deferred, Effect } from "effect"
import type { Types } from "effect"
import { matcher } from "../TestRequest.ts"
import type { Kind, Match, Outcome, Request } from "../TestRequest.ts"

type Entry = Types.Mutable<Request>

const copy = (entry: Entry): Request => ({ ...entry })

export const make = () => {
  const entries: Array<Entry> = []
  const underWay = new Map<Kind, { now: number; most: number }>()
  const watchers = new Set<(entry: Entry) => void>()

  return {
    /** Records the request. Returns a function that records the outcome of its answer once. */
    open: (request: Request): ((outcome: Exclude<Outcome, "open">) => void) => {
      const entry: Entry = { ...request }
      entries.push(entry)
      for (const watch of watchers) watch(entry)
      const count = underWay.get(entry.kind) ?? { now: 0, most: 0 }
      underWay.set(entry.kind, count)
      count.now++
      count.most = Math.max(count.most, count.now)
      return (outcome) => {
        if (entry.outcome !== "open") return
        entry.outcome = outcome
        count.now--
      }
    },

    requests: (match: Match = {}): Effect.Effect<ReadonlyArray<Request>> =>
      Effect.sync(() => entries.filter(matcher(match)).map(copy)),

    arrival: (match: Match): Effect.Effect<Request> =>
      Effect.suspend(() => {
        const fits = matcher(match)
        const past = entries.find((entry) => fits(entry))
        if (past !== undefined) return Effect.succeed(copy(past))
        const arrived = Deferred.makeUnsafe<Request>()
        const watch = (entry: Entry) => {
          if (fits(entry)) Deferred.doneUnsafe(arrived, Effect.succeed(copy(entry)))
        }
        watchers.add(watch)
        return Effect.ensuring(
          Deferred.await(arrived),
          Effect.sync(() => watchers.delete(watch))
        )
      }),

    mostAtOnce: (kind: Kind): Effect.Effect<number> =>
      Effect.sync(() => underWay.get(kind)?.most ?? 0),

    forget: Effect.sync(() => {
      entries.length = 0
      for (const count of underWay.values()) count.most = count.now
    })
  }
}
