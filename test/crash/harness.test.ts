/**
 * Shows that the checks of the other files in this folder can fail: each guarantee is broken once, on
 * purpose.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type FileSystem, Option } from "effect"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../support/cacheContents.ts"
import { type Point, powerLosses, record } from "../support/crashPoints.ts"
import { makeIsNew, withoutRandomNames } from "../support/fingerprints.ts"
import { type Build, build, pass, passOnNew } from "../support/pluginWorld.ts"
import { prepareSynced } from "../support/scenarios.ts"

type Disk = MemoryFileSystem.MemoryDisk
type Change = (fs: FileSystem.FileSystem) => Partial<FileSystem.FileSystem>

const cached = (...before: ReadonlyArray<Build>) => prepareSynced({ before })

/** A pass over a file system whose methods are replaced in part. */
const passOver = (disk: Disk, change: Change, wanted: Build) =>
  pass({ ...disk, fileSystem: { ...disk.fileSystem, ...change(disk.fileSystem) } }, [wanted])

const wrongAmong = (points: ReadonlyArray<Point>) => {
  const isNew = makeIsNew()
  return points
    .filter(({ disk }) => isNew(disk))
    .flatMap(({ disk }) => CacheContents.violations(CacheContents.read(disk)))
}

/** The violations after each kill, and after each power loss at the moment of a kill. */
const find = Effect.fnUntraced(function* (start: Disk, change: Change, wanted: Build) {
  const { points } = yield* record(start, (disk) => passOver(disk, change, wanted))
  return {
    afterKills: wrongAmong(points),
    afterLosses: wrongAmong(points.flatMap((point) => powerLosses(point, 0))),
    points
  }
})

const nothing: Change = () => ({})

const withoutSync =
  (isSkipped: (path: string) => boolean): Change =>
  (fs) => ({
    open: (path, options) =>
      Effect.map(fs.open(path, options), (file) =>
        isSkipped(path) ? { ...file, sync: Effect.void } : file
      )
  })

const isSidecar = (path: string) => path.endsWith(".codex-remote-plugin-install.json")

/** Makes the store believe that the mark exists already. */
const withoutMark: Change = (fs) => ({
  open: (path, options) =>
    path.includes("-in-doubt-") && options?.flag === "wx"
      ? Effect.fail(FaultyFileSystem.errno("EEXIST", "open", path))
      : fs.open(path, options)
})

/** Names inside a staged folder have random parts too. */
const withoutAllRandomNames = (path: string) =>
  withoutRandomNames(path).replace(/(sidecar|discarded)-[0-9a-z]+/, "$1-")

describe("the enumeration of crash points", { timeout: 60_000 }, () => {
  it.effect("lets a pass that would repeat another one sweep before it ends", () =>
    Effect.gen(function* () {
      const wanted = [build("B", "2.0.0")]
      const start = yield* cached(build("A", "1.0.0"))
      const { points } = yield* record(start, (disk) => pass(disk, wanted))
      for (const { at, disk } of points) {
        const before = disk.snapshot(CacheContents.cacheRoot)
        const outcome = yield* passOnNew(() => false, disk, wanted)
        assert.isTrue(Option.isNone(outcome), at)
        const { staged } = CacheContents.read(disk)
        assert.deepStrictEqual(
          staged.filter((name) => !name.startsWith("codex-plugins-in-doubt-")),
          [],
          at
        )
        assert.deepStrictEqual(disk.snapshot(CacheContents.cacheRoot), before, at)
      }
    })
  )

  it.effect("records the same disks as a process that is stopped at each step", () =>
    Effect.gen(function* () {
      const start = yield* cached(build("A", "1.0.0"))
      const { points } = yield* record(start, (disk) => pass(disk, [build("B", "1.0.0")]))
      assert.isAbove(points.length, 40)
      for (const [step, { at, disk }] of points.entries()) {
        const stopped = start.clone({
          onStep: ({ index }) => (index === step ? "Stop" : undefined)
        })
        const exit = yield* Effect.exit(pass(stopped, [build("B", "1.0.0")]))
        assert.strictEqual(FaultyFileSystem.isStopped(exit), step < points.length - 1, at)
        assert.deepStrictEqual(
          Object.keys(stopped.snapshot()).map(withoutAllRandomNames).toSorted(),
          Object.keys(disk.snapshot()).map(withoutAllRandomNames).toSorted(),
          at
        )
      }
    })
  )

  it.effect("finds nothing wrong with a correct pass", () =>
    Effect.gen(function* () {
      const start = yield* cached(build("A", "1.0.0"))
      const { afterKills, afterLosses } = yield* find(start, nothing, build("B", "1.0.0"))
      assert.deepStrictEqual([...afterKills, ...afterLosses], [])
    })
  )
})

describe("the checks at crash points fail if", { timeout: 60_000 }, () => {
  it.effect("the old sidecar is not removed before the new version arrives", () =>
    Effect.gen(function* () {
      const start = yield* cached(build("A", "1.0.0"))
      const { afterKills } = yield* find(
        start,
        (fs) => ({
          remove: (path, options) => (isSidecar(path) ? Effect.void : fs.remove(path, options))
        }),
        build("B", "2.0.0")
      )
      assert.include(afterKills, "the sidecar of alpha names A, but its files belong to B")
    })
  )

  it.effect("the new sidecar arrives before the new version", () =>
    Effect.gen(function* () {
      const start = yield* cached(build("A", "1.0.0"))
      const { afterKills } = yield* find(
        start,
        (fs) => ({
          remove: (path, options) =>
            isSidecar(path)
              ? fs.writeFileString(path, "early").pipe(Effect.andThen(fs.chmod(path, 0o600)))
              : fs.remove(path, options)
        }),
        build("B", "2.0.0")
      )
      assert.include(afterKills, "the sidecar of alpha is invalid")
    })
  )

  it.effect("a version arrives file by file", () =>
    Effect.gen(function* () {
      const start = yield* cached(build("A", "1.0.0"))
      const { afterKills } = yield* find(
        start,
        (fs) => ({
          rename: (from, to) => (to.endsWith("/2.0.0") ? fs.copy(from, to) : fs.rename(from, to))
        }),
        build("A", "2.0.0")
      )
      assert.include(afterKills, "alpha 2.0.0 is incomplete")
    })
  )

  it.effect("a version is removed file by file", () =>
    Effect.gen(function* () {
      const start = yield* cached(build("A", "2.0.0"))
      const { afterKills } = yield* find(
        start,
        (fs) => ({
          rename: (from, to) =>
            /\/discarded-[0-9a-z]+$/.test(to)
              ? Effect.andThen(fs.copy(from, to), fs.remove(from, { recursive: true }))
              : fs.rename(from, to)
        }),
        build("A", "1.0.0")
      )
      assert.include(afterKills, "alpha 2.0.0 is incomplete")
    })
  )

  it.effect("files are not synced before they are activated", () =>
    Effect.gen(function* () {
      const start = yield* cached(build("A", "1.0.0"))
      const unsynced = withoutSync((path) => /\.(?:json|md)$/.test(path))
      const found = yield* find(start, unsynced, build("A", "2.0.0"))
      assert.deepStrictEqual(found.afterKills, [])
      assert.include(found.afterLosses, "alpha 2.0.0 is incomplete")
    })
  )

  it.effect("names are not synced before they are activated", () =>
    Effect.gen(function* () {
      const start = yield* cached(build("A", "1.0.0"))
      const unsynced = withoutSync((path) => path.endsWith("/skills/hello"))
      const found = yield* find(start, unsynced, build("A", "2.0.0"))
      assert.deepStrictEqual(found.afterKills, [])
      assert.include(found.afterLosses, "alpha 2.0.0 is incomplete")
    })
  )

  it.effect("the removal of an identity is not synced before the new version arrives", () =>
    Effect.gen(function* () {
      const start = yield* cached(build("A", "1.0.0"))
      const unsynced = withoutSync((path) => path.endsWith("/alpha"))
      const found = yield* find(start, unsynced, build("B", "2.0.0"))
      assert.deepStrictEqual(found.afterKills, [])
      assert.include(found.afterLosses, "the sidecar of alpha names A, but its files belong to B")
    })
  )

  it.effect("the folder that receives a removed version is not synced", () =>
    Effect.gen(function* () {
      const start = yield* cached(build("A", "1.0.0"))
      const unsynced = withoutSync((path) => path.endsWith("-install-staging"))
      const found = yield* find(start, unsynced, build("B", "1.0.0"))
      assert.deepStrictEqual(found.afterKills, [])
      assert.include(found.afterLosses, "the sidecar of alpha names B, but its files belong to A")
    })
  )

  it.effect("no mark is made while an identity is uncertain", () =>
    Effect.gen(function* () {
      const start = yield* cached(build("A", "1.0.0"))
      const after = (change: Change) =>
        Effect.gen(function* () {
          const { points } = yield* find(start, change, build("B", "1.0.0"))
          const isNew = makeIsNew()
          const different = points.filter(({ disk }) => isNew(disk))
          const again = yield* Effect.forEach(different, ({ disk }) =>
            Effect.as(pass(disk, [build("C", "1.0.0")]), disk)
          )
          return wrongAmong(again.map((disk) => ({ at: "", disk })))
        })
      assert.deepStrictEqual(yield* after(nothing), [])
      assert.includeMembers(
        [...(yield* after(withoutMark))],
        [
          "the sidecar of alpha names C, but its files belong to A",
          "the sidecar of alpha names C, but its files belong to B"
        ]
      )
    })
  )

  it.effect("a reader gives a wrong answer", () =>
    Effect.gen(function* () {
      const disk = yield* cached(build("A", "1.0.0"))
      const contents = CacheContents.read(disk)
      const [alpha] = contents.plugins
      const wrongContents = { ...contents, plugins: [{ ...alpha!, sidecar: "B" }] }
      assert.deepStrictEqual(yield* CacheContents.readerMistakes(disk, contents), [])
      assert.lengthOf(yield* CacheContents.readerMistakes(disk, wrongContents), 1)
    })
  )

  it.effect("a reader reads something that `readerFingerprint` leaves out", () =>
    Effect.gen(function* () {
      const disk = yield* cached(build("A", "1.0.0"))
      yield* disk.fileSystem.makeDirectory(`${CacheContents.stagingRoot}/codex-plugins-stage-1`)
      const looks: Array<string> = []
      const fileSystem = FaultyFileSystem.make(disk.fileSystem, ({ method, paths }) =>
        Effect.sync(() => {
          looks.push(...paths.map((path) => `${method} ${path}`))
        })
      )
      yield* CacheContents.readerAnswer({ ...disk, fileSystem })
      assert.include(looks, `readDirectory ${CacheContents.stagingRoot}`)
      assert.deepStrictEqual(
        looks
          .filter((look) => !look.includes(` ${CacheContents.cacheRoot}`))
          .filter((look) => look !== `readDirectory ${CacheContents.stagingRoot}`),
        []
      )
    })
  )

  it.effect("something is left in staging or in the cache", () =>
    Effect.gen(function* () {
      const disk = yield* cached(build("A", "1.0.0"))
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [build("A", "1.0.0")]), [])
      yield* disk.fileSystem.makeDirectory(`${CacheContents.stagingRoot}/plugin-backup-1`)
      yield* disk.fileSystem.writeFileString(`${CacheContents.cacheRoot}/left`, "")
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [build("A", "1.0.0")]), [
        `${CacheContents.cacheRoot}/left does not belong in the cache`,
        "plugin-backup-1 is left in staging"
      ])
    })
  )
})
