import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema } from "effect"
import * as SyncEventJson from "../../src/SyncEventJson.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import { type Run, run as runProgram, world } from "../support/shell.ts"

const alpha = TestBackend.plugin({ name: "alpha" })
const broken = TestBackend.plugin({ name: "broken", bundle: new TextEncoder().encode("x") })

const decodeLine = Schema.decodeUnknownSync(SyncEventJson.LineFromString)

const alphaId = "alpha@openai-curated-remote"
const brokenId = "broken@openai-curated-remote"

/** The same output with a time of zero. */
const withoutTime = ({ stdout, ...run }: Run) => ({
  ...run,
  stdout: stdout.replace(/[\d.]+ s\b/, "0.0 s")
})

describe("codex-plugins sync", () => {
  it.live(
    "prints the changes and the time it took",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins: [alpha] })
      assert.deepStrictEqual(withoutTime(yield* run("sync")), {
        code: 0,
        stdout: " + alpha 1.0.0\nInstalled 1 (0.0 s)\n",
        stderr: ""
      })
      assert.deepStrictEqual(withoutTime(yield* run("sync")), {
        code: 0,
        stdout: "Already up to date (1 plugin, 0.0 s)\n",
        stderr: ""
      })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints JSON alone on stdout and exits with 3 when some plugins failed",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins: [alpha, broken] })
      const { code, stderr, stdout } = yield* run("sync", "--json")
      assert.strictEqual(code, 3)
      const { failures, ms, plugins, ...outcome } = JSON.parse(stdout)
      assert.isNumber(ms)
      assert.deepStrictEqual(outcome, {
        schemaVersion: 1,
        installedPluginIds: [alphaId],
        backfilledPluginIds: [],
        repairedPluginIds: [],
        keptPluginIds: [],
        removedCachePluginIds: [],
        pruned: [],
        account: { plugins: 2 },
        failedRemotePluginIds: [broken.id],
        removalSkipped: null,
        removalSkippedReason: null,
        skipped: null
      })
      assert.lengthOf(plugins, 2)
      assert.deepInclude(plugins[0], {
        pluginId: alphaId,
        remotePluginId: alpha.id,
        outcome: "installed",
        version: "1.0.0",
        from: null
      })
      assert.deepInclude(plugins[1], { pluginId: brokenId, outcome: "failed", version: null })
      assert.isNumber(plugins[0].bytes)
      assert.strictEqual(failures.length, 1)
      assert.deepInclude(failures[0], { remotePluginId: broken.id, pluginId: brokenId })
      assert.strictEqual(stderr, "")
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "exits with 4 when the user must sign in again",
    Effect.fnUntraced(function* () {
      const { backend, home, run } = yield* world({ plugins: [alpha] })
      yield* backend.when({ kind: "listing" }, TestReply.status(401))
      for (const flags of [[], ["--json"], ["--dry-run"]]) {
        const { code, stderr, stdout } = yield* run("sync", ...flags)
        assert.strictEqual(code, 4)
        if (flags[0] === "--json") {
          const { error, schemaVersion } = JSON.parse(stdout)
          assert.strictEqual(schemaVersion, 1)
          assert.deepInclude(error, {
            tag: "RemoteCatalogError",
            reason: "Unauthorized",
            exitCode: 4
          })
          assert.include(error.remedy, "codex login")
        } else assert.strictEqual(stdout, "")
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
    "prints with --dry-run what would change, and changes nothing",
    Effect.fnUntraced(function* () {
      const { backend, home, run } = yield* world({ plugins: [alpha] })
      const text = yield* run("sync", "--dry-run")
      assert.strictEqual(text.stdout, " + alpha 1.0.0\nWould install 1\n")
      assert.deepInclude(yield* run("sync", "--check"), { code: 1, stdout: text.stdout })
      const json = yield* run("sync", "--dry-run", "--json")
      assert.deepStrictEqual(JSON.parse(json.stdout), {
        schemaVersion: 1,
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

  it.live(
    "retries the listing and the downloads as often as --retries or its variable says",
    Effect.fnUntraced(function* () {
      const { backend, home, run } = yield* world({ plugins: [alpha] })
      yield* backend.when({ kind: "bundle" }, TestReply.status(503))
      yield* run("sync", "--retries", "0")
      assert.lengthOf(yield* backend.requests({ kind: "bundle" }), 1)
      yield* backend.when({ kind: "listing" }, TestReply.status(503))
      yield* backend.forget
      const env = { CODEX_PLUGINS_RETRIES: "0" }
      yield* runProgram(["sync", "--codex-home", home], { env })
      assert.lengthOf(yield* backend.requests({ kind: "listing" }), 1)
      assert.strictEqual((yield* run("sync", "--retries", "-1")).code, 2)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "keeps plugins that the account does not have with --remove never, and removes them by default",
    Effect.fnUntraced(function* () {
      const { backend, home, run } = yield* world({ plugins: [alpha] })
      yield* run("sync")
      yield* backend.uninstall(alpha.id)
      const kept = yield* run("sync", "--json", "--remove", "never")
      const fs = yield* FileSystem.FileSystem
      const version = `${home}/plugins/cache/openai-curated-remote/alpha/1.0.0`
      assert.strictEqual(JSON.parse(kept.stdout).removalSkippedReason, "Never")
      assert.isTrue(yield* fs.exists(version))
      assert.strictEqual((yield* run("sync", "--remove", "some")).code, 2)
      yield* run("sync")
      assert.isFalse(yield* fs.exists(version))
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints upgrades with both versions, removals with their cause, and failures last",
    Effect.fnUntraced(function* () {
      const gone = TestBackend.plugin({ name: "gone" })
      const { backend, run } = yield* world({ plugins: [broken, alpha, gone] })
      yield* run("sync")
      yield* backend.update(alpha.id, { version: "1.1.0" })
      yield* backend.uninstall(gone.id)
      const { code, stdout } = withoutTime(yield* run("sync"))
      assert.strictEqual(code, 3)
      const lines = stdout.split("\n")
      assert.deepStrictEqual(lines.slice(0, 2), [
        " ~ alpha 1.0.0 → 1.1.0",
        " - gone (uninstalled upstream)"
      ])
      assert.match(lines[2]!, /^ ✗ broken: .*/)
      assert.strictEqual(lines.at(-2), "Updated 1, removed 1, 1 failed (0.0 s)")
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints one cause once when every plugin fails for it",
    Effect.fnUntraced(function* () {
      const plugins = ["a", "b", "c", "d", "e", "f", "g"].map((name) =>
        TestBackend.plugin({ name })
      )
      const { backend, run } = yield* world({ plugins })
      yield* backend.when({ kind: "bundle" }, TestReply.status(404))
      const { code, stdout } = withoutTime(yield* run("sync"))
      assert.strictEqual(code, 3)
      assert.match(
        stdout,
        /^ ✗ 7 plugins: [^\n]*404[^\n]*\n {3}a, b, c, d, e and 2 more\n {3}help: [^\n]+\n7 failed \(0\.0 s\)\n$/
      )
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints each event with --jsonl as a line that the library decodes, and no more keys than it knows",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins: [alpha, broken] })
      const { code, stdout } = yield* run("sync", "--jsonl")
      assert.strictEqual(code, 3)
      const texts = stdout.trimEnd().split("\n")
      const lines = texts.map((text) => decodeLine(text))
      assert.deepStrictEqual(
        lines.map((line) => JSON.parse(JSON.stringify(line))),
        texts.map((text) => JSON.parse(text))
      )
      assert.deepStrictEqual(
        lines
          .flatMap((line) => (line.event === "result" ? [[line.pluginId, line.outcome]] : []))
          .toSorted(),
        [
          [alphaId, "installed"],
          [brokenId, "failed"]
        ]
      )
      yield* backend.when({ kind: "listing" }, TestReply.status(401))
      const failed = yield* run("sync", "--jsonl")
      assert.strictEqual(failed.code, 4)
      const [last] = failed.stdout.trimEnd().split("\n").slice(-1)
      assert.deepInclude(decodeLine(last), { event: "failed", schemaVersion: 1 })
      assert.deepInclude(JSON.parse(last ?? "").error, { reason: "Unauthorized", exitCode: 4 })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints nothing with --quiet when nothing changed",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins: [alpha] })
      assert.include((yield* run("sync", "--quiet")).stdout, " + alpha 1.0.0")
      assert.deepStrictEqual(yield* run("sync", "-q"), { code: 0, stdout: "", stderr: "" })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "exits with 5 when the pass takes longer than --timeout",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins: [alpha] })
      yield* backend.when({ kind: "bundle" }, TestReply.delay("5 seconds"))
      const { code, stderr } = yield* run("sync", "--timeout", "0.1s")
      assert.strictEqual(code, 5)
      assert.include(stderr, "the pass did not finish within 100ms")
    }, Effect.provide(NodeServices.layer))
  )
})
