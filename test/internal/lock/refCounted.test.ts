import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import * as RefCounted from "../../../src/internal/lock/refCounted.ts"

const make = Effect.gen(function* () {
  const events: Array<string> = []
  const ready = yield* Deferred.make<void>()
  let made = 0
  const counted = RefCounted.make(
    Effect.acquireRelease(
      Effect.map(Deferred.await(ready), () => {
        events.push("acquired")
        return ++made
      }),
      (nth) => Effect.sync(() => events.push(`released ${nth}`))
    )
  )
  return { counted, events, ready }
})

describe("a RefCounted resource", () => {
  it.effect("is acquired once for all users that want it at the same time", () =>
    Effect.gen(function* () {
      const { counted, events, ready } = yield* make
      const users = yield* Effect.forkChild(
        Effect.all([counted.enter, counted.enter, counted.enter], { concurrency: "unbounded" })
      )
      yield* Effect.yieldNow
      assert.isUndefined(counted.join())
      yield* Deferred.succeed(ready, undefined)
      const [first, second, third] = yield* Fiber.join(users)
      assert.deepStrictEqual([first.value, second.value, third.value], [1, 1, 1])
      yield* Effect.forEach([first, second], counted.leave)
      assert.deepStrictEqual(events, ["acquired"])
      assert.strictEqual(counted.join()?.value, 1)
      yield* Effect.forEach([third, third], counted.leave)
      assert.deepStrictEqual(events, ["acquired", "released 1"])
      assert.isUndefined(counted.join())
    })
  )

  it.effect("is acquired again after its last user has left, and after a failure", () =>
    Effect.gen(function* () {
      const { counted, events, ready } = yield* make
      yield* Deferred.succeed(ready, undefined)
      yield* Effect.scoped(counted.scoped)
      assert.strictEqual(yield* Effect.scoped(counted.scoped), 2)
      assert.deepStrictEqual(events, ["acquired", "released 1", "acquired", "released 2"])

      let attempts = 0
      const failing = RefCounted.make(
        Effect.suspend(() => (++attempts === 1 ? Effect.fail("oh") : Effect.succeed(attempts)))
      )
      assert.isTrue(Exit.isFailure(yield* Effect.exit(failing.enter)))
      assert.strictEqual((yield* failing.enter).value, 2)
    })
  )
})
