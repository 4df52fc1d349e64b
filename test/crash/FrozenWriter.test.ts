/**
 * A pass that is frozen, taken for dead by another process, and that wakes up when the other one has
 * made a pass for a changed account. The two processes share no lock, as on two machines whose file
 * system has none that work across them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { firstOfItsKind } from "../support/crashPoints.ts"
import * as CacheTruth from "../support/cacheTruth.ts"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import { type Build, build, pass, root } from "../support/pluginWorld.ts"

interface Scenario {
  readonly before: ReadonlyArray<Build>
  /** The plugins of the account when the pass begins that is frozen. */
  readonly frozen: ReadonlyArray<Build>
  /** The plugins of the account afterwards. */
  readonly after: ReadonlyArray<Build>
}

const [a1, a2] = [build("A", "1.0.0"), build("A", "2.0.0")]
const [b1, b2] = [build("B", "1.0.0"), build("B", "2.0.0")]
const c3 = build("C", "3.0.0")

const scenarios: Readonly<Record<string, Scenario>> = {
  "a first install, then a removal": { before: [], frozen: [a1], after: [] },
  "an upgrade, then another owner": { before: [a1], frozen: [a2], after: [b2] },
  "another owner, then the old one again": { before: [a1], frozen: [b1], after: [a1] },
  "another owner, then a third one with a greater version": {
    before: [a1],
    frozen: [b2],
    after: [c3]
  },
  "another owner, then a removal": { before: [a1], frozen: [b2], after: [] },
  "a downgrade under another owner, then the old one again": {
    before: [a2],
    frozen: [b1],
    after: [a2]
  },
  "a first install, then another owner's": { before: [], frozen: [a1], after: [b2] },
  "an upgrade, then a removal": { before: [a1], frozen: [a2], after: [] },
  "a downgrade, then an upgrade under another owner": { before: [a2], frozen: [a1], after: [c3] },
  "a removal, then an install under another owner": { before: [a1], frozen: [], after: [b1] }
}

type Disk = MemoryFileSystem.MemoryDisk

/** The disk, with a hook before each operation. */
const watched = (disk: Disk, hook: FaultyFileSystem.Hook): Disk => ({
  ...disk,
  fileSystem: FaultyFileSystem.make(disk.fileSystem, hook)
})

/** The operations of a pass that change the disk or see the cache. */
const operationsOf = Effect.fnUntraced(function* (start: Disk, builds: ReadonlyArray<Build>) {
  const operations: Array<number> = []
  const hook: FaultyFileSystem.Hook = ({ change, index, paths }) =>
    Effect.sync(() => {
      const seesCache = paths.some((path) => path.startsWith(CacheTruth.cacheRoot))
      if (change !== undefined || seesCache) operations.push(index)
    })
  yield* pass(watched(start.clone(), hook), builds)
  return operations
})

describe("a pass that is frozen before any step never mislabels a plugin when it wakes up after a pass for a changed account", () => {
  for (const [name, { after, before, frozen }] of Object.entries(scenarios)) {
    it.effect(
      name,
      Effect.fnUntraced(function* () {
        const start = yield* MemoryFileSystem.make()
        yield* start.fileSystem.makeDirectory(root)
        for (const build of before) yield* pass(start, [build])
        const isNew = firstOfItsKind()
        const isNewEnd = firstOfItsKind()
        const isNewOutcome = firstOfItsKind()
        for (const operation of yield* operationsOf(start, frozen)) {
          const disk = start.clone()
          let isAwake = false
          const look = (when: string) => {
            if (!isNew(disk)) return
            assert.deepStrictEqual(
              CacheTruth.violations(CacheTruth.read(disk)),
              [],
              `frozen before operation ${operation}, ${when}`
            )
          }
          const hook: FaultyFileSystem.Hook = ({ change, index, method }) =>
            Effect.gen(function* () {
              if (isAwake && change !== undefined) look(`awake before ${method}`)
              if (index !== operation) return
              yield* Effect.orDie(pass(disk, after))
              look("after the other pass")
              isAwake = true
            })
          yield* Effect.exit(pass(watched(disk, hook), frozen))
          assert.isTrue(isAwake)
          look("at its end")
          if (!isNewEnd(disk)) continue
          yield* pass(disk, after, Duration.zero)
          if (!isNewOutcome(disk)) continue
          assert.deepStrictEqual(yield* CacheTruth.differences(disk, after), [])
        }
      }),
      90_000
    )
  }
})
