import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import { world } from "../support/shell.ts"

const alpha = TestBackend.plugin({ name: "alpha" })
const broken = TestBackend.plugin({ name: "broken", bundle: new TextEncoder().encode("x") })

const alphaId = "alpha@openai-curated-remote"
const brokenId = "broken@openai-curated-remote"

describe("sync", () => {
  it.live(
    "prints what it did",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins: [alpha] })
      assert.deepStrictEqual(yield* run("sync"), {
        code: 0,
        stdout: [
          "RESULT     PLUGIN",
          `installed  ${alphaId}`,
          "1 plugin in step, 0 failed, 0 removed",
          ""
        ].join("\n"),
        stderr: ""
      })
      assert.deepStrictEqual(yield* run("sync"), {
        code: 0,
        stdout: "1 plugin in step, 0 failed, 0 removed\n",
        stderr: ""
      })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints JSON alone on stdout, and leaves with 3 where some plugins failed",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins: [alpha, broken] })
      const { code, stderr, stdout } = yield* run("sync", "--json")
      assert.strictEqual(code, 3)
      const { failures, ...outcome } = JSON.parse(stdout)
      assert.deepStrictEqual(outcome, {
        installedPluginIds: [alphaId],
        backfilledPluginIds: [],
        repairedPluginIds: [],
        removedCachePluginIds: [],
        failedRemotePluginIds: [broken.id],
        removalSkipped: null
      })
      assert.strictEqual(failures.length, 1)
      assert.deepInclude(failures[0], { remotePluginId: broken.id, pluginId: brokenId })
      assert.include(stderr, `warn: could not sync ${brokenId}`)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "exits with 4 when signing in again is needed",
    Effect.fnUntraced(function* () {
      const { backend, home, run } = yield* world({ plugins: [alpha] })
      yield* backend.when({ kind: "listing" }, TestReply.status(401))
      for (const flags of [[], ["--json"], ["--dry-run"]]) {
        const { code, stderr, stdout } = yield* run("sync", ...flags)
        assert.deepStrictEqual([code, stdout], [4, ""])
        assert.match(stderr, /^codex-plugins: cannot list the installed plugins: .*codex login`\n$/)
      }
      const fs = yield* FileSystem.FileSystem
      yield* fs.remove(`${home}/auth.json`)
      const { code, stderr } = yield* run("sync")
      assert.strictEqual(code, 4)
      assert.include(stderr, "not signed in")
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "exits with 5 when the backend asks to come back later",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins: [alpha] })
      yield* backend.when({ kind: "listing" }, TestReply.status(429, { "retry-after": "3600" }))
      const { code, stderr } = yield* run("sync")
      assert.strictEqual(code, 5)
      assert.include(stderr, "429")
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints what it would do, and does nothing",
    Effect.fnUntraced(function* () {
      const { backend, home, run } = yield* world({ plugins: [alpha] })
      const text = yield* run("sync", "--dry-run")
      assert.deepStrictEqual(text.stdout.split("\n"), [
        "ACTION   PLUGIN                       WHY",
        `install  ${alphaId}  Missing`,
        ""
      ])
      const json = yield* run("sync", "--dry-run", "--json")
      assert.deepStrictEqual(JSON.parse(json.stdout), {
        actions: [
          {
            action: "Install",
            remotePluginId: alpha.id,
            pluginId: alphaId,
            version: "1.0.0",
            reason: { _tag: "Missing" }
          }
        ],
        removalSkipped: null
      })
      assert.notInclude(json.stdout, backend.secrets[0]!)
      const fs = yield* FileSystem.FileSystem
      assert.isFalse(yield* fs.exists(`${home}/plugins`))
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "takes its limits from flags",
    Effect.fnUntraced(function* () {
      const plugins = ["a", "b", "c"].map((name) => TestBackend.plugin({ name }))
      const { backend, home, run } = yield* world({ plugins })
      yield* backend.when({ kind: "bundle" }, TestReply.delay("20 millis"))
      yield* run("sync", "--concurrency", "1", "--retain", "30m")
      assert.strictEqual(yield* backend.mostAtOnce("bundle"), 1)
      yield* backend.update(plugins[0]!.id, { version: "2.0.0" })
      yield* run("sync", "--retain", "0")
      const fs = yield* FileSystem.FileSystem
      assert.notInclude(
        yield* fs.readDirectory(`${home}/plugins/cache/openai-curated-remote/a`),
        "1.0.0"
      )
    }, Effect.provide(NodeServices.layer))
  )
})
