import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as CodexHome from "../../src/CodexHome.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import {
  alpha,
  alphaId,
  asked,
  beta,
  betaId,
  cachedVersion,
  changed,
  client,
  install,
  installed,
  provide,
  read,
  reconcile,
  uninstall,
  when
} from "../support/appServer.ts"

describe("AppServer: a request that fails", () => {
  it.effect.each([
    ["404", TestReply.status(404), -32600],
    ["403", TestReply.status(403), -32603],
    ["401", TestReply.status(401), -32603],
    ["no JSON", TestReply.body("<html>"), -32603],
    ["a row without a name", TestReply.mapJson((json) => ({ ...json, name: "a b" })), -32603],
    ["another plugin", TestReply.mapJson((json) => ({ ...json, id: "plugins~X" })), -32603]
  ] as const)("names the step that failed: the row is answered with %s", ([, behaviour, code]) =>
    Effect.gen(function* () {
      const { error } = yield* client
      yield* when({ kind: "read" }, behaviour)
      for (const [request, step] of [
        [read(alpha.id), "read remote plugin details: "],
        [install(alpha.id), "read remote plugin details before install: "],
        [uninstall(alpha.id), "resolve remote plugin before uninstall: "]
      ] as const) {
        const answer = yield* error(...request)
        assert.isTrue(answer.message.startsWith(step), answer.message)
        assert.strictEqual(answer.code, code)
      }
    }).pipe(provide())
  )

  it.effect.each([
    ["is not available", { row: { installation_policy: "NOT_AVAILABLE" } }, -32600, ""],
    ["is disabled by admin", { row: { status: "DISABLED_BY_ADMIN" } }, -32600, ""],
    ["version", { release: { version: null } }, -32603, "install remote plugin bundle: "],
    ["version", { release: { version: "a b" } }, -32603, "install remote plugin bundle: "],
    [
      "bundle",
      { release: { bundle_download_url: null } },
      -32603,
      "install remote plugin bundle: "
    ],
    [
      "names the plugin",
      { files: { ".codex-plugin/plugin.json": '{"name":"x"}' } },
      -32603,
      "install remote plugin bundle: "
    ]
  ] as const)("says why a plugin cannot be installed: %s", ([why, options, code, step]) =>
    Effect.gen(function* () {
      const { error } = yield* client
      const answer = yield* error(...install(beta.id))
      assert.strictEqual(answer.code, code)
      assert.include(answer.message, why)
      assert.isTrue(answer.message.startsWith(step))
      assert.isNull(yield* cachedVersion(betaId))
    }).pipe(provide({ ...beta, ...options }))
  )

  it.effect(
    "reports a cached bundle that the account does not have, which the next reconciliation removes",
    Effect.fnUntraced(function* () {
      const { error, result } = yield* client
      yield* result(...reconcile)
      yield* when({ kind: "install" }, TestReply.status(403))
      const answer = yield* error(...install(beta.id))
      assert.strictEqual(answer.code, -32603)
      assert.match(answer.message, /^install remote plugin: .*; run a sync to resolve this$/)
      assert.strictEqual(yield* cachedVersion(betaId), "1.0.0")
      assert.deepStrictEqual(changed(yield* result(...reconcile)), [betaId])
      assert.isNull(yield* cachedVersion(betaId))
    }, provide())
  )

  it.effect(
    "reports an uninstall that did not change the account, and removes nothing",
    Effect.fnUntraced(function* () {
      const { error, result } = yield* client
      yield* result(...reconcile)
      yield* when({ kind: "uninstall" }, TestReply.status(403))
      const answer = yield* error(...uninstall(alpha.id))
      assert.strictEqual(answer.code, -32603)
      assert.isTrue(answer.message.startsWith("uninstall remote plugin: "))
      assert.strictEqual(yield* cachedVersion(alphaId), "1.0.0")
    }, provide())
  )

  it.effect(
    "asks the client to sign in if nobody is signed in",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* CodexHome.CodexHome
      yield* fs.remove(`${home.root}/auth.json`)
      const { error, result } = yield* client
      for (const request of [read(alpha.id), install(alpha.id), uninstall(alpha.id)]) {
        const answer = yield* error(...request)
        assert.strictEqual(answer.code, -32600)
        assert.include(answer.message, "run `codex login`")
      }
      assert.deepStrictEqual((yield* result(...installed)).marketplaces, [])
      assert.deepStrictEqual(yield* result(...reconcile), {
        changedPlugins: [],
        failedRemotePluginIds: [],
        failedMaterializationRemotePluginIds: []
      })
      assert.deepStrictEqual(yield* asked, [])
    }, provide())
  )
})
