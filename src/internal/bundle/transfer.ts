/**
 * The patience of a download. It counts only while the host is waited for: the time that unpacking
 * and syncing take is never blamed on the connection.
 */
import { Duration, Effect, Stream } from "effect"

/** How long a host may send nothing. */
export const idleTimeLimit = Duration.seconds(20)

/** The time over which the rate of a download is averaged. */
export const rateWindow = Duration.seconds(60)

/** The least bytes per second of one download. Downloads under way together share it. */
export const minimumRate = 10_000

/** Progress is reported at most this often, and at the end. */
const reportInterval = Duration.toMillis("100 millis")

export type Problem = { readonly _tag: "Stalled" } | { readonly _tag: "TooSlow" }

interface Sample {
  /** Milliseconds that the host was waited for until then. */
  readonly waited: number
  readonly received: number
  readonly underWay: number
}

export interface Transfers {
  /**
   * Uses the bytes of a download within the limits. `report` gets the bytes so far.
   */
  readonly watch: <A, E, R, E2>(
    bytes: Stream.Stream<Uint8Array, E2>,
    options: {
      readonly failed: (problem: Problem) => E2
      readonly report: (received: number) => Effect.Effect<void>
      readonly use: (bytes: Stream.Stream<Uint8Array, E2>) => Effect.Effect<A, E, R>
    }
  ) => Effect.Effect<A, E | E2, R>
}

/** Makes the watch of all downloads that share a connection. */
export const make = (): Transfers => {
  let underWay = 0

  return {
    watch: (bytes, { failed, report, use }) =>
      Effect.clockWith((clock) => {
        const idleLimit = Duration.toMillis(idleTimeLimit)
        const window = Duration.toMillis(rateWindow)
        const now = () => clock.currentTimeMillisUnsafe()
        let waitingSince: number | undefined
        let waited = 0
        let received = 0
        let reportedAt = Number.NEGATIVE_INFINITY
        let reported = -1
        let isOver = false
        const samples: Array<Sample> = []

        const tell = Effect.suspend(() => {
          if (reported === received) return Effect.void
          reportedAt = now()
          reported = received
          return report(received)
        })
        /** The connection belongs to the others from now on. */
        const over = Effect.sync(() => {
          if (!isOver) underWay--
          isOver = true
        })
        const noted = Stream.transformPull(bytes, (pull) =>
          Effect.succeed(
            Effect.suspend(() => {
              waitingSince = now()
              return pull.pipe(
                Effect.ensuring(
                  Effect.sync(() => {
                    waited += now() - (waitingSince ?? now())
                    waitingSince = undefined
                  })
                ),
                Effect.tap((chunks) => {
                  for (const { length } of chunks) received += length
                  return now() - reportedAt < reportInterval ? Effect.void : tell
                })
              )
            })
          )
        ).pipe(
          Stream.onEnd(
            Effect.andThen(
              over,
              Effect.suspend(() => report(received))
            )
          )
        )

        const isTooSlow = (total: number): boolean => {
          samples.push({ waited: total, received, underWay })
          while (samples.length > 1 && samples[1]!.waited <= total - window) samples.shift()
          const [first] = samples
          const elapsed = total - first!.waited
          const sharers = Math.max(1, ...samples.map(({ underWay }) => underWay))
          return (
            elapsed >= window &&
            ((received - first!.received) / elapsed) * 1000 < minimumRate / sharers
          )
        }
        const watch = Effect.gen(function* () {
          while (true) {
            if (isOver) return yield* Effect.never
            const silent = waitingSince === undefined ? 0 : now() - waitingSince
            if (silent >= idleLimit) return yield* Effect.fail(failed({ _tag: "Stalled" }))
            if (isTooSlow(waited + silent)) {
              return yield* Effect.fail(failed({ _tag: "TooSlow" }))
            }
            const untilWindow = window - ((waited + silent) % window)
            // Rounded up: a clock with fractions could leave a rest that no sleep can pass.
            yield* Effect.sleep(Math.max(1, Math.ceil(Math.min(untilWindow, idleLimit - silent))))
          }
        })
        underWay++
        return Effect.ensuring(Effect.raceFirst(use(noted), watch), over)
      })
  }
}
