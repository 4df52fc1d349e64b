import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Result } from "effect"
import * as Http from "../src/internal/http.ts"
import * as RemoteCatalog from "../src/RemoteCatalog.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import {
  alpha,
  beta,
  failure,
  id,
  installed,
  plugin,
  provide,
  requests,
  when
} from "./support/remoteCatalog.ts"

/** The text of a row with this text of an app manifest. */
const row = (name: string, appManifest: string) =>
  `{"id":"${name}","name":"${name}","scope":"GLOBAL","release":{"app_manifest":${appManifest}}}`

describe("RemoteCatalog.installed", () => {
  it.effect("asks for all pages, with bundle URLs and as the account", () =>
    Effect.gen(function* () {
      const { accounts } = yield* TestBackend.TestBackend
      const { rows } = yield* installed
      assert.deepStrictEqual(
        rows.map((row) => Result.getOrThrow(row).pluginId as string),
        ["alpha@openai-curated-remote", "beta@workspace-shared-with-me"]
      )
      const row = Result.getOrThrow(rows[0]!)
      assert.strictEqual(row.remotePluginId, id)
      assert.deepStrictEqual(row.releaseVersion, Option.some("1.2.0"))
      assert.isTrue(Option.isSome(row.bundleDownloadUrl))

      const asked = yield* requests
      assert.deepStrictEqual(
        asked.map(({ method, url }) => `${method} ${url.pathname}${url.search}`),
        [
          "GET /backend-api/ps/plugins/installed?limit=200&includeDownloadUrls=true",
          "GET /backend-api/ps/plugins/installed?limit=200&includeDownloadUrls=true&pageToken=cursor-1"
        ]
      )
      for (const { headers } of asked) {
        assert.deepStrictEqual(
          { ...headers },
          {
            authorization: `Bearer ${accounts[0].accessToken}`,
            "chatgpt-account-id": accounts[0].id,
            "oai-product-sku": "codex",
            "user-agent": Http.userAgent
          }
        )
      }
    }).pipe(provide({ plugins: [alpha, beta], pageSize: 1 }))
  )

  it.effect("names no account if the credentials name none", () =>
    Effect.gen(function* () {
      const { accounts } = yield* TestBackend.TestBackend
      const fs = yield* FileSystem.FileSystem
      const tokens = { access_token: accounts[0].accessToken }
      yield* fs.writeFileString("/home/auth.json", JSON.stringify({ tokens }))
      yield* installed
      assert.notProperty((yield* requests)[0]!.headers, "chatgpt-account-id")
    }).pipe(provide())
  )

  it.effect("keeps the position of a row that cannot be decoded", () =>
    Effect.gen(function* () {
      const { rows } = yield* installed
      assert.deepStrictEqual(rows.map(Result.isSuccess), [true, false, true])
      assert.strictEqual(Result.getOrThrow(Result.flip(rows[1]!)).reason._tag, "InvalidName")
    }).pipe(provide({ plugins: [alpha, plugin({ name: "no name" }), beta] }))
  )

  it.effect("reads 10,000 rows", () =>
    Effect.gen(function* () {
      const { rows } = yield* installed
      assert.lengthOf(rows, 10_000)
      assert.lengthOf(yield* requests, 50)
    }).pipe(
      provide({
        plugins: Array.from({ length: 10_000 }, (_, index) => plugin({ name: `plugin-${index}` }))
      })
    )
  )

  it.effect.each([
    { cursors: ["a", "a"] },
    { cursors: ["", ""] },
    { cursors: ["a", "b", "c", "a"] }
  ])("rejects a listing that repeats a page: $cursors", ({ cursors }) =>
    Effect.gen(function* () {
      yield* Effect.forEach(cursors, (cursor, index) =>
        when(
          { kind: "listing", nth: index + 1 },
          TestReply.status(200),
          TestReply.body(`{"plugins":[],"pagination":{"next_page_token":"${cursor}"}}`)
        )
      )
      assert.strictEqual((yield* failure(installed)).reason._tag, "RepeatedCursor")
      assert.lengthOf(yield* requests, cursors.length)
    }).pipe(provide())
  )

  it.effect("rejects a listing that never ends", () =>
    Effect.gen(function* () {
      yield* when({ kind: "listing" }, TestReply.endlessPages)
      assert.strictEqual((yield* failure(installed)).reason._tag, "TooManyPages")
      assert.lengthOf(yield* requests, RemoteCatalog.maxPages)
    }).pipe(provide({ plugins: [] }))
  )

  it.effect("fails if a later page fails", () =>
    Effect.gen(function* () {
      yield* when({ kind: "listing", nth: 2 }, TestReply.status(401))
      assert.strictEqual((yield* failure(installed)).reason._tag, "Unauthorized")
    }).pipe(provide({ plugins: [alpha, beta], pageSize: 1 }))
  )

  it.effect.each([
    "",
    "<html>nonsense</html>",
    "[]",
    "null",
    '{"plugins":[]}',
    '{"plugins":[],"pagination":null}',
    '{"plugins":{},"pagination":{}}',
    '{"plugins":[],"pagination":{"next_page_token":5}}',
    `{"plugins":[{"release":{"app_manifest":${"[".repeat(200)}${"]".repeat(200)}}}],"pagination":{}}`
  ])("rejects the answer %s at once", (body) =>
    Effect.gen(function* () {
      yield* when({ kind: "listing" }, TestReply.body(body))
      const error = yield* failure(installed)
      assert.strictEqual(error.reason._tag, "MalformedAnswer")
      assert.notInclude(error.message, "nonsense")
      assert.lengthOf(yield* requests, 1)
    }).pipe(provide())
  )

  it.effect("treats a page without a token as the last one", () =>
    Effect.gen(function* () {
      yield* when({ kind: "listing" }, TestReply.body('\ufeff{"plugins":[],"pagination":{}}'))
      assert.deepStrictEqual(yield* installed, { rows: [] })
    }).pipe(provide())
  )

  it.effect("reads a page of 200 rows of 100 kB", () =>
    Effect.gen(function* () {
      const row = (index: number) => ({
        id: `id-${index}`,
        name: `plugin-${index}`,
        scope: "GLOBAL",
        enabled: true,
        release: { version: "1.0.0", description: "x".repeat(100_000) }
      })
      const plugins = Array.from({ length: RemoteCatalog.pageSize }, (_, index) => row(index))
      const page = JSON.stringify({ plugins, pagination: { next_page_token: null } })
      yield* when({ kind: "listing" }, TestReply.body(page))
      assert.lengthOf((yield* installed).rows, RemoteCatalog.pageSize)
    }).pipe(provide())
  )

  it.effect("rejects an answer that is too large", () =>
    Effect.gen(function* () {
      yield* when({ kind: "listing" }, TestReply.body(" ".repeat(RemoteCatalog.maxAnswerBytes + 1)))
      const error = yield* Effect.flip(installed)
      assert.instanceOf(error, RemoteCatalog.RemoteCatalogError)
      assert.strictEqual(error.reason._tag, "TooLarge")
      assert.lengthOf(yield* requests, 1)
    }).pipe(provide())
  )

  it.effect("keeps the parts of app manifests that JSON.parse would lose", () =>
    Effect.gen(function* () {
      yield* when(
        { kind: "listing" },
        TestReply.body(
          `{"plugins":[${row("a", '{"2":1.50,"1":1e5}')},${row("b", "null")},${row("c", '{"apps":{}}')}],"pagination":{}}`
        )
      )
      const { rows } = yield* installed
      assert.deepStrictEqual(
        rows.map((row) => Option.getOrNull(Result.getOrThrow(row).appManifest)),
        ['{\n  "2": 1.50,\n  "1": 1e+5\n}\n', null, '{\n  "apps": {}\n}\n']
      )
    }).pipe(provide())
  )
})
