import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as PluginId from "../src/PluginId.ts"

const isPluginName = Schema.is(PluginId.PluginName)
const isMarketplaceName = Schema.is(PluginId.MarketplaceName)
const isPluginId = Schema.is(PluginId.PluginId)

describe("PluginId", () => {
  const plain = ["a", "Z", "0", "_", "-", "build-macos-apps", "A_b-9", "x".repeat(255)]
  const dotted = ["a.b", "1.2", "-._", "a.b.c"]
  const neither = [
    "",
    ".",
    "..",
    ".a",
    "a.",
    "a..b",
    " a",
    "a ",
    "a b",
    "a\n",
    "a/b",
    "a\\b",
    "C:",
    "a@b",
    "a\0",
    "é",
    "ａ",
    "a+b",
    "a~b"
  ]

  it.each(plain)("accepts %j as the name of a plugin and of a marketplace", (name) => {
    assert.isTrue(isPluginName(name))
    assert.isTrue(isMarketplaceName(name))
  })

  it.each(dotted)("accepts %j, with dots, as the name of a plugin only", (name) => {
    assert.isTrue(isPluginName(name))
    assert.isFalse(isMarketplaceName(name))
  })

  it.each(neither)("rejects %j as either name", (name) => {
    assert.isFalse(isPluginName(name))
    assert.isFalse(isMarketplaceName(name))
  })

  it.each(["a@b", "a.b@openai-curated-remote", "-@_"])("accepts %j as an id", (id) => {
    assert.isTrue(isPluginId(id))
  })

  it.each(["", "a", "@", "a@", "@b", "a@b@c", "a@b.c", "a..b@c", "a@b\n", "a/../b@c", " a@b"])(
    "rejects %j as an id",
    (id) => {
      assert.isFalse(isPluginId(id))
    }
  )

  it.prop(
    "joins two names in a way that can be reversed",
    [PluginId.PluginName, PluginId.MarketplaceName],
    ([name, marketplace]) => {
      const id = PluginId.make(name, marketplace)
      assert.strictEqual(id, `${name}@${marketplace}`)
      assert.strictEqual(PluginId.name(id), name)
      assert.strictEqual(PluginId.marketplace(id), marketplace)
    }
  )

  it.prop("splits an id into its two names", [PluginId.PluginId], ([id]) => {
    assert.strictEqual(PluginId.make(PluginId.name(id), PluginId.marketplace(id)), id)
  })
})
