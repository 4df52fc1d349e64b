import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import * as Disk from "../../src/internal/disk/Disk.ts"
import * as Reads from "../../src/internal/disk/reads.ts"
import { nodeDisk } from "../../src/internal/disk/nodeDisk.ts"
import { doubtPrefix } from "../../src/internal/cache/staging.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import { run, world } from "../support/shell.ts"
import { stagingOf } from "../support/homePaths.ts"

const alpha = TestBackend.plugin({ name: "alpha", version: "1.2.3" })
const mine = TestBackend.plugin({ name: "mine", scope: "USER" })

/** Leaves the cache as an interrupted change of identity does. */
const putInDoubt = Effect.fnUntraced(function* (home: string, name: string) {
  const fs = yield* FileSystem.FileSystem
  const staging = stagingOf(home)
  yield* fs.remove(
    `${home}/plugins/cache/openai-curated-remote/${name}/.codex-remote-plugin-install.json`,
    { force: true }
  )
  yield* fs.makeDirectory(staging, { recursive: true })
  yield* fs.writeFileString(`${staging}/${doubtPrefix}${name}@openai-curated-remote`, "")
})

describe("codex-plugins list", () => {
  it.live(
    "prints the cached plugins without a request",
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
    "prints only the plugins that are named, by any of their names",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins: [alpha, mine] })
      yield* run("sync")
      for (const name of ["mine", "mine@created-by-me-remote", mine.id]) {
        const { installed } = JSON.parse((yield* run("list", "--json", name)).stdout)
        assert.deepStrictEqual(
          installed.map(({ pluginId }: { pluginId: string }) => pluginId),
          ["mine@created-by-me-remote"]
        )
      }
      assert.deepStrictEqual(yield* run("list", "alpha", "nope"), {
        code: 1,
        stdout: "",
        stderr: "codex-plugins: nope is not installed\n"
      })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "orders by name, so that a name comes before one that begins with it",
    Effect.fnUntraced(function* () {
      const names = ["apps-2", "apps", "apps.x", "zoo"]
      const { run } = yield* world({ plugins: names.map((name) => TestBackend.plugin({ name })) })
      yield* run("sync")
      const lines = (yield* run("list")).stdout.trimEnd().split("\n").slice(1)
      assert.deepStrictEqual(
        lines.map((line) => line.split("@")[0]),
        ["apps", "apps-2", "apps.x", "zoo"]
      )
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints JSON with Codex's names",
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
    "distinguishes a home that does not exist from one without plugins",
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
    "uses the home from the environment if no flag names one",
    Effect.fnUntraced(function* () {
      const { home, run: here } = yield* world({ plugins: [alpha] })
      yield* here("sync")
      const { stdout } = yield* run(["list"], { env: { CODEX_HOME: home } })
      assert.include(stdout, alpha.id)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "works if settings and credentials are broken",
    Effect.fnUntraced(function* () {
      const { home, run } = yield* world({ plugins: [alpha] })
      yield* run("sync")
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`${home}/config.toml`, "= broken")
      yield* fs.remove(`${home}/auth.json`)
      assert.include((yield* run("list")).stdout, alpha.id)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints the state of each identity as JSON and as a source",
    Effect.fnUntraced(function* () {
      const names = ["absent", "broken", "doubt", "known", "newer"]
      const plugins = names.map((name) => TestBackend.plugin({ name }))
      const { home, run } = yield* world({ plugins })
      const fs = yield* FileSystem.FileSystem
      yield* run("sync")
      const cache = `${home}/plugins/cache`
      const sidecar = (name: string) =>
        `${cache}/openai-curated-remote/${name}/.codex-remote-plugin-install.json`
      yield* fs.remove(sidecar("absent"))
      yield* fs.writeFileString(sidecar("broken"), "{")
      yield* putInDoubt(home, "doubt")
      yield* fs.writeFileString(sidecar("newer"), '{"schema_version":2,"remote_plugin_id":"x"}')
      yield* fs.copy(`${cache}/openai-curated-remote/known/1.0.0`, `${home}/source`)
      yield* run("install", "known@my-market", "--from", `${home}/source`)
      const { stdout } = yield* run("list", "--json")
      const states = JSON.parse(stdout).installed.map(
        ({ identity, name, source }: Record<string, unknown>) => [
          name,
          identity,
          source !== undefined
        ]
      )
      assert.deepStrictEqual(states, [
        ["absent", "notBackfilled", false],
        ["broken", "corrupt", false],
        ["doubt", "inDoubt", false],
        ["known", "local", true],
        ["known", "known", true],
        ["newer", "unsupportedSchema", false]
      ])
      const table = (yield* run("list")).stdout
      for (const [name, source] of [
        ["absent", "pending"],
        ["broken", "unreadable"],
        ["doubt", "in doubt"],
        ["newer", "unreadable"]
      ] as const) {
        assert.match(
          table,
          new RegExp(`^${name}@openai-curated-remote +1\\.0\\.0 +${source} `, "m")
        )
      }
    }, Effect.provide(NodeServices.layer))
  )
})

describe("codex-plugins id", () => {
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
    "reads no other plugin when the marketplace is named",
    Effect.fnUntraced(function* () {
      const { home, run: runAt } = yield* world({ plugins: [alpha, mine] })
      yield* runAt("sync")
      const read: Array<string> = []
      const reads: Reads.Operations = {
        lstat: nodeDisk.lstat,
        entries: (folder) => Effect.suspend(() => nodeDisk.entries((read.push(folder), folder))),
        readFile: (file, limit) =>
          Effect.suspend(() => nodeDisk.readFile((read.push(file), file), limit))
      }
      const disk: Disk.Disk = { ...nodeDisk, ...reads, runReads: (make) => Reads.run(reads, make) }
      const { stdout } = yield* run(["id", "alpha@openai-curated-remote", "--codex-home", home], {
        stdio: Layer.succeed(Disk.Implementation, () => disk)
      })
      assert.strictEqual(stdout, `${alpha.id}\n`)
      assert.include(read, `${home}/plugins/cache/openai-curated-remote/alpha`)
      assert.notInclude(read.join("\n"), "mine")
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
      assert.include(newer.stderr, "unsupported schema version 2")

      yield* fs.remove(sidecar)
      const local = yield* run("id", "alpha@openai-curated-remote")
      assert.deepInclude(local, { code: 1, stdout: "" })
      assert.include(local.stderr, "alpha@openai-curated-remote 1.2.3 has no identity")
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "says what helps for each state of an identity",
    Effect.fnUntraced(function* () {
      const { home, run } = yield* world({ plugins: [alpha, mine] })
      const fs = yield* FileSystem.FileSystem
      yield* run("sync")
      const base = `${home}/plugins/cache/openai-curated-remote/alpha`
      yield* fs.copy(`${base}/1.2.3`, `${home}/source`)
      yield* run("install", "alpha@my-market", "--from", `${home}/source`)
      const says = Effect.fnUntraced(function* (plugin: string, message: string) {
        const { code, stderr, stdout } = yield* run("id", plugin)
        assert.deepStrictEqual([code, stdout], [1, ""])
        assert.include(stderr, message)
      })
      yield* says("alpha@my-market", "is a local install: it has no remote plugin id")

      const sidecar = `${base}/.codex-remote-plugin-install.json`
      yield* fs.writeFileString(sidecar, "{")
      yield* says("alpha@openai-curated-remote", "sync to repair it")
      yield* fs.remove(sidecar)
      yield* says("alpha@openai-curated-remote", "run `codex-plugins sync` to add it")
      yield* putInDoubt(home, "alpha")
      yield* says("alpha@openai-curated-remote", "run `codex-plugins sync` to repair it")
    }, Effect.provide(NodeServices.layer))
  )
})
