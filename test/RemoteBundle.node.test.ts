/**
 * RemoteBundle over real connections with the HTTP clients of Node. The errors of invalid certificates and
 * broken connections depend on the client.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { ConfigProvider, Context, Effect, FileSystem, Layer, Path, Result } from "effect"
import { FetchHttpClient, type HttpClient } from "effect/http"
import * as BundleArchive from "../src/BundleArchive.ts"
import * as CacheLock from "../src/CacheLock.ts"
import * as CodexHome from "../src/CodexHome.ts"
import { layerHttp } from "../src/NodeCodexPlugins.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as RemoteBundle from "../src/RemoteBundle.ts"
import * as RemoteCatalog from "../src/RemoteCatalog.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import * as Certificates from "./support/certificates.ts"

class Authority extends Context.Service<Authority, Certificates.Certificates>()("test/Authority") {
  static readonly layer = Layer.effect(Authority, Certificates.make)
}

/** The client that ships, with the authority in `SSL_CERT_FILE`. */
const nodeClient = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { ca } = yield* Authority
    const file = yield* fs.makeTempFileScoped()
    yield* fs.writeFileString(file, ca)
    const variables = ConfigProvider.fromEnvRecord({ SSL_CERT_FILE: file })
    return Layer.provide(Layer.fresh(layerHttp), ConfigProvider.layer(variables))
  })
).pipe(Layer.provide(NodeFileSystem.layer))

const alpha = TestBackend.plugin({ name: "alpha" })

/** Serves, lists and installs one plugin, and returns the number of requests for its bundle. */
const install = Effect.fnUntraced(
  function* <E>(options: {
    readonly client: Layer.Layer<HttpClient.HttpClient, E, Authority>
    /** Null serves bundles over plain HTTP. */
    readonly certificate: Exclude<keyof Certificates.Certificates, "ca"> | null
    readonly fault?: TestReply.Behaviour
  }) {
    const backend = yield* TestBackend.TestBackend
    const certificates = yield* Authority
    if (options.fault !== undefined) yield* backend.when({ kind: "bundle", nth: 1 }, options.fault)
    const { baseUrl } = yield* backend.serve(
      options.certificate === null ? {} : { bundles: certificates[options.certificate] }
    )
    yield* backend.writeHome("/home", { baseUrl })
    const services = Layer.merge(
      RemoteBundle.layerWith({ allowLoopbackHttp: options.certificate === null }),
      RemoteCatalog.layer
    ).pipe(
      Layer.provide([BundleArchive.layer, options.client]),
      Layer.provide(PluginStore.layer),
      Layer.provide(CacheLock.layerInProcess),
      Layer.provide(CodexHome.layerAt("/home"))
    )
    const result = yield* Effect.gen(function* () {
      const { rows } = yield* (yield* RemoteCatalog.RemoteCatalog).installed
      return yield* (yield* RemoteBundle.RemoteBundle).install(Result.getOrThrow(rows[0]!))
    }).pipe(Effect.provide(services), Effect.result)
    const { length: requests } = yield* backend.requests({ kind: "bundle" })
    return { requests, result }
  },
  Effect.scoped,
  Effect.provide(
    Layer.mergeAll(
      TestBackend.layerWith({ plugins: [alpha] }),
      MemoryFileSystem.layerWith({}),
      Path.layer
    ),
    { local: true }
  )
)

const reasonOf = (result: Result.Result<unknown, { readonly _tag: string }>) => {
  const error = Result.getOrThrow(Result.flip(result))
  return error instanceof RemoteBundle.RemoteBundleError ? error.reason : { _tag: error._tag }
}

layer(Authority.layer, { excludeTestServices: true })((it) => {
  describe("the certificate of a bundle's host", () => {
    it.effect("is accepted if it is valid", () =>
      Effect.gen(function* () {
        const { requests, result } = yield* install({ client: nodeClient, certificate: "good" })
        assert.strictEqual(Result.getOrThrow(result), "1.0.0")
        assert.strictEqual(requests, 1)
      })
    )

    it.effect.each([
      ["expired", "CERT_HAS_EXPIRED"],
      ["wrongHost", "ERR_TLS_CERT_ALTNAME_INVALID"],
      ["selfSigned", "DEPTH_ZERO_SELF_SIGNED_CERT"]
    ] as const)("is rejected at once if it is invalid: %s", ([certificate, code]) =>
      Effect.gen(function* () {
        const { requests, result } = yield* install({ client: nodeClient, certificate })
        assert.deepStrictEqual(reasonOf(result), { _tag: "UntrustedServer", code })
        assert.strictEqual(requests, 0)
      })
    )

    it.effect("is rejected by fetch too if its authority is unknown", () =>
      Effect.gen(function* () {
        const { result } = yield* install({ client: FetchHttpClient.layer, certificate: "good" })
        assert.strictEqual(reasonOf(result)._tag, "UntrustedServer")
      })
    )
  })

  describe.concurrent.each([
    ["node:http", nodeClient],
    ["fetch", FetchHttpClient.layer]
  ] as const)("through %s", (_, client) => {
    it.effect.each([
      ["a reset connection", TestReply.drop],
      ["a reset in mid-body", TestReply.cut(100)],
      ["an end in mid-body", TestReply.cut(100, "closed")],
      ["more announced than sent", TestReply.contentLength(1_000_000)]
    ] as const)("a transient failure is retried: %s", ([, fault]) =>
      Effect.gen(function* () {
        const { requests, result } = yield* install({ client, certificate: null, fault })
        assert.strictEqual(Result.getOrThrow(result), "1.0.0")
        assert.strictEqual(requests, 2)
      })
    )

    it.effect("a redirect is checked before it is followed", () =>
      Effect.gen(function* () {
        const { requests, result } = yield* install({
          client,
          certificate: null,
          fault: TestReply.redirect("http://bundles.invalid/x")
        })
        assert.deepStrictEqual(reasonOf(result), {
          _tag: "UnsafeUrl",
          url: "http://bundles.invalid/x",
          problem: "NotHttps"
        })
        assert.strictEqual(requests, 1)
      })
    )

    it.effect("a response with more bytes than announced is downloaded again", () =>
      Effect.gen(function* () {
        const { requests, result } = yield* install({
          client,
          certificate: null,
          fault: TestReply.contentLength(100)
        })
        assert.strictEqual(Result.getOrThrow(result), "1.0.0")
        assert.strictEqual(requests, 2)
      })
    )
  })
})
