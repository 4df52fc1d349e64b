/**
 * A cache that came with a container image, on an overlay file system that cannot rename the image's
 * folders.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Struct } from "effect"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../support/cacheContents.ts"
import { powerLosses, record } from "../support/crashPoints.ts"
import { attempt, errorsOf } from "../support/faults.ts"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import { makeIsNew } from "../support/fingerprints.ts"
import { pass, passOnNew } from "../support/pluginWorld.ts"
import {
  baseRoot,
  prepare,
  type Scenario,
  scenarios,
  selectedScenarios,
  wantedBy
} from "../support/scenarios.ts"

type Disk = MemoryFileSystem.MemoryDisk

/**
 * Refuses to rename the folders that the cache has now, as an overlay file system refuses to rename the
 * folders of an image.
 */
const imageFolders = (start: Disk): FaultyFileSystem.Hook => {
  const folders = new Set(
    Object.entries(start.snapshot(CacheContents.cacheRoot))
      .filter(([, { type }]) => type === "Directory")
      .map(([path]) => path)
  )
  return ({ method, paths: [from = "", to] }) =>
    method === "rename" && folders.has(from)
      ? Effect.fail(FaultyFileSystem.errno("EXDEV", method, from, to))
      : Effect.void
}

const imageScenarios: Readonly<Record<string, Scenario>> = {
  ...selectedScenarios,
  ...Struct.pick(scenarios, ["a repair of the same version"])
}

/**
 * The violations other than an incomplete version without a manifest. Such a version is being deleted in
 * place, and readers treat it as broken.
 */
const violationsOf = (disk: Disk, contents: CacheContents.CacheContents) =>
  CacheContents.violations(contents).filter((violation) => {
    const [, version] = /^alpha (\S+) is incomplete$/.exec(violation) ?? []
    const manifest = `${baseRoot}/${version}/.codex-plugin/plugin.json`
    return version === undefined || manifest in disk.snapshot(CacheContents.cacheRoot)
  })

describe("a cache that came with an overlay image", { timeout: 60_000 }, () => {
  for (const [name, scenario] of Object.entries(imageScenarios)) {
    const start = prepare(scenario)
    const wanted = wantedBy(scenario)
    const ordinary = (disk: Disk) => pass(disk, wanted, scenario.retention)
    const act = scenario.act ?? ordinary

    it.effect(
      `allows ${name}`,
      Effect.fnUntraced(function* () {
        const disk = yield* start
        const exit = yield* attempt(act(FaultyFileSystem.withHook(disk, imageFolders(disk))))
        assert.deepStrictEqual(errorsOf(exit), [])
        const contents = CacheContents.read(disk)
        assert.deepStrictEqual(CacheContents.violations(contents), [])
        assert.deepStrictEqual(yield* CacheContents.readerMistakes(disk, contents), [])
        assert.deepStrictEqual(contents.staged, [])
        if (scenario.act === undefined) {
          assert.deepStrictEqual(yield* CacheContents.differences(disk, wanted), [])
        }
      })
    )

    it.effect(
      `keeps identities right if a process stops or the power fails at any step of ${name}`,
      Effect.fnUntraced(function* () {
        const disk = yield* start
        const image = imageFolders(disk)
        const { points } = yield* record(disk, (disk) =>
          attempt(act(FaultyFileSystem.withHook(disk, image)))
        )
        assert.isAbove(points.length, 1)
        const isNew = makeIsNew()
        const isNewRecovery = makeIsNew()
        const isNewOutcome = makeIsNew()
        for (const point of points) {
          for (const { at, disk } of [point, ...powerLosses(point, 2)]) {
            if (!isNew(disk)) continue
            const contents = CacheContents.read(disk)
            assert.deepStrictEqual(violationsOf(disk, contents), [], at)
            assert.deepStrictEqual(yield* CacheContents.readerMistakes(disk, contents), [], at)
            const recovering = FaultyFileSystem.withHook(disk, image)
            const outcome = yield* passOnNew(isNewRecovery, recovering, wanted, scenario.retention)
            if (Option.isNone(outcome) || !isNewOutcome(disk)) continue
            assert.deepStrictEqual(yield* CacheContents.differences(disk, wanted), [], at)
          }
        }
      })
    )
  }
})
