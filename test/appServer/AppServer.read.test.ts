import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import {
  alpha,
  asked,
  beta,
  betaId,
  client,
  install,
  provide,
  read,
  reconcile
} from "../support/appServer.ts"

describe("AppServer: plugin/read", () => {
  it.effect(
    "describes a plugin before and after its installation",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      const before = (yield* result(...read(beta.id))).plugin
      assert.deepInclude(before.summary, {
        id: betaId,
        remotePluginId: beta.id,
        installed: false,
        enabled: false,
        version: "1.0.0",
        localVersion: null
      })
      yield* result(...install(beta.id))
      const after = (yield* result(...read(beta.id))).plugin
      assert.deepInclude(after.summary, { installed: true, enabled: true, localVersion: "1.0.0" })
    }, provide())
  )

  it.effect(
    "gives the cached version, not the latest one",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      yield* result(...reconcile)
      const backend = yield* TestBackend.TestBackend
      yield* backend.update(alpha.id, { version: "2.0.0" })
      const { summary } = (yield* result(...read(alpha.id))).plugin
      assert.deepInclude(summary, { version: "2.0.0", localVersion: "1.0.0" })
    }, provide())
  )

  it.effect.each([
    ["no source", { pluginName: "x" }, "plugin/read requires exactly one of"],
    [
      "two sources",
      { pluginName: "x", remoteMarketplaceName: "y", marketplacePath: "/z" },
      "plugin/read requires exactly one of marketplacePath or remoteMarketplaceName"
    ],
    [
      "a local marketplace",
      { pluginName: "x", marketplacePath: "/z" },
      "plugin/read serves remote marketplaces only"
    ],
    [
      "an id that is none",
      { pluginName: "../x", remoteMarketplaceName: "y" },
      "invalid remote plugin id: only ASCII letters, digits, `_`, `-`, and `~` are allowed"
    ]
  ] as const)("rejects %s without a request", ([, params, message]) =>
    Effect.gen(function* () {
      const { error } = yield* client
      const answer = yield* error("plugin/read", params)
      assert.strictEqual(answer.code, -32600)
      assert.include(answer.message, message)
      assert.include(
        (yield* error("plugin/install", params)).message,
        message.replace("plugin/read", "plugin/install")
      )
      assert.deepStrictEqual(yield* asked, [])
    }).pipe(provide())
  )
})
