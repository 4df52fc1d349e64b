import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as ProcessLock from "../../../src/internal/lock/processLock.ts"
import * as Queues from "../../../src/internal/lock/queues.ts"

/** A lock on a file that is locked by another process or cannot be unlocked, as a test sets it. */
const make = Effect.gen(function* () {
  const file = { isTaken: false, refusesToUnlock: false }
  const events: Array<string> = []
  let isLocked = false
  const lock = ProcessLock.make<never>({
    path: "/lock",
    open: Effect.acquireRelease(
      Effect.sync(() => {
        events.push("open")
        return {
          tryLock: Effect.sync(() => (isLocked = !file.isTaken)),
          unlock: () => {
            if (file.refusesToUnlock) throw new Error("refused")
            const wasLocked = isLocked
            isLocked = false
            return wasLocked
          }
        }
      }),
      () => Effect.sync(() => events.push("close"))
    ),
    note: Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => events.push("note")),
        () => Effect.sync(() => events.push("no note"))
      )
    ),
    announce: Effect.sync(() => events.push("announce")),
    timedOut: () => Effect.die(new Error("timed out")),
    waitLimit: Duration.seconds(10),
    pollInterval: Duration.millis(20),
    queue: yield* Queues.scoped(Queues.make(), "lock"),
    isShared: true
  })
  return { events, file, lock }
})

const lengths = ["long", "brief", "instant"] as const

describe("ProcessLock", () => {
  it.effect.each(lengths)(
    "lets the next caller in after its file could not be unlocked (%s)",
    Effect.fnUntraced(function* (length) {
      const { events, file, lock } = yield* make
      file.refusesToUnlock = true
      assert.isTrue(Exit.hasDies(yield* Effect.exit(lock.hold(Effect.void, length))))
      file.refusesToUnlock = false
      assert.strictEqual(yield* lock.hold(Effect.succeed("in"), length), "in")
      assert.deepStrictEqual(
        events.filter((event) => !event.endsWith("note")),
        ["open", "close", "open", "close"]
      )
    }, Effect.scoped)
  )

  it.effect.each(lengths)(
    "continues when the other process has released the file, and announces a long wait (%s)",
    Effect.fnUntraced(function* (length) {
      const { events, file, lock } = yield* make
      file.isTaken = true
      const waiter = yield* Effect.forkChild(lock.hold(Effect.succeed("in"), length))
      yield* TestClock.adjust("90 millis")
      assert.deepStrictEqual(events, ["open"])
      yield* TestClock.adjust("90 millis")
      assert.deepStrictEqual(events, ["open", "announce"])
      file.isTaken = false
      yield* TestClock.adjust("20 millis")
      assert.strictEqual(yield* Fiber.join(waiter), "in")
    }, Effect.scoped)
  )

  it.effect("writes one note for a long hold, and opens its file once in a session", () =>
    Effect.gen(function* () {
      const { events, lock } = yield* make
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* lock.session
          for (const time of [10, 40, 120, 10]) {
            const holder = yield* Effect.forkChild(lock.hold(Effect.sleep(time), "brief"))
            yield* TestClock.adjust(time)
            yield* Fiber.join(holder)
          }
        })
      )
      assert.deepStrictEqual(events, ["open", "note", "no note", "close"])
    }).pipe(Effect.scoped)
  )

  it.effect("pauses for other processes after many holds in a row", () =>
    Effect.gen(function* () {
      const { lock } = yield* make
      yield* lock.session
      const again = lock.hold(Effect.sleep("10 millis"), "brief")
      const fiber = yield* Effect.forkChild(Effect.timed(Effect.forEach(Array(30), () => again)))
      yield* TestClock.adjust("1 second")
      const [duration] = yield* Fiber.join(fiber)
      assert.strictEqual(Duration.toMillis(duration), 30 * 10 + 30)
    }).pipe(Effect.scoped)
  )
})
