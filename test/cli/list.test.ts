import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import { run, world } from "../support/shell.ts"

const alpha = TestBackend.plugin({ name: "alpha", version: "1.2.3" })
const mine = TestBackend.plugin({ name: "mine", scope: "USER" })

describe("list", () => {
  it.live(
    "prints the cached plugins, and asks nobody",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins: [alpha, mine] })
      yield* run("sync")
      yield* backend.forget
      const { code, stderr, stdout } = yield* run("list")
      assert.strictEqual(code, 0)
      assert.strictEqual(stderr, "")
      assert.deepStrictEqual(stdout.split("\n"), [
        "PLUGIN                       VERSION  SOURCE   REMOTE PLUGIN ID",
        `alpha@openai-curated-remote  1.2.3    account  ${alpha.id}`,
        `mine@created-by-me-remote    1.0.0    account  ${mine.id}`,
        ""
      ])
      assert.deepStrictEqual(yield* backend.requests(), [])
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints JSON in the words of Codex",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins: [alpha] })
      yield* run("sync")
      const { code, stdout } = yield* run("list", "--json")
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(JSON.parse(stdout), {
        schemaVersion: 1,
        installed: [
          {
            pluginId: "alpha@openai-curated-remote",
            name: "alpha",
            marketplaceName: "openai-curated-remote",
            version: "1.2.3",
            installed: true,
            source: { source: "remote", id: alpha.id },
            identity: "known"
          }
        ]
      })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "tells a home that does not exist from one without plugins",
    Effect.fnUntraced(function* () {
      const { home, run: here } = yield* world()
      assert.deepStrictEqual(yield* here("list", "--json"), {
        code: 0,
        stdout: '{\n  "schemaVersion": 1,\n  "installed": []\n}\n',
        stderr: ""
      })
      const { code, stderr, stdout } = yield* run(["list", "--codex-home", `${home}/nowhere`])
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      assert.include(stderr, "nowhere does not exist")
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "takes the home from the environment where no flag names one",
    Effect.fnUntraced(function* () {
      const { home, run: here } = yield* world({ plugins: [alpha] })
      yield* here("sync")
      const { stdout } = yield* run(["list"], { env: { CODEX_HOME: home } })
      assert.include(stdout, alpha.id)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "works where settings and credentials are broken",
    Effect.fnUntraced(function* () {
      const { home, run } = yield* world({ plugins: [alpha] })
      yield* run("sync")
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`${home}/config.toml`, "= broken")
      yield* fs.remove(`${home}/auth.json`)
      assert.include((yield* run("list")).stdout, alpha.id)
    }, Effect.provide(NodeServices.layer))
  )
})

describe("id", () => {
  it.live(
    "prints the backend's id of a cached plugin, and nothing else",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins: [alpha] })
      yield* run("sync")
      assert.deepStrictEqual(yield* run("id", "alpha@openai-curated-remote"), {
        code: 0,
        stdout: `${alpha.id}\n`,
        stderr: ""
      })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "fails for a plugin that has none, and says why",
    Effect.fnUntraced(function* () {
      const { home, run } = yield* world({ plugins: [alpha] })
      yield* run("sync")
      const fs = yield* FileSystem.FileSystem
      const sidecar = `${home}/plugins/cache/openai-curated-remote/alpha/.codex-remote-plugin-install.json`

      const missing = yield* run("id", "beta@openai-curated-remote")
      assert.deepInclude(missing, { code: 1, stdout: "" })
      assert.include(missing.stderr, "beta@openai-curated-remote is not installed")

      yield* fs.writeFileString(sidecar, '{"schema_version":2,"remote_plugin_id":"x"}')
      const newer = yield* run("id", "alpha@openai-curated-remote")
      assert.deepInclude(newer, { code: 1, stdout: "" })
      assert.include(newer.stderr, "schema version: 2")

      yield* fs.remove(sidecar)
      const local = yield* run("id", "alpha@openai-curated-remote")
      assert.deepInclude(local, { code: 1, stdout: "" })
      assert.include(local.stderr, "alpha@openai-curated-remote 1.2.3 has no identity")
    }, Effect.provide(NodeServices.layer))
  )
})
