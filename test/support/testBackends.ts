/**
 * The backend of the tests, in memory or on ports, and calls to it.
 */
import { NodeHttpClient } from "@effect/platform-node"
import { Context, Effect, Layer, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import type { HttpClientError, HttpClientResponse } from "effect/http"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import type * as TestRequest from "../../src/testing/TestRequest.ts"
import * as Certificates from "./certificates.ts"
import { eventually } from "./eventually.ts"
import { isReal } from "./system.ts"

/** The URLs of the backend under test. */
export class Urls extends Context.Service<Urls, TestBackend.Served>()("test/Urls") {}

export type Services = TestBackend.TestBackend | HttpClient.HttpClient | Urls

/** A backend without sockets, whose client is in memory. */
export const memory = (options?: TestBackend.Options): Layer.Layer<Services> =>
  Layer.mergeAll(
    TestBackend.layerHttpClient,
    Layer.effect(
      Urls,
      Effect.map(TestBackend.TestBackend, ({ baseUrl }) => ({
        baseUrl,
        bundleOrigin: "https://bundles.test"
      }))
    )
  ).pipe(Layer.provideMerge(TestBackend.layerWith(options ?? {})))

export class Authority extends Context.Service<Authority, Certificates.Certificates>()(
  "test/Authority"
) {
  static readonly layer = Layer.effect(Authority, Certificates.make)
}

export const client = Layer.unwrap(
  Effect.map(Authority, ({ ca }) => NodeHttpClient.layerNodeHttpOptions({ ca, keepAlive: true }))
)

/** A backend on ports, because these tests are about Node's own client. */
export const sockets = (options?: TestBackend.Options): Layer.Layer<Services> =>
  Layer.merge(
    client,
    Layer.effect(
      Urls,
      Effect.gen(function* () {
        const backend = yield* TestBackend.TestBackend
        return yield* Effect.orDie(backend.serve({ bundles: (yield* Authority).good }))
      })
    )
  ).pipe(Layer.provideMerge(TestBackend.layerWith(options ?? {})), Layer.provide(Authority.layer))

export const bearer = Effect.map(TestBackend.TestBackend, ({ accounts: [{ accessToken }] }) => ({
  authorization: `Bearer ${accessToken}`
}))

export const call = Effect.fnUntraced(function* (method: "GET" | "POST", path: string) {
  const { baseUrl } = yield* Urls
  return yield* HttpClient.execute(
    HttpClientRequest.make(method)(`${baseUrl}/ps/plugins/${path}`, { headers: yield* bearer })
  )
})

export interface Page {
  readonly plugins: ReadonlyArray<{
    readonly id: string
    readonly enabled: boolean
    readonly release: { readonly version: string; readonly bundle_download_url?: string }
  }>
  readonly pagination: { readonly next_page_token: string | null }
}

/** The answers are not decoded, because a mistake shows in the assertions. */
export const json = <A>(response: HttpClientResponse.HttpClientResponse) =>
  Effect.map(response.json, (value) => value as A)

export const list = (query = "") =>
  Effect.flatMap(call("GET", `installed?${query}`), (_) => json<Page>(_))

export const ids = ({ plugins }: Page) => plugins.map(({ id }) => id)

export const bundleUrl = Effect.fnUntraced(function* (index = 0) {
  const { plugins } = yield* list("includeDownloadUrls=true")
  return plugins[index]!.release.bundle_download_url!
})

export const download = Effect.fnUntraced(function* (url: string) {
  const response = yield* HttpClient.get(url)
  return yield* Stream.mkUint8Array(response.stream)
})

export const tagOf = <A, R>(effect: Effect.Effect<A, HttpClientError.HttpClientError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

export const statuses = (requests: ReadonlyArray<TestRequest.Request>) =>
  requests.map(({ status }) => status)

/** The outcome of each answer, after all of them have ended. */
export const outcomes = Effect.fnUntraced(function* (match?: TestRequest.Match) {
  const backend = yield* TestBackend.TestBackend
  const outcomes = Effect.map(backend.requests(match), (requests) =>
    requests.map(({ outcome }) => outcome)
  )
  return yield* eventually(outcomes, (outcomes) => !outcomes.includes("open"))
})

export const hello = TestBackend.plugin({ name: "hello" })
export const tools = TestBackend.plugin({ name: "tools", version: "2.1.0", scope: "WORKSPACE" })
export const mine = TestBackend.plugin({ name: "mine", scope: "USER", enabled: false })
export const odd = TestBackend.plugin({ name: "odd", id: "we/ird id?#%" })
/** A plugin whose bundle is too large for one chunk and cannot be compressed. */
export const large = TestBackend.plugin({
  name: "large",
  bundle: Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 251)
})

/** The backend for the system that the test runs on. */
export const provide = isReal ? sockets : memory
export const backendName = isReal
  ? "TestBackend over HTTP and HTTPS"
  : "TestBackend without sockets"
