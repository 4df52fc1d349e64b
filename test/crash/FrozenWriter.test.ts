/**
 * A pass is frozen, another process takes it for dead and makes a pass for a changed account, and then
 * the first pass wakes up. The two processes share no lock, as on two machines whose shared file system
 * has no locks that work across machines.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import "../support/withoutStacks.ts"
import { makeIsNew } from "../support/fingerprints.ts"
import * as CacheContents from "../support/cacheContents.ts"
import * as DiskReads from "../support/diskReads.ts"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import { type Build, build, pass } from "../support/pluginWorld.ts"
import { a1, a2, b1, b2, cached } from "../support/scenarios.ts"

interface Scenario {
  readonly before: ReadonlyArray<Build>
  /** The account's plugins when the frozen pass begins. */
  readonly frozen: ReadonlyArray<Build>
  /** The account's plugins afterwards. */
  readonly after: ReadonlyArray<Build>
}

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

const changesDiskOrReadsCache = ({ operation: { change, paths } }: DiskReads.Before) =>
  change !== undefined || paths.some((path) => path.startsWith(CacheContents.cacheRoot))

/**
 * The operations of a pass in groups. Each group begins with an operation that changes the disk or reads
 * the cache and ends before the next such operation.
 */
const groupsOf = Effect.fnUntraced(function* (start: Disk, builds: ReadonlyArray<Build>) {
  const operations = yield* DiskReads.operationsOf(start, (disk) => pass(disk, builds))
  const groups: Array<[DiskReads.Before, ...Array<DiskReads.Before>]> = []
  for (const operation of operations) {
    if (changesDiskOrReadsCache(operation)) groups.push([operation])
    else groups.at(-1)?.push(operation)
  }
  return groups
})

/** True if all operations only read and have the same results on another disk. */
const isSameFor = Effect.fnUntraced(function* (
  operations: ReadonlyArray<DiskReads.Before>,
  other: Disk
) {
  for (const { disk, operation } of operations)
    if (!(yield* DiskReads.isSameOn(operation, disk, other))) return false
  return true
})

describe("a pass that wakes up after another pass for a changed account", () => {
  let points = 0
  let runs = 0
  for (const [name, { after, before, frozen }] of Object.entries(scenarios)) {
    it.effect(
      `mislabels no plugin, before whichever step it was frozen: ${name}`,
      Effect.fnUntraced(function* () {
        const start = yield* cached(...before)
        const isNew = makeIsNew()
        const isNewEnd = makeIsNew()
        const isNewOutcome = makeIsNew()
        const look = (disk: Disk, operation: number, when: string) => {
          if (!isNew(disk)) return
          assert.deepStrictEqual(
            CacheContents.violations(CacheContents.read(disk)),
            [],
            `frozen before operation ${operation}, ${when}`
          )
        }
        const context = yield* Effect.context<never>()
        // The other process must not inherit the frozen fiber's context, such as its claims.
        const otherPass = (disk: Disk) =>
          Effect.orDie(pass(disk, after)).pipe(Effect.updateContext<never, never>(() => context))
        const groups = yield* groupsOf(start, frozen)
        const afterOthers = new Map<Disk, Disk>()
        for (const [nth, group] of groups.entries()) {
          const [{ disk: before, operation: first }] = group
          const operation = first.index
          points++
          if (nth < groups.length - 1 && group.every(DiskReads.isRead)) {
            let other = afterOthers.get(before)
            if (other === undefined) {
              afterOthers.set(before, (other = before.clone()))
              yield* otherPass(other)
              look(other, operation, "after the other pass")
            }
            // If this group does not notice the other pass, freezing before the next group is equivalent.
            if (yield* isSameFor(group, other)) continue
          }
          runs++
          const disk = start.clone()
          let isAwake = false
          const hook: FaultyFileSystem.Hook = ({ change, index, method }) =>
            Effect.gen(function* () {
              if (isAwake && change !== undefined) look(disk, operation, `awake before ${method}`)
              if (index !== operation) return
              yield* otherPass(disk)
              look(disk, operation, "after the other pass")
              isAwake = true
            })
          yield* Effect.exit(pass(FaultyFileSystem.withHook(disk, hook), frozen))
          assert.isTrue(isAwake)
          look(disk, operation, "at its end")
          if (!isNewEnd(disk)) continue
          yield* pass(disk, after, Duration.zero)
          if (!isNewOutcome(disk)) continue
          assert.deepStrictEqual(yield* CacheContents.differences(disk, after), [])
        }
      }),
      90_000
    )
  }

  afterAll(() => {
    console.log(`${points} points, ${runs} of them different`)
  })
})
