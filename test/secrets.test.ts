/**
 * Looks for tokens and signed queries in everything that the library logs, traces, fails with, prints or
 * writes during failures of every kind.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { inspect } from "node:util"
import * as SyncEventJson from "../src/SyncEventJson.ts"
import * as PluginInstaller from "../src/PluginInstaller.ts"
import * as PluginSearch from "../src/PluginSearch.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as RemotePluginId from "../src/RemotePluginId.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import type * as TestRequest from "../src/testing/TestRequest.ts"
import { recordOutput } from "./support/recordOutput.ts"
import { settle } from "./support/settle.ts"
import { assertKept, echoOf } from "./support/secrets.ts"

const signature = "a-signature-that-nobody-may-see"
const alpha = TestBackend.plugin({ name: "alpha", appManifest: { apps: {} } })
const beta = TestBackend.plugin({ name: "beta" })
const id = RemotePluginId.RemotePluginId.make(alpha.id)
const home = TestCodexPlugins.root
const echo = echoOf(signature)

const echoWith =
  (status: number): TestReply.Behaviour =>
  (reply, request) => ({
    ...echo(reply, request),
    status
  })

const bundleUrl = (url: unknown) =>
  TestReply.mapJson((page) => {
    const plugins = page["plugins"] as ReadonlyArray<{ readonly release: object }>
    for (const { release } of plugins) Object.assign(release, { bundle_download_url: url })
    return page
  })

const onTheWay: Readonly<Record<string, TestReply.Behaviour>> = {
  ...Object.fromEntries(
    [400, 401, 403, 404, 429, 503].map((status) => [`answers ${status}`, echoWith(status)])
  ),
  "asks to wait too long": TestReply.status(429, { "retry-after": "3600" }),
  "redirects to http": TestReply.redirect(`http://elsewhere.test/?sig=${signature}`),
  "redirects in a circle": TestReply.redirect(({ url }) => url.href),
  "redirects to nowhere": TestReply.redirect(`https://[${signature}`),
  "redirects to a URL with a password": TestReply.redirect(
    `https://me:${signature}@elsewhere.test/`
  ),
  "breaks the connection": TestReply.drop,
  "breaks off": TestReply.cut(10),
  "falls silent": TestReply.stall(10),
  "never answers": TestReply.silence,
  "claims another length": TestReply.contentLength(1_000_000),
  "answers something else": echo
}

const listings: Readonly<Record<string, TestReply.Behaviour>> = {
  "has no end": TestReply.endlessPages,
  "names a page twice": TestReply.nextPage(`cursor-0`),
  "names a bundle that is not on https": bundleUrl(`http://bundles.test/b?sig=${signature}`),
  "names a bundle behind a password": bundleUrl(`https://me:${signature}@bundles.test/b`),
  "names a bundle by no URL": bundleUrl(`no URL ${signature}`),
  "names a bundle by no text": bundleUrl([signature]),
  "names a bundle elsewhere": bundleUrl(
    `https://bundles.test/nowhere?sig=${signature}#${signature}`
  )
}

/** Logs the result or the error of an effect. */
const shown = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.tap((made) => Effect.log(made)),
    Effect.catchCause((cause) => Effect.logError("it failed", cause, inspect(cause, { depth: 12 })))
  )

/** All operations that use the network. */
const trials = Effect.gen(function* () {
  const { plan, sync } = yield* PluginSync.PluginSync
  const installer = yield* PluginInstaller.PluginInstaller
  const { search } = yield* PluginSearch.PluginSearch
  yield* shown(plan)
  yield* shown(search(""))
  yield* shown(Effect.tap(sync, (outcome) => Effect.log(SyncEventJson.encodeOutcome(outcome))))
  yield* shown(installer.read(id))
  yield* shown(installer.install(id))
  yield* shown(installer.uninstall(id))
})

const tryAll = Effect.gen(function* () {
  const { secrets } = yield* TestBackend.TestBackend
  const { spans, text } = yield* settle(recordOutput(trials))
  assertKept(text, secrets)
  assert.include(spans, "PluginSync.sync")
  const disk = yield* MemoryFileSystem.Disk
  const written = Object.entries(disk.snapshot(`${home}/plugins`)).map(([path, entry]) =>
    entry.type === "File" ? `${path} ${Buffer.from(entry.bytes).toString("latin1")}` : path
  )
  assertKept(["plugins", ...written].join("\n"), secrets)
})

const provide = Effect.provide(TestCodexPlugins.layerWith({ plugins: [alpha, beta], signature }))

const when = (match: TestRequest.Match, ...behaviours: ReadonlyArray<TestReply.Behaviour>) =>
  Effect.flatMap(TestBackend.TestBackend, (backend) => backend.when(match, ...behaviours))

describe("no secret appears in any output", () => {
  it.effect("of a successful pass", () =>
    Effect.provide(tryAll, TestCodexPlugins.layerWith({ plugins: [alpha, beta], signature }))
  )

  for (const kind of ["listing", "directory", "bundle", "read", "install", "uninstall"] as const) {
    for (const [name, behaviour] of Object.entries(onTheWay)) {
      // The calls of the backend go one way.
      if (/^(?:read|install|uninstall)$/.test(kind) && !/403|http|off|something/.test(name))
        continue
      it.effect(`if the server of a ${kind} ${name}`, () =>
        Effect.andThen(when({ kind }, behaviour), tryAll).pipe(provide)
      )
    }
  }

  for (const [name, behaviour] of Object.entries(listings)) {
    it.effect(`if a listing ${name}`, () =>
      Effect.andThen(when({ kind: "listing" }, behaviour), tryAll).pipe(provide)
    )
  }

  const credentials: Readonly<Record<string, (auth: string) => string>> = {
    "are cut off": (auth) => auth.slice(0, -20),
    "are of another shape": (auth) => auth.replace('"access_token":', '"access_token":1,"was":'),
    "hold a line break": (auth) => auth.replace('"access_token":"', '"access_token":"\\n'),
    "are an API key": (auth) =>
      auth
        .replace('"OPENAI_API_KEY":null', `"OPENAI_API_KEY":"${signature}"`)
        .replace("chatgpt", "apikey"),
    "have expired": (auth) => auth.replace('"access_token":"', '"access_token":"old')
  }
  for (const [name, change] of Object.entries(credentials)) {
    it.effect(`if the credentials ${name}`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = `${home}/auth.json`
        yield* fs.writeFileString(path, change(yield* fs.readFileString(path)))
        yield* tryAll
      }).pipe(provide)
    )
  }

  const settings: Readonly<Record<string, string>> = {
    "hold a password": `chatgpt_base_url = "https://me:${signature}@backend.test"`,
    "hold a query": `chatgpt_base_url = "https://backend.test/?key=${signature}"`,
    "are no TOML": `key = ${signature} ${signature}`
  }
  for (const [name, toml] of Object.entries(settings)) {
    it.effect(`if the settings ${name}`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* fs.writeFileString(`${home}/config.toml`, toml)
        yield* tryAll
      }).pipe(provide)
    )
  }

  it.effect("would go unnoticed: the test sees every log, secrets included", () =>
    Effect.gen(function* () {
      const {
        accounts: [account],
        secrets
      } = yield* TestBackend.TestBackend
      const slips = [
        Effect.log(account.accessToken),
        Effect.fail(new Error(`no answer from https://bundles.test/b?sig=${signature}`)),
        Effect.withSpan(Effect.void, "slip", { attributes: { token: account.accessToken } })
      ]
      for (const slip of slips) {
        const { text } = yield* recordOutput(slip)
        assert.throws(() => assertKept(text, secrets))
      }
    }).pipe(provide)
  )
})
