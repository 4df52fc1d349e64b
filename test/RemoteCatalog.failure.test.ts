import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, FileSystem, Layer } from "effect"
import { HttpClient, HttpClientError } from "effect/http"
import { TestClock } from "effect/testing"
import * as Http from "../src/internal/http.ts"
import * as RemoteCatalog from "../src/RemoteCatalog.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import { recordOutput } from "./support/recordOutput.ts"
import {
  alpha,
  available,
  beta,
  failure,
  featured,
  home,
  install,
  installed,
  provide,
  read,
  requests,
  uninstall,
  when
} from "./support/remoteCatalog.ts"
import { settle } from "./support/settle.ts"

/** The milliseconds between one request and the next. */
const gaps = Effect.map(requests, (requests) =>
  requests.slice(1).map(({ time }, index) => time - requests[index]!.time)
)

/** Checks the gaps of this number of retries. */
const assertBackoff = (gaps: ReadonlyArray<number>, count: number) => {
  assert.lengthOf(gaps, count)
  gaps.forEach((gap, index) => {
    const base = Duration.toMillis(Http.firstRetryDelay) * 2 ** index
    assert.isAtLeast(gap, base * 0.8 - 1)
    assert.isAtMost(gap, base * 1.2 + 1)
  })
}

/** Lists over a connection that always fails with this cause. */
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

/** An error of Node with this code. */
const coded = (code: string) => Object.assign(new Error("secret detail"), { code })

describe("RemoteCatalog without credentials or settings", () => {
  it.effect.each([
    ["auth.json", "{}", "NotSignedIn"],
    ["auth.json", '{"OPENAI_API_KEY":"sk"}', "NotSignedIn"],
    ["config.toml", "= 5", "CodexHomeError"]
  ] as const)("sends no request: %s is %s", ([file, content, tag]) =>
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

describe("a transient failure of RemoteCatalog", () => {
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

  it.effect("is retried after the seconds of Retry-After", () =>
    Effect.gen(function* () {
      yield* when({ kind: "listing", nth: 1 }, TestReply.status(429, { "retry-after": "7" }))
      yield* when({ kind: "listing", nth: 2 }, TestReply.status(503, { "retry-after": "30" }))
      yield* settle(installed)
      assert.deepStrictEqual(yield* gaps, [7000, 30_000])
    }).pipe(provide())
  )

  it.effect("is retried at the date of Retry-After", () =>
    Effect.gen(function* () {
      const date = "Thu, 01 Jan 1970 00:00:12 GMT"
      yield* when({ kind: "listing", nth: 1 }, TestReply.status(503, { "retry-after": date }))
      yield* settle(installed)
      const [, second] = yield* requests
      assert.strictEqual(second?.time, 12_000)
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

describe("a permanent failure of RemoteCatalog", () => {
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

describe("a firewall's challenge to RemoteCatalog", () => {
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

describe("the options of RemoteCatalog", () => {
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

describe("secrets in the output of RemoteCatalog", () => {
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
  ] as const)("are in no error, log or span: %s", ([, fault]) =>
    Effect.gen(function* () {
      const { secrets } = yield* TestBackend.TestBackend
      if (fault !== undefined) yield* when({}, fault)
      for (const call of [installed, available("curated"), featured, read, install, uninstall]) {
        const { exit, spans, text } = yield* recordOutput(settle(call))
        assert.strictEqual(exit._tag, fault === undefined ? "Success" : "Failure")
        assert.isNotEmpty(spans)
        for (const secret of [...secrets, "pageToken", "includeDownloadUrls"]) {
          assert.notInclude(text, secret)
        }
      }
    }).pipe(provide({ plugins: [alpha, beta], featured: ["alpha@openai-curated-remote"] }))
  )
})
