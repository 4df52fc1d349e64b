import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as WhiteSpace from "../../src/internal/whiteSpace.ts"

describe("WhiteSpace", () => {
  it.each([
    ["ASCII", " \t\n\v\f\r"],
    ["U+0085, which String.prototype.trim keeps", "\u0085"],
    ["the no-break space", "\u00a0"],
    ["the spaces of other scripts", "\u1680\u2000\u2003\u200a\u202f\u205f\u3000"],
    ["the line and paragraph separators", "\u2028\u2029"]
  ])("removes %s from both ends", (_, space) => {
    assert.strictEqual(WhiteSpace.trim(`${space}a${space}b${space}`), `a${space}b`)
    assert.strictEqual(WhiteSpace.trim(space), "")
  })

  it.each([
    ["U+FEFF, which String.prototype.trim drops", "\ufeff"],
    ["the zero-width space", "\u200b"],
    ["NUL", "\0"]
  ])("keeps %s", (_, character) => {
    const text = `${character}a${character}`
    assert.strictEqual(WhiteSpace.trim(text), text)
  })

  it("is quick on a long run in the middle of a text", () => {
    const text = `a${" ".repeat(200_000)}b`
    assert.strictEqual(WhiteSpace.trim(text), text)
  })

  it.prop("does not change text without white space at its ends", [Schema.String], ([text]) => {
    const trimmed = WhiteSpace.trim(text)
    assert.strictEqual(WhiteSpace.trim(trimmed), trimmed)
    assert.isTrue(Schema.is(WhiteSpace.Trimmed)(trimmed))
    assert.strictEqual(Schema.decodeUnknownSync(WhiteSpace.Trim)(` ${text}\n`), trimmed)
  })
})
