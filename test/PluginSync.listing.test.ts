import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, FileSystem } from "effect"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import * as CacheContents from "./support/cacheContents.ts"
import * as FaultyFileSystem from "./support/FaultyFileSystem.ts"
import { recordOutput } from "./support/recordOutput.ts"
import { backend, curated, plugin, provide, sync } from "./support/pluginSyncs.ts"
import { build, pass, root, pluginId } from "./support/pluginWorld.ts"

/** Everything below `plugins/`, times included. */
const lookAtPlugins = Effect.map(MemoryFileSystem.Disk, ({ snapshot }) =>
  snapshot(`${TestCodexPlugins.root}/plugins`)
)

describe("PluginSync.sync, with an uncertain listing", () => {
  const stale = plugin({ name: "stale" })
  const cached = Effect.gen(function* () {
    const { install, uninstall } = yield* backend
    yield* install(stale.id)
    yield* sync
    yield* uninstall(stale.id)
  })

  const doubts: Readonly<Record<string, TestReply.Behaviour>> = {
    "is refused": TestReply.status(403),
    "is no JSON": TestReply.body("<html>"),
    "has another shape": TestReply.body('{"plugins":{}}'),
    "names the same page twice": TestReply.nextPage("cursor-0"),
    "redirects elsewhere": TestReply.redirect("https://elsewhere.test/")
  }
  for (const [name, behaviour] of Object.entries(doubts)) {
    it.effect(
      `changes nothing if the listing ${name}`,
      Effect.fnUntraced(
        function* () {
          yield* cached
          const { when } = yield* backend
          const before = yield* lookAtPlugins
          yield* when({ kind: "listing" }, behaviour)
          const error = yield* Effect.flip(sync)
          assert.strictEqual(error._tag, "RemoteCatalogError")
          assert.deepStrictEqual(yield* lookAtPlugins, before)
        },
        provide({ plugins: [stale] })
      )
    )
  }

  it.effect(
    "removes nothing if a row has no valid name, and does everything else",
    Effect.fnUntraced(
      function* () {
        yield* cached
        const { install, publish } = yield* backend
        yield* publish(plugin({ name: "nameless", row: { name: "no name" } }))
        yield* install(plugin({ name: "new" }).id)
        const { failures, installed, removalSkipped, removed } = yield* sync
        assert.deepStrictEqual([installed, removed], [[pluginId("new")], []])
        assert.deepStrictEqual(
          failures.map(({ error, remotePluginId }) => [remotePluginId, error._tag]),
          [["plugins~Plugin_nameless", "InvalidRemotePlugin"]]
        )
        assert.include(removalSkipped, "have no valid name")
        const fs = yield* FileSystem.FileSystem
        assert.isTrue(yield* fs.exists(`${curated}/stale/1.0.0`))
      },
      provide({ plugins: [stale, plugin({ name: "new", installed: false })] })
    )
  )

  it.effect("keeps a plugin that changes while the pass runs, and says so", () =>
    Effect.gen(function* () {
      const disk = yield* MemoryFileSystem.make()
      yield* disk.fileSystem.makeDirectory(root)
      yield* pass(disk, [build("A", "1.0.0")])
      const baseRoot = `${CacheContents.cacheRoot}/openai-curated-remote/alpha`
      // Another program is at it in the very last moment, when it was looked at already.
      const fs = FaultyFileSystem.make(disk.fileSystem, ({ method, paths }) =>
        method === "rename" && paths[0] === baseRoot
          ? disk.fileSystem.makeDirectory(`${baseRoot}/2.0.0`)
          : Effect.void
      )
      const { text, exit } = yield* recordOutput(pass({ ...disk, fileSystem: fs }, []))
      assert.deepStrictEqual(Exit.isSuccess(exit) ? exit.value.removed : exit, [])
      assert.include(
        text,
        "kept alpha@openai-curated-remote in the cache: it changed during this pass"
      )
      assert.deepStrictEqual((yield* disk.fileSystem.readDirectory(baseRoot)).toSorted(), [
        InstallMetadata.fileName,
        "1.0.0",
        "2.0.0"
      ])
    })
  )

  it.effect("gives the reason for each removal", () =>
    Effect.gen(function* () {
      const disk = yield* MemoryFileSystem.make()
      yield* disk.fileSystem.makeDirectory(root)
      yield* pass(disk, [build("A", "1.0.0")])
      yield* disk.fileSystem.writeFileString(
        `${CacheContents.cacheRoot}/openai-curated-remote/x`,
        ""
      )
      const { text } = yield* recordOutput(pass(disk, []))
      assert.include(
        text,
        "removed alpha@openai-curated-remote from the cache: uninstalled upstream"
      )
      assert.include(text, "removed x@openai-curated-remote from the cache: not a plugin")
    })
  )
})
