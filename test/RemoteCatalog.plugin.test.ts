import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as RemoteCatalog from "../src/RemoteCatalog.ts"
import { RemotePluginId } from "../src/RemotePluginId.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import {
  alpha,
  beta,
  failure,
  id,
  install,
  plugin,
  provide,
  read,
  requests,
  uninstall,
  when
} from "./support/remoteCatalog.ts"
import { settle } from "./support/settle.ts"

describe("RemoteCatalog.read", () => {
  it.effect("returns the row of the plugin", () =>
    Effect.gen(function* () {
      const row = yield* read
      assert.strictEqual(row.pluginId, "alpha@openai-curated-remote")
      assert.isTrue(Option.isSome(row.bundleDownloadUrl))
      assert.deepStrictEqual(
        Option.getOrNull(row.appManifest),
        '{\n  "apps": {\n    "a": {}\n  }\n}\n'
      )
      const [request] = yield* requests
      assert.strictEqual(
        `${request!.url.pathname}${request!.url.search}`,
        `/backend-api/ps/plugins/${alpha.id}?includeDownloadUrls=true`
      )
    }).pipe(provide({ plugins: [plugin({ ...alpha, appManifest: { apps: { a: {} } } })] }))
  )

  it.effect("keeps the parts of the app manifest that JSON.parse would lose", () =>
    Effect.gen(function* () {
      yield* when(
        { kind: "read" },
        TestReply.body(
          `{"id":"${alpha.id}","name":"alpha","scope":"GLOBAL","release":{"app_manifest":[1.0]}}`
        )
      )
      assert.strictEqual(Option.getOrNull((yield* read).appManifest), "[\n  1.0\n]\n")
    }).pipe(provide())
  )

  it.effect("rejects the row of another plugin", () =>
    Effect.gen(function* () {
      yield* when(
        { kind: "read" },
        TestReply.mapJson((row) => ({ ...row, id: beta.id }))
      )
      const error = yield* failure(read)
      assert.deepStrictEqual(error.reason, { _tag: "UnexpectedAnswer", at: "id" })
    }).pipe(provide())
  )

  it.effect("says what is wrong with an invalid row", () =>
    Effect.gen(function* () {
      yield* when(
        { kind: "read" },
        TestReply.mapJson((row) => ({ ...row, scope: "MOON" }))
      )
      const error = yield* Effect.flip(read)
      assert.strictEqual(error._tag, "InvalidRemotePlugin")
    }).pipe(provide())
  )

  it.effect("reports a plugin that does not exist", () =>
    Effect.gen(function* () {
      const error = yield* failure(read)
      assert.strictEqual(error.reason._tag, "NotFound")
      assert.include(error.message, alpha.id)
    }).pipe(provide({ plugins: [] }))
  )
})

describe("RemoteCatalog.install and RemoteCatalog.uninstall", () => {
  it.effect("add a plugin to the account and remove it again", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* install
      assert.isTrue(yield* backend.isInstalled(id))
      yield* uninstall
      assert.isFalse(yield* backend.isInstalled(id))
      assert.deepStrictEqual(
        (yield* requests).map(({ method, url }) => `${method} ${url.pathname}${url.search}`),
        [
          `POST /backend-api/ps/plugins/${id}/install?includeAppsNeedingAuth=true`,
          `POST /backend-api/ps/plugins/${id}/uninstall`
        ]
      )
    }).pipe(provide({ plugins: [plugin({ ...alpha, installed: false })] }))
  )

  it.effect.each(["install", "uninstall"] as const)(
    "ask again if the answer was lost: %s",
    (kind) =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        yield* when({ kind, nth: 1 }, TestReply.drop)
        yield* settle(kind === "install" ? install : uninstall)
        assert.strictEqual(yield* backend.isInstalled(id), kind === "install")
        assert.lengthOf(yield* requests, 2)
      }).pipe(provide())
  )

  it.effect.each([
    { answer: { id: beta.id, enabled: true }, reason: { _tag: "UnexpectedAnswer", at: "id" } },
    { answer: { id: ` ${id}`, enabled: true }, reason: { _tag: "UnexpectedAnswer", at: "id" } },
    { answer: { id, enabled: false }, reason: { _tag: "UnexpectedAnswer", at: "enabled" } },
    { answer: { id }, reason: { _tag: "MalformedAnswer" } },
    { answer: { id, enabled: "true" }, reason: { _tag: "MalformedAnswer" } }
  ])("reject the answer $answer to an install", ({ answer, reason }) =>
    Effect.gen(function* () {
      yield* when({ kind: "install" }, TestReply.body(JSON.stringify(answer)))
      assert.deepStrictEqual((yield* failure(install)).reason, reason as never)
    }).pipe(provide())
  )

  it.effect("reject an answer that calls an uninstalled plugin enabled", () =>
    Effect.gen(function* () {
      yield* when({ kind: "uninstall" }, TestReply.body(JSON.stringify({ id, enabled: true })))
      const error = yield* failure(uninstall)
      assert.deepStrictEqual(error.reason, { _tag: "UnexpectedAnswer", at: "enabled" })
    }).pipe(provide())
  )
})

describe("RemoteCatalog, for an id that cannot be part of a path", () => {
  it.effect.each(["a/b", "..", "a b", "é", "a%2fb", "a?b"])("sends no request: %s", (text) =>
    Effect.gen(function* () {
      const catalog = yield* RemoteCatalog.RemoteCatalog
      const odd = RemotePluginId.make(text)
      for (const call of [catalog.read(odd), catalog.install(odd), catalog.uninstall(odd)]) {
        assert.strictEqual((yield* failure(call)).reason._tag, "UnaddressableId")
      }
      assert.lengthOf(yield* requests, 0)
    }).pipe(provide())
  )
})
