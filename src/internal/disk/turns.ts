/**
 * Turns of the event loop. Work that runs at once, such as calls of the disk and the inflating of
 * bundles, shares a turn. Once a turn has lasted long enough, further work waits for the next one, so
 * that a host's timers and requests are never held up for long.
 */
import { Context, Effect, Fiber } from "effect"

/** How long work may go on in one turn, in milliseconds. */
const turnLength = 5

/** A moment, in milliseconds. To load `performance` takes more than one of them. */
export const moment = (): number => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

/** The moment at which the first work of this turn began. */
let beganAt: number | undefined

/** Whoever waits for a turn, the first one first. */
const waiting: Array<() => void> = []

const end = (): void => {
  beganAt = undefined
  const next = waiting.shift()
  if (next === undefined) return
  begin()
  next()
}

/** Notes that work begins, unless some has begun in this turn. Gives the moment. */
export const begin = (): number => {
  const now = moment()
  if (beganAt === undefined) {
    beganAt = now
    setImmediate(end)
  }
  return now
}

/** True for a few steps that others wait for: they do not wait for another turn in between. */
export const IsUrgent = Context.Reference<boolean>(
  "effect-codex-plugins/internal/disk/Turns/IsUrgent",
  { defaultValue: () => false }
)

/** True if it is time for the event loop to turn. */
export const isOver = (now = moment()): boolean =>
  beganAt !== undefined &&
  now - beganAt >= turnLength &&
  Fiber.getCurrent()?.getRef(IsUrgent) !== true

/** Waits for a turn of one's own. */
export const next = (): Promise<void> => new Promise((resolve) => waiting.push(resolve))

const wait = Effect.callback<void>((resume) => {
  const go = () => resume(Effect.void)
  waiting.push(go)
  return Effect.sync(() => {
    const at = waiting.indexOf(go)
    if (at >= 0) waiting.splice(at, 1)
  })
})

/** Waits if this turn is over. */
export const take: Effect.Effect<void> = Effect.suspend(() =>
  isOver(begin()) ? wait : Effect.void
)
