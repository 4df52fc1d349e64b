import { assert, describe, it } from "@effect/vitest"
import { display, displayJson } from "../../src/internal/display.ts"

describe("display", () => {
  it("keeps ordinary text of any script", () => {
    for (const text of ["", "alpha 1.0.0", 'a "b" \\c', "プラグイン", "é 👩‍💻", "→ ~ …"]) {
      assert.strictEqual(display(text), text)
    }
  })

  it.each([
    ["a newline", "a\nb", "a\\nb"],
    ["a carriage return and a tab", "a\rb\tc", "a\\rb\\tc"],
    ["an escape sequence", "\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m"],
    ["NUL, BEL and DEL", "\0\u0007\u007f", "\\u0000\\u0007\\u007f"],
    ["a C1 control sequence", "\u009b2J", "\\u009b2J"],
    [
      "bidirectional marks",
      "a\u202eb\u2066c\u2069\u200f\u061c",
      "a\\u202eb\\u2066c\\u2069\\u200f\\u061c"
    ],
    ["line separators", "a\u2028b\u2029c", "a\\u2028b\\u2029c"]
  ])("escapes %s", (_, text, expected) => {
    assert.strictEqual(display(text), expected)
  })
})

describe("displayJson", () => {
  it("escapes what JSON does not escape, and keeps the meaning", () => {
    const value = { name: "\u001b[31m\u009b2J\u202ea\u2028b\u007f", text: "é 👩‍💻" }
    const text = displayJson(JSON.stringify(value, null, 2))
    assert.include(text, "\\u001b[31m\\u009b2J\\u202ea\\u2028b\\u007f")
    assert.include(text, "é 👩‍💻")
    assert.deepStrictEqual(JSON.parse(text), value)
  })
})
