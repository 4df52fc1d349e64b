/**
 * How many downloads are under way at once, found out while they are.
 *
 * What waits for the network waits as well beside others as alone, so that more at a time are a gain;
 * what waits for its neighbours does not. The two are told apart as TCP Vegas does: by how much longer
 * a download takes than the quickest one has taken.
 */
import { Effect, Semaphore } from "effect"

/** How many are under way at the least and at the most. */
export const bounds = { least: 4, most: 64 } as const

/** What a first call takes where nothing is waited for, in milliseconds: connection and decoding. */
const usualCall = 20

/** About what is to be done for a bundle of a usual size once it is there, in milliseconds. */
const usualWork = 1.5

/** More may be under way while a download takes no longer than so many times the quickest one. */
const idleFactor = 2

/** Fewer must be, once it takes so many times as long. */
const crowdedFactor = 4

/** What is known of the connection. Times are in milliseconds. */
export interface Estimate {
  readonly limit: number
  readonly quickest: number
}

const within = (limit: number) => Math.min(bounds.most, Math.max(bounds.least, Math.round(limit)))

/** What to begin with where a call took this long: while one is waited for, others can be worked on. */
export const initial = (latency: number): Estimate => ({
  limit: within((latency - usualCall) / usualWork),
  quickest: Number.POSITIVE_INFINITY
})

/** What one more download tells, which has taken this long. */
export const next = ({ limit, quickest: before }: Estimate, took: number): Estimate => {
  const quickest = Math.min(before, took)
  const change = took <= quickest * idleFactor ? 1 : took > quickest * crowdedFactor ? -1 : 0
  return { limit: within(limit + change), quickest }
}

export interface DownloadSlots {
  /** Runs a download beside others. */
  readonly share: <A, E, R>(download: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Runs a download that has the connection to itself, as each has from then on. */
  readonly alone: <A, E, R>(download: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * As many slots as are asked for, or as many as the connection is good for. `latency` is how long
 * a call took, in milliseconds.
 */
export const make = Effect.fnUntraced(function* (
  concurrency: number | "adaptive",
  latency: number
) {
  let adapts = concurrency === "adaptive"
  let estimate = initial(latency)
  const slots = yield* Semaphore.make(concurrency === "adaptive" ? estimate.limit : concurrency)

  const adapt = (took: number) => {
    estimate = next(estimate, took)
    return slots.resize(estimate.limit)
  }
  const self: DownloadSlots = {
    share: (download) =>
      slots.withPermit(
        Effect.clockWith((clock) => {
          const start = clock.currentTimeMillisUnsafe()
          return Effect.tap(download, () =>
            adapts ? adapt(clock.currentTimeMillisUnsafe() - start) : Effect.void
          )
        })
      ),
    alone: (download) =>
      Effect.suspend(() => {
        adapts = false
        return Effect.andThen(slots.resize(1), slots.withPermit(download))
      })
  }
  return self
})
