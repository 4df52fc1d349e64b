import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  Context,
  Deferred,
  Duration,
  Effect,
  Fiber,
  FileSystem,
  Layer,
  Path,
  Result,
  Stream
} from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import type { HttpClientError, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import * as TestAccount from "../../src/testing/TestAccount.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestBundle from "../../src/testing/TestBundle.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import type * as TestRequest from "../../src/testing/TestRequest.ts"
import * as Certificates from "../support/certificates.ts"
import { isReal } from "../support/system.ts"
import { eventually } from "../support/eventually.ts"

/** The URLs of the face under test. */
class Face extends Context.Service<Face, TestBackend.Served>()("test/Face") {}

type Services = TestBackend.TestBackend | HttpClient.HttpClient | Face

const memory = (options?: TestBackend.Options): Layer.Layer<Services> =>
  Layer.mergeAll(
    TestBackend.layerHttpClient,
    Layer.effect(
      Face,
      Effect.map(TestBackend.TestBackend, ({ baseUrl }) => ({
        baseUrl,
        bundleOrigin: "https://bundles.test"
      }))
    )
  ).pipe(Layer.provideMerge(TestBackend.layerWith(options ?? {})))

class Authority extends Context.Service<Authority, Certificates.Certificates>()("test/Authority") {
  static readonly layer = Layer.effect(Authority, Certificates.make)
}

const client = Layer.unwrap(
  Effect.map(Authority, ({ ca }) => NodeHttpClient.layerNodeHttpOptions({ ca, keepAlive: true }))
)

// The point is what Node's own client makes of the bytes, so these need sockets.
const sockets = (options?: TestBackend.Options): Layer.Layer<Services> =>
  Layer.merge(
    client,
    Layer.effect(
      Face,
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        return yield* Effect.orDie(backend.serve({ bundles: (yield* Authority).good }))
      })
    )
  ).pipe(Layer.provideMerge(TestBackend.layerWith(options ?? {})), Layer.provide(Authority.layer))

const bearer = Effect.map(TestBackend.TestBackend, ({ accounts: [{ accessToken }] }) => ({
  authorization: `Bearer ${accessToken}`
}))

const call = Effect.fnUntraced(function* (method: "GET" | "POST", path: string) {
  const { baseUrl } = yield* Face
  return yield* HttpClient.execute(
    HttpClientRequest.make(method)(`${baseUrl}/ps/plugins/${path}`, { headers: yield* bearer })
  )
})

interface Page {
  readonly plugins: ReadonlyArray<{
    readonly id: string
    readonly enabled: boolean
    readonly release: { readonly version: string; readonly bundle_download_url?: string }
  }>
  readonly pagination: { readonly next_page_token: string | null }
}

// The backend's answers are not decoded here: a mistake shows in the assertions.
const json = <A>(response: HttpClientResponse.HttpClientResponse) =>
  Effect.map(response.json, (value) => value as A)

const list = (query = "") => Effect.flatMap(call("GET", `installed?${query}`), (_) => json<Page>(_))

const ids = ({ plugins }: Page) => plugins.map(({ id }) => id)

const bundleUrl = Effect.fnUntraced(function* (index = 0) {
  const { plugins } = yield* list("includeDownloadUrls=true")
  return plugins[index]!.release.bundle_download_url!
})

const download = Effect.fnUntraced(function* (url: string) {
  const response = yield* HttpClient.get(url)
  return yield* Stream.mkUint8Array(response.stream)
})

const tagOf = <A, R>(effect: Effect.Effect<A, HttpClientError.HttpClientError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

const statuses = (requests: ReadonlyArray<TestRequest.Request>) =>
  requests.map(({ status }) => status)

/** How each answer ended, once all have. */
const outcomes = Effect.fnUntraced(function* (match?: TestRequest.Match) {
  const backend = yield* TestBackend.TestBackend
  const outcomes = Effect.map(backend.requests(match), (requests) =>
    requests.map(({ outcome }) => outcome)
  )
  return yield* eventually(outcomes, (outcomes) => !outcomes.includes("open"))
})

const hello = TestBackend.plugin({ name: "hello" })
const tools = TestBackend.plugin({ name: "tools", version: "2.1.0", scope: "WORKSPACE" })
const mine = TestBackend.plugin({ name: "mine", scope: "USER", enabled: false })
const odd = TestBackend.plugin({ name: "odd", id: "we/ird id?#%" })
/** Too large for one piece, and bytes that no compression shortens. */
const large = TestBackend.plugin({
  name: "large",
  bundle: Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 251)
})

const suite = (name: string, provide: (options?: TestBackend.Options) => Layer.Layer<Services>) => {
  describe(`the calls, ${name}`, () => {
    it.live("answer 401 without the bearer token of an account", () =>
      Effect.gen(function* () {
        const { baseUrl } = yield* Face
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
        const { bundleOrigin } = yield* Face
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
          const shared = yield* Effect.flatMap(call("GET", "workspace/shared"), (_) =>
            json<Page>(_)
          )
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

  describe(`behaviours, ${name}`, () => {
    it.live("apply to matching requests, by count, until they are removed", () =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        yield* backend.when(
          { kind: "read", first: 2 },
          TestReply.status(503, { "retry-after": "1" })
        )
        yield* backend.when({ plugin: hello.id, nth: 4 }, TestReply.status(418))
        for (const _ of [1, 2, 3, 4]) yield* call("GET", hello.id)
        yield* call("GET", "installed")
        assert.deepStrictEqual(statuses(yield* backend.requests()), [503, 503, 200, 418, 200])

        yield* backend.forget
        yield* backend.when({ path: /installed$/ }, TestReply.status(429, { "retry-after": "7" }))
        assert.strictEqual((yield* call("GET", "installed")).headers["retry-after"], "7")
        yield* backend.behave
        yield* call("GET", "installed")
        assert.deepStrictEqual(statuses(yield* backend.requests({ method: "GET" })), [429, 200])
      }).pipe(Effect.provide(provide({ plugins: [hello] })))
    )

    it.live("refuse a change with a status, and lose its answer with a broken connection", () =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        yield* backend.when({ kind: "install", nth: 1 }, TestReply.status(500))
        yield* backend.when({ kind: "install", nth: 2 }, TestReply.drop)
        yield* call("POST", `${hello.id}/install`)
        assert.isFalse(yield* backend.isInstalled(hello.id))
        assert.strictEqual(yield* tagOf(call("POST", `${hello.id}/install`)), "TransportError")
        assert.isTrue(yield* backend.isInstalled(hello.id))
        assert.deepStrictEqual(yield* outcomes(), ["whole", "broken"])
      }).pipe(
        Effect.provide(provide({ plugins: [TestBackend.plugin({ ...hello, installed: false })] }))
      )
    )

    it.live("cut a body short", () =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        const url = yield* bundleUrl()
        const kinds: ReadonlyArray<TestReply.Behaviour> = [
          TestReply.cut(100_000, "closed"),
          TestReply.cut(100_000, "reset"),
          TestReply.cut(0, "closed"),
          TestReply.cut(0, "reset"),
          TestReply.contentLength(300_001)
        ]
        for (const [index, behaviour] of kinds.entries()) {
          yield* backend.when({ kind: "bundle", nth: 1 }, behaviour)
          const response = yield* HttpClient.get(url)
          assert.strictEqual(response.status, 200)
          assert.strictEqual(
            response.headers["content-length"],
            index === 4 ? "300001" : "300000",
            `${index}`
          )
          assert.strictEqual(yield* tagOf(Stream.runDrain(response.stream)), "DecodeError")
        }
        yield* backend.when({ kind: "bundle", nth: 1 }, TestReply.stall(300_000))
        assert.strictEqual((yield* download(url)).length, 300_000)
        assert.strictEqual((yield* download(url)).length, 300_000)
        assert.deepStrictEqual(yield* outcomes({ kind: "bundle" }), [
          ...kinds.map(() => "broken"),
          "whole",
          "whole"
        ])
      }).pipe(Effect.provide(provide({ plugins: [large] })))
    )

    it.live("send a content length that is too small, or none", () =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        const url = yield* bundleUrl()
        yield* backend.when({ kind: "bundle", nth: 1 }, TestReply.contentLength(null))
        yield* backend.when({ kind: "bundle", nth: 2 }, TestReply.contentLength(1000))
        const response = yield* HttpClient.get(url)
        assert.isUndefined(response.headers["content-length"])
        assert.strictEqual((yield* response.arrayBuffer).byteLength, 300_000)
        assert.strictEqual((yield* download(url)).length, 1000)
        assert.strictEqual((yield* download(url)).length, 300_000)
      }).pipe(Effect.provide(provide({ plugins: [large] })))
    )

    it.live("send a body piece by piece", () =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        const url = yield* bundleUrl()
        yield* backend.when({ kind: "bundle" }, TestReply.dribble(100_000, "20 millis"))
        const [time, bytes] = yield* Effect.timed(download(url))
        assert.strictEqual(bytes.length, 300_000)
        assert.isAtLeast(Duration.toMillis(time), 50)
      }).pipe(Effect.provide(provide({ plugins: [large] })))
    )

    it.live("stay silent before the head or within the body", () =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        const url = yield* bundleUrl()
        yield* backend.when({ kind: "bundle", nth: 1 }, TestReply.silence)
        yield* backend.when({ kind: "bundle", nth: 2 }, TestReply.stall(1000))
        const silent = yield* Effect.forkChild(HttpClient.get(url))
        yield* backend.arrival({ kind: "bundle", nth: 1 })
        assert.isTrue(
          Result.isFailure(yield* Effect.result(Effect.timeout(Fiber.join(silent), 50)))
        )
        const response = yield* HttpClient.get(url)
        let received = 0
        const reading = Stream.runForEach(response.stream, (chunk) =>
          Effect.sync(() => {
            received += chunk.length
          })
        )
        assert.isTrue(Result.isFailure(yield* Effect.result(Effect.timeout(reading, 50))))
        assert.strictEqual(received, 1000)
      }).pipe(Effect.provide(provide({ plugins: [large] })))
    )

    it.live("redirect: once, in a chain, in a loop, elsewhere", () =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        const url = yield* bundleUrl()
        const following = HttpClient.followRedirects(yield* HttpClient.HttpClient, 5)
        yield* backend.when(
          { kind: "bundle", first: 3 },
          TestReply.redirect(({ url }) => `${url.href}&hop`)
        )
        assert.strictEqual((yield* following.get(url)).status, 200)
        yield* backend.behave
        yield* backend.forget
        yield* backend.when(
          { kind: "bundle" },
          TestReply.redirect(({ url }) => url.href, 307)
        )
        assert.strictEqual((yield* following.get(url)).status, 307)
        assert.lengthOf(yield* backend.requests(), 6)
        yield* backend.behave
        yield* backend.when({ kind: "bundle" }, TestReply.redirect("ftp://elsewhere.test/x"))
        const response = yield* HttpClient.get(url)
        assert.strictEqual(response.headers["location"], "ftp://elsewhere.test/x")
      }).pipe(Effect.provide(provide({ plugins: [hello] })))
    )

    it.live("answer with the wrong content", () =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        yield* backend.when({ kind: "listing", nth: 1 }, TestReply.body('{"plugins": ['))
        yield* backend.when(
          { kind: "read" },
          TestReply.mapJson((row) => ({ ...row, id: "another" }))
        )
        assert.strictEqual(yield* tagOf(list()), "DecodeError")
        const row = yield* Effect.flatMap(call("GET", hello.id), (_) => json<{ id: string }>(_))
        assert.strictEqual(row.id, "another")
      }).pipe(Effect.provide(provide({ plugins: [hello] })))
    )

    it.live("repeat a page or never end the pages", () =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        yield* backend.when({ kind: "listing" }, TestReply.endlessPages)
        let cursor = "cursor-0"
        const seen = new Set([cursor])
        for (let page = 0; page < 5; page++) {
          cursor = (yield* list(`pageToken=${cursor}`)).pagination.next_page_token!
          assert.isFalse(seen.has(cursor))
          seen.add(cursor)
        }
        yield* backend.behave
        yield* backend.when({ kind: "listing" }, TestReply.nextPage("cursor-0"))
        const page = yield* list("pageToken=cursor-0")
        assert.deepStrictEqual(ids(page), [hello.id])
        assert.strictEqual(page.pagination.next_page_token, "cursor-0")
      }).pipe(Effect.provide(provide({ plugins: [hello] })))
    )

    it.live("compose", () =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        let opened = false
        yield* backend.when(
          { kind: "read" },
          TestReply.delay("1 millis"),
          TestReply.wait(Effect.sync(() => (opened = true))),
          TestReply.status(500),
          TestReply.body("sorry"),
          TestReply.dribble(1, "1 millis")
        )
        const response = yield* call("GET", hello.id)
        assert.isTrue(opened)
        assert.strictEqual(response.status, 500)
        assert.strictEqual(yield* response.text, "sorry")
      }).pipe(Effect.provide(provide({ plugins: [hello] })))
    )
  })

  describe(`the request log, ${name}`, () => {
    it.live("counts concurrent requests by kind", () =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        const url = yield* bundleUrl()
        yield* Effect.forEach([1, 2, 3, 4, 5, 6], () => download(url), { concurrency: 3 })
        assert.strictEqual(yield* backend.mostAtOnce("bundle"), 3)
        assert.strictEqual(yield* backend.mostAtOnce("listing"), 1)
        assert.strictEqual(yield* backend.mostAtOnce("install"), 0)
        yield* outcomes()
        yield* backend.forget
        assert.strictEqual(yield* backend.mostAtOnce("bundle"), 0)
        assert.lengthOf(yield* backend.requests(), 0)
      }).pipe(Effect.provide(provide({ plugins: [hello], latency: "5 millis" })))
    )

    it.live("reports when a request arrives and when its client gives up", () =>
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        const url = yield* bundleUrl()
        yield* backend.when({ kind: "bundle" }, TestReply.stall(1000))
        const second = yield* Effect.forkChild(backend.arrival({ kind: "bundle", nth: 2 }))
        for (const nth of [1, 2]) {
          const begun = yield* Deferred.make<void>()
          const reading = HttpClient.get(url).pipe(
            Effect.flatMap(({ stream }) =>
              Stream.runForEach(stream, () => Deferred.succeed(begun, undefined))
            )
          )
          const fiber = yield* Effect.forkChild(reading)
          yield* backend.arrival({ kind: "bundle", nth })
          yield* Deferred.await(begun)
          yield* Fiber.interrupt(fiber)
        }
        assert.strictEqual((yield* Fiber.join(second)).plugin, large.id)
        assert.deepStrictEqual(yield* outcomes({ kind: "bundle" }), ["aborted", "aborted"])
      }).pipe(Effect.provide(provide({ plugins: [large] })))
    )
  })
}

if (isReal) suite("over HTTP and HTTPS", sockets)
else suite("without sockets", memory)

describe.skipIf(isReal)("without sockets", () => {
  it.effect("time is controlled by the test", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      const url = yield* Effect.forkChild(bundleUrl())
      yield* TestClock.adjust("50 millis")
      yield* backend.when({ kind: "bundle" }, TestReply.dribble(1000, "1 second"))
      const fiber = yield* Effect.forkChild(download(yield* Fiber.join(url)))
      yield* TestClock.adjust("299 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).length, 300_000)
      const times = (yield* backend.requests()).map(({ time }) => time)
      assert.deepStrictEqual(times, [0, 50])
    }).pipe(Effect.provide(memory({ plugins: [large], latency: "50 millis" })))
  )
})

describe.runIf(isReal)("over HTTPS", () => {
  const reason = Effect.fnUntraced(function* (
    backend: TestBackend.TestBackend["Service"],
    certificate: Certificates.ServerCertificate
  ) {
    const { bundleOrigin } = yield* Effect.orDie(backend.serve({ bundles: certificate }))
    const { reason } = yield* Effect.flip(HttpClient.get(bundleOrigin))
    return reason._tag === "TransportError" ? (reason.cause as { code?: string }).code : reason._tag
  })

  it.live("clients reject an invalid certificate", () =>
    Effect.gen(function* () {
      const { expired, selfSigned, wrongHost } = yield* Authority
      const backend = yield* TestBackend.make()
      assert.strictEqual(yield* reason(backend, expired), "CERT_HAS_EXPIRED")
      assert.strictEqual(yield* reason(backend, wrongHost), "ERR_TLS_CERT_ALTNAME_INVALID")
      assert.strictEqual(yield* reason(backend, selfSigned), "DEPTH_ZERO_SELF_SIGNED_CERT")
      assert.lengthOf(yield* backend.requests(), 0)
    }).pipe(Effect.scoped, Effect.provide(client), Effect.provide(Authority.layer))
  )

  it.live("connections are reused, and ports are free after the scope", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.make({ plugins: [hello] })
      const port = yield* Effect.scoped(
        Effect.gen(function* () {
          const { baseUrl, bundleOrigin } = yield* backend.serve({
            bundles: { ...(yield* Authority).good, host: "localhost" }
          })
          assert.isTrue(bundleOrigin.startsWith("https://localhost:"))
          assert.strictEqual((yield* HttpClient.get(bundleOrigin)).status, 404)
          const { headers } = yield* HttpClient.get(baseUrl)
          assert.strictEqual(headers["connection"], "keep-alive")
          return Number(new URL(baseUrl).port)
        })
      )
      const served = yield* Effect.scoped(backend.serve({ port }))
      assert.strictEqual(served.baseUrl, `http://127.0.0.1:${port}/backend-api`)
      assert.strictEqual(served.bundleOrigin, `http://127.0.0.1:${port}`)
    }).pipe(Effect.provide(client), Effect.provide(Authority.layer))
  )
})

describe.skipIf(isReal)("writeHome", () => {
  it.effect("writes the settings and the credentials of an account", () =>
    Effect.gen(function* () {
      const files = new Map<string, { readonly text: string; readonly mode: number | undefined }>()
      const fs = FileSystem.layerNoop({
        makeDirectory: () => Effect.void,
        writeFileString: (path, text, options) =>
          Effect.sync(() => {
            files.set(path, { text, mode: options?.mode })
          })
      })
      const backend = yield* TestBackend.make({ basePath: "/other" })
      yield* backend.writeHome("/home/.codex").pipe(Effect.provide(Layer.merge(fs, Path.layer)))
      const config = files.get("/home/.codex/config.toml")
      assert.include(config?.text, 'chatgpt_base_url = "https://backend.test/other"\n')
      const auth = files.get("/home/.codex/auth.json")
      assert.strictEqual(auth?.mode, 0o600)
      const [account] = backend.accounts
      assert.deepStrictEqual(JSON.parse(auth!.text), {
        auth_mode: "chatgpt",
        OPENAI_API_KEY: null,
        tokens: {
          id_token: account.idToken,
          access_token: account.accessToken,
          refresh_token: account.refreshToken,
          account_id: account.id
        },
        last_refresh: "1970-01-01T00:00:00.000Z"
      })
      const claims = JSON.parse(Buffer.from(account.idToken.split(".")[1]!, "base64url").toString())
      assert.strictEqual(claims.email, account.email)
      assert.strictEqual(claims["https://api.openai.com/auth"].chatgpt_account_id, account.id)
      assert.deepStrictEqual(account, TestAccount.make())
    })
  )
})
