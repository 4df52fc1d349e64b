import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import { world } from "../support/shell.ts"

const alpha = TestBackend.plugin({ name: "alpha", installed: false })
const alphaId = "alpha@openai-curated-remote"

const folder = Effect.fnUntraced(function* (manifest: object) {
  const fs = yield* FileSystem.FileSystem
  const source = yield* fs.makeTempDirectoryScoped({ prefix: "my-plugin-" })
  yield* fs.makeDirectory(`${source}/.codex-plugin`)
  yield* fs.writeFileString(`${source}/.codex-plugin/plugin.json`, JSON.stringify(manifest))
  return source
})

describe("codex-plugins install", () => {
  it.live(
    "installs a plugin on the account and in the cache",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins: [alpha] })
      assert.deepStrictEqual(yield* run("install", alpha.id), {
        code: 0,
        stdout: `installed ${alphaId} 1.0.0\n`,
        stderr: ""
      })
      assert.isTrue(yield* backend.isInstalled(alpha.id))
      assert.strictEqual((yield* run("id", alphaId)).stdout, `${alpha.id}\n`)
      assert.deepStrictEqual(JSON.parse((yield* run("install", "--json", alpha.id)).stdout), {
        schemaVersion: 1,
        pluginId: alphaId,
        name: "alpha",
        marketplaceName: "openai-curated-remote",
        version: "1.0.0",
        installed: true,
        changed: false,
        source: { source: "remote", id: alpha.id }
      })
      assert.strictEqual(
        (yield* run("install", "alpha")).stdout,
        `already installed: ${alphaId} 1.0.0\n`
      )
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "exits with 1 if it is not allowed",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({
        plugins: [{ ...alpha, row: { status: "DISABLED_BY_ADMIN" } }]
      })
      const { code, stderr, stdout } = yield* run("install", alpha.id, "--json")
      const message = `cannot install ${alphaId} (${alpha.id}): the workspace's administrator has disabled it; ask the administrator to enable it`
      assert.deepStrictEqual([code, stderr], [1, `codex-plugins: ${message}\n`])
      assert.deepStrictEqual(JSON.parse(stdout), {
        schemaVersion: 1,
        error: {
          tag: "NotInstallable",
          reason: "DisabledByAdmin",
          message,
          remedy: "ask the administrator to enable it",
          exitCode: 1
        }
      })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "exits with 1 if the account was not changed, and says what helps",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins: [alpha] })
      yield* backend.when({ kind: "install" }, TestReply.status(403))
      const { code, stderr, stdout } = yield* run("install", alpha.id)
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.include(stderr, `${alphaId} (${alpha.id}) is in the cache`)
      assert.include(stderr, "run a sync to resolve this")
      assert.include((yield* run("sync")).stdout, " - alpha (uninstalled upstream)")
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "rejects an invalid remote id without a request",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world()
      for (const id of ["../x", "a b", ""]) {
        const { code, stderr, stdout } = yield* run("install", id)
        assert.deepStrictEqual([code, stdout], [2, ""])
        assert.include(stderr, "is not a plugin such as hello")
      }
      assert.deepStrictEqual(yield* backend.requests(), [])
    }, Effect.provide(NodeServices.layer))
  )
})

describe("codex-plugins install --from", () => {
  it.live(
    "installs a folder without a network, an account or an identity",
    Effect.fnUntraced(function* () {
      const { backend, home, run } = yield* world()
      const fs = yield* FileSystem.FileSystem
      yield* fs.remove(`${home}/auth.json`)
      const source = yield* folder({ name: "beta", version: "0.1.0" })
      assert.deepStrictEqual(yield* run("install", "--from", source, "beta@mine"), {
        code: 0,
        stdout: "installed beta@mine 0.1.0\n",
        stderr: ""
      })
      assert.isTrue(
        yield* fs.exists(`${home}/plugins/cache/mine/beta/0.1.0/.codex-plugin/plugin.json`)
      )
      assert.strictEqual((yield* run("id", "beta@mine")).code, 1)
      assert.deepStrictEqual(
        JSON.parse((yield* run("install", "beta@mine", "--from", source, "--json")).stdout),
        {
          schemaVersion: 1,
          pluginId: "beta@mine",
          name: "beta",
          marketplaceName: "mine",
          version: "0.1.0",
          installed: true,
          changed: true,
          source: { source: "local" },
          skippedLinks: []
        }
      )
      assert.deepStrictEqual(yield* backend.requests(), [])
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "reports the links of the folder that it leaves out",
    Effect.fnUntraced(function* () {
      const { home, run } = yield* world()
      const fs = yield* FileSystem.FileSystem
      const source = yield* folder({ name: "beta", version: "0.1.0" })
      yield* fs.makeDirectory(`${source}/docs`)
      yield* fs.symlink("/etc/passwd", `${source}/docs/one`)
      yield* fs.symlink("nowhere", `${source}/two`)
      assert.deepStrictEqual(yield* run("install", "--from", source, "beta@mine"), {
        code: 0,
        stdout: "installed beta@mine 0.1.0\n",
        stderr: "warning: left out 2 links, as Codex does: docs/one, two\n"
      })
      assert.deepStrictEqual(
        yield* fs.readDirectory(`${home}/plugins/cache/mine/beta/0.1.0/docs`),
        []
      )
      const { stdout } = yield* run("install", "--from", source, "beta@mine", "--json")
      assert.deepStrictEqual(JSON.parse(stdout).skippedLinks, ["docs/one", "two"])
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "warns about a marketplace that belongs to the account",
    Effect.fnUntraced(function* () {
      const { run } = yield* world()
      const source = yield* folder({ name: "alpha" })
      assert.deepStrictEqual(yield* run("install", "--from", source, alphaId), {
        code: 0,
        stdout: `installed ${alphaId} local\n`,
        stderr: `warning: openai-curated-remote belongs to the account: the next sync replaces or removes ${alphaId}\n`
      })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "exits with 1 for a folder that is not a plugin, or is another one",
    Effect.fnUntraced(function* () {
      const { run } = yield* world()
      const source = yield* folder({ name: "beta" })
      const other = yield* run("install", "--from", source, "alpha@mine")
      assert.deepInclude(other, { code: 1, stdout: "" })
      assert.include(other.stderr, 'names the plugin "beta", expected "alpha"')
      const none = yield* run("install", "--from", `${source}/.codex-plugin`, "beta@mine")
      assert.deepInclude(none, { code: 1, stdout: "" })
      assert.include(none.stderr, "no plugin manifest in")
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "rejects a name without a marketplace",
    Effect.fnUntraced(function* () {
      const { run } = yield* world()
      assert.deepStrictEqual(yield* run("install", "--from", "/tmp", "beta"), {
        code: 2,
        stdout: "",
        stderr: "codex-plugins: with --from, name the plugin as NAME@MARKETPLACE\n"
      })
    }, Effect.provide(NodeServices.layer))
  )
})

describe("codex-plugins uninstall", () => {
  it.live(
    "uninstalls a plugin on the account and removes it from the cache",
    Effect.fnUntraced(function* () {
      const { backend, home, run } = yield* world({ plugins: [alpha] })
      yield* run("install", alpha.id)
      assert.deepStrictEqual(yield* run("uninstall", alpha.id), {
        code: 0,
        stdout: `uninstalled ${alphaId} from the account, for all machines, and from this home\n`,
        stderr: ""
      })
      assert.isFalse(yield* backend.isInstalled(alpha.id))
      const fs = yield* FileSystem.FileSystem
      assert.isFalse(yield* fs.exists(`${home}/plugins/cache/openai-curated-remote/alpha`))
      assert.deepStrictEqual(yield* run("uninstall", alpha.id), {
        code: 0,
        stdout: `not installed: ${alphaId} is neither on the account nor in this home\n`,
        stderr: ""
      })
      assert.lengthOf(yield* backend.requests({ kind: "uninstall" }), 1)
      assert.deepStrictEqual(JSON.parse((yield* run("uninstall", "--json", alpha.id)).stdout), {
        schemaVersion: 1,
        pluginId: alphaId,
        name: "alpha",
        marketplaceName: "openai-curated-remote",
        installed: false,
        changed: false,
        source: { source: "remote", id: alpha.id }
      })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "exits with 1 and changes nothing if the account does not change",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins: [alpha] })
      yield* run("install", alpha.id)
      yield* backend.when({ kind: "uninstall" }, TestReply.status(403))
      const { code, stderr, stdout } = yield* run("uninstall", alpha.id)
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.include(stderr, `cannot uninstall the plugin ${alpha.id} from the account`)
      assert.strictEqual((yield* run("id", alphaId)).stdout, `${alpha.id}\n`)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "accepts a plugin's name with and without its marketplace",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins: [alpha] })
      for (const name of ["alpha", alphaId]) {
        yield* run("install", alpha.id)
        assert.strictEqual((yield* run("uninstall", name)).code, 0)
        assert.isFalse(yield* backend.isInstalled(alpha.id))
      }
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "removes a local install without asking the backend",
    Effect.fnUntraced(function* () {
      const { backend, home, run } = yield* world()
      const fs = yield* FileSystem.FileSystem
      const source = yield* folder({ name: "beta" })
      yield* run("install", "--from", source, "beta@mine")
      assert.deepStrictEqual(yield* run("uninstall", "beta"), {
        code: 0,
        stdout: "uninstalled beta@mine, a local install: the account has not changed\n",
        stderr: ""
      })
      assert.isFalse(yield* fs.exists(`${home}/plugins/cache/mine/beta`))
      assert.deepStrictEqual(yield* backend.requests(), [])
    }, Effect.provide(NodeServices.layer))
  )
})
