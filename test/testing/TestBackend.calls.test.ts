import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { HttpClient } from "effect/http"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestBundle from "../../src/testing/TestBundle.ts"
import {
  Urls,
  call,
  json,
  list,
  ids,
  bundleUrl,
  download,
  hello,
  tools,
  mine,
  odd,
  provide,
  backendName,
  type Page
} from "../support/testBackends.ts"

describe(`the calls of ${backendName}`, () => {
  it.live("answer 401 without the bearer token of an account", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* Urls
      const url = `${baseUrl}/ps/plugins/installed`
      assert.strictEqual((yield* HttpClient.get(url)).status, 401)
      const headers = { authorization: "Bearer wrong" }
      assert.strictEqual((yield* HttpClient.get(url, { headers })).status, 401)
      assert.strictEqual((yield* call("GET", "installed")).status, 200)
    }).pipe(Effect.provide(provide()))
  )

  it.live("list what is installed, with bundle URLs only on request", () =>
    Effect.gen(function* () {
      const without = yield* list()
      assert.deepStrictEqual(ids(without), [hello.id, mine.id])
      assert.deepStrictEqual(
        without.plugins.map(({ enabled }) => enabled),
        [true, false]
      )
      assert.isUndefined(without.plugins[0]!.release.bundle_download_url)
      const { bundleOrigin } = yield* Urls
      assert.isTrue((yield* bundleUrl()).startsWith(`${bundleOrigin}/bundles/${hello.id}/`))
    }).pipe(
      Effect.provide(
        provide({ plugins: [hello, TestBackend.plugin({ ...tools, installed: false }), mine] })
      )
    )
  )

  it.live("list in pages, within the requested limit and the backend's own", () =>
    Effect.gen(function* () {
      const first = yield* list("limit=1")
      assert.deepStrictEqual(ids(first), [hello.id])
      const second = yield* list(`limit=1&pageToken=${first.pagination.next_page_token}`)
      assert.deepStrictEqual(ids(second), [tools.id])
      const all = yield* list("limit=200")
      assert.deepStrictEqual(ids(all), [hello.id, tools.id])
      const rest = yield* list(`limit=200&pageToken=${all.pagination.next_page_token}`)
      assert.deepStrictEqual(rest.pagination, { next_page_token: null })
      assert.strictEqual((yield* call("GET", "installed?pageToken=none-such")).status, 400)
    }).pipe(Effect.provide(provide({ plugins: [hello, tools, mine], pageSize: 2 })))
  )

  it.live("list one scope", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(ids(yield* list("scope=GLOBAL")), [hello.id])
      assert.deepStrictEqual(ids(yield* list("scope=WORKSPACE")), [tools.id])
      assert.deepStrictEqual(ids(yield* list("scope=USER")), [mine.id])
    }).pipe(Effect.provide(provide({ plugins: [hello, tools, mine] })))
  )

  it.live("list all available plugins", () =>
    Effect.gen(function* () {
      const page = yield* Effect.flatMap(call("GET", "list?limit=200"), (_) => json<Page>(_))
      assert.deepStrictEqual(ids(page), [hello.id, odd.id])
      assert.notProperty(page.plugins[0], "enabled")
    }).pipe(
      Effect.provide(
        provide({ plugins: [TestBackend.plugin({ ...hello, installed: false }), odd] })
      )
    )
  )

  it.live(
    "list what others in the workspace share separately, and leave out unlisted plugins",
    () =>
      Effect.gen(function* () {
        const directory = yield* Effect.flatMap(call("GET", "list"), (_) => json<Page>(_))
        assert.deepStrictEqual(ids(directory), [hello.id])
        const shared = yield* Effect.flatMap(call("GET", "workspace/shared"), (_) => json<Page>(_))
        assert.deepStrictEqual(ids(shared), [tools.id])
        const backend = yield* TestBackend.TestBackend
        assert.lengthOf(yield* backend.requests({ kind: "shared" }), 1)
      }).pipe(
        Effect.provide(
          provide({
            plugins: [
              hello,
              TestBackend.plugin({ ...tools, discoverability: "PRIVATE" }),
              TestBackend.plugin({ ...mine, listed: false })
            ]
          })
        )
      )
  )

  it.live("name the featured plugins", () =>
    Effect.gen(function* () {
      const answer = yield* Effect.flatMap(call("GET", "../../plugins/featured"), (_) =>
        json<ReadonlyArray<string>>(_)
      )
      assert.deepStrictEqual(answer, ["hello@openai-curated-remote"])
    }).pipe(Effect.provide(provide({ featured: ["hello@openai-curated-remote"] })))
  )

  it.live("serve the bundle of an id that must be escaped in a path", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      assert.isAbove((yield* download(yield* bundleUrl())).length, 0)
      assert.lengthOf(yield* backend.requests({ kind: "bundle", plugin: odd.id }), 1)
    }).pipe(Effect.provide(provide({ plugins: [odd] })))
  )

  it.live("return one row that is made from the plugin", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.flatMap(call("GET", tools.id), json), {
        id: "plugins~Plugin_tools_WORKSPACE",
        name: "tools",
        scope: "WORKSPACE",
        discoverability: "LISTED",
        installation_policy: "INSTALLED_BY_DEFAULT",
        authentication_policy: "ON_USE",
        release: {
          version: "2.1.0",
          display_name: "tools",
          app_manifest: { apps: {} },
          interface: {}
        }
      })
      assert.strictEqual((yield* call("GET", "plugins~none")).status, 404)
      assert.strictEqual((yield* call("GET", "a/b/c")).status, 404)
    }).pipe(
      Effect.provide(
        provide({
          plugins: [
            TestBackend.plugin({
              ...tools,
              appManifest: { apps: {} },
              row: { installation_policy: "INSTALLED_BY_DEFAULT" },
              release: { description: undefined }
            })
          ]
        })
      )
    )
  )

  it.live("install and uninstall for the account that asks", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      const other = backend.accounts[1]!
      const installed = yield* call("POST", `${hello.id}/install?includeAppsNeedingAuth=true`)
      assert.deepStrictEqual(yield* json(installed), { id: hello.id, enabled: true })
      assert.isTrue(yield* backend.isInstalled(hello.id))
      assert.isFalse(yield* backend.isInstalled(hello.id, other))
      yield* backend.install(hello.id, other)
      const uninstalled = yield* call("POST", `${hello.id}/uninstall`)
      assert.deepStrictEqual(yield* json(uninstalled), { id: hello.id, enabled: false })
      assert.isFalse(yield* backend.isInstalled(hello.id))
      assert.isTrue(yield* backend.isInstalled(hello.id, other))
      assert.strictEqual((yield* call("POST", "plugins~none/install")).status, 404)
    }).pipe(
      Effect.provide(
        provide({
          plugins: [TestBackend.plugin({ ...hello, installed: false })],
          accounts: [TestBackend.account(), TestBackend.account({ id: "account-2" })]
        })
      )
    )
  )

  it.live("serve a bundle to anyone who has its URL, without credentials", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      const url = yield* bundleUrl()
      assert.isTrue(backend.secrets.some((secret) => url.includes(secret)))
      const expected = yield* TestBundle.tarGz(
        TestBundle.plugin({ name: "hello", version: "1.0.0" })
      )
      assert.deepStrictEqual(new Uint8Array(yield* download(url)), new Uint8Array(expected))
      assert.strictEqual((yield* HttpClient.get(url.replace(/sig=.*/, "sig=no"))).status, 403)
      assert.strictEqual((yield* HttpClient.get(url.replace(/\d+\.tar/, "99.tar"))).status, 404)
      const [request] = yield* backend.requests({ kind: "bundle" })
      assert.strictEqual(request?.plugin, hello.id)
      assert.isUndefined(request?.headers["authorization"])
    }).pipe(Effect.provide(provide({ plugins: [hello] })))
  )

  it.live("reflect changes that are made while it runs", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      const oldUrl = yield* bundleUrl()
      const oldBytes = yield* download(oldUrl)
      yield* backend.update(hello.id, { version: "1.1.0" })
      const { plugins } = yield* list("includeDownloadUrls=true")
      assert.strictEqual(plugins[0]!.release.version, "1.1.0")
      assert.notDeepEqual(yield* download(plugins[0]!.release.bundle_download_url!), oldBytes)
      assert.deepStrictEqual(yield* download(oldUrl), oldBytes)

      yield* backend.publish(mine)
      assert.deepStrictEqual(ids(yield* list()), [hello.id, mine.id])
      yield* backend.uninstall(mine.id)
      yield* backend.remove(hello.id)
      assert.deepStrictEqual(ids(yield* list()), [])
      assert.strictEqual((yield* call("GET", mine.id)).status, 200)
      assert.strictEqual((yield* call("GET", hello.id)).status, 404)
    }).pipe(Effect.provide(provide({ plugins: [hello] })))
  )
})
