import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import * as CacheLock from "../../src/CacheLock.ts"
import * as CodexHome from "../../src/CodexHome.ts"
import * as PluginId from "../../src/PluginId.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import { world } from "../support/shell.ts"

const alpha = TestBackend.plugin({ name: "alpha" })
const alphaId = PluginId.PluginId.make("alpha@openai-curated-remote")

/** A home whose alpha 1.0.0 has just been replaced by 2.0.0. */
const upgraded = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { backend, home, run } = yield* world({ plugins: [alpha] })
  yield* run("sync")
  yield* backend.update(alpha.id, { version: "2.0.0" })
  yield* run("sync")
  yield* backend.forget
  const versions = Effect.map(
    fs.readDirectory(`${home}/plugins/cache/openai-curated-remote/alpha`),
    (names) => names.filter((name) => !name.startsWith(".")).toSorted()
  )
  return { backend, home, run, versions }
})

describe("codex-plugins prune", () => {
  it.live(
    "deletes superseded versions without network and prints the bytes that it freed",
    Effect.fnUntraced(function* () {
      const { backend, run, versions } = yield* upgraded
      assert.deepStrictEqual(yield* versions, ["1.0.0", "2.0.0"])
      const { code, stderr, stdout } = yield* run("prune", "--retain", "0")
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.match(
        stdout,
        /^ - alpha@openai-curated-remote 1\.0\.0 \(\d+ B\)\nFreed \d+ B \(1 version\)\n$/
      )
      assert.deepStrictEqual(yield* versions, ["2.0.0"])
      assert.deepStrictEqual(yield* backend.requests(), [])
      assert.strictEqual((yield* run("prune", "--retain", "0")).stdout, "Nothing to prune\n")
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "counts the bytes of the deleted files",
    Effect.fnUntraced(function* () {
      const { home, run } = yield* upgraded
      const fs = yield* FileSystem.FileSystem
      const folder = `${home}/plugins/cache/openai-curated-remote/alpha/1.0.0`
      const measure = Effect.map(run("prune", "--dry-run", "--json", "--retain", "0"), (it) =>
        Number(JSON.parse(it.stdout).bytes)
      )
      const before = yield* measure
      assert.isAbove(before, 0)
      yield* fs.makeDirectory(`${folder}/more`)
      yield* fs.writeFile(`${folder}/more/large`, new Uint8Array(5000))
      assert.strictEqual(yield* measure, before + 5000)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "deletes nothing with --dry-run",
    Effect.fnUntraced(function* () {
      const { run, versions } = yield* upgraded
      const { code, stdout } = yield* run("prune", "--dry-run", "--retain", "0")
      assert.strictEqual(code, 0)
      assert.match(stdout, /^Would free \d+ B \(1 version\)$/m)
      assert.deepStrictEqual(yield* versions, ["1.0.0", "2.0.0"])
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "keeps versions that were replaced less than 24 hours ago by default",
    Effect.fnUntraced(function* () {
      const { run, versions } = yield* upgraded
      const { code, stdout } = yield* run("prune")
      assert.strictEqual(code, 0)
      assert.strictEqual(
        stdout,
        "Nothing to prune\n1 version kept: replaced less than 24 h ago (see --retain)\n"
      )
      assert.deepStrictEqual(yield* versions, ["1.0.0", "2.0.0"])
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints the identity and each kept version with --verbose, and nothing to do with --quiet",
    Effect.fnUntraced(function* () {
      const { run } = yield* upgraded
      assert.strictEqual((yield* run("prune", "--quiet")).stdout, "")
      assert.include(
        (yield* run("prune", "--verbose")).stdout,
        " = alpha@openai-curated-remote 1.0.0 (retained)\n"
      )
      assert.match(
        (yield* run("prune", "--verbose", "--quiet", "--retain", "0")).stdout,
        /^ - alpha@openai-curated-remote 1\.0\.0 plugins~Plugin_alpha \(\d+ B\)\n/
      )
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "keeps a version that a running process has leased, and prints JSON that says so",
    Effect.fnUntraced(function* () {
      const { backend, home, run, versions } = yield* upgraded
      const leased = Effect.gen(function* () {
        const store = yield* PluginStore.PluginStore
        yield* store.lease(alphaId)
        yield* backend.update(alpha.id, { version: "3.0.0" })
        yield* run("sync")
        const { code, stdout } = yield* run("prune", "--retain", "0", "--json")
        assert.strictEqual(code, 0)
        const { bytes, pruned, ...rest } = JSON.parse(stdout)
        assert.deepStrictEqual(pruned, [
          { pluginId: alphaId, remotePluginId: alpha.id, version: "1.0.0", bytes }
        ])
        assert.deepStrictEqual(rest, {
          schemaVersion: 1,
          dryRun: false,
          kept: [
            { pluginId: alphaId, remotePluginId: alpha.id, version: "2.0.0", reason: "leased" }
          ],
          failures: []
        })
        assert.deepStrictEqual(yield* versions, ["2.0.0", "3.0.0"])
      }).pipe(
        Effect.provide(
          PluginStore.layer.pipe(
            Layer.provide(CacheLock.layer),
            Layer.provide(CodexHome.layerAt(home))
          )
        )
      )
      yield* Effect.scoped(leased)
      yield* run("prune", "--retain", "0")
      assert.deepStrictEqual(yield* versions, ["3.0.0"])
    }, Effect.provide(NodeServices.layer))
  )
})
