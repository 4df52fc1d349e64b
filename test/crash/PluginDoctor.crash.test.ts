/**
 * The doctor's repair of a backup that Codex left, stopped at every step.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as CodexHome from "../../src/CodexHome.ts"
import * as Credentials from "../../src/Credentials.ts"
import * as PluginDoctor from "../../src/PluginDoctor.ts"
import * as PluginInventory from "../../src/PluginInventory.ts"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../support/cacheContents.ts"
import { powerLosses, record } from "../support/crashPoints.ts"
import { makeIsNew } from "../support/fingerprints.ts"
import { marketplace, open } from "../support/pluginWorld.ts"
import { a1, baseRoot, cached } from "../support/scenarios.ts"

type Disk = MemoryFileSystem.MemoryDisk

const backup = `${CacheContents.cacheRoot}/${marketplace}/plugin-backup-x1`

/** A disk on which Codex has moved a plugin to a backup and was killed, two hours ago. */
const interruptedCodex = Effect.gen(function* () {
  const disk = yield* cached(a1)
  yield* disk.fileSystem.makeDirectory(backup)
  yield* disk.fileSystem.rename(baseRoot, `${backup}/alpha`)
  disk.sync()
  yield* TestClock.adjust("2 hours")
  return disk
})

// An examination reads the credentials, even offline.
const credentials = Credentials.layerWith({
  current: Effect.fail(new CodexHome.NotSignedIn({ path: "auth.json", reason: "NoCredentials" }))
})

const repair = (disk: Disk) =>
  Effect.gen(function* () {
    const services = yield* open(disk.fileSystem)
    const layer = PluginDoctor.layer.pipe(
      Layer.provide(PluginInventory.layer),
      Layer.provide(Layer.succeedContext(services)),
      Layer.provide(credentials)
    )
    const doctor = Context.get(yield* Layer.build(layer), PluginDoctor.PluginDoctor)
    return (yield* doctor.examine({ offline: true, fix: true })).fixed
  }).pipe(Effect.scoped, Effect.withTracerEnabled(false))

/** The files of the plugin at a place, without times. */
const filesAt = (disk: Disk, place: string) =>
  Object.entries(disk.snapshot(place)).map(([path, entry]) => [
    path.slice(place.length),
    { ...entry, mtime: 0 }
  ])

describe("the repair of a backup that holds the only copy of a plugin", () => {
  it.effect("loses no file of the plugin, and the next repair finishes the work", () =>
    Effect.gen(function* () {
      const start = yield* interruptedCodex
      const files = filesAt(start, `${backup}/alpha`)
      assert.isNotEmpty(files)
      const { exit, points } = yield* record(start, repair)
      assert.deepStrictEqual(exit._tag === "Success" && exit.value, [
        `restored ${baseRoot}`,
        `removed ${backup}`
      ])
      const isNew = makeIsNew()
      let disks = 0
      const lost = points.flatMap((point) => powerLosses(point, 2))
      for (const { at, disk } of [...points, ...lost]) {
        if (!isNew(disk)) continue
        disks++
        const copies = [baseRoot, `${backup}/alpha`]
          .map((place) => filesAt(disk, place))
          .filter((files) => files.length > 0)
        assert.deepStrictEqual(copies, [files], at)
        yield* repair(disk)
        // A folder that was emptied lately may belong to a Codex that runs.
        yield* TestClock.adjust("2 hours")
        yield* repair(disk)
        assert.deepStrictEqual(yield* CacheContents.differences(disk, [a1]), [], at)
        assert.deepStrictEqual(CacheContents.violations(CacheContents.read(disk)), [], at)
      }
      assert.isAbove(disks, 2)
    })
  )

  it.effect("is durable once it is reported, even if the backup's folder stays", () =>
    Effect.gen(function* () {
      const disk = yield* interruptedCodex
      const files = filesAt(disk, `${backup}/alpha`)
      yield* disk.fileSystem.writeFileString(`${backup}/notes.txt`, "mine")
      yield* TestClock.adjust("2 hours")
      disk.sync()
      assert.deepStrictEqual(yield* repair(disk), [`restored ${baseRoot}`])
      for (const lost of powerLosses({ at: "after the repair", disk }, 4)) {
        assert.deepStrictEqual(filesAt(lost.disk, baseRoot), files, lost.at)
      }
    })
  )
})
