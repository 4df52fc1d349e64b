/**
 * Another writer that takes no lock, such as Codex, acts between any two steps of a pass.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, type FileSystem, Option, type PlatformError, Schema } from "effect"
import * as InstallMetadata from "../../src/InstallMetadata.ts"
import * as PluginVersion from "../../src/PluginVersion.ts"
import * as DiskReads from "../support/diskReads.ts"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../support/cacheContents.ts"
import "../support/withoutStacks.ts"
import { makeIsNew } from "../support/fingerprints.ts"
import {
  type Build,
  layOut,
  open,
  pass,
  remoteId,
  root,
  versionOf
} from "../support/pluginWorld.ts"
import { a1, a2, a3, b1, b2, baseRoot, cached, sidecar } from "../support/scenarios.ts"

type Disk = MemoryFileSystem.MemoryDisk

type Step = Effect.Effect<void, PlatformError.PlatformError>

/** A bundle that Codex has unpacked already, and the path to which it moves a plugin's folder. */
const unpacked = "/unpacked"
const backup = "/backup"

/**
 * The steps of Codex for one installed plugin. If the version is active, Codex writes the sidecar. If the
 * version exists beside a greater one, it replaces the plugin's folder. Otherwise it moves the version
 * into the folder and removes the other versions.
 */
const installs =
  (wanted: Build) =>
  (fs: FileSystem.FileSystem): ReadonlyArray<Step> => {
    const isVersion = Schema.is(PluginVersion.PluginVersion)
    const cachedVersions = Effect.map(
      Effect.orElseSucceed(fs.readDirectory(baseRoot), () => []),
      (names) => names.filter((name) => name !== InstallMetadata.fileName).filter(isVersion)
    )
    let way: "keep" | "replace" | "add" = "add"
    const unlessKept = (step: Step) => Effect.suspend(() => (way === "keep" ? Effect.void : step))
    return [
      Effect.map(cachedVersions, (versions) => {
        const isActive = Option.contains(PluginVersion.active(versions), versionOf(wanted))
        way = isActive ? "keep" : versions.includes(versionOf(wanted)) ? "replace" : "add"
      }),
      Effect.suspend(() => (way === "replace" ? fs.rename(baseRoot, backup) : Effect.void)),
      unlessKept(
        Effect.andThen(
          fs.makeDirectory(baseRoot, { recursive: true }),
          fs.rename(unpacked, `${baseRoot}/${wanted.version}`)
        )
      ),
      unlessKept(
        Effect.flatMap(cachedVersions, (versions) =>
          Effect.forEach(
            versions.filter((version) => version !== wanted.version),
            (version) => fs.remove(`${baseRoot}/${version}`, { recursive: true }),
            { discard: true }
          )
        )
      ),
      fs.remove(backup, { recursive: true, force: true }),
      fs.writeFileString("/sidecar", InstallMetadata.encode(remoteId(wanted.owner ?? "")), {
        mode: InstallMetadata.fileMode
      }),
      Effect.flatMap(cachedVersions, (versions) =>
        versions.length === 0 ? Effect.void : fs.rename("/sidecar", sidecar)
      )
    ]
  }

const uninstalls = (fs: FileSystem.FileSystem): ReadonlyArray<Step> => [
  fs.remove(baseRoot, { recursive: true })
]

interface Scenario {
  readonly before: ReadonlyArray<Build>
  /** The account's plugin. Both writers make a pass for it unless `codex` is given. */
  readonly after: Build
  readonly codex?: (fs: FileSystem.FileSystem) => ReadonlyArray<Step>
}

const scenarios: Readonly<Record<string, Scenario>> = {
  "a first install": { before: [], after: a1 },
  "an upgrade": { before: [a1], after: a2 },
  "an upgrade under another identity": { before: [a1], after: b2 },
  "a downgrade": { before: [a2], after: a1 },
  "a downgrade under another identity": { before: [a2], after: b1 },
  "a downgrade to a superseded version": { before: [a1, a2, a3], after: a1 },
  "a removal amid an upgrade": { before: [a1], after: b2, codex: uninstalls },
  "a removal amid a downgrade": { before: [a2], after: b1, codex: uninstalls },
  "a removal amid a repair": { before: [a1], after: b1, codex: uninstalls }
}

/** The operations of a pass that read or change the cache. */
const operationsOf = (start: Disk, after: Build) =>
  Effect.map(
    DiskReads.operationsOf(start, (disk) => pass(disk, [after])),
    (operations) =>
      operations.filter(({ operation: { paths } }) =>
        paths.some((path) => path.startsWith(CacheContents.cacheRoot))
      )
  )

/** Makes steps in order until one fails, then ignores further steps. */
const performer = () => {
  let gaveUp = false
  const perform = (step: Step) =>
    gaveUp
      ? Effect.void
      : Effect.catchTag(step, "PlatformError", () =>
          Effect.sync(() => {
            gaveUp = true
          })
        )
  return (steps: ReadonlyArray<Step>) => Effect.forEach(steps, perform, { discard: true })
}

/**
 * Makes all steps of another writer and returns, for each, whether it reads or changes the home. A step
 * that does neither has the same effect after the pass.
 */
const stepsInHome = Effect.fnUntraced(function* (
  disk: Disk,
  codex: (fs: FileSystem.FileSystem) => ReadonlyArray<Step>
) {
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
  for (const [name, { after, before, codex = installs(after) }] of Object.entries(scenarios)) {
    it.effect(
      name,
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
