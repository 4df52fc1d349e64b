/**
 * Receives a bundle's bytes: checks the announced length, reports progress and applies time limits.
 * The limits count only time spent waiting for the host, not the time of unpacking and syncing.
 */
import {
  type Array as Arr,
  Cause,
  type Clock,
  Duration,
  Effect,
  type Exit,
  type Pull,
  Scope,
  Stream
} from "effect"

/** The time without any byte after which a download fails. */
export const idleTimeLimit = Duration.seconds(20)

/** The time over which the rate of a download is averaged. */
export const rateWindow = Duration.seconds(60)

/**
 * The lowest rate of a download, in bytes per second. Downloads that run at the same time share it.
 */
export const minimumRate = 10_000

/** The shortest interval between reports of progress. There is always one at the end. */
const reportInterval = Duration.toMillis("100 millis")

type Problem =
  | { readonly _tag: "Stalled" }
  | { readonly _tag: "TooSlow" }
  | { readonly _tag: "WrongLength"; readonly announced: number }

type Chunks = Arr.NonEmptyReadonlyArray<Uint8Array>

interface Sample {
  /** The time spent waiting for the host until then, in milliseconds. */
  readonly waited: number
  readonly received: number
  readonly underWay: number
}

/** One download, and the time that it has spent waiting for its host. */
class Transfer {
  private readonly clock: Clock.Clock
  waitingSince: number | undefined
  /** Milliseconds. */
  waited = 0
  /** Bytes. */
  received = 0
  isOver = false

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  now(): number {
    return this.clock.currentTimeMillisUnsafe()
  }

  wait(): void {
    this.waitingSince = this.now()
  }

  arrived(): void {
    const now = this.now()
    this.waited += now - (this.waitingSince ?? now)
    this.waitingSince = undefined
  }
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

/** Fails if the host has sent nothing, or too little, for too long. */
const guard = (transfer: Transfer, underWay: () => number): Effect.Effect<never, Problem> =>
  Effect.gen(function* () {
    const idleLimit = Duration.toMillis(idleTimeLimit)
    const window = Duration.toMillis(rateWindow)
    const isTooSlow = rateJudge()
    while (true) {
      if (transfer.isOver) return yield* Effect.never
      const { received, waitingSince } = transfer
      const silent = waitingSince === undefined ? 0 : transfer.now() - waitingSince
      if (silent >= idleLimit) return yield* Effect.fail<Problem>({ _tag: "Stalled" })
      const waited = transfer.waited + silent
      if (isTooSlow({ waited, received, underWay: underWay() })) {
        return yield* Effect.fail<Problem>({ _tag: "TooSlow" })
      }
      const untilWindow = window - (waited % window)
      // Rounded up, because a fraction of a millisecond could remain that no sleep can pass.
      yield* Effect.sleep(Math.max(1, Math.ceil(Math.min(untilWindow, idleLimit - silent))))
    }
  })

/** A response with an unread body. */
interface Response<E> {
  readonly body: Stream.Stream<Uint8Array, E>
  /** The size that the host announced; undefined if it did not. */
  readonly announced: number | undefined
  /** Receives the number of bytes that arrived, and the exit of the reading. */
  readonly count: (received: number, exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
}

export interface Options<E, E2, A, E3, R> {
  readonly failed: (problem: Problem) => E2
  /** The end of a body: its regular end, or a failure. */
  readonly endOf: (error: E | Cause.Done) => E2 | Cause.Done
  /** Receives the number of bytes so far. */
  readonly report: (received: number, announced: number | undefined) => Effect.Effect<void>
  readonly use: (bytes: Stream.Stream<Uint8Array, E2>) => Effect.Effect<A, E3, R>
}

/**
 * The bytes of a response. Fails if their number is not the announced one. `over` runs after the
 * last byte.
 */
const metered = <E, E2>(
  { announced, body, count }: Response<E>,
  transfer: Transfer,
  over: () => void,
  { endOf, failed, report }: Omit<Options<E, E2, unknown, unknown, unknown>, "use">
): Stream.Stream<Uint8Array, E2> => {
  let reportedAt: number | undefined
  const isTooMuch = () => announced !== undefined && transfer.received > announced
  const isTooLittle = () => announced !== undefined && transfer.received < announced
  const wrongLength = () => Effect.fail(failed({ _tag: "WrongLength", announced: announced ?? 0 }))
  return Stream.transformPull(body, (pull, scope) => {
    // One effect per chunk, because a bundle arrives in many.
    const watched = Effect.matchEffect(pull, {
      onFailure: (error): Pull.Pull<never, E2> => {
        transfer.arrived()
        const end = endOf(error)
        if (!Cause.isDone(end)) return Effect.fail(end)
        over()
        if (isTooLittle()) return wrongLength()
        return Effect.andThen(report(transfer.received, announced), Effect.fail(end))
      },
      onSuccess: (chunks): Effect.Effect<Chunks, E2> => {
        transfer.arrived()
        for (const { length } of chunks) transfer.received += length
        if (isTooMuch()) return wrongLength()
        const now = transfer.now()
        // Most bundles arrive at once. For others, the next bytes may take long.
        const isDue =
          reportedAt === undefined
            ? transfer.received !== announced
            : now - reportedAt >= reportInterval
        if (!isDue) return Effect.succeed(chunks)
        reportedAt = now
        return Effect.as(report(transfer.received, announced), chunks)
      }
    })
    const next = Effect.suspend(() => {
      transfer.wait()
      return watched
    })
    return Effect.as(
      Scope.addFinalizerExit(scope, (exit) => count(transfer.received, exit)),
      next
    )
  })
}

/** Makes the transfers of downloads that share a connection. */
export const make = () => {
  let underWay = 0

  /** Uses the bytes of a response, within the limits. */
  return <E, E2, A, E3, R>(
    open: Effect.Effect<Response<E>, E2>,
    { use, ...options }: Options<E, E2, A, E3, R>
  ): Effect.Effect<A, E2 | E3, R> =>
    Effect.clockWith((clock) => {
      const transfer = new Transfer(clock)
      underWay++
      /** From now on the other downloads share the connection. */
      const over = () => {
        if (!transfer.isOver) underWay--
        transfer.isOver = true
      }
      transfer.wait()
      const used = Effect.flatMap(open, (response) => {
        transfer.arrived()
        return use(metered(response, transfer, over, options))
      })
      const guarded = Effect.mapError(
        guard(transfer, () => underWay),
        options.failed
      )
      return Effect.ensuring(Effect.raceFirst(used, guarded), Effect.sync(over))
    })
}
