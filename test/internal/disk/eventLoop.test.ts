import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as EventLoop from "../../../src/internal/disk/eventLoop.ts"

/** Keeps the event loop busy, in milliseconds. */
const work = (millis: number): void => {
  const end = performance.now() + millis
  while (performance.now() < end);
}

/** Runs work this number of times, and returns the number of runs in each turn of the event loop. */
const doneByTurn = Effect.fnUntraced(function* (jobs: number, millis: number) {
  let done = 0
  const seen: Array<number> = []
  let isWatching = true
  const watch = () => {
    seen.push(done)
    if (isWatching) setImmediate(watch)
  }
  setImmediate(watch)
  const job = Effect.andThen(
    EventLoop.yieldTurn,
    Effect.sync(() => {
      work(millis)
      done++
    })
  )
  yield* Effect.all(
    Array.from({ length: jobs }, () => job),
    { concurrency: "unbounded" }
  )
  isWatching = false
  return [...seen, done]
})

describe("EventLoop.yieldTurn", () => {
  it.live("lets the event loop turn between long jobs", () =>
    Effect.gen(function* () {
      const seen = yield* doneByTurn(8, 6)
      const most = Math.max(...seen.map((done, nth) => done - (seen[nth - 1] ?? 0)))
      // One job of the turn before and one of a new turn may come between two checks.
      assert.isAtMost(most, 2)
    })
  )

  it.live("does not let urgent work wait for another turn", () =>
    Effect.gen(function* () {
      const job = Effect.gen(function* () {
        yield* EventLoop.yieldTurn
        work(6)
        yield* EventLoop.yieldTurn
      })
      const isDoneAtOnce = Effect.fnUntraced(function* (effect: Effect.Effect<void>) {
        const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
        const isDone = fiber.pollUnsafe() !== undefined
        yield* Fiber.join(fiber)
        return isDone
      })
      assert.isFalse(yield* isDoneAtOnce(job))
      assert.isTrue(yield* isDoneAtOnce(Effect.provideService(job, EventLoop.IsUrgent, true)))
    })
  )

  it.live("lets short jobs share a turn", () =>
    Effect.gen(function* () {
      let turns = 0
      let isWatching = true
      const watch = () => {
        turns++
        if (isWatching) setImmediate(watch)
      }
      setImmediate(watch)
      for (let job = 0; job < 100; job++) yield* EventLoop.yieldTurn
      isWatching = false
      assert.isBelow(turns, 20)
    })
  )

  it.live("forgets a job that is interrupted while it waits", () =>
    Effect.gen(function* () {
      EventLoop.beginWork()
      work(10)
      assert.isTrue(EventLoop.isTurnOver())
      const order: Array<string> = []
      const taking = (name: string) =>
        Effect.forkChild(
          Effect.andThen(
            EventLoop.yieldTurn,
            Effect.sync(() => void order.push(name))
          ),
          { startImmediately: true }
        )
      const first = yield* taking("first")
      const second = yield* taking("second")
      const third = yield* taking("third")
      yield* Fiber.interrupt(second)
      yield* Fiber.await(first)
      yield* Fiber.await(third)
      assert.deepStrictEqual(order, ["first", "third"])
    })
  )
})
