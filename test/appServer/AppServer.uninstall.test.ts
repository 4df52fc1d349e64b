import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import {
  alpha,
  alphaId,
  asked,
  cachedVersion,
  changed,
  client,
  provide,
  read,
  reconcile,
  uninstall
} from "../support/appServer.ts"

describe("AppServer: plugin/uninstall", () => {
  it.effect(
    "uninstalls a plugin on the account and removes it from the cache, also when repeated",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      yield* result(...reconcile)
      assert.deepStrictEqual(yield* result(...uninstall(alpha.id)), {})
      assert.isNull(yield* cachedVersion(alphaId))
      assert.isFalse((yield* result(...read(alpha.id))).plugin.summary.installed)
      assert.deepStrictEqual(yield* result(...uninstall(alpha.id)), {})
    }, provide())
  )

  it.effect(
    "removes PLUGIN@MARKETPLACE from the cache only, and reconciliation restores it",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      yield* result(...reconcile)
      const backend = yield* TestBackend.TestBackend
      yield* backend.forget
      assert.deepStrictEqual(yield* result(...uninstall(alphaId)), {})
      assert.deepStrictEqual(yield* asked, [])
      assert.isNull(yield* cachedVersion(alphaId))
      assert.deepStrictEqual(changed(yield* result(...reconcile)), [alphaId])
      assert.strictEqual(yield* cachedVersion(alphaId), "1.0.0")
    }, provide())
  )

  it.effect(
    "rejects any other id",
    Effect.fnUntraced(function* () {
      const { error } = yield* client
      for (const pluginId of ["", "a/b", "a b@c", "a@b@c"]) {
        assert.deepStrictEqual(yield* error("plugin/uninstall", { pluginId }), {
          code: -32600,
          message: "invalid remote plugin id"
        })
      }
    }, provide())
  )
})
