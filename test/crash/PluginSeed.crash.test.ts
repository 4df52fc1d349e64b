/**
 * The seeding of a home, stopped at every step.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Path } from "effect"
import * as CacheLock from "../../src/CacheLock.ts"
import * as CodexHome from "../../src/CodexHome.ts"
import * as PluginSeed from "../../src/PluginSeed.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../support/cacheContents.ts"
import { powerLosses, record } from "../support/crashPoints.ts"
import { fingerprint } from "../support/fingerprints.ts"
import { build, layOut, marketplace, pass, pluginId, root } from "../support/pluginWorld.ts"

type Disk = MemoryFileSystem.MemoryDisk

const remote = [build("A", "1.0.0", "first"), build("B", "2.0.0", "second")]
const local = build(null, "1.0.0", "mine")
const names = ["first", "mine", "second"]
const from = "/seed"

const onDisk = (disk: Disk) => Layer.merge(MemoryFileSystem.layerOf(disk), Path.layer)

const prepare = Effect.gen(function* () {
  const disk = yield* MemoryFileSystem.make()
  const fs = disk.fileSystem
  yield* fs.makeDirectory(root)
  yield* pass(disk, remote)
  const mine = `${CacheContents.cacheRoot}/${marketplace}/mine`
  yield* fs.makeDirectory(mine)
  yield* Effect.provide(layOut(local, `${mine}/1.0.0`), onDisk(disk))
  yield* fs.rename(root, from)
  yield* fs.makeDirectory(root)
  disk.sync()
  return disk
})

const seed = (disk: Disk) =>
  Effect.gen(function* () {
    const { seed } = yield* PluginSeed.PluginSeed
    const outcome = yield* seed({ from })
    yield* Effect.flatMap(PluginStore.PluginStore, ({ sweep }) => sweep)
    return outcome
  }).pipe(
    Effect.provide(
      PluginSeed.layer.pipe(
        Layer.provideMerge(PluginStore.layer),
        Layer.provideMerge(CacheLock.layerInProcess),
        Layer.provide(CodexHome.layerAt(root)),
        Layer.provide(onDisk(disk))
      ),
      { local: true }
    ),
    Effect.withTracerEnabled(false)
  )

/** The names of the plugins that are cached. Each must be complete and have the right identity. */
const present = Effect.fnUntraced(function* (disk: Disk, at: string) {
  const contents = CacheContents.read(disk)
  assert.deepStrictEqual(CacheContents.violations(contents), [], at)
  assert.deepStrictEqual(yield* CacheContents.readerMistakes(disk, contents), [], at)
  return names.filter((name) => {
    const active = CacheContents.activeOf(contents, name)
    const expected = [...remote, local].find((build) => build.name === name)!
    assert.include(["absent", `${expected.owner}/${expected.version}`], active, `${name} ${at}`)
    if (active === "absent") return false
    const sidecar = contents.plugins.find((plugin) => plugin.name === name)?.sidecar
    assert.strictEqual(sidecar, expected.owner ?? undefined, `${name} ${at}`)
    return true
  })
})

describe("the seeding of a home, stopped at every step", { timeout: 60_000 }, () => {
  it.effect("leaves each plugin absent or complete, and the next seeding finishes the work", () =>
    Effect.gen(function* () {
      const start = yield* prepare
      const { exit, points } = yield* record(start, seed)
      if (exit._tag !== "Success") return yield* Effect.failCause(exit.cause)
      assert.deepStrictEqual(
        exit.value.seeded.map(({ pluginId }) => pluginId),
        names.map(pluginId)
      )
      const seen = new Set<string>()
      const counts = new Set<number>()
      for (const point of points.flatMap((point) => [point, ...powerLosses(point, 2)])) {
        const { at, disk } = point
        const name = fingerprint(disk)
        if (seen.has(name)) continue
        seen.add(name)
        const before = yield* present(disk, at)
        counts.add(before.length)
        const { failures, kept, seeded, skipped } = yield* seed(disk)
        assert.deepStrictEqual([failures, skipped], [[], []], at)
        assert.deepStrictEqual(kept, before.map(pluginId), at)
        assert.lengthOf(seeded, names.length - before.length, at)
        assert.deepStrictEqual(yield* present(disk, at), names, at)
        assert.deepStrictEqual(CacheContents.read(disk).staged, [], at)
      }
      // Some disks have none of the plugins, some a part of them, some all.
      assert.deepStrictEqual([...counts].toSorted(), [0, 1, 2, 3])
      console.log(`${points.length} kills, ${seen.size} different disks`)
    })
  )
})
