/**
 * Each change of the cache, stopped at every step by a kill or a power loss.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect, Option } from "effect"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../support/cacheContents.ts"
import { type Point, powerLosses, record } from "../support/crashPoints.ts"
import { description, makeIsNew } from "../support/fingerprints.ts"
import { build, layOut, open, pass, passOnNew } from "../support/pluginWorld.ts"
import {
  a1,
  b1,
  baseRoot,
  prepareSynced,
  type Scenario,
  scenarios,
  wantedBy,
  writeIdentity
} from "../support/scenarios.ts"

type Disk = MemoryFileSystem.MemoryDisk

const totals = { kills: 0, losses: 0, recoveries: 0, passes: 0 }

describe("a change of the cache, stopped at every step", { timeout: 60_000 }, () => {
  for (const [name, scenario] of Object.entries<Scenario>(scenarios)) {
    it.effect(`leaves a consistent cache, which the next pass completes: ${name}`, () =>
      Effect.gen(function* () {
        const { between = [], retention, expectedViolation } = scenario
        const wanted = wantedBy(scenario)
        const ordinary = (disk: Disk) => pass(disk, wanted, retention)
        const act = scenario.act ?? ordinary
        const start = yield* prepareSynced(scenario)
        const { exit, points } = yield* record(start, act)
        assert.strictEqual(exit._tag, "Success")
        const allowed = [
          CacheContents.activeOf(CacheContents.read(start)),
          CacheContents.activeOf(CacheContents.read(points.at(-1)!.disk)),
          ...between
        ]

        const isNew = makeIsNew()
        const isNewRecovery = makeIsNew()
        const isNewOutcome = makeIsNew()
        const check = Effect.fnUntraced(function* ({ at, disk }: Point) {
          if (!isNew(disk)) return
          const contents = CacheContents.read(disk)
          assert.include(allowed, CacheContents.activeOf(contents), at)
          const wrong = CacheContents.violations(contents).filter(
            (wrong) => wrong !== expectedViolation
          )
          assert.deepStrictEqual(wrong, [], at)
          assert.deepStrictEqual(yield* CacheContents.readerMistakes(disk, contents), [], at)

          totals.recoveries++
          const again = disk.clone()
          if (scenario.act !== undefined) {
            yield* act(again)
            assert.strictEqual(CacheContents.activeOf(CacheContents.read(again)), allowed[1], at)
          }
          const outcome = yield* passOnNew(isNewRecovery, again, wanted, retention)
          if (Option.isNone(outcome)) return
          totals.passes++
          assert.deepStrictEqual(outcome.value.failures, [], at)
          if (!isNewOutcome(again)) return
          assert.deepStrictEqual(yield* CacheContents.differences(again, wanted), [], at)
          const steps = again.steps()
          assert.lengthOf((yield* ordinary(again)).kept, wanted.length, at)
          assert.strictEqual(again.steps(), steps, at)
        })

        for (const point of points) {
          totals.kills++
          yield* check(point)
          for (const lost of powerLosses(point, 4)) {
            totals.losses++
            yield* check(lost)
          }
        }
      })
    )
  }

  it.effect(
    "leaves a consistent cache for a new version among any others, even without a total order",
    Effect.fnUntraced(function* () {
      // 10.0.0 is above 9.0.0, which is above 5x, which is above 10.0.0.
      const names = ["10.0.0", "9.0.0", "5x", "local"]
      const subsets = Arr.makeBy(2 ** names.length - 1, (bits) =>
        names.filter((_, index) => ((bits + 1) >> index) & 1)
      )
      const empty = yield* prepareSynced({ before: [] })
      const isNew = makeIsNew()
      for (const versions of subsets) {
        for (const [index, name] of names.entries()) {
          const start = empty.clone()
          const services = yield* Effect.scoped(open(start.fileSystem))
          yield* start.fileSystem.makeDirectory(baseRoot, { recursive: true })
          // Versions have different owners, as after a change of identity.
          for (const [n, version] of versions.entries()) {
            const owner = (n + index) % 2 === 0 ? "A" : "B"
            yield* Effect.provideContext(
              layOut(build(owner, version), `${baseRoot}/${version}`),
              services
            )
          }
          const [owner = "A"] = CacheContents.activeOf(CacheContents.read(start)).split("/")
          yield* writeIdentity(start, owner)
          const wanted = build(owner, name)
          const { points } = yield* record(start, (disk) => pass(disk, [wanted]))
          for (const { at, disk } of points) {
            totals.kills++
            if (!isNew(disk)) continue
            assert.deepStrictEqual(
              CacheContents.violations(CacheContents.read(disk)),
              [],
              `${name} among ${versions.join(", ")}: ${at}`
            )
          }
          const last = points.at(-1)!.disk
          assert.deepStrictEqual(yield* CacheContents.differences(last, [wanted]), [])
        }
      }
    })
  )

  it.effect(
    "keeps the mark of an uncertain identity as long as a power loss can restore the old files",
    () =>
      Effect.gen(function* () {
        const start = yield* prepareSynced({ before: [a1] })
        const { points } = yield* record(start, (disk) => pass(disk, [b1]))
        let tried = 0
        const isNew = makeIsNew()
        const isNewRecovery = makeIsNew()
        const isNewOutcome = makeIsNew()
        for (const { at, disk } of points) {
          if (!description(disk).includes("-in-doubt-")) continue
          disk.sync()
          // Codex removes plugins in this way and syncs nothing.
          yield* disk.fileSystem.remove(baseRoot, { recursive: true })
          const next = yield* record(disk, (disk) => pass(disk, []))
          for (const lost of next.points.flatMap((point) => powerLosses(point, 0))) {
            if (!isNew(lost.disk)) continue
            tried++
            const wanted = [build("C", "1.0.0")]
            const outcome = yield* passOnNew(isNewRecovery, lost.disk, wanted)
            if (Option.isNone(outcome)) continue
            assert.deepStrictEqual(outcome.value.failures, [], `${at}, then ${lost.at}`)
            if (!isNewOutcome(lost.disk)) continue
            assert.deepStrictEqual(
              yield* CacheContents.differences(lost.disk, wanted),
              [],
              `${at}, then ${lost.at}`
            )
          }
        }
        assert.isAbove(tried, 1)
      })
  )

  afterAll(() => {
    const { kills, losses, passes, recoveries } = totals
    console.log(
      `${kills} kills, ${losses} power losses, ${recoveries} different disks, ${passes} after a sweep`
    )
  })
})
