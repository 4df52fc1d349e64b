import { assert, describe, it } from "@effect/vitest"
import { Option, Result, Schema } from "effect"
import * as LosslessJson from "../../../src/internal/bundle/losslessJson.ts"

const reprint = (text: string) =>
  Option.getOrNull(
    Option.map(Result.getSuccess(LosslessJson.parse(text)), (json) => LosslessJson.print(json))
  )

describe("LosslessJson.print", () => {
  it.each([
    ["[]", "[]"],
    ["{ }", "{}"],
    [" null ", "null"],
    ['{"a":[1,{"b":true}]}', '{\n  "a": [\n    1,\n    {\n      "b": true\n    }\n  ]\n}'],
    ['{"a":1,"b":2,"a":3}', '{\n  "a": 3,\n  "b": 2\n}'],
    ['{"a":1,"\\u0061":2}', '{\n  "a": 2\n}'],
    ['{"2":0,"1":0,"__proto__":0}', '{\n  "2": 0,\n  "1": 0,\n  "__proto__": 0\n}']
  ])("formats %s and keeps the order of keys", (text, printed) => {
    assert.strictEqual(reprint(text), printed)
  })

  it.each([
    ["1.0", "1.0"],
    ["1.50", "1.50"],
    ["0.00001", "0.00001"],
    ["12345678901234567890123", "12345678901234567890123"],
    ["1e5", "1e+5"],
    ["1E+2", "1e+2"],
    ["1e05", "1e+05"],
    ["0E-5", "0e-5"],
    ["-1.5E-010", "-1.5e-010"],
    ["1e400", "1e+400"],
    ["-0", "0"],
    ["-0.0", "-0.0"]
  ])("keeps the digits of %s", (text, printed) => {
    assert.strictEqual(reprint(text), printed)
  })

  it.each([
    ['"\\u00e9\\/\\u2028\\u007f\\ud83d\\ude00"', '"é/\u2028\u007f😀"'],
    ['"\\u0008\\u0009\\u000a\\u000c\\u000d\\u001F"', '"\\b\\t\\n\\f\\r\\u001f"'],
    ['"\\\\\\"\\\\"', '"\\\\\\"\\\\"']
  ])("escapes no more of %s than needed", (text, printed) => {
    assert.strictEqual(reprint(text), printed)
  })
})

describe("LosslessJson.parse", () => {
  it.each([
    "",
    "[1,]",
    "{'a':1}",
    "\ufeff1",
    "1 2",
    '"\t"',
    '"\\ud800"',
    '{"\\udc00":1}',
    "01",
    "nul"
  ])("rejects %j", (text) => {
    assert.isNull(reprint(text))
  })

  it.each([
    [LosslessJson.maxDepth, true],
    [LosslessJson.maxDepth + 1, false],
    [100_000, false]
  ] as const)("handles %d nested arrays", (depth, isRead) => {
    const read = Result.isSuccess(LosslessJson.parse("[".repeat(depth) + "]".repeat(depth)))
    assert.strictEqual(read, isRead)
  })

  it.prop("reads back what was printed", [Schema.Json], ([json]) => {
    const text = JSON.stringify(json)
    const printed = reprint(text)
    if (printed === null) assert.match(text, /\\ud[89a-f]/)
    else assert.deepStrictEqual(JSON.parse(printed), JSON.parse(text))
  })
})

describe("LosslessJson.at", () => {
  const json = Result.getOrThrow(LosslessJson.parse('{"a":[{"b":1.0}],"0":2}'))
  it.each([
    [[], undefined],
    [["a", 0, "b"], "1.0"],
    [["a", 1], undefined],
    [["a", "b"], undefined],
    [["0"], "2"],
    [["c", "d"], undefined]
  ] as const)("finds the value at %j", (path, text) => {
    const found = LosslessJson.at(json, path)
    assert.strictEqual(found?._tag === "Scalar" ? found.text : undefined, text)
  })
})

describe("LosslessJson.survivedParse", () => {
  it.each([
    ["plain text and keys", { a: ["x", null, true, {}], a1: "" }, true],
    ["a number", { a: [1] }, false],
    ["a key like an index", { a: { "1": "" } }, false],
    ["5,000 nested arrays", JSON.parse("[".repeat(5000) + "]".repeat(5000)), false]
  ] as const)("is right for %s", (_, value, survived) => {
    assert.strictEqual(LosslessJson.survivedParse(value), survived)
  })
})
