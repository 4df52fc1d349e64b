import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { spinning } from "../../src/cli/region.ts"
import * as Screen from "../../src/cli/screen.ts"

/** A process that has run for 150 ms, and everything that it writes on stderr. */
const stage = (isLive: boolean) => {
  const written: Array<string> = []
  const stream = { isTTY: isLive, columns: 40, write: (text: string) => written.push(text) > 0 }
  const screen = { ...Screen.make(stream, stream, { NO_COLOR: "1" }), uptime: () => 150 }
  const printed = Object.assign(Object.create(console), {
    log: (text: string) => written.push(`${text}\n`),
    error: (text: string) => written.push(`${text}\n`)
  })
  const work = <A, E>(effect: Effect.Effect<A, E>) =>
    effect.pipe(
      spinning(() => "Working"),
      Effect.provideService(Screen.Screen, screen),
      Effect.provideService(Console.Console, printed)
    )
  return { written, work }
}

describe("the live region", () => {
  it.effect("appears 200 ms after the start of the process, and is gone at the end", () =>
    Effect.gen(function* () {
      const { work, written } = stage(true)
      const working = yield* Effect.forkChild(work(Effect.sleep("1 second")))
      yield* TestClock.adjust("49 millis")
      assert.deepStrictEqual(written, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(written, ["⠋ Working"])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(working)
      assert.strictEqual(written.at(-1), "\r\u001b[J")
    })
  )

  it.effect("does not appear for a command that is over before", () =>
    Effect.gen(function* () {
      const { work, written } = stage(true)
      const working = yield* Effect.forkChild(work(Effect.sleep("40 millis")))
      yield* TestClock.adjust("40 millis")
      yield* Fiber.join(working)
      assert.deepStrictEqual(written, [])
    })
  )

  it.effect("makes room for other output", () =>
    Effect.gen(function* () {
      const { work, written } = stage(true)
      const working = yield* Effect.forkChild(
        work(Effect.andThen(Effect.sleep("100 millis"), Console.log("a result")))
      )
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(working)
      assert.deepStrictEqual(written, ["⠋ Working", "\r\u001b[J", "a result\n"])
    })
  )

  it.effect("is a line after 5 seconds and then every 10 seconds if stderr is not a terminal", () =>
    Effect.gen(function* () {
      const { work, written } = stage(false)
      const working = yield* Effect.forkChild(work(Effect.sleep("20 seconds")))
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(working)
      assert.deepStrictEqual(written, ["Working (5.0 s)\n", "Working (15 s)\n"])
    })
  )
})
