import { assert, describe, layer } from "@effect/vitest"
import { ConfigProvider, Context, Effect, FileSystem, Layer } from "effect"
import { NodeFileSystem } from "@effect/platform-node"
import { HttpClient, HttpClientRequest } from "effect/http"
import * as NodeHttpServer from "node:http"
import * as NodeHttpsServer from "node:https"
import * as Net from "node:net"
import { CertificateFileError, layerHttp } from "../../src/NodeCodexPlugins.ts"
import * as Http from "../../src/internal/http.ts"
import * as Certificates from "../support/certificates.ts"
import * as Listen from "../support/listen.ts"

class Authority extends Context.Service<Authority, Certificates.Certificates>()("test/Authority") {
  static readonly layer = Layer.effect(Authority, Certificates.make)
}

const listen = (server: NodeHttpServer.Server) =>
  Listen.listen(server, () => server.closeAllConnections())

const origin = Effect.gen(function* () {
  const { good } = yield* Authority
  const answer: NodeHttpServer.RequestListener = (request, response) => {
    response.end(`${request.headers["proxy-authorization"] ?? "no credentials"}`)
  }
  const http = yield* listen(NodeHttpServer.createServer(answer))
  const https = yield* listen(NodeHttpsServer.createServer(good, answer))
  return { http: `http://127.0.0.1:${http}/`, https: `https://127.0.0.1:${https}/` }
})

/** A proxy that logs each request, and answers with this status in place of 200 if one is given. */
const proxy = Effect.fnUntraced(function* (
  options: { readonly status?: number; readonly tls?: Certificates.ServerCertificate } = {}
) {
  const log: Array<{ readonly line: string; readonly credentials: string | undefined }> = []
  const note = (request: NodeHttpServer.IncomingMessage) =>
    log.push({
      line: `${request.method} ${request.url}`,
      credentials: request.headers["proxy-authorization"]
    })
  const onRequest: NodeHttpServer.RequestListener = (request, response) => {
    note(request)
    if (options.status !== undefined) response.writeHead(options.status)
    response.end("from the proxy")
  }
  const server =
    options.tls === undefined
      ? NodeHttpServer.createServer(onRequest)
      : NodeHttpsServer.createServer(options.tls, onRequest)
  server.on("connect", (request: NodeHttpServer.IncomingMessage, socket: Net.Socket) => {
    note(request)
    socket.on("error", () => socket.destroy())
    if (options.status !== undefined) {
      socket.end(`HTTP/1.1 ${options.status} No\r\n\r\n`)
      return
    }
    const [host, port] = (request.url ?? "").split(":")
    const upstream = Net.connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n")
      upstream.pipe(socket).pipe(upstream)
    })
    upstream.on("error", () => socket.destroy())
    socket.on("close", () => upstream.destroy())
  })
  return { log, port: yield* listen(server) }
})

const get = (url: string, environment: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const response = yield* Http.send(client, HttpClientRequest.get(url))
    return yield* response.text
  }).pipe(
    Effect.provide(
      Layer.provide(
        Layer.fresh(layerHttp),
        ConfigProvider.layer(ConfigProvider.fromEnvRecord(environment))
      ),
      { local: true }
    )
  )

const authorityFile = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { ca } = yield* Authority
  const file = yield* fs.makeTempFileScoped()
  yield* fs.writeFileString(file, `# Our authority\n${ca}\n`)
  return file
})

layer(Layer.merge(Authority.layer, NodeFileSystem.layer), { excludeTestServices: true })((it) => {
  describe("NodeHttp: a proxy", () => {
    it.effect("carries http and https requests, with its credentials for itself alone", () =>
      Effect.gen(function* () {
        const { http, https } = yield* origin
        const { log, port } = yield* proxy()
        const environment = {
          ALL_PROXY: `http://me:secret@127.0.0.1:${port}`,
          CODEX_CA_CERTIFICATE: yield* authorityFile
        }
        const credentials = `Basic ${Buffer.from("me:secret").toString("base64")}`
        assert.strictEqual(yield* get(http, environment), "from the proxy")
        assert.strictEqual(yield* get(https, environment), "no credentials")
        assert.deepStrictEqual(log, [
          { line: `GET ${http}`, credentials },
          { line: `CONNECT ${new URL(https).host}`, credentials }
        ])
      })
    )

    it.effect("on https carries https requests if the file of certificates vouches for it", () =>
      Effect.gen(function* () {
        const { https } = yield* origin
        const { good } = yield* Authority
        const { log, port } = yield* proxy({ tls: good })
        const environment = {
          HTTPS_PROXY: `https://me:s%3Acret@127.0.0.1:${port}`,
          CODEX_CA_CERTIFICATE: yield* authorityFile
        }
        const credentials = `Basic ${Buffer.from("me:s:cret").toString("base64")}`
        assert.strictEqual(yield* get(https, environment), "no credentials")
        assert.deepStrictEqual(log, [{ line: `CONNECT ${new URL(https).host}`, credentials }])
      })
    )

    it.effect.each([
      [407, "ProxyAuthenticationRequired"],
      [403, "ProxyRefused"]
    ] as const)("on https is blamed for an answer of status %d", ([status, tag]) =>
      Effect.gen(function* () {
        const { good } = yield* Authority
        const { port } = yield* proxy({ status, tls: good })
        const failure = yield* Effect.flip(
          get("https://a.test/", {
            HTTPS_PROXY: `https://127.0.0.1:${port}`,
            SSL_CERT_FILE: yield* authorityFile
          })
        )
        assert.strictEqual(failure._tag, tag)
      })
    )

    it.effect("on https that cannot be reached is named", () =>
      Effect.gen(function* () {
        const failure = yield* Effect.flip(
          get("https://a.test/", { HTTPS_PROXY: "https://127.0.0.1:1" })
        )
        assert.deepInclude(failure, { _tag: "ProxyUnreachable", proxy: "https://127.0.0.1:1" })
      })
    )

    it.effect("is not used for a host of NO_PROXY", () =>
      Effect.gen(function* () {
        const { http } = yield* origin
        const { log, port } = yield* proxy()
        const environment = { http_proxy: `127.0.0.1:${port}`, no_proxy: "127.0.0.0/8" }
        assert.strictEqual(yield* get(http, environment), "no credentials")
        assert.isEmpty(log)
      })
    )

    it.effect.each([
      ["http", 407, "ProxyAuthenticationRequired"],
      ["https", 407, "ProxyAuthenticationRequired"],
      ["https", 403, "ProxyRefused"],
      ["https", 502, "ProxyRefused"]
    ] as const)("is blamed for an answer to %s of status %d", ([scheme, status, tag]) =>
      Effect.gen(function* () {
        const { port } = yield* proxy({ status })
        const url = `http://me:secret@127.0.0.1:${port}`
        const failure = yield* Effect.flip(get(`${scheme}://a.test/`, { ALL_PROXY: url }))
        assert.isTrue("_tag" in failure && Http.isFailure(failure))
        assert.strictEqual(failure._tag, tag)
        const text = Http.explain(failure as Http.Failure).why
        assert.include(text, `http://127.0.0.1:${port}`)
        assert.include(text, String(status))
        assert.notInclude(text + JSON.stringify(failure), "secret")
      })
    )

    it.effect.each([
      ["http://me:secret@127.0.0.1:1", "http://127.0.0.1:1", "ProxyUnreachable"],
      ["socks5://me:secret@127.0.0.1:1", "socks5://127.0.0.1:1", "UnsupportedProxy"]
    ] as const)("is named without its credentials if it cannot be used: %s", ([url, shown, tag]) =>
      Effect.gen(function* () {
        const failure = yield* Effect.flip(get("https://a.test/", { HTTPS_PROXY: url }))
        assert.strictEqual(failure._tag, tag)
        assert.propertyVal(failure, "proxy", shown)
      })
    )
  })

  describe("NodeHttp: a certificate of a private authority", () => {
    it.effect.each(["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"])(
      "is trusted by the file in %s",
      (name) =>
        Effect.gen(function* () {
          const { https } = yield* origin
          const environment = { CODEX_CA_CERTIFICATE: "", [name]: yield* authorityFile }
          assert.strictEqual(yield* get(https, environment), "no credentials")
        })
    )

    it.effect("is not trusted without the file", () =>
      Effect.gen(function* () {
        const { https } = yield* origin
        const failure = yield* Effect.flip(get(https, { SSL_CERT_FILE: "" }))
        assert.strictEqual(failure._tag, "UntrustedServer")
        assert.include(Http.explain(failure as Http.Failure).remedy, "CODEX_CA_CERTIFICATE")
      })
    )
  })

  describe("NodeHttp: the file of certificates", () => {
    it.effect.each([
      ["/does/not/exist", "Missing"],
      ["/dev/zero", "NotAFile"],
      ["/", "NotAFile"],
      ["/proc/self/status", "NoCertificate"]
    ] as const)("%s is rejected with its variable: %s", ([file, tag]) =>
      Effect.gen(function* () {
        for (const [name, environment] of [
          ["CODEX_CA_CERTIFICATE", { CODEX_CA_CERTIFICATE: file, SSL_CERT_FILE: "/x" }],
          ["SSL_CERT_FILE", { CODEX_CA_CERTIFICATE: "", SSL_CERT_FILE: file }]
        ] as const) {
          const error = yield* Effect.flip(get("http://127.0.0.1:1/", environment))
          assert.instanceOf(error, CertificateFileError)
          assert.strictEqual(error.reason._tag, tag)
          assert.include(error.message, name)
          assert.include(error.message, file)
        }
      })
    )

    it.effect("is rejected if one of its certificates is invalid", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { ca } = yield* Authority
        const file = yield* fs.makeTempFileScoped()
        const broken = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
        yield* fs.writeFileString(file, `${ca}\n${broken}`)
        const error = yield* Effect.flip(get("http://127.0.0.1:1/", { SSL_CERT_FILE: file }))
        assert.instanceOf(error, CertificateFileError)
        assert.deepStrictEqual(error.reason, { _tag: "InvalidCertificate", position: 2 })
      })
    )
  })
})
