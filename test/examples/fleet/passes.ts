/**
 * The background passes of the fleet: one runner asks each home for a pass, on a schedule.
 */
import { type Cron, DateTime, Duration, Effect, Hash } from "effect"
import { ClusterCron } from "effect/cluster"
import { Home, Pass } from "./home.ts"
import { Homes } from "./homes.ts"

/** The passes of one round start over this time, so that the backend does not get them all at once. */
const delayOf = (name: string, spread: Duration.Duration) =>
  Duration.millis(Math.abs(Hash.string(name)) % Math.max(1, Duration.toMillis(spread)))

/** Asks each home for a pass and waits for none of them. A second request for the same time is the first. */
const round = Effect.fn("fleet.round")(function* (at: DateTime.Utc, spread: Duration.Duration) {
  const { names } = yield* Homes
  const clientOf = yield* Home.client
  yield* Effect.forEach(
    yield* names,
    (name) =>
      clientOf(name).sync(new Pass({ at: DateTime.addDuration(at, delayOf(name, spread)) }), {
        discard: true
      }),
    { concurrency: 16, discard: true }
  )
})

export const layer = (options: { readonly cron: Cron.Cron; readonly spread: Duration.Duration }) =>
  ClusterCron.make({
    name: "passes",
    cron: options.cron,
    execute: Effect.flatMap(ClusterCron.CurrentScheduledTime, (at) => round(at, options.spread)),
    // After a night without runners, one round is enough.
    skipIfOlderThan: "1 hour"
  })
