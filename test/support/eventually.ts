/**
 * The wait for something that no effect of the test can await, such as a change by another process, by
 * the operating system or by the garbage collector.
 */
import { Effect } from "effect"
import { setTimeout } from "node:timers/promises"

/** The time between two looks, in milliseconds, whichever clock the test has. */
const interval = 5

/**
 * Reads again and again until it finds the expected, by default true, and gives it. The time limit of the
 * test is the only one.
 */
export const eventually = Effect.fnUntraced(function* <A, E, R>(
  look: Effect.Effect<A, E, R>,
  isExpected: (found: A) => boolean = (found) => found === true
) {
  for (;;) {
    const found = yield* look
    if (isExpected(found)) return found
    yield* Effect.promise(() => setTimeout(interval))
  }
})
