import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Latch } from "effect"
import * as CodexHome from "../../src/CodexHome.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import {
  alpha,
  alphaId,
  beta,
  betaId,
  changed,
  client,
  install,
  provide,
  reconcile,
  uninstall,
  when
} from "../support/appServer.ts"

describe("AppServer: plugin/reconcile", () => {
  const noFlags = { hasMcps: false, hasApps: false, hasHooks: false, hasSkills: false }

  it.effect(
    "reports what was added, changed and removed, each with its capabilities",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      const backend = yield* TestBackend.TestBackend
      assert.deepStrictEqual((yield* result(...reconcile)).changedPlugins, [
        { id: alphaId, ...noFlags, hasSkills: true }
      ])
      assert.deepStrictEqual(changed(yield* result(...reconcile)), [])

      yield* backend.update(alpha.id, {
        version: "2.0.0",
        files: { ".mcp.json": '{"mcpServers":{"a":{"command":"x"}}}' }
      })
      assert.deepStrictEqual((yield* result(...reconcile)).changedPlugins, [
        { id: alphaId, ...noFlags, hasMcps: true, hasSkills: true }
      ])

      yield* backend.update(alpha.id, { enabled: false })
      assert.deepStrictEqual(changed(yield* result(...reconcile)), [alphaId])

      yield* backend.uninstall(alpha.id)
      assert.deepStrictEqual((yield* result(...reconcile)).changedPlugins, [
        { id: alphaId, ...noFlags, hasMcps: true, hasSkills: true }
      ])
    }, provide())
  )

  it.effect(
    "reports plugins that its first pass removes",
    Effect.fnUntraced(function* () {
      const backend = yield* TestBackend.TestBackend
      const first = yield* client
      yield* first.result(...reconcile)
      yield* backend.uninstall(alpha.id)
      const second = yield* client
      assert.deepStrictEqual((yield* second.result(...reconcile)).changedPlugins, [
        { id: alphaId, ...noFlags, hasSkills: true }
      ])
    }, provide())
  )

  it.effect(
    "does not report what the client itself installed and uninstalled",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      yield* result(...reconcile)
      yield* result(...install(beta.id))
      assert.deepStrictEqual(changed(yield* result(...reconcile)), [])
      yield* result(...uninstall(beta.id))
      assert.deepStrictEqual(changed(yield* result(...reconcile)), [])
    }, provide())
  )

  it.effect(
    "reports strays that it removed",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      const fs = yield* FileSystem.FileSystem
      const { cache } = yield* CodexHome.CodexHome
      yield* fs.makeDirectory(`${cache}/openai-curated-remote`, { recursive: true })
      yield* fs.writeFileString(`${cache}/openai-curated-remote/a file`, "")
      assert.deepInclude((yield* result(...reconcile)).changedPlugins, {
        id: "a file@openai-curated-remote",
        ...noFlags
      })
    }, provide())
  )

  it.effect(
    "reports which plugins failed, and whose bundle is missing",
    Effect.fnUntraced(
      function* () {
        const { result } = yield* client
        const store = yield* PluginStore.PluginStore
        const fs = yield* FileSystem.FileSystem
        yield* result(...reconcile)
        yield* fs.writeFileString(
          store.sidecarPath(alphaId),
          '{"schema_version":2,"remote_plugin_id":"x"}'
        )
        assert.deepStrictEqual(yield* result(...reconcile), {
          changedPlugins: [],
          failedRemotePluginIds: [alpha.id, "plugins~Plugin_bad"],
          failedMaterializationRemotePluginIds: ["plugins~Plugin_bad"]
        })
      },
      provide(alpha, TestBackend.plugin({ name: "bad", bundle: new Uint8Array(100) }))
    )
  )

  it.effect(
    "fails if its pass fails",
    Effect.fnUntraced(function* () {
      const { error } = yield* client
      yield* when({ kind: "listing" }, TestReply.status(404))
      const answer = yield* error(...reconcile)
      assert.strictEqual(answer.code, -32603)
      assert.isTrue(answer.message.startsWith("failed to reconcile remote installed plugins: "))
    }, provide())
  )

  it.effect(
    "runs a pass that begins after the request",
    Effect.fnUntraced(function* () {
      const { reconcileInBackground, result } = yield* client
      const backend = yield* TestBackend.TestBackend
      const gate = yield* Latch.make()
      yield* when({ kind: "bundle", nth: 1 }, TestReply.wait(gate.await))
      yield* reconcileInBackground
      yield* backend.arrival({ kind: "bundle" })
      yield* backend.install(beta.id)
      const reconciling = yield* Effect.forkChild(result(...reconcile))
      yield* gate.open
      assert.deepStrictEqual(changed(yield* Fiber.join(reconciling)), [betaId])
    }, provide())
  )
})
