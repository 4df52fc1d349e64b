import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Ref } from "effect"
import { TestClock } from "effect/testing"
import * as CacheLock from "../src/CacheLock.ts"

describe("CacheLock in a process", () => {
  it.effect("admits one holder at a time, in the order in which they came", () =>
    Effect.gen(function* () {
      const lock = yield* CacheLock.CacheLock
      const events = yield* Ref.make<ReadonlyArray<string>>([])
      const note = (event: string) => Ref.update(events, (events) => [...events, event])
      const work = (name: string) =>
        lock.hold(
          note(`${name} in`).pipe(
            Effect.andThen(Effect.sleep("1 second")),
            Effect.andThen(note(`${name} out`))
          )
        )
      const fiber = yield* Effect.forkChild(
        Effect.all([work("a"), work("b")], { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* Ref.get(events), ["a in", "a out", "b in", "b out"])
    }).pipe(Effect.provide(CacheLock.layerInProcess))
  )

  it.effect("admits its holder, and fibers that the holder forked, at once", () =>
    Effect.gen(function* () {
      const lock = yield* CacheLock.CacheLock
      const nested = lock.hold(lock.hold(Effect.succeed("in")))
      const forked = lock.hold(Effect.flatMap(Effect.forkChild(nested), Fiber.join))
      assert.strictEqual(yield* forked, "in")
    }).pipe(Effect.provide(CacheLock.layerInProcess))
  )

  it.effect("is released when its holder fails or is interrupted", () =>
    Effect.gen(function* () {
      const lock = yield* CacheLock.CacheLock
      yield* Effect.flip(lock.hold(Effect.fail("oh")))
      const entered = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(
        lock.hold(Effect.andThen(Deferred.succeed(entered, undefined), Effect.never))
      )
      yield* Deferred.await(entered)
      yield* Fiber.interrupt(holder)
      assert.strictEqual(yield* lock.hold(Effect.succeed("in")), "in")
    }).pipe(Effect.provide(CacheLock.layerInProcess))
  )

  it.effect("lets callers of the same process wait without a limit", () =>
    Effect.gen(function* () {
      const lock = yield* CacheLock.CacheLock
      const holder = yield* Effect.forkChild(lock.hold(Effect.sleep("1 hour")))
      const waiter = yield* Effect.forkChild(lock.hold(Effect.succeed("in")))
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(holder)
      assert.strictEqual(yield* Fiber.join(waiter), "in")
    }).pipe(Effect.provide(CacheLock.layerInProcess))
  )

  it.effect("keeps the caller's scope, so that what a holder acquires outlives the hold", () =>
    Effect.gen(function* () {
      const lock = yield* CacheLock.CacheLock
      const released = yield* Ref.make(false)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* lock.hold(Effect.acquireRelease(Effect.void, () => Ref.set(released, true)))
          assert.isFalse(yield* Ref.get(released))
        })
      )
      assert.isTrue(yield* Ref.get(released))
    }).pipe(Effect.provide(CacheLock.layerInProcess))
  )

  it.effect("stays locked until the last fiber that its holder forked has left", () =>
    Effect.gen(function* () {
      const lock = yield* CacheLock.CacheLock
      const events: Array<string> = []
      const say = (event: string) => Effect.sync(() => events.push(event))
      const entered = yield* Deferred.make<void>()
      const inner = lock.hold(
        Deferred.succeed(entered, undefined).pipe(
          Effect.andThen(Effect.sleep("1 minute")),
          Effect.andThen(say("forked fiber is done"))
        )
      )
      yield* lock.hold(Effect.andThen(Effect.forkChild(inner), Deferred.await(entered)))
      const next = yield* Effect.forkChild(lock.hold(say("next caller is in")))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(next)
      assert.deepStrictEqual(events, ["forked fiber is done", "next caller is in"])
    }).pipe(Effect.provide(CacheLock.layerInProcess))
  )

  it.effect("is not held by a fiber that outlives its holder", () =>
    Effect.gen(function* () {
      const lock = yield* CacheLock.CacheLock
      const ended = yield* Deferred.make<void>()
      const late = yield* lock.hold(
        Effect.gen(function* () {
          assert.isTrue(yield* lock.isHeld)
          return yield* Effect.forkDetach(
            Effect.andThen(Deferred.await(ended), Effect.zip(lock.isHeld, lock.hold(lock.isHeld)))
          )
        })
      )
      const other = yield* Effect.forkChild(lock.hold(Effect.sleep("1 minute")), {
        startImmediately: true
      })
      yield* Deferred.succeed(ended, undefined)
      yield* Effect.yieldNow
      assert.isUndefined(late.pollUnsafe())
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(other)
      assert.deepStrictEqual(yield* Fiber.join(late), [false, true])
    }).pipe(Effect.provide(CacheLock.layerInProcess))
  )

  it.effect("is free for the next caller after a waiting one was interrupted", () =>
    Effect.gen(function* () {
      const lock = yield* CacheLock.CacheLock
      const holder = yield* Effect.forkChild(lock.hold(Effect.sleep("1 minute")))
      const waiters = yield* Effect.forEach([1, 2, 3], () =>
        Effect.forkChild(lock.hold(Effect.void))
      )
      yield* Effect.yieldNow
      yield* Fiber.interruptAll(waiters)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(holder)
      assert.strictEqual(yield* lock.hold(Effect.succeed("in")), "in")
    }).pipe(Effect.provide(CacheLock.layerInProcess))
  )
})
