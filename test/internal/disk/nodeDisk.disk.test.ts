/**
 * Stops, faults and other writers on a real disk, with the disk that the program uses. `test/crash` does the
 * same in memory at every single step, and adds power losses.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, type Exit, Fiber, Struct } from "effect"
import { TestClock } from "effect/testing"
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import * as Disk from "../../../src/internal/disk/Disk.ts"
import { Stopped } from "../../../src/testing/internal/stopped.ts"
import * as CacheContents from "../../support/cacheContents.ts"
import type * as FaultyDisk from "../../support/FaultyDisk.ts"
import * as FaultyFileSystem from "../../support/FaultyFileSystem.ts"
import { errorsOf } from "../../support/faults.ts"
import { withoutRandomNames } from "../../support/fingerprints.ts"
import {
  installs,
  performer,
  type Race,
  races,
  type Steps,
  unpacked
} from "../../support/otherWriter.ts"
import { layOut, open, pass, root } from "../../support/pluginWorld.ts"
import * as RealDisk from "../../support/realDisk.ts"
import { prepareOn, type Scenario, selectedScenarios, wantedBy } from "../../support/scenarios.ts"

/**
 * Some scenarios run on a disk, on which syncs take long and are made by threads. The others run on
 * `tmpfs`, on which all calls are made at once.
 */
const folderOf = (name: string) =>
  /^an upgrade under another identity$|^an uninstall$|^a removal amid/.test(name) ||
  !Fs.existsSync("/dev/shm")
    ? tmpdir()
    : "/dev/shm"

const onRealDisk = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.andThen(TestClock.setTime(Date.now() + 60_000), effect).pipe(
    Effect.scoped,
    Effect.provideService(Disk.Implementation, RealDisk.implementation)
  )

const isDiskBusy = () => process.getActiveResourcesInfo().includes("FSReqCallback")

/** Lets time pass whenever no call of the disk is under way. */
const attempt = Effect.fnUntraced(function* <A, E>(effect: Effect.Effect<A, E>) {
  const fiber = yield* Effect.forkChild(Effect.exit(Effect.timed(effect)))
  while (fiber.pollUnsafe() === undefined) {
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    if (!isDiskBusy()) yield* TestClock.adjust("100 millis")
  }
  return yield* Fiber.join(fiber)
})

/** True for the first of the disks that differ in no more than random names. */
const makeIsNew = () => {
  const known = new Set<string>()
  return (disk: RealDisk.RealDisk) => {
    const lines = Object.entries(disk.snapshot(`${root}/plugins`)).map(([path, entry]) => {
      const contents = entry.type === "File" ? Buffer.from(entry.bytes).toString("latin1") : ""
      return `${withoutRandomNames(path)} ${entry.type} ${entry.mode} ${contents}`
    })
    const { size } = known
    return known.add(lines.toSorted().join("\n")).size > size
  }
}

const prepare = Effect.fnUntraced(function* (scenario: Scenario, name: string) {
  const start = yield* RealDisk.make(folderOf(name))
  yield* prepareOn(start, scenario)
  return start
})

/** The changes that a scenario makes, and the builds that may be active after each. */
const observe = Effect.fnUntraced(function* (start: RealDisk.RealDisk, scenario: Scenario) {
  const changes: Array<FaultyDisk.Operation> = []
  const disk = start.clone((operation) => {
    if (operation.change !== undefined) changes.push(operation)
    return undefined
  })
  yield* actOf(scenario)(disk)
  const [before, after] = [start, disk].map((disk) =>
    CacheContents.activeOf(CacheContents.read(disk))
  )
  assert.isAbove(changes.length, 1)
  return { changes, after, allowed: [before, after, ...(scenario.between ?? [])] }
})

const recover = (scenario: Scenario) => (disk: RealDisk.RealDisk) =>
  pass(disk, wantedBy(scenario), scenario.retention)

const actOf = (scenario: Scenario) => scenario.act ?? recover(scenario)

const describeChange = ({ isHalf, method, paths }: FaultyDisk.Operation) =>
  `${isHalf ? "the second half of " : ""}${method} ${paths.map(withoutRandomNames).join(" ")}`

/** Fails unless the cache holds what it may hold amid a change, and the next pass repairs it. */
const makeCheck = (scenario: Scenario, allowed: ReadonlyArray<string | undefined>) => {
  const isNew = makeIsNew()
  return Effect.fnUntraced(function* (disk: RealDisk.RealDisk, at: string) {
    if (!isNew(disk)) return false
    const contents = CacheContents.read(disk)
    const violations = CacheContents.violations(contents)
    const isExpected = (violation: string) => violation === scenario.expectedViolation
    assert.deepStrictEqual(
      violations.filter((violation) => !isExpected(violation)),
      [],
      at
    )
    if (!violations.some(isExpected)) {
      assert.deepStrictEqual(yield* CacheContents.readerMistakes(disk, contents), [], at)
    }
    assert.include(allowed, CacheContents.activeOf(contents), at)
    const { failures } = yield* recover(scenario)(disk)
    assert.deepStrictEqual(failures, [], at)
    assert.deepStrictEqual(
      yield* CacheContents.differences(disk, wantedBy(scenario)),
      [],
      `${at}, after another pass`
    )
    return true
  })
}

const counts = { stops: 0, faults: 0, races: 0, disks: 0 }

afterAll(() => {
  const { disks, faults, races, stops } = counts
  console.log(`${stops} stops, ${faults} faults, ${races} races, ${disks} different disks`)
})

describe("on a real disk, a process that is stopped before or amid any change", () => {
  for (const [name, scenario] of Object.entries(selectedScenarios)) {
    it.effect(`leaves a cache that the next pass repairs: ${name}`, () =>
      Effect.gen(function* () {
        const start = yield* prepare(scenario, name)
        const { allowed, changes } = yield* observe(start, scenario)
        const check = makeCheck(scenario, allowed)
        for (const operation of changes) {
          counts.stops++
          const at = `stopped before ${describeChange(operation)}`
          let isStopped = false
          const disk = start.clone(({ change }) => {
            isStopped ||= change === operation.change
            return isStopped ? new Stopped() : undefined
          })
          const exit: Exit.Exit<unknown, unknown> = yield* attempt(actOf(scenario)(disk))
          assert.isTrue(FaultyFileSystem.isStopped(exit), at)
          if (yield* check(disk.withHook(), at)) counts.disks++
        }
      }).pipe(onRealDisk)
    )
  }
})

/** The errors of a disk, for one operation or from it on. */
const faults: ReadonlyArray<{
  readonly code: FaultyFileSystem.Code
  readonly for: "once" | "ever"
  readonly isPossible: (operation: FaultyDisk.Operation) => boolean
}> = [
  {
    code: "ENOSPC",
    for: "once",
    isPossible: ({ method }) => !["chmod", "remove", "touch"].includes(method)
  },
  { code: "EACCES", for: "ever", isPossible: ({ isHalf }) => !isHalf }
]

const expectedErrors = new Set(["PluginStoreError", "RemoteBundleError"])

describe("on a real disk that fails one change, or all from that one on", () => {
  for (const [name, scenario] of Object.entries(selectedScenarios)) {
    it.effect(`the cache stays right, and the next pass repairs it: ${name}`, () =>
      Effect.gen(function* () {
        const start = yield* prepare(scenario, name)
        const { after, allowed, changes } = yield* observe(start, scenario)
        const check = makeCheck(scenario, allowed)
        for (const operation of changes) {
          for (const { code, for: reach, isPossible } of faults) {
            if (!isPossible(operation)) continue
            counts.faults++
            const at = `${code} at ${describeChange(operation)}, for ${reach}`
            const disk = start.clone((current) => {
              const { change = -1, method, paths } = current
              return change === operation.change ||
                (reach === "ever" && change > operation.change! && isPossible(current))
                ? FaultyFileSystem.errno(code, method, paths[0] ?? "", paths[1])
                : undefined
            })
            const errors = errorsOf(yield* attempt(actOf(scenario)(disk)))
            for (const { _tag } of errors) assert.isTrue(expectedErrors.has(_tag), `${at}: ${_tag}`)
            const active = CacheContents.activeOf(CacheContents.read(disk))
            // A change without errors must have had its effect.
            if (errors.length === 0) assert.strictEqual(active, after, at)
            if (yield* check(disk.withHook(), at)) counts.disks++
          }
        }
      }).pipe(onRealDisk)
    )
  }
})

const selectedRaces: Readonly<Record<string, Race>> = Struct.pick(races, [
  "a first install",
  "a downgrade under another identity",
  "a removal amid an upgrade"
])

/** The numbers of steps of another writer after each of which the home is another one. */
const stepsInHome = Effect.fnUntraced(function* (start: RealDisk.RealDisk, codex: Steps) {
  const disk = start.clone()
  const isNew = makeIsNew()
  isNew(disk)
  const perform = performer()
  const steps = codex(disk.fileSystem)
  const counts = yield* Effect.forEach(steps, (step, nth) =>
    Effect.map(perform([step]), () => (isNew(disk) ? nth + 1 : 0))
  )
  return counts.filter((count) => count > 0)
})

describe("on a real disk, another writer that acts before any operation of a pass", () => {
  for (const [name, race] of Object.entries(selectedRaces)) {
    it.effect(`does not make it go wrong: ${name}`, () =>
      Effect.gen(function* () {
        const { after, before, codex = installs(after) } = race
        const start = yield* prepare({ before, after }, name)
        const services = yield* Effect.scoped(open(start.fileSystem))
        yield* Effect.provideContext(layOut(after, unpacked), services)
        const operations: Array<FaultyDisk.Operation> = []
        const watched = start.clone((operation) => {
          const isInCache = operation.paths.some((path) => path.startsWith(CacheContents.cacheRoot))
          if (isInCache && !operation.isHalf) operations.push(operation)
          return undefined
        })
        yield* pass(watched, [after])
        const isNew = makeIsNew()
        const stops = yield* stepsInHome(start, codex)
        assert.isNotEmpty(stops)
        for (const { index } of operations) {
          for (const done of stops) {
            counts.races++
            const at = `before operation ${index}, ${done} steps`
            const disk = start.clone()
            const steps = codex(disk.fileSystem)
            const perform = performer()
            const raced = disk.withHook((operation) => {
              if (operation.index === index) Effect.runSync(perform(steps.slice(0, done)))
              return undefined
            })
            assert.deepStrictEqual((yield* pass(raced, [after])).failures, [], at)
            yield* perform(steps.slice(done))
            if (!isNew(disk)) continue
            counts.disks++
            assert.deepStrictEqual(CacheContents.violations(CacheContents.read(disk)), [], at)
            assert.deepStrictEqual((yield* pass(disk, [after])).failures, [], at)
            assert.deepStrictEqual(yield* CacheContents.differences(disk, [after]), [], at)
          }
        }
      }).pipe(onRealDisk)
    )
  }
})
