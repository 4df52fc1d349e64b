import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Protocol from "../../src/appServer/Protocol.ts"

/** The error of a request with this method and these parameters. */
const refusalOf = (method: string, params?: unknown): string | undefined => {
  const message = Protocol.decode(JSON.stringify({ id: 1, method, params }))
  if (message._tag !== "Malformed") return undefined
  assert.strictEqual(message.refusal.code, -32600)
  return message.refusal.message
}

describe("Protocol.decode", () => {
  it.each([
    ["a number", 7],
    ["a negative number", -7],
    ["text", "seven"],
    ["empty text", ""]
  ])("accepts %s as an id", (_, id) => {
    const message = Protocol.decode(JSON.stringify({ id, method: "plugin/installed", params: {} }))
    assert.deepStrictEqual(
      message,
      Protocol.Message.Request({ id, call: { method: "plugin/installed", params: {} } })
    )
  })

  it.each([
    ["no id", { method: "plugin/installed", params: {} }],
    ["null for an id", { id: null, method: "plugin/installed", params: {} }],
    ["a fraction for an id", { id: 1.5, method: "plugin/installed", params: {} }],
    ["an id that JSON would round", { id: 2 ** 53, method: "plugin/installed", params: {} }],
    ["no method", { id: 1, params: {} }],
    ["an answer", { id: 1, result: {} }],
    ["a list", [{ id: 1, method: "plugin/installed", params: {} }]],
    ["null", null]
  ])("answers nothing to %s", (_, message) => {
    assert.deepStrictEqual(Protocol.decode(JSON.stringify(message)), Protocol.Message.Other())
  })

  it.each(["", "   ", "nonsense", '{"id":1,"method":'])("answers nothing to %j", (line) => {
    assert.deepStrictEqual(Protocol.decode(line), Protocol.Message.Other())
  })

  it("accepts the `jsonrpc` member, white space and unknown parameters", () => {
    const line =
      '  {"jsonrpc":"2.0","id":1,"method":"plugin/uninstall","params":{"pluginId":"x","y":1}} '
    assert.deepStrictEqual(
      Protocol.decode(line),
      Protocol.Message.Request({
        id: 1,
        call: { method: "plugin/uninstall", params: { pluginId: "x" } }
      })
    )
  })

  it.each([
    ["plugin/read", { pluginName: "x", remoteMarketplaceName: null, marketplacePath: null }],
    ["plugin/install", { pluginName: "x", marketplacePath: "/abs", installAttemptId: "1" }],
    ["plugin/install", { pluginName: "x", marketplacePath: "C:\\abs" }],
    ["plugin/installed", { cwds: ["/abs"], installSuggestionPluginNames: ["x"] }],
    ["plugin/reconcile", { reason: "because" }],
    ["initialize", { clientInfo: { name: "n", title: null, version: "1" } }]
  ])("accepts the parameters of %s", (method, params) => {
    assert.isUndefined(refusalOf(method, params))
  })

  // These are the messages of Codex.
  it.each([
    ["plugin/read", undefined, "missing field `params`"],
    ["plugin/read", null, "missing field `params`"],
    ["plugin/read", {}, "missing field `pluginName`"],
    ["plugin/read", { pluginName: null }, "invalid type: null, expected a string"],
    ["plugin/read", { pluginName: 5 }, "invalid type: integer `5`, expected a string"],
    ["plugin/read", { pluginName: 1.5 }, "invalid type: floating point `1.5`, expected a string"],
    ["plugin/read", { pluginName: true }, "invalid type: boolean `true`, expected a string"],
    ["plugin/read", { pluginName: [] }, "invalid type: sequence, expected a string"],
    ["plugin/read", { pluginName: {} }, "invalid type: map, expected a string"],
    [
      "plugin/read",
      { pluginName: "x", remoteMarketplaceName: 5 },
      "invalid type: integer `5`, expected a string"
    ],
    [
      "plugin/read",
      { pluginName: "x", marketplacePath: 5 },
      "invalid type: integer `5`, expected path string"
    ],
    [
      "plugin/read",
      { pluginName: "x", marketplacePath: "relative" },
      "AbsolutePathBuf deserialized without a base path"
    ],
    ["plugin/read", "x", 'invalid type: string "x", expected struct PluginReadParams'],
    ["plugin/install", {}, "missing field `pluginName`"],
    [
      "plugin/install",
      { pluginName: "x", installAttemptId: 5 },
      "invalid type: integer `5`, expected a string"
    ],
    ["plugin/uninstall", {}, "missing field `pluginId`"],
    ["plugin/installed", { cwds: 5 }, "invalid type: integer `5`, expected a sequence"],
    ["plugin/installed", { cwds: ["x"] }, "AbsolutePathBuf deserialized without a base path"],
    [
      "plugin/installed",
      { installSuggestionPluginNames: [5] },
      "invalid type: integer `5`, expected a string"
    ],
    ["plugin/reconcile", { reason: 5 }, "invalid type: integer `5`, expected a string"],
    ["initialize", {}, "missing field `clientInfo`"],
    ["initialize", { clientInfo: { name: "n" } }, "missing field `version`"],
    ["initialize", { clientInfo: 5 }, "invalid type: integer `5`, expected struct ClientInfo"]
  ])("rejects %s of %j as Codex does", (method, params, why) => {
    assert.strictEqual(refusalOf(method, params), `Invalid request: ${why}`)
  })

  it("rejects an unknown method, and names the known ones", () => {
    assert.strictEqual(
      refusalOf("thread/start", {}),
      "Invalid request: unknown variant `thread/start`, expected one of `initialize`, " +
        "`plugin/installed`, `plugin/list`, `plugin/read`, `plugin/install`, `plugin/uninstall`, `plugin/reconcile`"
    )
    assert.include(refusalOf("toString", {}), "unknown variant `toString`")
  })
})

describe("AppServerProtocol.encode", () => {
  it("answers in one line, with the members in Codex's order", () => {
    assert.strictEqual(
      Protocol.encode("a", Result.succeed({ text: "two\nlines" })),
      '{"id":"a","result":{"text":"two\\nlines"}}'
    )
    assert.strictEqual(
      Protocol.encode(1, Result.fail(Protocol.refuse("no"))),
      '{"error":{"code":-32600,"message":"no"},"id":1}'
    )
  })
})
