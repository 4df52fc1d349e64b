/**
 * Lets time pass for effects that wait.
 */
import { type Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

/**
 * Runs an effect while this much time of `TestClock` passes. The default is longer than anything waits.
 * The effect begins with a wait, because the clock goes on only after the fibers that it has woken are
 * waiting again.
 */
export const settle = Effect.fnUntraced(function* <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  time: Duration.Input = "1 day"
) {
  const fiber = yield* Effect.forkChild(Effect.delay(effect, 1))
  yield* TestClock.adjust(time)
  return yield* Fiber.join(fiber)
})
