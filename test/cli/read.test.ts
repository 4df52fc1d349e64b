import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import { world } from "../support/shell.ts"

const alpha = TestBackend.plugin({
  name: "alpha",
  description: "Says hello.",
  release: { display_name: "The Alpha" },
  installed: false
})

const json = {
  schemaVersion: 1,
  pluginId: "alpha@openai-curated-remote",
  name: "alpha",
  marketplaceName: "openai-curated-remote",
  source: { source: "remote", id: alpha.id },
  displayName: "The Alpha",
  description: "Says hello.",
  releaseVersion: "1.0.0",
  installPolicy: "AVAILABLE",
  authPolicy: "ON_USE",
  availability: "AVAILABLE",
  installed: false,
  enabled: false,
  cachedVersion: null,
  cachedRemotePluginId: null
}

describe("codex-plugins read", () => {
  it.live(
    "prints a plugin that is not installed, and one that is",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins: [alpha] })
      assert.deepStrictEqual(yield* run("read", alpha.id), {
        code: 0,
        stdout: [
          "alpha@openai-curated-remote",
          `  remote id    ${alpha.id}`,
          "  name         The Alpha",
          "  description  Says hello.",
          "  release      1.0.0",
          "  account      not installed",
          "  cache        nothing",
          ""
        ].join("\n"),
        stderr: ""
      })
      const before = yield* run("read", "--json", alpha.id)
      assert.deepStrictEqual(JSON.parse(before.stdout), json)

      yield* backend.install(alpha.id)
      yield* run("sync")
      const text = yield* run("read", alpha.id)
      assert.include(text.stdout, "  account      installed\n  cache        1.0.0\n")
      const after = yield* run("read", alpha.id, "--json")
      assert.deepStrictEqual(JSON.parse(after.stdout), {
        ...json,
        installed: true,
        enabled: true,
        cachedVersion: "1.0.0",
        cachedRemotePluginId: alpha.id
      })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "says how the account and the cache differ",
    Effect.fnUntraced(function* () {
      const { backend, home, run } = yield* world({ plugins: [alpha] })
      const fs = yield* FileSystem.FileSystem
      const baseRoot = `${home}/plugins/cache/openai-curated-remote/alpha`
      const lines = Effect.map(run("read", alpha.id), ({ stdout }) =>
        stdout
          .split("\n")
          .slice(-3, -1)
          .map((line) => line.slice(15))
      )
      yield* backend.install(alpha.id)
      yield* run("sync")

      yield* backend.update(alpha.id, { enabled: false })
      yield* fs.writeFileString(
        `${baseRoot}/.codex-remote-plugin-install.json`,
        '{"schema_version":1,"remote_plugin_id":"plugins~Other"}'
      )
      assert.deepStrictEqual(yield* lines, [
        "installed, switched off",
        "1.0.0, identity plugins~Other"
      ])

      yield* backend.update(alpha.id, { row: { status: "DISABLED_BY_ADMIN" }, installed: false })
      yield* fs.remove(`${baseRoot}/.codex-remote-plugin-install.json`)
      yield* fs.remove(`${baseRoot}/1.0.0/.codex-plugin`, { recursive: true })
      assert.deepStrictEqual(yield* lines, [
        "not installed, disabled by administrator",
        "1.0.0 (broken), identity -"
      ])

      yield* backend.update(alpha.id, { row: { installation_policy: "NOT_AVAILABLE" } })
      yield* fs.remove(baseRoot, { recursive: true })
      assert.deepStrictEqual(yield* lines, ["not installed, not available", "nothing"])
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints no bundle URL and no control character",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({
        plugins: [{ ...alpha, description: "two\nlines\u001b[2J" }]
      })
      for (const flags of [[], ["--json"]]) {
        const { stdout } = yield* run("read", alpha.id, ...flags)
        for (const secret of backend.secrets) assert.notInclude(stdout, secret)
        assert.notInclude(stdout, "bundle")
        assert.notInclude(stdout, "\u001b")
      }
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "fails for a plugin that the backend does not know, and changes nothing",
    Effect.fnUntraced(function* () {
      const { home, run } = yield* world()
      const { code, stderr, stdout } = yield* run("read", "plugins~None", "--json")
      assert.strictEqual(code, 1)
      assert.deepInclude(JSON.parse(stdout).error, {
        tag: "RemoteCatalogError",
        reason: "NotFound"
      })
      assert.include(stderr, "cannot read the plugin plugins~None")
      const fs = yield* FileSystem.FileSystem
      assert.isFalse(yield* fs.exists(`${home}/plugins`))
    }, Effect.provide(NodeServices.layer))
  )
})
