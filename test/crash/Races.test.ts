/**
 * Another writer that takes no lock, such as Codex, acts between any two steps of a pass.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as DiskReads from "../support/diskReads.ts"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../support/cacheContents.ts"
import "../support/withoutStacks.ts"
import { makeIsNew } from "../support/fingerprints.ts"
import { type Build, layOut, open, pass, root } from "../support/pluginWorld.ts"
import {
  installs,
  performer,
  type Race,
  races,
  type Steps,
  unpacked
} from "../support/otherWriter.ts"
import { cached } from "../support/scenarios.ts"

type Disk = MemoryFileSystem.MemoryDisk

/** The operations of a pass that read or change the cache. */
const operationsOf = (start: Disk, after: Build) =>
  Effect.map(
    DiskReads.operationsOf(start, (disk) => pass(disk, [after])),
    (operations) =>
      operations.filter(({ operation: { paths } }) =>
        paths.some((path) => path.startsWith(CacheContents.cacheRoot))
      )
  )

/**
 * Makes all steps of another writer and returns, for each, whether it reads or changes the home. A step
 * that does neither has the same effect after the pass.
 */
const stepsInHome = Effect.fnUntraced(function* (disk: Disk, codex: Steps) {
  let isInHome = false
  const fs = FaultyFileSystem.make(disk.clone().fileSystem, ({ paths }) =>
    Effect.sync(() => {
      isInHome ||= paths.some((path) => path === root || path.startsWith(`${root}/`))
    })
  )
  const perform = performer()
  return yield* Effect.forEach(codex(fs), (step) =>
    Effect.suspend(() => {
      isInHome = false
      return Effect.map(perform([step]), () => isInHome)
    })
  )
})

describe("another writer that acts between any two steps of a pass, or finishes after it", () => {
  let points = 0
  let runs = 0
  for (const [name, race] of Object.entries<Race>(races)) {
    const { after, before, codex = installs(after) } = race
    it.effect(
      `leaves a consistent cache, which the next pass completes: ${name}`,
      Effect.fnUntraced(function* () {
        const start = yield* cached(...before)
        const services = yield* Effect.scoped(open(start.fileSystem))
        yield* Effect.provideContext(layOut(after, unpacked), services)

        const count = codex(start.fileSystem).length
        const isNew = makeIsNew()
        const isNewOutcome = makeIsNew()
        const operations = yield* operationsOf(start, after)
        for (const [nth, { disk: before, operation }] of operations.entries()) {
          const inHome = yield* stepsInHome(before, codex)
          for (let done = 1; done <= count; done++) {
            points++
            if (inHome[done - 1] === false && done > 1) continue
            if (nth < operations.length - 1) {
              // If this operation does not notice the steps, making them before the next one is equivalent.
              const stepped = before.clone()
              yield* performer()(codex(stepped.fileSystem).slice(0, done))
              if (yield* DiskReads.isSameOn(operation, before, stepped)) continue
            }
            runs++
            const at = `before operation ${operation.index}, ${done} of ${count} steps`
            const disk = start.clone()
            const steps = codex(disk.fileSystem)
            const perform = performer()
            const race = Effect.suspend(() => perform(steps.slice(0, done)))
            const raced = FaultyFileSystem.withHook(disk, ({ index }) =>
              index === operation.index ? race : Effect.void
            )
            const { failures } = yield* pass(raced, [after])
            assert.deepStrictEqual(failures, [], at)
            yield* perform(steps.slice(done))
            if (!isNew(disk)) continue
            assert.deepStrictEqual(CacheContents.violations(CacheContents.read(disk)), [], at)
            const next = yield* pass(disk, [after])
            assert.deepStrictEqual(next.failures, [], at)
            if (!isNewOutcome(disk)) continue
            assert.deepStrictEqual(yield* CacheContents.differences(disk, [after]), [], at)
          }
        }
      }),
      30_000
    )
  }

  afterAll(() => {
    console.log(`${points} points, ${runs} of them different`)
  })
})
