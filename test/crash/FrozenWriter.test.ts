/**
 * A pass that is frozen, taken for dead by another process, and that wakes up when the other one has
 * made a pass for a changed account. The two processes share no lock, as on two machines whose file
 * system has none that work across them.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import "../support/withoutStacks.ts"
import { firstOfItsKind } from "../support/fingerprints.ts"
import * as CacheTruth from "../support/cacheTruth.ts"
import * as Answers from "../support/answers.ts"
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

const changesOrSeesCache = ({ operation: { change, paths } }: Answers.Before) =>
  change !== undefined || paths.some((path) => path.startsWith(CacheTruth.cacheRoot))

/**
 * The operations of a pass that change the disk or see the cache, as groups: each begins with one of
 * these and ends before the next.
 */
const groupsOf = Effect.fnUntraced(function* (start: Disk, builds: ReadonlyArray<Build>) {
  const operations = yield* Answers.operationsOf(start, (disk) => pass(disk, builds))
  const groups: Array<[Answers.Before, ...Array<Answers.Before>]> = []
  for (const operation of operations) {
    if (changesOrSeesCache(operation)) groups.push([operation])
    else groups.at(-1)?.push(operation)
  }
  return groups
})

/** True if all operations only read, and find the same on another disk. */
const isSameFor = Effect.fnUntraced(function* (
  operations: ReadonlyArray<Answers.Before>,
  other: Disk
) {
  for (const { disk, operation } of operations)
    if (!(yield* Answers.isSameOn(operation, disk, other))) return false
  return true
})

describe("a pass that is frozen before any step never mislabels a plugin when it wakes up after a pass for a changed account", () => {
  let points = 0
  let runs = 0
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
        const look = (disk: Disk, operation: number, when: string) => {
          if (!isNew(disk)) return
          assert.deepStrictEqual(
            CacheTruth.violations(CacheTruth.read(disk)),
            [],
            `frozen before operation ${operation}, ${when}`
          )
        }
        const context = yield* Effect.context<never>()
        /** The other process has nothing of the frozen fiber, such as its claims. */
        const otherPass = (disk: Disk) =>
          Effect.orDie(pass(disk, after)).pipe(Effect.updateContext<never, never>(() => context))
        const groups = yield* groupsOf(start, frozen)
        const afterOthers = new Map<Disk, Disk>()
        for (const [nth, group] of groups.entries()) {
          const [{ disk: before, operation: first }] = group
          const operation = first.index
          points++
          if (nth < groups.length - 1 && group.every(Answers.isRead)) {
            let other = afterOthers.get(before)
            if (other === undefined) {
              afterOthers.set(before, (other = before.clone()))
              yield* otherPass(other)
              look(other, operation, "after the other pass")
            }
            // It is the same before the next group, if this one does not notice the other pass.
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
          yield* Effect.exit(pass(watched(disk, hook), frozen))
          assert.isTrue(isAwake)
          look(disk, operation, "at its end")
          if (!isNewEnd(disk)) continue
          yield* pass(disk, after, Duration.zero)
          if (!isNewOutcome(disk)) continue
          assert.deepStrictEqual(yield* CacheTruth.differences(disk, after), [])
        }
      }),
      90_000
    )
  }

  afterAll(() => {
    console.log(`${points} points, ${runs} of them different`)
  })
})
