import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, FileSystem } from "effect"
import { TestClock } from "effect/testing"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import { backend, curated, plugin, provide, sync } from "./support/pluginSyncs.ts"
import { pluginId } from "./support/pluginWorld.ts"

describe("PluginSync.sync, for superseded versions", () => {
  const alpha = plugin({ name: "alpha" })
  const cachedVersions = Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const names = yield* fs.readDirectory(`${curated}/alpha`)
    return names.filter((name) => name !== InstallMetadata.fileName).toSorted()
  })
  const release = (version: string) =>
    Effect.gen(function* () {
      const { update } = yield* backend
      yield* update(alpha.id, { version })
      return yield* sync
    })

  it.effect(
    "keeps them for a day unless told otherwise",
    Effect.fnUntraced(
      function* () {
        yield* sync
        yield* TestClock.adjust("1 hour")
        yield* release("2.0.0")
        yield* TestClock.adjust(Duration.subtract(PluginSync.defaultRetention, Duration.millis(1)))
        assert.deepStrictEqual((yield* sync).pruned, [])
        assert.deepStrictEqual(yield* cachedVersions, ["1.0.0", "2.0.0"])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual<unknown>((yield* sync).pruned, [
          { pluginId: pluginId("alpha"), version: "1.0.0" }
        ])
        assert.deepStrictEqual(yield* cachedVersions, ["2.0.0"])
      },
      provide({ plugins: [alpha] })
    )
  )

  it.effect(
    "keeps each version for a day from the time it was superseded",
    Effect.fnUntraced(
      function* () {
        yield* sync
        yield* release("2.0.0")
        yield* TestClock.adjust("25 hours")
        const { pruned } = yield* release("3.0.0")
        assert.lengthOf(pruned, 1)
        assert.deepStrictEqual(yield* cachedVersions, ["2.0.0", "3.0.0"])
      },
      provide({ plugins: [alpha] })
    )
  )

  it.effect(
    "keeps them as long as the option says",
    Effect.fnUntraced(
      function* () {
        yield* sync
        yield* release("2.0.0")
        yield* TestClock.adjust("59 seconds")
        assert.deepStrictEqual((yield* sync).pruned, [])
        yield* TestClock.adjust("1 seconds")
        assert.lengthOf((yield* sync).pruned, 1)
      },
      provide({ plugins: [alpha], retention: Duration.minutes(1) })
    )
  )

  it.effect(
    "prunes them in the pass that supersedes them if the retention is zero",
    Effect.fnUntraced(
      function* () {
        yield* sync
        const { installed, pruned } = yield* release("2.0.0")
        assert.deepStrictEqual(installed, [pluginId("alpha")])
        assert.deepStrictEqual<unknown>(pruned, [{ pluginId: pluginId("alpha"), version: "1.0.0" }])
        assert.deepStrictEqual(yield* cachedVersions, ["2.0.0"])
        assert.deepStrictEqual((yield* release("1.5.0")).pruned, [])
        assert.deepStrictEqual(yield* cachedVersions, ["1.5.0"])
      },
      provide({ plugins: [alpha], retention: Duration.zero })
    )
  )

  it.effect(
    "keeps the active version if the retention is zero and the new one fails",
    Effect.fnUntraced(
      function* () {
        yield* sync
        const { when } = yield* backend
        yield* when({ kind: "bundle" }, TestReply.status(404))
        const { failures, pruned } = yield* release("2.0.0")
        assert.lengthOf(failures, 1)
        assert.deepStrictEqual(pruned, [])
        assert.deepStrictEqual(yield* cachedVersions, ["1.0.0"])
      },
      provide({ plugins: [alpha], retention: Duration.zero })
    )
  )
})
