import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Stream } from "effect"
import { HttpClient } from "effect/http"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import {
  call,
  json,
  list,
  ids,
  bundleUrl,
  download,
  tagOf,
  statuses,
  outcomes,
  hello,
  large,
  provide,
  backendName
} from "../support/testBackends.ts"
import { eventually } from "../support/eventually.ts"

describe(`the behaviours of ${backendName}`, () => {
  it.live("apply to matching requests, by count, until they are removed", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "read", first: 2 }, TestReply.status(503, { "retry-after": "1" }))
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
      const response = yield* HttpClient.get(url)
      let received = 0
      const reading = yield* Stream.runForEach(response.stream, (chunk) =>
        Effect.sync(() => {
          received += chunk.length
        })
      ).pipe(Effect.forkChild)
      yield* eventually(Effect.sync(() => received === 1000))
      // A later request is answered as a whole, and nothing else of these two arrives meanwhile.
      assert.strictEqual((yield* download(url)).length, 300_000)
      assert.strictEqual(received, 1000)
      assert.isUndefined(silent.pollUnsafe())
      assert.isUndefined(reading.pollUnsafe())
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
