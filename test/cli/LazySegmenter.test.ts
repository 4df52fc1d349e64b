import { assert, describe, it } from "@effect/vitest"
import { Segmenter } from "../../src/cli/LazySegmenter.ts"

describe("LazySegmenter", () => {
  it("tells the graphemes that Intl's own tells, text after text", () => {
    const options = { granularity: "grapheme" } as const
    const segmenter = new Segmenter(undefined, options)
    for (const text of ["", "plain", "e\u0301 👩‍👩‍👧 日本"]) {
      assert.deepStrictEqual(
        Array.from(segmenter.segment(text)),
        Array.from(new Intl.Segmenter(undefined, options).segment(text))
      )
    }
  })
})
