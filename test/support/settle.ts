/**
 * Time for effects that wait, as `TestClock` has it.
 */
import { type Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

/**
 * Runs an effect while this much time passes: by default more than anything waits for. It begins with
 * a wait, because the clock goes on only after what it has woken is waiting again.
 */
export const settle = Effect.fnUntraced(function* <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  time: Duration.Input = "1 day"
) {
  const fiber = yield* Effect.forkChild(Effect.delay(effect, 1))
  yield* TestClock.adjust(time)
  return yield* Fiber.join(fiber)
})
