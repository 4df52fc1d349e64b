/**
 * The arrival of a bundle: its announced length, its progress, and the patience with its host. The
 * patience counts only while the host is waited for: the time that unpacking and syncing take is
 * never blamed on the connection.
 */
import { type Array as Arr, Cause, Duration, Effect, type Pull, Stream } from "effect"

/** How long a host may send nothing. */
export const idleTimeLimit = Duration.seconds(20)

/** The time over which the rate of a download is averaged. */
export const rateWindow = Duration.seconds(60)

/** The least bytes per second of one download. Downloads under way together share it. */
export const minimumRate = 10_000

/** Progress is reported at most this often, and at the end. */
const reportInterval = Duration.toMillis("100 millis")

export type Problem =
  | { readonly _tag: "Stalled" }
  | { readonly _tag: "TooSlow" }
  | { readonly _tag: "WrongLength"; readonly announced: number }

type Chunks = Arr.NonEmptyReadonlyArray<Uint8Array>

interface Sample {
  /** Milliseconds that the host was waited for until then. */
  readonly waited: number
  readonly received: number
  readonly underWay: number
}

/** One download, as seen by those who watch it. */
interface Transfer {
  readonly now: () => number
  waitingSince: number | undefined
  /** Milliseconds. */
  waited: number
  /** Bytes. */
  received: number
  isOver: boolean
}

/** True if the rate over the last {@link rateWindow} was too low. */
const rateJudge = () => {
  const window = Duration.toMillis(rateWindow)
  const samples: Array<Sample> = []
  return (sample: Sample): boolean => {
    samples.push(sample)
    while (samples.length > 1 && samples[1]!.waited <= sample.waited - window) samples.shift()
    const [first] = samples
    const elapsed = sample.waited - first!.waited
    const sharers = Math.max(1, ...samples.map(({ underWay }) => underWay))
    return (
      elapsed >= window &&
      ((sample.received - first!.received) / elapsed) * 1000 < minimumRate / sharers
    )
  }
}

/** Fails when the host has sent nothing, or too little, for too long. */
const guard = (transfer: Transfer, underWay: () => number): Effect.Effect<never, Problem> =>
  Effect.gen(function* () {
    const idleLimit = Duration.toMillis(idleTimeLimit)
    const window = Duration.toMillis(rateWindow)
    const isTooSlow = rateJudge()
    while (true) {
      if (transfer.isOver) return yield* Effect.never
      const { now, received, waitingSince } = transfer
      const silent = waitingSince === undefined ? 0 : now() - waitingSince
      if (silent >= idleLimit) return yield* Effect.fail<Problem>({ _tag: "Stalled" })
      const waited = transfer.waited + silent
      if (isTooSlow({ waited, received, underWay: underWay() })) {
        return yield* Effect.fail<Problem>({ _tag: "TooSlow" })
      }
      const untilWindow = window - (waited % window)
      // Rounded up: a clock with fractions could leave a rest that no sleep can pass.
      yield* Effect.sleep(Math.max(1, Math.ceil(Math.min(untilWindow, idleLimit - silent))))
    }
  })

export interface Options<E, A, E2, R> {
  /** The size that the host announced; undefined if it did not. */
  readonly announced: number | undefined
  readonly failed: (problem: Problem) => E
  /** Gets the bytes so far. */
  readonly report: (received: number) => Effect.Effect<void>
  readonly use: (bytes: Stream.Stream<Uint8Array, E>) => Effect.Effect<A, E2, R>
}

/** Makes the watch of all downloads that share a connection. */
export const make = () => {
  let underWay = 0

  /** Uses the bytes of a download within the limits. */
  return <E, A, E2, R>(
    bytes: Stream.Stream<Uint8Array, E>,
    { announced, failed, report, use }: Options<E, A, E2, R>
  ): Effect.Effect<A, E | E2, R> =>
    Effect.clockWith((clock) => {
      const now = () => clock.currentTimeMillisUnsafe()
      const transfer: Transfer = {
        now,
        waitingSince: undefined,
        waited: 0,
        received: 0,
        isOver: false
      }
      let reportedAt = Number.NEGATIVE_INFINITY
      const isTooMuch = () => announced !== undefined && transfer.received > announced
      const isTooLittle = () => announced !== undefined && transfer.received < announced
      const wrongLength = () =>
        Effect.fail(failed({ _tag: "WrongLength", announced: announced ?? 0 }))
      const arrived = () => {
        transfer.waited += now() - (transfer.waitingSince ?? now())
        transfer.waitingSince = undefined
      }
      /** The connection belongs to the others from now on. */
      const over = () => {
        if (!transfer.isOver) underWay--
        transfer.isOver = true
      }
      const noted = Stream.transformPull(bytes, (pull) => {
        // One effect does all of it: a bundle arrives in many chunks.
        const watched = Effect.matchEffect(pull, {
          onFailure: (error): Pull.Pull<never, E> => {
            arrived()
            if (!Cause.isDone(error)) return Effect.fail(error)
            over()
            if (isTooLittle()) return wrongLength()
            return Effect.andThen(report(transfer.received), Effect.fail(error))
          },
          onSuccess: (chunks): Effect.Effect<Chunks, E> => {
            arrived()
            for (const { length } of chunks) transfer.received += length
            if (isTooMuch()) return wrongLength()
            if (now() - reportedAt < reportInterval) return Effect.succeed(chunks)
            reportedAt = now()
            return Effect.as(report(transfer.received), chunks)
          }
        })
        return Effect.succeed(
          Effect.suspend(() => {
            transfer.waitingSince = now()
            return watched
          })
        )
      })
      underWay++
      const guarded = Effect.mapError(
        guard(transfer, () => underWay),
        failed
      )
      return Effect.ensuring(Effect.raceFirst(use(noted), guarded), Effect.sync(over))
    })
}
