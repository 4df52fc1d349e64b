import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Lines from "../../src/appServer/lines.ts"

const split = (...pieces: ReadonlyArray<string>) =>
  Effect.map(Stream.runCollect(Lines.split(Stream.make(...pieces), 5)), (lines) => [...lines])

describe("the lines of the app-server", () => {
  it.effect("joins pieces and drops line ends", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* split("ab", "c\r", "\nd\n\ne"), ["abc", "d", "", "e"])
      assert.deepStrictEqual(yield* split("abc\n"), ["abc"])
      assert.deepStrictEqual(yield* split(""), [])
    })
  )

  it.effect("reports a line that is too long once and continues after its end", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* split("abc", "def", "ghi", "jkl\nok", "\n"), [
        Lines.tooLong,
        "ok"
      ])
      assert.deepStrictEqual(yield* split("abcdef\nabcde\nabcdef"), [
        Lines.tooLong,
        "abcde",
        Lines.tooLong
      ])
    })
  )
})
