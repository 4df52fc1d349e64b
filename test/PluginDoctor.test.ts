import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, FileSystem, Option, Redacted, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as CodexHome from "../src/CodexHome.ts"
import * as Credentials from "../src/Credentials.ts"
import * as PluginDoctor from "../src/PluginDoctor.ts"
import * as PluginId from "../src/PluginId.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"

const alpha = TestBackend.plugin({ name: "alpha" })
const pluginId = PluginId.PluginId.make("alpha@openai-curated-remote")
const provide = Effect.provide(TestCodexPlugins.layerWith({ plugins: [alpha] }))

const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)
const examine = (options?: PluginDoctor.Options) =>
  Effect.flatMap(PluginDoctor.PluginDoctor, ({ examine }) => examine(options))
const sidecar = Effect.map(PluginStore.PluginStore, ({ sidecarPath }) => sidecarPath(pluginId))

/** The ids of the checks that are not ok. */
const problems = ({ checks }: PluginDoctor.Report) =>
  Object.values(checks)
    .filter(({ status }) => status !== "ok")
    .map(({ id, status }) => `${id} ${status}`)

describe("PluginDoctor", () => {
  it.effect(
    "finds nothing wrong with a synced home, and its report is JSON",
    Effect.fnUntraced(function* () {
      yield* sync
      const report = yield* examine()
      assert.deepStrictEqual(problems(report), [])
      assert.strictEqual(report.overallStatus, "ok")
      for (const [id, check] of Object.entries(report.checks)) {
        assert.strictEqual(check.id, id)
        assert.notInclude(check.summary, "\n")
      }
      const json = Schema.encodeSync(Schema.fromJsonString(PluginDoctor.Report))(report)
      assert.include(json, `"overallStatus":"ok"`)
    }, provide)
  )

  it.effect(
    "asks no backend when it is offline",
    Effect.fnUntraced(function* () {
      const report = yield* examine({ offline: true })
      const backend = yield* TestBackend.TestBackend
      assert.deepStrictEqual(yield* backend.requests(), [])
      assert.strictEqual(report.overallStatus, "ok")
    }, provide)
  )

  it.effect(
    "names a backend that refuses the token",
    Effect.fnUntraced(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "listing" }, TestReply.status(401))
      const report = yield* examine()
      assert.deepStrictEqual(problems(report), ["network.backend error"])
      assert.include(report.checks["network.backend"]?.remediation, "codex login")
    }, provide)
  )

  it.effect(
    "names credentials and settings that cannot be used",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const { root } = yield* CodexHome.CodexHome
      yield* fs.writeFileString(`${root}/config.toml`, "chatgpt_base_url = 5")
      yield* fs.remove(`${root}/auth.json`)
      assert.deepStrictEqual(problems(yield* examine()), [
        "home.settings error",
        "auth.account error"
      ])
    }, provide)
  )

  it.effect(
    "checks the credentials that the host supplies instead of the home's",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const { root } = yield* CodexHome.CodexHome
      yield* fs.remove(`${root}/auth.json`)
      const supplied = Credentials.layerWith({
        current: Effect.succeed({
          accessToken: Redacted.make("token"),
          accountId: Option.none(),
          expiresAt: Option.some(0)
        })
      })
      const { examine } = yield* Effect.provide(PluginDoctor.make, supplied)
      assert.deepStrictEqual(problems(yield* examine({ offline: true })), ["auth.expiry error"])
    }, provide)
  )

  it.effect(
    "does not warn of what the next sync repairs",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* sync
      yield* fs.writeFileString(yield* sidecar, "{")
      const report = yield* examine({ offline: true })
      assert.strictEqual(report.overallStatus, "ok")
      assert.deepInclude(report.checks["plugins.identities"]?.details, { corrupt: pluginId })
    }, provide)
  )

  it.effect(
    "warns of a sidecar that a newer Codex wrote",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* sync
      yield* fs.writeFileString(yield* sidecar, `{"schema_version":2}`)
      const report = yield* examine({ offline: true })
      assert.deepStrictEqual(problems(report), ["plugins.identities warning"])
    }, provide)
  )

  it.effect(
    "warns of missing declared files and of hooks that await review",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = yield* PluginStore.PluginStore
      const { root } = yield* CodexHome.CodexHome
      yield* fs.makeDirectory("/source/.codex-plugin", { recursive: true })
      yield* fs.writeFileString(
        "/source/.codex-plugin/plugin.json",
        JSON.stringify({
          name: "beta",
          skills: "./gone",
          hooks: { hooks: { Stop: [{ hooks: [{ type: "command", command: "x" }] }] } }
        })
      )
      yield* store.install({ source: "/source", pluginId: PluginId.PluginId.make("beta@mine") })
      const report = yield* examine({ offline: true })
      assert.deepStrictEqual(problems(report), [
        "plugins.missingFiles warning",
        "plugins.hooks warning"
      ])
      yield* fs.writeFileString(
        `${root}/config.toml`,
        `[hooks.state."beta@mine:plugin.json:stop:0:0"]\ntrusted_hash = "sha256:x"\n`
      )
      assert.deepStrictEqual(problems(yield* examine({ offline: true })), [
        "plugins.missingFiles warning"
      ])
    }, provide)
  )

  it.effect(
    "restores a backup that holds the only copy, once no live Codex can be using it",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const { cache } = yield* CodexHome.CodexHome
      const store = yield* PluginStore.PluginStore
      yield* sync
      const marketplace = `${cache}/openai-curated-remote`
      const id = yield* store.remotePluginId(pluginId)
      yield* fs.makeDirectory(`${marketplace}/plugin-backup-x1`)
      yield* fs.rename(`${marketplace}/alpha`, `${marketplace}/plugin-backup-x1/alpha`)

      const young = yield* examine({ offline: true, fix: true })
      assert.deepStrictEqual(young.fixed, [])
      assert.deepStrictEqual(problems(young), ["plugins.backups warning"])

      yield* TestClock.adjust(Duration.hours(2))
      const old = yield* examine({ offline: true, fix: true })
      assert.deepStrictEqual(old.fixed, [
        `restored ${marketplace}/alpha`,
        `removed ${marketplace}/plugin-backup-x1`
      ])
      assert.strictEqual(old.overallStatus, "ok")
      assert.deepStrictEqual(yield* store.remotePluginId(pluginId), id)
      assert.deepStrictEqual(yield* fs.readDirectory(marketplace), ["alpha"])
    }, provide)
  )

  it.effect(
    "removes an old backup of a plugin that is in place",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const { cache } = yield* CodexHome.CodexHome
      yield* sync
      const backup = `${cache}/openai-curated-remote/plugin-backup-x1`
      yield* fs.makeDirectory(`${backup}/alpha/1.0.0`, { recursive: true })
      yield* TestClock.adjust(Duration.hours(2))
      const report = yield* examine({ offline: true, fix: true })
      assert.deepStrictEqual(report.fixed, [`removed ${backup}`])
      assert.isFalse(yield* fs.exists(backup))
    }, provide)
  )
})
