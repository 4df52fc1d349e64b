import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Fiber, FileSystem, Layer, Path } from "effect"
import { HttpClient, HttpClientError } from "effect/http"
import { TestClock } from "effect/testing"
import * as Http from "../src/internal/http.ts"
import * as RemoteBundle from "../src/RemoteBundle.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import { recordOutput } from "./support/recordOutput.ts"
import {
  alpha,
  archive,
  assertNothingLeft,
  bundleError,
  codex,
  downloads,
  install,
  installRow,
  provide,
  services,
  servicesWith,
  staging,
  when
} from "./support/remoteBundles.ts"
import { settle } from "./support/settle.ts"
import { remotePlugin } from "./support/snapshots.ts"

/** The milliseconds between one request and the next. */
const gaps = Effect.map(downloads, (requests) =>
  requests.slice(1).map(({ time }, index) => time - requests[index]!.time)
)

describe("a transient failure of RemoteBundle", () => {
  const faults: ReadonlyArray<readonly [string, TestReply.Behaviour]> = [
    ...[408, 429, 500, 502, 503, 504].map(
      (code) => [String(code), TestReply.status(code)] as const
    ),
    ["a reset connection", TestReply.drop],
    ["a reset in mid-body", TestReply.cut(100)],
    ["an end in mid-body", TestReply.cut(100, "closed")],
    ["more announced than sent", TestReply.contentLength(1_000_000)]
  ]

  it.effect.each(faults)("is retried after growing delays: %s", ([, fault]) =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "bundle", first: 2 }, fault)
      assert.strictEqual(yield* settle(install), "1.0.0")
      const waited = yield* gaps
      assert.lengthOf(waited, 2)
      assert.isAtLeast(waited[1]!, 1.3 * waited[0]!)
    }).pipe(provide())
  )

  it.effect.each(faults)("is given up after the last retry: %s", ([, fault]) =>
    Effect.gen(function* () {
      yield* when(fault)
      assert.include(["Unavailable", "Unreachable"], (yield* bundleError(install)).reason._tag)
      assert.lengthOf(yield* downloads, 1 + Http.retries)
      yield* assertNothingLeft
    }).pipe(provide())
  )

  it.effect.each([0, 1])("is retried as often as the option says: %d times", (retries) =>
    Effect.gen(function* () {
      yield* when(TestReply.status(503))
      yield* bundleError(install)
      assert.lengthOf(yield* downloads, 1 + retries)
    }).pipe(provide([alpha], {}, { retries }))
  )

  it.effect.each([-1, 0.5, Number.NaN])("cannot be retried %d times", (retries) =>
    Effect.gen(function* () {
      const cause = yield* Effect.provide(install, servicesWith(archive, { retries })).pipe(
        Effect.sandbox,
        Effect.flip
      )
      assert.include(Cause.pretty(cause), "RangeError: `RemoteBundle.retries`")
    }).pipe(
      Effect.provide([TestBackend.layerHttpClient, Path.layer]),
      Effect.provide(TestBackend.layer),
      Effect.provide(MemoryFileSystem.layerWith({}))
    )
  )

  it.effect("is retried when Retry-After says", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "bundle", nth: 1 }, TestReply.status(429, { "retry-after": "9" }))
      yield* settle(install)
      assert.deepStrictEqual(yield* gaps, [9000])
    }).pipe(provide())
  )

  it.effect("is not retried if Retry-After asks for too long a delay", () =>
    Effect.gen(function* () {
      yield* when(TestReply.status(503, { "retry-after": "3600" }))
      assert.include((yield* bundleError(install)).message, "1h")
      assert.lengthOf(yield* downloads, 1)
    }).pipe(provide())
  )

  it.effect.each([
    ["before the head", TestReply.silence],
    ["in mid-body", TestReply.stall(100)]
  ] as const)("includes a host that is silent for too long: %s", ([, fault]) =>
    Effect.gen(function* () {
      yield* when(fault)
      assert.strictEqual((yield* bundleError(install)).reason._tag, "Stalled")
      const idle = Duration.toMillis(RemoteBundle.idleTimeLimit)
      const waited = yield* gaps
      assert.lengthOf(waited, Http.retries)
      assert.isTrue(waited.every((gap) => gap > idle && gap < idle + 3000))
      yield* assertNothingLeft
    }).pipe(provide())
  )
})

describe("a damaged download", () => {
  const damages: ReadonlyArray<readonly [string, (bytes: Uint8Array) => Uint8Array]> = [
    ["an archive that ends too early", (bytes) => bytes.slice(0, -20)],
    [
      "a wrong checksum",
      (bytes) => bytes.map((byte, at) => (at === bytes.length - 8 ? byte ^ 1 : byte))
    ],
    ["corrupt gzip data", (bytes) => bytes.map((byte, at) => (at === 12 ? byte ^ 0xff : byte))]
  ]
  const damage =
    (change: (bytes: Uint8Array) => Uint8Array): TestReply.Behaviour =>
    (reply) => {
      const body = change(reply.body)
      return { ...reply, body, contentLength: body.length }
    }

  it.effect.each(damages)("is retried, and the retry can succeed: %s", ([, change]) =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "bundle", first: 1 }, damage(change))
      assert.strictEqual(yield* settle(install), "1.0.0")
      assert.lengthOf(yield* downloads, 2)
    }).pipe(provide())
  )

  it.effect.each(damages)("is retried once: %s", ([, change]) =>
    Effect.gen(function* () {
      yield* when(damage(change))
      const { reason } = yield* bundleError(install)
      assert.strictEqual(reason._tag, "InvalidArchive")
      assert.lengthOf(yield* downloads, 2)
      yield* assertNothingLeft
    }).pipe(provide())
  )

  it.effect("is not retried after another transient failure", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when(
        { kind: "bundle" },
        damage((bytes) => bytes.slice(0, -20))
      )
      yield* backend.when({ kind: "bundle", nth: 1 }, TestReply.status(503))
      yield* bundleError(install)
      assert.lengthOf(yield* downloads, 2)
    }).pipe(provide())
  )
})

describe("a permanent failure of RemoteBundle", () => {
  it.effect.each([
    [400, "Rejected"],
    [401, "Expired"],
    [403, "Expired"],
    [404, "Expired"],
    [410, "Expired"],
    [416, "Rejected"]
  ] as const)("is not retried: %d", ([code, reason]) =>
    Effect.gen(function* () {
      yield* when(TestReply.status(code))
      assert.strictEqual((yield* bundleError(install)).reason._tag, reason)
      assert.lengthOf(yield* downloads, 1)
      yield* assertNothingLeft
    }).pipe(provide())
  )

  it.effect("includes an archive that is rejected", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* bundleError(install)).reason._tag, "InvalidArchive")
      assert.lengthOf(yield* downloads, 1)
      yield* assertNothingLeft
    }).pipe(provide([TestBackend.plugin({ name: "alpha", bundle: new Uint8Array(5000) })]))
  )

  it.effect("includes an invalid certificate", () =>
    Effect.gen(function* () {
      let calls = 0
      const client = HttpClient.make((request) => {
        calls++
        const cause = Object.assign(new Error(), { code: "CERT_HAS_EXPIRED" })
        return Effect.fail(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({ request, cause })
          })
        )
      })
      const error = yield* bundleError(installRow(remotePlugin())).pipe(
        Effect.provide(
          services.pipe(
            Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
            Layer.provide([TestBackend.layer, Path.layer]),
            Layer.provide(MemoryFileSystem.layerWith({}))
          )
        )
      )
      assert.deepStrictEqual(error.reason, { _tag: "UntrustedServer", code: "CERT_HAS_EXPIRED" })
      assert.strictEqual(calls, 1)
    })
  )

  it.effect("includes a download of less than 10 kB/s", () =>
    Effect.gen(function* () {
      yield* when(TestReply.dribble(1, "1 second"))
      const fiber = yield* Effect.forkChild(Effect.flip(install))
      yield* TestClock.adjust(Duration.toMillis(RemoteBundle.rateWindow) - 1)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(
        error._tag === "RemoteBundleError" ? error.reason._tag : error._tag,
        "TooSlow"
      )
      assert.deepStrictEqual(
        (yield* downloads).map(({ outcome }) => outcome),
        ["aborted"]
      )
      yield* assertNothingLeft
    }).pipe(provide())
  )

  it.effect("includes a full disk", () =>
    Effect.gen(function* () {
      const error = yield* bundleError(install)
      assert.strictEqual(error.reason._tag, "FileSystem")
      assert.include(error.message, "ENOSPC")
      assert.lengthOf(yield* downloads, 1)
      yield* assertNothingLeft
    }).pipe(
      provide([TestBackend.plugin({ name: "alpha", files: { large: "x".repeat(20_000) } })], {
        capacity: 10_000
      })
    )
  )
})

describe("secrets in the output of RemoteBundle", () => {
  it.effect.each([
    ["a good answer", undefined],
    ["403", TestReply.status(403)],
    ["503", TestReply.status(503)],
    ["a reset connection", TestReply.drop],
    ["a reset in mid-body", TestReply.cut(50)],
    ["silence", TestReply.silence],
    ["a redirect in a loop", TestReply.redirect(({ url }) => url.href)],
    [
      "a redirect to plain HTTP",
      TestReply.redirect(({ url }) => url.href.replace("https", "http"))
    ],
    ["no archive", TestReply.body("nonsense")],
    ["too large", TestReply.contentLength(2 ** 40)]
  ] as const)("are in no error, log or span: %s", ([, fault]) =>
    Effect.gen(function* () {
      const { secrets } = yield* TestBackend.TestBackend
      if (fault !== undefined) yield* when(fault)
      const { exit, spans, text } = yield* recordOutput(settle(install))
      assert.strictEqual(exit._tag, fault === undefined ? "Success" : "Failure")
      assert.include(spans, "RemoteBundle.install")
      for (const secret of secrets) assert.notInclude(text, secret)
    }).pipe(provide())
  )
})

describe("the error of a rejected bundle", () => {
  const files = (files: Record<string, string>) => TestBackend.plugin({ name: "alpha", files })
  const bundles = [
    ["is no archive", TestBackend.plugin({ name: "alpha", bundle: new Uint8Array(5000) }), {}],
    ["has no manifest", TestBackend.plugin({ name: "alpha", bundle: { "README.md": "" } }), {}],
    ["has a malformed manifest", files({ [codex]: '{"name":5}' }), {}],
    ["is another plugin's", files({ [codex]: '{"name":"beta"}' }), {}],
    ["does not fit on the disk", files({ large: "x".repeat(20_000) }), { capacity: 10_000 }]
  ] as const

  it.effect.each(bundles)(
    "names the plugin, its remote id and no path that is gone if it %s",
    ([, plugin, disk]) =>
      Effect.gen(function* () {
        const { message } = yield* bundleError(install)
        assert.match(
          message,
          new RegExp(`^cannot \\w+ the bundle of alpha@openai-curated-remote \\(${plugin.id}\\)`)
        )
        assert.notInclude(message, `${staging}/`)
        assert.notInclude(message, "undefined")
      }).pipe(provide([plugin], disk))
  )

  it.effect("names the plugin and its remote id if nothing can be staged", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory("/home/plugins", { recursive: true })
      yield* fs.writeFileString(staging, "")
      const { message } = yield* Effect.flip(settle(install))
      assert.include(
        message,
        `cannot install alpha@openai-curated-remote (${alpha.id}): ENOTDIR: not a directory`
      )
    }).pipe(provide())
  )

  it.effect("says which manifest is invalid, and why", () =>
    Effect.gen(function* () {
      const { message } = yield* bundleError(install)
      assert.match(
        message,
        /: the plugin manifest [.]codex-plugin\/plugin[.]json is malformed at `name`$/
      )
    }).pipe(provide([files({ [codex]: '{"name":5}' })]))
  )
})
