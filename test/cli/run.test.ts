import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import { run, world } from "../support/shell.ts"
import { stagingOf } from "../support/homePaths.ts"

const alpha = TestBackend.plugin({ name: "alpha" })
const skill = "plugins/cache/openai-curated-remote/alpha/1.0.0/.codex-plugin/plugin.json"

const runIn = (home: string, ...args: ReadonlyArray<string>) =>
  run(["run", "--codex-home", home, ...args])

describe("codex-plugins run", () => {
  it.live(
    "starts the command with the same home once its plugins are in place",
    Effect.fnUntraced(function* () {
      const { home } = yield* world({ plugins: [alpha] })
      const { code, stderr, stdout } = yield* runIn(
        home,
        "--",
        "sh",
        "-c",
        `test -f "$CODEX_HOME/${skill}"`
      )
      assert.deepStrictEqual({ code, stderr, stdout }, { code: 0, stderr: "", stdout: "" })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "leases every active version until the command ends",
    Effect.fnUntraced(function* () {
      const { home } = yield* world({ plugins: [alpha] })
      const fs = yield* FileSystem.FileSystem
      yield* runIn(home, "--", "sh", "-c", 'ls -aR "$CODEX_HOME/plugins" > "$CODEX_HOME/during"')
      assert.match(yield* fs.readFileString(`${home}/during`), /lease/)
      assert.deepStrictEqual(
        yield* fs.readDirectory(stagingOf(home)).pipe(Effect.orElseSucceed(() => [])),
        []
      )
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "exits with the command's code, or as shells do when it cannot start",
    Effect.fnUntraced(function* () {
      const { home } = yield* world()
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`${home}/plain`, "")
      assert.strictEqual((yield* runIn(home, "--", "sh", "-c", "exit 7")).code, 7)
      assert.strictEqual((yield* runIn(home, "--", "sh", "-c", "kill -9 $$")).code, 137)
      assert.strictEqual((yield* runIn(home, "--", `${home}/none`)).code, 127)
      assert.strictEqual((yield* runIn(home, "--", `${home}/plain`)).code, 126)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "starts the command even if the sync fails, and says why on stderr",
    Effect.fnUntraced(function* () {
      const { backend, home } = yield* world({ plugins: [alpha] })
      yield* backend.when({ kind: "listing" }, TestReply.status(401))
      const refused = yield* runIn(home, "--", "sh", "-c", "exit 3")
      assert.deepStrictEqual([refused.code, refused.stdout], [3, ""])
      assert.match(refused.stderr, /^codex-plugins: .*codex login`; starting the command\n$/)

      const missing = yield* runIn(`${home}/none`, "--", "sh", "-c", "exit 4")
      assert.deepStrictEqual([missing.code, missing.stdout], [4, ""])
      assert.include(missing.stderr, "does not exist")
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "starts the command at the deadline while a download still runs",
    Effect.fnUntraced(function* () {
      const { backend, home } = yield* world({ plugins: [alpha] })
      yield* backend.when({ kind: "bundle" }, TestReply.delay("20 seconds"))
      const { code, stderr } = yield* runIn(home, "--deadline", "0.2s", "--", "sh", "-c", "exit 5")
      assert.strictEqual(code, 5)
      assert.include(stderr, "the plugins are not up to date after 200ms; starting the command")
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "syncs with the options of a pass, from flags and from variables",
    Effect.fnUntraced(function* () {
      const plugins = ["a", "b", "c"].map((name) => TestBackend.plugin({ name }))
      const { backend, home } = yield* world({ plugins })
      yield* backend.when({ kind: "bundle" }, TestReply.delay("20 millis"))
      const env = { CODEX_PLUGINS_CONCURRENCY: "1" }
      yield* run(["run", "--codex-home", home, "--", "true"], { env })
      assert.lengthOf(yield* backend.requests({ kind: "bundle" }), 3)
      assert.strictEqual(yield* backend.mostAtOnce("bundle"), 1)

      const fs = yield* FileSystem.FileSystem
      const other = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      yield* fs.copyFile(`${home}/config.toml`, `${other}/config.toml`)
      yield* fs.copyFile(`${home}/auth.json`, `${other}/auth.json`)
      yield* runIn(other, "--seed", home, "--", "true")
      assert.isTrue(yield* fs.exists(`${other}/plugins/cache/openai-curated-remote/c/1.0.0`))
      assert.lengthOf(yield* backend.requests({ kind: "bundle" }), 3)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "passes on the command's own flags",
    Effect.fnUntraced(function* () {
      const { home } = yield* world()
      const { code } = yield* runIn(
        home,
        "--",
        "sh",
        "-c",
        'test "$*" = "--json -1 --help"',
        "sh",
        "--json",
        "-1",
        "--help"
      )
      assert.strictEqual(code, 0)
    }, Effect.provide(NodeServices.layer))
  )
})
