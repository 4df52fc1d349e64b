/**
 * The built program as a process, behind a proxy and with a private certificate authority.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer } from "effect"
import { spawnSync } from "node:child_process"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as Certificates from "../support/certificates.ts"
import * as LoggingProxy from "./support/loggingProxy.ts"
import { execute, program } from "./support/program.ts"

class Authority extends Context.Service<Authority, Certificates.Certificates>()("test/Authority") {
  static readonly layer = Layer.effect(Authority, Certificates.make)
}

/** A home whose backend has these plugins; their bundles have a certificate of the private authority. */
const makeHomeWith = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const { ca, good } = yield* Authority
  const root = yield* fs.makeTempDirectoryScoped()
  const authority = `${root}/authority.pem`
  yield* fs.writeFileString(authority, ca)
  const home = `${root}/home`
  yield* fs.makeDirectory(home)
  const backend = yield* TestBackend.make({
    plugins: names.map((name) => TestBackend.plugin({ name }))
  })
  const { baseUrl, bundleOrigin } = yield* backend.serve({ bundles: good })
  yield* backend.writeHome(home, { baseUrl })
  const env = { CODEX_HOME: home, HOME: root, PATH: process.env["PATH"] ?? "" }
  const sync = (
    variables: Readonly<Record<string, string>>,
    wrap: (command: ReadonlyArray<string>) => ReadonlyArray<string> = (command) => command
  ) => execute(wrap([process.execPath, program, "sync"]), { ...env, ...variables })
  const installed = Effect.map(
    Effect.forEach(names, (name) =>
      fs.exists(`${home}/plugins/cache/openai-curated-remote/${name}`)
    ),
    (exist) => exist.every(Boolean)
  )
  return { authority, baseUrl, bundleOrigin, installed, root, sync }
})

const makeHome = makeHomeWith(["alpha"])

/** More bundles than are downloaded at once. */
const many = Array.from({ length: 20 }, (_, nth) => `plugin-${nth}`)

const canMount = spawnSync("unshare", ["-Urm", "true"]).status === 0

layer(Layer.merge(Authority.layer, NodeServices.layer), { excludeTestServices: true })((it) => {
  describe("sync behind a proxy", () => {
    it.effect("sends the listing and the bundle through it, with its password", () =>
      Effect.gen(function* () {
        const { authority, baseUrl, bundleOrigin, installed, sync } = yield* makeHome
        const proxy = yield* LoggingProxy.make({ credentials: "me:pass-5ecret" })
        const { code, output } = yield* sync({
          ALL_PROXY: `http://me:pass-5ecret@127.0.0.1:${proxy.port}`,
          CODEX_CA_CERTIFICATE: authority
        })
        assert.strictEqual(code, 0, output)
        assert.isTrue(yield* installed)
        assert.lengthOf(proxy.log, 2)
        assert.include(proxy.log[0], `GET ${baseUrl}/ps/plugins/installed`)
        assert.strictEqual(proxy.log[1], `CONNECT ${new URL(bundleOrigin).host}`)
      })
    )

    it.effect("fails without the password, and shows none", () =>
      Effect.gen(function* () {
        const { installed, sync } = yield* makeHome
        const proxy = yield* LoggingProxy.make({ credentials: "me:pass-5ecret" })
        const { code, output } = yield* sync({
          ALL_PROXY: `http://me:wr0ng-one@127.0.0.1:${proxy.port}`
        })
        assert.notStrictEqual(code, 0)
        assert.include(output, "requires authentication (407)")
        assert.include(output, `http://127.0.0.1:${proxy.port}`)
        assert.notInclude(output, "wr0ng-one")
        assert.isFalse(yield* installed)
      })
    )

    it.effect("does not use it for the hosts of NO_PROXY", () =>
      Effect.gen(function* () {
        const { authority, installed, sync } = yield* makeHome
        const proxy = yield* LoggingProxy.make()
        const { code, output } = yield* sync({
          all_proxy: `http://127.0.0.1:${proxy.port}`,
          no_proxy: "example.com, 127.0.0.0/8",
          SSL_CERT_FILE: authority
        })
        assert.strictEqual(code, 0, output)
        assert.isTrue(yield* installed)
        assert.lengthOf(proxy.log, 0)
      })
    )
  })

  describe("sync with a private certificate authority", () => {
    it.effect("names the variable that helps if the authority is unknown", () =>
      Effect.gen(function* () {
        const { installed, sync } = yield* makeHome
        const { code, output } = yield* sync({})
        assert.notStrictEqual(code, 0)
        assert.include(output, "CODEX_CA_CERTIFICATE")
        assert.isFalse(yield* installed)
      })
    )

    it.effect("names the variable whose file is missing", () =>
      Effect.gen(function* () {
        const { sync } = yield* makeHome
        const { code, output } = yield* sync({ SSL_CERT_FILE: "/does/not/exist.pem" })
        assert.notStrictEqual(code, 0)
        assert.include(output, 'SSL_CERT_FILE names "/does/not/exist.pem", which does not exist')
      })
    )

    it.effect("has the doctor name the variable whose file is missing, without a network", () =>
      Effect.gen(function* () {
        const { sync } = yield* makeHome
        for (const name of ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"]) {
          const { code, output } = yield* sync(
            { [name]: "/does/not/exist.pem" },
            ([node = "", program = ""]) => [node, program, "doctor", "--offline"]
          )
          assert.strictEqual(code, 1, output)
          assert.include(output, `network.certificates: ${name} names "/does/not/exist.pem"`)
        }
      })
    )

    it.effect("trusts the file in NODE_EXTRA_CA_CERTS", () =>
      Effect.gen(function* () {
        const { authority, installed, sync } = yield* makeHome
        const { code, output } = yield* sync({ NODE_EXTRA_CA_CERTS: authority })
        assert.strictEqual(code, 0, output)
        assert.isTrue(yield* installed)
      })
    )

    it.effect("trusts it in addition to CODEX_CA_CERTIFICATE, for each of many bundles", () =>
      Effect.gen(function* () {
        const { authority, installed, root, sync } = yield* makeHomeWith(many)
        const { ca } = yield* Certificates.make
        const fs = yield* FileSystem.FileSystem
        yield* fs.writeFileString(`${root}/other.pem`, ca)
        const { code, output } = yield* sync({
          CODEX_CA_CERTIFICATE: `${root}/other.pem`,
          NODE_EXTRA_CA_CERTS: authority
        })
        assert.strictEqual(code, 0, output)
        assert.isTrue(yield* installed)
      })
    )

    it.effect.skipIf(!canMount)("trusts an authority in the system's store only", () =>
      Effect.gen(function* () {
        const { authority, installed, sync } = yield* makeHomeWith(many)
        const script = `mount -t tmpfs none /etc/ssl && mkdir /etc/ssl/certs && cp ${authority} /etc/ssl/certs/ca-certificates.crt && exec "$@"`
        const { code, output } = yield* sync({}, (command) => [
          "unshare",
          "-Urm",
          "sh",
          "-c",
          script,
          "sh",
          ...command
        ])
        assert.strictEqual(code, 0, output)
        assert.isTrue(yield* installed)
      })
    )
  })

  describe("sync --refresh-with codex", () => {
    it.effect("starts the codex on PATH first, and syncs with the token that it wrote", () =>
      Effect.gen(function* () {
        const { authority, installed, root, sync } = yield* makeHome
        const fs = yield* FileSystem.FileSystem
        const good = `${root}/home/auth.json`
        yield* fs.rename(good, `${root}/renewed.json`)
        yield* fs.writeFileString(good, '{"tokens":{"access_token":"stale"}}')
        yield* fs.writeFileString(
          `${root}/codex`,
          `#!${process.execPath}
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method } = JSON.parse(line)
  if (id === undefined) return
  if (method === "account/read") require("node:fs").copyFileSync("${root}/renewed.json", "${good}")
  console.log(JSON.stringify({ id, result: {} }))
})
`,
          { mode: 0o755 }
        )
        const { code, output } = yield* sync(
          { CODEX_CA_CERTIFICATE: authority, PATH: `${root}:${process.env["PATH"] ?? ""}` },
          (command) => [...command, "--refresh-with", "codex"]
        )
        assert.strictEqual(code, 0, output)
        assert.isTrue(yield* installed)
      })
    )
  })

  describe("sync without a network", () => {
    it.effect("fails without retries", () =>
      Effect.gen(function* () {
        const { root, sync } = yield* makeHome
        const fs = yield* FileSystem.FileSystem
        yield* fs.writeFileString(
          `${root}/home/config.toml`,
          'chatgpt_base_url = "http://127.0.0.1:1/backend-api"\n'
        )
        const start = Date.now()
        const { code, output } = yield* sync({})
        // The time includes the start of the process on a busy machine.
        assert.isBelow(Date.now() - start, 3000)
        assert.notStrictEqual(code, 0)
        assert.include(output, "ECONNREFUSED")
      })
    )
  })
})
