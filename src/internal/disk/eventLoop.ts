/**
 * Shares the turns of the event loop. Synchronous work, such as disk calls and the inflating of
 * bundles, shares a turn. Once a turn has lasted long enough, further work waits for the next one,
 * so that a host's timers and requests are never delayed for long. A process has one event loop, so
 * all homes of the process share the state here.
 */
import { Context, Effect, Fiber } from "effect"

/** The maximum duration of work in one turn, in milliseconds. */
const turnLength = 5

/**
 * The current time of a monotonic clock, in milliseconds. Loading `performance` would take more
 * than one of them.
 */
export const now = (): number => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

/** The time at which the first work of this turn began. */
let beganAt: number | undefined

/** Waiting callers, in order. */
const waiting: Array<() => void> = []

const end = (): void => {
  beganAt = undefined
  const next = waiting.shift()
  if (next === undefined) return
  beginWork()
  next()
}

/** Records the start of work, unless some has already begun in this turn. Returns the time. */
export const beginWork = (): number => {
  const time = now()
  if (beganAt === undefined) {
    beganAt = time
    setImmediate(end)
  }
  return time
}

/** True for a few steps for which others wait. They do not yield the turn in between. */
export const IsUrgent = Context.Reference<boolean>(
  "effect-codex-plugins/internal/disk/EventLoop/IsUrgent",
  { defaultValue: () => false }
)

/** True if the event loop should turn. */
export const isTurnOver = (time = now()): boolean =>
  beganAt !== undefined &&
  time - beganAt >= turnLength &&
  Fiber.getCurrent()?.getRef(IsUrgent) !== true

/** Waits for the next turn. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => waiting.push(resolve))

const wait = Effect.callback<void>((resume) => {
  const go = () => resume(Effect.void)
  waiting.push(go)
  return Effect.sync(() => {
    const at = waiting.indexOf(go)
    if (at >= 0) waiting.splice(at, 1)
  })
})

/** Waits for the next turn if this one is over. */
export const yieldTurn: Effect.Effect<void> = Effect.suspend(() =>
  isTurnOver(beginWork()) ? wait : Effect.void
)
