/**
 * The examples of the documents, each run as its reader would.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, Schema } from "effect"
import { PluginSync, SyncEventJson } from "effect-codex-plugins"
import { TestBackend, TestCodexPlugins } from "effect-codex-plugins/testing"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"
import * as Certificates from "../support/certificates.ts"
import { logEvents } from "./eventLog.ts"
import * as Inventory from "./inventory.ts"
import * as OwnPlatform from "./ownPlatform.ts"
import * as OwnTokens from "./ownTokens.ts"
import { syncWithProgress } from "./progress.ts"
import * as TwoHomes from "./twoHomes.ts"
import * as LocalHome from "../support/localHome.ts"

const hello = TestBackend.plugin({
  name: "hello",
  version: "1.0.0",
  files: { "skills/greet/SKILL.md": "---\nname: greet\n---\n" }
})

const decodeLine = Schema.decodeUnknownSync(SyncEventJson.LineFromString)

const cache = `${TestCodexPlugins.root}/plugins/cache/openai-curated-remote`

describe("the examples", () => {
  it.effect("host.ts runs as a process and installs the account's plugins", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const { ca, good } = yield* Certificates.make
      const backend = yield* TestBackend.make({ plugins: [hello] })
      const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      yield* backend.writeHome(home, yield* backend.serve({ bundles: good }))
      const authority = path.join(home, "authority.pem")
      yield* fs.writeFileString(authority, ca)
      const sources = new URL("../support/sources.ts", import.meta.url).href
      const host = fileURLToPath(new URL("host.ts", import.meta.url))
      const output = yield* spawner.string(
        ChildProcess.make(process.execPath, ["--import", sources, host], {
          env: { CODEX_HOME: home, NODE_EXTRA_CA_CERTS: authority, PATH: process.env["PATH"] }
        })
      )
      assert.include(output, "Ready: 1 plugins ready, 0 missing")
      assert.isTrue(
        yield* fs.exists(path.join(home, "plugins/cache/openai-curated-remote/hello/1.0.0"))
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("progress.ts shows events from the plan to the end", () =>
    Effect.gen(function* () {
      const shown: Array<string> = []
      yield* syncWithProgress((event) => Effect.sync(() => shown.push(event)))
      assert.includeMembers(shown, ["Planned", "Installed", "Finished"])
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: [hello] })))
  )

  it.effect("eventLog.ts appends a line with both ids of each plugin to a file", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { sync } = yield* PluginSync.PluginSync
      yield* logEvents("/home/tester/plugins.jsonl")
      yield* sync
      yield* sync
      const text = yield* fs.readFileString("/home/tester/plugins.jsonl")
      const lines = text.trimEnd().split("\n")
      const decoded = lines.map((line) => decodeLine(line))
      assert.deepStrictEqual(
        decoded.map(({ event }) => event),
        [1, 2].flatMap(() => ["started", "listed", "planned", "result", "finished"])
      )
      assert.deepInclude(JSON.parse(lines[3] ?? ""), {
        time: "1970-01-01T00:00:00.000Z",
        event: "result",
        pluginId: "hello@openai-curated-remote",
        remotePluginId: hello.id,
        outcome: "installed",
        version: "1.0.0"
      })
    }).pipe(Effect.scoped, Effect.provide(TestCodexPlugins.layerWith({ plugins: [hello] })))
  )

  it.effect("inventory.ts finds a plugin's skills with its identity", () =>
    Effect.gen(function* () {
      const { sync } = yield* PluginSync.PluginSync
      yield* sync
      assert.deepInclude(yield* Inventory.skills, {
        name: "greet",
        path: `${cache}/hello/1.0.0/skills/greet/SKILL.md`,
        plugin_id: "hello@openai-curated-remote",
        remote_plugin_id: hello.id,
        plugin_name: "hello",
        marketplace_name: "openai-curated-remote",
        state: "Known"
      })
    }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: [hello] })))
  )

  it.effect("twoHomes.ts keeps two homes apart that are open at the same time", () =>
    Effect.gen(function* () {
      const [work, personal] = [yield* LocalHome.make("one"), yield* LocalHome.make("two")]
      assert.deepStrictEqual(yield* TwoHomes.compare(work, personal), {
        work: ["one@local"],
        personal: ["two@local"]
      })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("ownTokens.ts uses the host's token, and reads no auth.json", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const backend = yield* TestBackend.make()
      const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      yield* backend.writeHome(home, yield* backend.serve())
      yield* fs.remove(`${home}/auth.json`)
      const [{ accessToken, id: accountId }] = backend.accounts
      const plan = Effect.flatMap(PluginSync.PluginSync, ({ plan }) => plan)
      const token = { accessToken, accountId, expiresAt: Number.MAX_SAFE_INTEGER }
      yield* Effect.provide(plan, OwnTokens.layer(home, Effect.succeed(token)))
      const [request] = yield* backend.requests()
      assert.strictEqual(request?.headers["authorization"], `Bearer ${accessToken}`)
      const error = yield* Effect.flip(
        Effect.provide(plan, OwnTokens.layer(home, Effect.succeed(undefined)))
      )
      assert.strictEqual(error._tag, "NotSignedIn")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("ownPlatform.ts sends requests, spans and logs through the host's own parts", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const backend = yield* TestBackend.make()
      const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      yield* backend.writeHome(home, yield* backend.serve())
      const logs: Array<string> = []
      const spans: Array<string> = []
      let requests = 0
      yield* Effect.gen(function* () {
        const { sync } = yield* PluginSync.PluginSync
        yield* sync
        yield* Effect.logInfo("done")
      }).pipe(
        Effect.provide(
          OwnPlatform.layer({
            home,
            onLog: (line) => logs.push(line),
            onRequest: () => requests++,
            onSpan: (name) => spans.push(name)
          })
        )
      )
      assert.strictEqual(requests, (yield* backend.requests()).length)
      assert.isAtLeast(requests, 1)
      assert.include(spans, "PluginSync.sync")
      assert.strictEqual(JSON.parse(logs.at(-1) ?? "{}").message, "done")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
