import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as RemotePluginId from "../src/RemotePluginId.ts"

const isRemotePluginId = Schema.is(RemotePluginId.RemotePluginId)
const fromUntrimmed = Schema.decodeUnknownOption(RemotePluginId.RemotePluginIdFromUntrimmed)

describe("RemotePluginId", () => {
  it.each([
    "plugins~Plugin_b80dd84519148191a409cde181c9b3d6",
    "a",
    "we/ird id?#",
    'a"b\nc',
    "é",
    "\ufeffa"
  ])("accepts %j", (id) => {
    assert.isTrue(isRemotePluginId(id))
  })

  it.each(["", " ", "\n", " a", "a\u0085", "\u00a0a"])(
    "rejects %j, which is blank or not trimmed",
    (id) => {
      assert.isFalse(isRemotePluginId(id))
    }
  )

  it.each([
    ["  a\n", "a"],
    ["\u0085a b\u00a0", "a b"],
    ["\ufeffa", "\ufeffa"]
  ])("is read from %j as %j", (untrimmed, id) => {
    assert.deepStrictEqual(fromUntrimmed(untrimmed), fromUntrimmed(id))
    assert.isTrue(isRemotePluginId(id))
  })

  it.each(["", "  ", "\u0085", 1, null])("is not read from %j", (untrimmed) => {
    assert.strictEqual(fromUntrimmed(untrimmed)._tag, "None")
  })

  it.each([
    ["a", true],
    ["é".repeat(512), true],
    ["é".repeat(513), false],
    ["\ud83d\ude00", true],
    ["\ud800x", false]
  ])("%j can be cached: %s", (id, expected) => {
    assert.strictEqual(RemotePluginId.isCacheable(id), expected)
  })

  it.each([
    ["plugins~Plugin_1", true],
    ["A-z_0~", true],
    ["a/b", false],
    ["a.b", false],
    ["..", false],
    ["a b", false],
    ["a?b", false],
    ["a%2fb", false],
    ["a\nb", false],
    ["é", false]
  ])("%j can be part of a request's path: %s", (id, expected) => {
    assert.strictEqual(
      RemotePluginId.isAddressable(RemotePluginId.RemotePluginId.make(id)),
      expected
    )
  })
})
