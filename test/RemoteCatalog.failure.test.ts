import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, FileSystem, Layer, Option, Path, Result } from "effect"
import { HttpClient, HttpClientError } from "effect/http"
import { TestClock } from "effect/testing"
import * as CodexHome from "../src/CodexHome.ts"
import * as Http from "../src/internal/http.ts"
import * as RemoteCatalog from "../src/RemoteCatalog.ts"
import { RemotePluginId } from "../src/RemotePluginId.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import type * as TestRequest from "../src/testing/TestRequest.ts"
import { overhear } from "./support/overhear.ts"

/** No bundle is fetched here, so none is packed. */
const plugin = (options: Parameters<typeof TestBackend.plugin>[0]) =>
  TestBackend.plugin({ bundle: new Uint8Array(), ...options })

const alpha = plugin({ name: "alpha", version: "1.2.0" })
const beta = plugin({ name: "beta", scope: "WORKSPACE", discoverability: "PRIVATE" })
const id = RemotePluginId.make(alpha.id)

const home = Layer.unwrap(
  Effect.gen(function* () {
    const backend = yield* TestBackend.TestBackend
    yield* backend.writeHome("/home")
    return CodexHome.layerAt("/home")
  })
).pipe(Layer.provideMerge(Layer.fresh(MemoryFileSystem.layer)), Layer.provideMerge(Path.layer))

const provide = (options: TestBackend.Options = { plugins: [alpha, beta] }) =>
  Effect.provide(
    RemoteCatalog.layer.pipe(
      Layer.provideMerge(home),
      Layer.provide(TestBackend.layerHttpClient),
      Layer.provideMerge(TestBackend.layerWith(options))
    )
  )

/** Lets all the time pass that an effect waits for. */
const settle = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(effect)
  yield* TestClock.adjust("1 hour")
  return yield* Fiber.join(fiber)
})

const installed = Effect.flatMap(RemoteCatalog.RemoteCatalog, (catalog) => catalog.installed)
const read = Effect.flatMap(RemoteCatalog.RemoteCatalog, (catalog) => catalog.read(id))
const install = Effect.flatMap(RemoteCatalog.RemoteCatalog, (catalog) => catalog.install(id))
const uninstall = Effect.flatMap(RemoteCatalog.RemoteCatalog, (catalog) => catalog.uninstall(id))

const failure = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(settle(effect)), (error) => {
    assert.instanceOf(error, RemoteCatalog.RemoteCatalogError)
    return error
  })

const when = (match: TestRequest.Match, ...behaviours: ReadonlyArray<TestReply.Behaviour>) =>
  Effect.flatMap(TestBackend.TestBackend, (backend) => backend.when(match, ...behaviours))

const requests = Effect.flatMap(TestBackend.TestBackend, (backend) => backend.requests())

/** The milliseconds between one request and the next. */
const gaps = Effect.map(requests, (requests) =>
  requests.slice(1).map(({ time }, index) => time - requests[index]!.time)
)

/** Gaps as the first so many retries leave them. */
const assertBackoff = (gaps: ReadonlyArray<number>, count: number) => {
  assert.lengthOf(gaps, count)
  gaps.forEach((gap, index) => {
    const base = Duration.toMillis(Http.firstRetryDelay) * 2 ** index
    assert.isAtLeast(gap, base * 0.8 - 1)
    assert.isAtMost(gap, base * 1.2 + 1)
  })
}

/** A row's text, with an app manifest's. */
const row = (name: string, appManifest: string) =>
  `{"id":"${name}","name":"${name}","scope":"GLOBAL","release":{"app_manifest":${appManifest}}}`

/** Lists over a connection that fails each time for this cause. */
const failing = (cause: unknown) =>
  Effect.gen(function* () {
    const times: Array<number> = []
    const client = HttpClient.make((request) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        times.push(now)
        return Effect.fail(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({ request, cause })
          })
        )
      })
    )
    const error = yield* failure(installed).pipe(
      Effect.provide(
        Layer.provide(RemoteCatalog.layer, Layer.succeed(HttpClient.HttpClient, client))
      )
    )
    return { calls: times.length, error, spent: times.at(-1)! - times[0]! }
  }).pipe(Effect.provide(Layer.provideMerge(home, TestBackend.layer)))
const coded = (code: string) => Object.assign(new Error("secret detail"), { code })

describe("installed", () => {
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

  it.effect("keeps the place of a row that cannot be decoded", () =>
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
  ])("refuses a listing that repeats a page: $cursors", ({ cursors }) =>
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

  it.effect("refuses a listing that never ends", () =>
    Effect.gen(function* () {
      yield* when({ kind: "listing" }, TestReply.endlessPages)
      assert.strictEqual((yield* failure(installed)).reason._tag, "TooManyPages")
      assert.lengthOf(yield* requests, RemoteCatalog.maxPages)
    }).pipe(provide({ plugins: [] }))
  )

  it.effect("fails as a whole if a later page fails", () =>
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
  ])("refuses the answer %s at once", (body) =>
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

  it.effect("refuses an answer that is too large", () =>
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

const available = (section: RemoteCatalog.Section) =>
  Effect.flatMap(RemoteCatalog.RemoteCatalog, (catalog) => catalog.available(section))
const featured = Effect.flatMap(RemoteCatalog.RemoteCatalog, (catalog) => catalog.featured)

const catalogue: TestBackend.Options = {
  plugins: [
    alpha,
    beta,
    plugin({ name: "gamma", installed: false }),
    plugin({ name: "delta", scope: "USER", installed: false }),
    plugin({ name: "epsilon", scope: "WORKSPACE", installed: false }),
    plugin({ name: "hidden", listed: false })
  ],
  featured: ["alpha@openai-curated-remote"],
  pageSize: 1
}

describe("available", () => {
  it.effect.each([
    [
      "curated",
      ["alpha@openai-curated-remote", "gamma@openai-curated-remote"],
      [
        "/backend-api/ps/plugins/list?scope=GLOBAL&limit=200",
        "/backend-api/ps/plugins/list?scope=GLOBAL&limit=200&pageToken=cursor-1"
      ]
    ],
    [
      "createdByMe",
      ["delta@created-by-me-remote"],
      ["/backend-api/ps/plugins/list?scope=USER&limit=200"]
    ],
    [
      "workspace",
      ["epsilon@workspace-directory"],
      ["/backend-api/ps/plugins/list?scope=WORKSPACE&limit=200"]
    ],
    [
      "sharedWithMe",
      ["beta@workspace-shared-with-me"],
      ["/backend-api/ps/plugins/workspace/shared?limit=200"]
    ]
  ] as const)("lists the section %s with Codex's requests", ([section, ids, urls]) =>
    Effect.gen(function* () {
      const { rows } = yield* available(section)
      assert.deepStrictEqual(
        rows.map((row) => Result.getOrThrow(row).pluginId as string),
        [...ids]
      )
      assert.isTrue(rows.every((row) => Option.isNone(Result.getOrThrow(row).bundleDownloadUrl)))
      assert.deepStrictEqual(
        (yield* requests).map(({ url }) => `${url.pathname}${url.search}`),
        [...urls]
      )
    }).pipe(provide(catalogue))
  )

  it.effect("reads a page of 200 rows of 100 kB", () =>
    Effect.gen(function* () {
      const plugins = Array.from({ length: RemoteCatalog.pageSize }, (_, index) => ({
        id: `id-${index}`,
        name: `plugin-${index}`,
        scope: "GLOBAL",
        release: { version: "1.0.0", description: "x".repeat(100_000) }
      }))
      const page = JSON.stringify({ plugins, pagination: { next_page_token: null } })
      yield* when({ kind: "directory" }, TestReply.body(page))
      assert.lengthOf((yield* available("curated")).rows, RemoteCatalog.pageSize)
    }).pipe(provide())
  )

  it.effect("does not replace the listing of what is installed", () =>
    Effect.gen(function* () {
      const { current, installed } = yield* RemoteCatalog.RemoteCatalog
      const snapshot = yield* installed
      yield* available("curated")
      assert.deepStrictEqual(yield* current, Option.some(snapshot))
    }).pipe(provide(catalogue))
  )

  it.effect.each([
    ["Forbidden", TestReply.status(403)],
    ["NotFound", TestReply.status(404)],
    ["MalformedAnswer", TestReply.body("{}")],
    ["RepeatedCursor", TestReply.nextPage("cursor-0")],
    ["Unreachable", TestReply.drop]
  ] as const)("fails with %s", ([reason, fault]) =>
    Effect.gen(function* () {
      yield* when({ kind: "directory" }, fault)
      const error = yield* failure(available("curated"))
      assert.strictEqual(error.reason._tag, reason)
      assert.match(error.message, /^cannot list the plugins that the account can install: /)
    }).pipe(provide())
  )
})

describe("featured", () => {
  it.effect("returns the ids that the backend recommends", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* featured, ["alpha@openai-curated-remote"])
      assert.deepStrictEqual(
        (yield* requests).map(({ url }) => `${url.pathname}${url.search}`),
        ["/backend-api/plugins/featured?platform=codex"]
      )
    }).pipe(provide(catalogue))
  )

  it.effect("refuses an answer that is not a list of ids", () =>
    Effect.gen(function* () {
      yield* when({ kind: "featured" }, TestReply.body("[1]"))
      assert.strictEqual((yield* failure(featured)).reason._tag, "MalformedAnswer")
    }).pipe(provide())
  )
})

describe("read", () => {
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

  it.effect("refuses the row of another plugin", () =>
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

describe("install and uninstall", () => {
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
  ])("refuse the answer $answer to an install", ({ answer, reason }) =>
    Effect.gen(function* () {
      yield* when({ kind: "install" }, TestReply.body(JSON.stringify(answer)))
      assert.deepStrictEqual((yield* failure(install)).reason, reason as never)
    }).pipe(provide())
  )

  it.effect("refuse an answer that calls an uninstalled plugin enabled", () =>
    Effect.gen(function* () {
      yield* when({ kind: "uninstall" }, TestReply.body(JSON.stringify({ id, enabled: true })))
      const error = yield* failure(uninstall)
      assert.deepStrictEqual(error.reason, { _tag: "UnexpectedAnswer", at: "enabled" })
    }).pipe(provide())
  )
})

describe("an id that cannot be part of a path", () => {
  it.effect.each(["a/b", "..", "a b", "é", "a%2fb", "a?b"])(
    "is refused without a request: %s",
    (text) =>
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

describe("without credentials or settings", () => {
  it.effect.each([
    ["auth.json", "{}", "NotSignedIn"],
    ["auth.json", '{"OPENAI_API_KEY":"sk"}', "NotSignedIn"],
    ["config.toml", "= 5", "CodexHomeError"]
  ] as const)("no request is sent: %s is %s", ([file, content, tag]) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`/home/${file}`, content)
      for (const call of [installed, available("curated"), featured, read, install, uninstall]) {
        assert.strictEqual((yield* Effect.flip(call))._tag, tag)
      }
      assert.lengthOf(yield* requests, 0)
    }).pipe(provide())
  )
})

describe("a transient failure", () => {
  const faults: ReadonlyArray<readonly [string, TestReply.Behaviour]> = [
    ...[408, 429, 500, 502, 503, 504, 599].map(
      (code) => [String(code), TestReply.status(code)] as const
    ),
    ["a reset connection", TestReply.drop],
    ["a reset in mid-body", TestReply.cut(5)],
    ["an end in mid-body", TestReply.cut(5, "closed")],
    ["more announced than sent", TestReply.contentLength(1_000_000)]
  ]

  it.effect.each(faults)("is retried after growing delays: %s", ([, fault]) =>
    Effect.gen(function* () {
      yield* when({ kind: "listing", first: 2 }, fault)
      const { rows } = yield* settle(installed)
      assert.lengthOf(rows, 2)
      assertBackoff(yield* gaps, 2)
    }).pipe(provide())
  )

  it.effect.each(faults)("is given up after the last retry: %s", ([, fault]) =>
    Effect.gen(function* () {
      yield* when({ kind: "listing" }, fault)
      const error = yield* failure(installed)
      assert.include(["Unavailable", "Unreachable"], error.reason._tag)
      assertBackoff(yield* gaps, Http.retries)
    }).pipe(provide())
  )

  it.effect("is retried when Retry-After says, in seconds", () =>
    Effect.gen(function* () {
      yield* when({ kind: "listing", nth: 1 }, TestReply.status(429, { "retry-after": "7" }))
      yield* when({ kind: "listing", nth: 2 }, TestReply.status(503, { "retry-after": "30" }))
      yield* settle(installed)
      assert.deepStrictEqual(yield* gaps, [7000, 30_000])
    }).pipe(provide())
  )

  it.effect("is retried when Retry-After says, as a date", () =>
    Effect.gen(function* () {
      const date = "Thu, 01 Jan 1970 00:00:12 GMT"
      yield* when({ kind: "listing", nth: 1 }, TestReply.status(503, { "retry-after": date }))
      yield* settle(installed)
      assert.deepStrictEqual(yield* gaps, [12_000])
    }).pipe(provide())
  )

  it.effect.each(["0", "-5", "soon", "", "Thu, 01 Jan 1970 00:00:00 GMT"])(
    "is retried as usual if Retry-After is unusable: %j",
    (retryAfter) =>
      Effect.gen(function* () {
        yield* when(
          { kind: "listing", nth: 1 },
          TestReply.status(503, { "retry-after": retryAfter })
        )
        yield* settle(installed)
        assertBackoff(yield* gaps, 1)
      }).pipe(provide())
  )

  it.effect.each(["31", "86400", "999999999999999999999", "Fri, 02 Jan 1970 00:00:00 GMT"])(
    "is not retried if Retry-After asks for too long a delay: %s",
    (retryAfter) =>
      Effect.gen(function* () {
        yield* when({ kind: "listing" }, TestReply.status(429, { "retry-after": retryAfter }))
        const error = yield* failure(installed)
        assert.strictEqual(error.reason._tag, "Unavailable")
        assert.include(error.message, "longer than the limit of 30s")
        assert.lengthOf(yield* requests, 1)
      }).pipe(provide())
  )
})

describe("a permanent failure", () => {
  it.effect.each([
    [400, "Rejected"],
    [401, "Unauthorized"],
    [403, "Forbidden"],
    [404, "NotFound"],
    [410, "Rejected"],
    [304, "Redirected"]
  ] as const)("is not retried: %d", ([code, reason]) =>
    Effect.gen(function* () {
      yield* when({}, TestReply.status(code))
      for (const call of [installed, available("curated"), featured, read, install, uninstall]) {
        assert.strictEqual((yield* failure(call)).reason._tag, reason)
      }
      assert.lengthOf(yield* requests, 6)
    }).pipe(provide())
  )

  it.effect("says what to do if the token is refused", () =>
    Effect.gen(function* () {
      yield* when({}, TestReply.status(401))
      assert.include((yield* failure(installed)).message, "codex login")
    }).pipe(provide())
  )

  it.effect.each([
    "https://elsewhere.test/",
    "/backend-api/ps/plugins/installed",
    "http://backend.test/"
  ])("does not follow a redirect to %s", (location) =>
    Effect.gen(function* () {
      yield* when({}, TestReply.redirect(location))
      const error = yield* failure(installed)
      assert.deepStrictEqual(error.reason, { _tag: "Redirected", status: 302 })
      assert.lengthOf(yield* requests, 1)
    }).pipe(provide())
  )

  it.effect.each([
    ["silence", TestReply.silence],
    ["silence in mid-body", TestReply.stall(5)],
    ["one byte a second", TestReply.dribble(1, "1 second")]
  ] as const)("includes a call that exceeds the time limit: %s", ([, fault]) =>
    Effect.gen(function* () {
      yield* when({}, fault)
      const fiber = yield* Effect.forkChild(Effect.flip(installed))
      yield* TestClock.adjust(Duration.toMillis(RemoteCatalog.callTimeLimit) - 1)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const error = yield* Fiber.join(fiber)
      assert.instanceOf(error, RemoteCatalog.RemoteCatalogError)
      assert.strictEqual(error.reason._tag, "TimedOut")
      assert.deepStrictEqual(
        (yield* requests).map(({ outcome }) => outcome),
        ["aborted"]
      )
    }).pipe(provide())
  )

  it.effect.each([
    "CERT_HAS_EXPIRED",
    "CERT_NOT_YET_VALID",
    "CERT_REVOKED",
    "CERT_UNTRUSTED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "HOSTNAME_MISMATCH",
    "INVALID_CA",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
  ])("includes an invalid certificate: %s", (code) =>
    Effect.gen(function* () {
      for (const cause of [coded(code), new TypeError("fetch failed", { cause: coded(code) })]) {
        const { calls, error } = yield* failing(cause)
        assert.deepStrictEqual(error.reason, { _tag: "UntrustedServer", code })
        assert.strictEqual(calls, 1)
      }
    })
  )

  it.effect.each(["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH"])(
    "includes a host that cannot be reached: %s",
    (code) =>
      Effect.gen(function* () {
        const { calls, error } = yield* failing(new Error("fetch failed", { cause: coded(code) }))
        assert.deepStrictEqual(error.reason, { _tag: "Unreachable", code })
        assert.strictEqual(calls, 1)
      })
  )

  it.effect("does not blame the network for too many open files", () =>
    Effect.gen(function* () {
      const { error } = yield* failing(coded("EMFILE"))
      assert.include(error.message, "allow more open files")
      assert.notInclude(error.message, "network")
    })
  )

  it.effect.each(["EAI_AGAIN", "EAI_SYSTEM"])(
    "asks a resolver without an answer once more, within a second: %s",
    (code) =>
      Effect.gen(function* () {
        const { calls, error, spent } = yield* failing(
          new Error("fetch failed", { cause: coded(code) })
        )
        assert.deepStrictEqual(error.reason, { _tag: "Unreachable", code })
        assert.strictEqual(calls, 2)
        assert.isAbove(spent, 0)
        assert.isBelow(spent, 500)
      })
  )

  it.effect.each([
    "ECONNRESET",
    "ETIMEDOUT",
    "EPROTO",
    "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "UND_ERR_SOCKET"
  ])("does not include a broken connection, which is retried: %s", (code) =>
    Effect.gen(function* () {
      const { calls, error } = yield* failing(new Error("fetch failed", { cause: coded(code) }))
      assert.deepStrictEqual(error.reason, { _tag: "Unreachable", code })
      assert.strictEqual(calls, 1 + Http.retries)
      assert.notInclude(error.message, "detail")
    })
  )

  it.effect.each([undefined, "boom", { code: 7 }, { code: "Bearer x" }])(
    "has no code if the cause is %j",
    (cause) =>
      Effect.gen(function* () {
        const { error } = yield* failing(cause)
        assert.deepStrictEqual(error.reason, { _tag: "Unreachable", code: null })
      })
  )
})

describe("a firewall's challenge", () => {
  it.effect.each([
    ["403 with cf-mitigated", 403, { "cf-mitigated": "challenge" }],
    ["503 with cf-mitigated", 503, { "cf-mitigated": "challenge" }],
    ["403 with HTML", 403, { "content-type": "text/html; charset=UTF-8" }],
    ["200 with HTML", 200, { "content-type": "text/html" }]
  ] as const)("is an error of its own and not retried: %s", ([, code, headers]) =>
    Effect.gen(function* () {
      yield* when(
        {},
        TestReply.status(code, headers),
        TestReply.body("<html>Just a moment…</html>")
      )
      const error = yield* failure(installed)
      assert.deepStrictEqual(error.reason, { _tag: "Challenged", status: code })
      assert.include(error.message, "another network")
      assert.lengthOf(yield* requests, 1)
    }).pipe(provide())
  )
})

describe("options", () => {
  it.effect.each([0, 1, 5])("retry a transient failure %d times", (retries) =>
    Effect.gen(function* () {
      yield* when({}, TestReply.drop)
      yield* failure(installed).pipe(
        Effect.provide(
          Layer.provide(RemoteCatalog.layerWith({ retries }), TestBackend.layerHttpClient)
        )
      )
      assert.lengthOf(yield* requests, 1 + retries)
    }).pipe(provide())
  )
})

describe("secrets", () => {
  it.effect.each([
    ["a good answer", undefined],
    ["401", TestReply.status(401)],
    ["503", TestReply.status(503)],
    ["a reset connection", TestReply.drop],
    ["a reset in mid-body", TestReply.cut(5)],
    ["silence", TestReply.silence],
    ["a redirect", TestReply.redirect(({ url }) => url.href)],
    ["an answer that is cut short", TestReply.mapJson((json) => JSON.stringify(json).slice(0, -1))],
    ["an answer of another form", TestReply.mapJson((json) => [json])]
  ] as const)("appear in no error, log or span: %s", ([, fault]) =>
    Effect.gen(function* () {
      const { secrets } = yield* TestBackend.TestBackend
      if (fault !== undefined) yield* when({}, fault)
      for (const call of [installed, available("curated"), featured, read, install, uninstall]) {
        const { exit, spans, text } = yield* overhear(settle(call))
        assert.strictEqual(exit._tag, fault === undefined ? "Success" : "Failure")
        assert.isNotEmpty(spans)
        for (const secret of [...secrets, "pageToken", "includeDownloadUrls"]) {
          assert.notInclude(text, secret)
        }
      }
    }).pipe(provide({ plugins: [alpha, beta], featured: ["alpha@openai-curated-remote"] }))
  )
})
