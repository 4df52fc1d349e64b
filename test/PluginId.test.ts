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

  it.each(plain)("takes %j as a plugin's and as a marketplace's name", (name) => {
    assert.isTrue(isPluginName(name))
    assert.isTrue(isMarketplaceName(name))
  })

  it.each(dotted)("takes the dotted %j as a plugin's name only", (name) => {
    assert.isTrue(isPluginName(name))
    assert.isFalse(isMarketplaceName(name))
  })

  it.each(neither)("takes %j as neither", (name) => {
    assert.isFalse(isPluginName(name))
    assert.isFalse(isMarketplaceName(name))
  })

  it.each(["a@b", "a.b@openai-curated-remote", "-@_"])("takes %j as an id", (id) => {
    assert.isTrue(isPluginId(id))
  })

  it.each(["", "a", "@", "a@", "@b", "a@b@c", "a@b.c", "a..b@c", "a@b\n", "a/../b@c", " a@b"])(
    "does not take %j as an id",
    (id) => {
      assert.isFalse(isPluginId(id))
    }
  )

  it.prop(
    "joins two names so that they can be told apart again",
    [PluginId.PluginName, PluginId.MarketplaceName],
    ([name, marketplace]) => {
      const id = PluginId.make(name, marketplace)
      assert.strictEqual(id, `${name}@${marketplace}`)
      assert.strictEqual(PluginId.name(id), name)
      assert.strictEqual(PluginId.marketplace(id), marketplace)
    }
  )

  it.prop("takes an id apart into the names that make it", [PluginId.PluginId], ([id]) => {
    assert.strictEqual(PluginId.make(PluginId.name(id), PluginId.marketplace(id)), id)
  })
})
