import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Layer, Path, Stream } from "effect"
import { HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import * as TestAccount from "../../src/testing/TestAccount.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import type * as Certificates from "../support/certificates.ts"
import { isReal } from "../support/system.ts"
import {
  memory,
  Authority,
  client,
  bundleUrl,
  download,
  outcomes,
  hello,
  large,
  provide,
  backendName
} from "../support/testBackends.ts"

describe(`the requests of ${backendName}`, () => {
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

describe.skipIf(isReal)("the time of TestBackend", () => {
  it.effect("is controlled by the test", () =>
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

describe.runIf(isReal)("TestBackend over HTTPS", () => {
  const reason = Effect.fnUntraced(function* (
    backend: TestBackend.TestBackend["Service"],
    certificate: Certificates.ServerCertificate
  ) {
    const { bundleOrigin } = yield* Effect.orDie(backend.serve({ bundles: certificate }))
    const { reason } = yield* Effect.flip(HttpClient.get(bundleOrigin))
    return reason._tag === "TransportError" ? (reason.cause as { code?: string }).code : reason._tag
  })

  it.live("can have an invalid certificate, which clients reject", () =>
    Effect.gen(function* () {
      const { expired, selfSigned, wrongHost } = yield* Authority
      const backend = yield* TestBackend.make()
      assert.strictEqual(yield* reason(backend, expired), "CERT_HAS_EXPIRED")
      assert.strictEqual(yield* reason(backend, wrongHost), "ERR_TLS_CERT_ALTNAME_INVALID")
      assert.strictEqual(yield* reason(backend, selfSigned), "DEPTH_ZERO_SELF_SIGNED_CERT")
      assert.lengthOf(yield* backend.requests(), 0)
    }).pipe(Effect.scoped, Effect.provide(client), Effect.provide(Authority.layer))
  )

  it.live("keeps connections open, and frees its ports with the scope", () =>
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

describe.skipIf(isReal)("TestBackend.writeHome", () => {
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
