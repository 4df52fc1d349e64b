/**
 * The wait for something that no effect of the test can await, such as a change by another process, by
 * the operating system or by the garbage collector.
 */
import { Effect } from "effect"
import { setTimeout } from "node:timers/promises"

/** The real time between two looks, in milliseconds, even if the test has another clock. */
const interval = 5

/**
 * Repeats a look until it returns the expected value, by default true, and returns that value. Only the
 * time limit of the test ends the wait.
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
