/**
 * A whole pass over many plugins at once, stopped at every step.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Path, Option } from "effect"
import { HttpClient } from "effect/http"
import * as CacheLock from "../../src/CacheLock.ts"
import * as CodexHome from "../../src/CodexHome.ts"
import * as CodexPlugins from "../../src/CodexPlugins.ts"
import * as PluginSync from "../../src/PluginSync.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as CacheTruth from "../support/cacheTruth.ts"
import { type Point, record } from "../support/crashPoints.ts"
import { firstOfItsKind } from "../support/fingerprints.ts"
import {
  type Build,
  build,
  filesOf,
  marketplace,
  pass,
  passOnNew,
  remoteId,
  root
} from "../support/pluginWorld.ts"

type Disk = MemoryFileSystem.MemoryDisk

/** Every way in which one plugin can change. */
const changes: Readonly<Record<string, readonly [before: Build | null, after: Build | null]>> =
  (() => {
    const before = build("A", "2.0.0")
    const after = {
      stays: before,
      rises: build("A", "3.0.0"),
      falls: build("A", "1.0.0"),
      "stays-with-another": build("B", "2.0.0"),
      "rises-with-another": build("B", "3.0.0"),
      "falls-with-another": build("B", "1.0.0"),
      "lost-its-manifest": before,
      "lost-its-sidecar": before,
      leaves: null
    }
    return {
      ...Object.fromEntries(
        Object.entries(after).map(([name, after]) => [name, [before, after] as const])
      ),
      comes: [null, before]
    }
  })()

const side = (index: 0 | 1): ReadonlyArray<Build> =>
  Object.entries(changes).flatMap(([name, change]) => {
    const build = change[index]
    return build === null ? [] : [{ ...build, name }]
  })

const [before, after] = [side(0), side(1)]
const cache = `${CacheTruth.cacheRoot}/${marketplace}`

const prepare = Effect.gen(function* () {
  const disk = yield* MemoryFileSystem.make()
  const fs = disk.fileSystem
  yield* fs.makeDirectory(root)
  yield* pass(disk, before)
  yield* fs.remove(`${cache}/lost-its-manifest/2.0.0/.codex-plugin/plugin.json`)
  yield* fs.remove(`${cache}/lost-its-sidecar/.codex-remote-plugin-install.json`)
  yield* fs.writeFileString(`${cache}/stray`, "")
  disk.sync()
  return disk
})

/** Violations that exist from the start until the pass repairs them. */
const spoilt = new Set([
  `${cache}/stray does not belong into the cache`,
  "lost-its-manifest 2.0.0 is not whole"
])

const checkPromises = Effect.fnUntraced(function* ({ at, disk }: Point) {
  const truth = CacheTruth.read(disk)
  const wrong = CacheTruth.violations(truth).filter((wrong) => !spoilt.has(wrong))
  assert.deepStrictEqual(wrong, [], at)
  assert.deepStrictEqual(yield* CacheTruth.untruths(disk, truth), [], at)
  return truth
})

const checkChanges = Effect.fnUntraced(function* (point: Point) {
  const truth = yield* checkPromises(point)
  for (const [name, ends] of Object.entries(changes)) {
    const [from, to] = ends.map((build) =>
      build === null ? "absent" : `${build.owner}/${build.version}`
    )
    // To take a name that is taken, the version that has it must make room first.
    const makesRoom = ends[0]?.version === ends[1]?.version
    const active = CacheTruth.activeOf(truth, name)
    assert.include(
      [
        from,
        to,
        ...(makesRoom ? ["absent"] : []),
        ...(name === "lost-its-manifest" ? ["torn"] : [])
      ],
      active,
      `${name} ${point.at}`
    )
  }
})

/** The point itself, and what power losses make of it. */
const withLosses = (point: Point, index: number): ReadonlyArray<Point> => [
  point,
  ...[MemoryFileSystem.loseUnsynced, MemoryFileSystem.loseSome(index)].map((powerLoss, n) => ({
    at: `${point.at}; ${n === 0 ? "all that was not synced" : "some of it"} was lost`,
    disk: point.disk.crash(powerLoss)
  }))
]

const checkAll = Effect.fnUntraced(function* (
  points: ReadonlyArray<Point>,
  check: (point: Point) => Effect.Effect<unknown>,
  wanted: ReadonlyArray<Build>
) {
  let checked = 0
  let passes = 0
  const isNew = firstOfItsKind()
  const isNewRecovery = firstOfItsKind()
  const isNewOutcome = firstOfItsKind()
  for (const point of points.flatMap(withLosses)) {
    const { at, disk } = point
    if (!isNew(disk)) continue
    checked++
    yield* check(point)
    const outcome = yield* Effect.orDie(passOnNew(isNewRecovery, disk, wanted))
    if (Option.isNone(outcome)) continue
    passes++
    assert.deepStrictEqual(outcome.value.failures, [], at)
    if (!isNewOutcome(disk)) continue
    assert.deepStrictEqual(yield* CacheTruth.differences(disk, wanted), [], at)
  }
  console.log(
    `${points.length} kills, ${points.length * 2} power losses, ${checked} different disks, ${passes} after a sweep`
  )
})

/** The account on a backend that serves archives. */
const serve = (builds: ReadonlyArray<Build>) =>
  TestBackend.make({
    plugins: builds.map((build) =>
      TestBackend.plugin({
        name: build.name,
        version: build.version,
        id: remoteId(build.owner ?? "nobody"),
        bundle: Object.fromEntries(
          Object.entries(filesOf(build)).map(([path, { bytes, mode }]) => [
            path,
            { content: bytes, mode }
          ])
        )
      })
    )
  })

/** A pass as a program makes it, archives and all. */
const download = Effect.fnUntraced(function* (
  disk: Disk,
  backend: TestBackend.TestBackend["Service"]
) {
  const services = CodexPlugins.layerServices.pipe(
    Layer.provide(Layer.merge(CacheLock.layerInProcess, CodexHome.layerAt(root))),
    Layer.provide(
      Layer.mergeAll(
        MemoryFileSystem.layerOf(disk),
        Path.layer,
        Layer.succeed(HttpClient.HttpClient, backend.httpClient)
      )
    )
  )
  return yield* Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync).pipe(
    Effect.provide(services, { local: true }),
    Effect.withTracerEnabled(false)
  )
})

describe("a pass over many plugins, stopped at every step", { timeout: 60_000 }, () => {
  it.effect(
    "leaves each plugin in its old or its new state, and the next pass finishes the work",
    () =>
      Effect.gen(function* () {
        const start = yield* prepare
        const { exit, points } = yield* record(start, (disk) => pass(disk, after))
        assert.strictEqual(exit._tag, "Success")
        yield* checkAll(points, checkChanges, after)
      })
  )

  it.effect("leaves each plugin in its old or its new state with real downloads", () =>
    Effect.gen(function* () {
      const start = yield* MemoryFileSystem.make()
      yield* start.fileSystem.makeDirectory(root)
      yield* pass(start, [build("A", "1.0.0", "first"), build("B", "1.0.0", "second")])
      const wanted = [
        build("C", "1.0.0", "first"),
        build("B", "2.0.0", "second"),
        build("A", "1.0.0", "third")
      ]
      const backend = yield* serve(wanted)
      yield* backend
        .writeHome(root)
        .pipe(Effect.provide(Layer.merge(MemoryFileSystem.layerOf(start), Path.layer)))
      start.sync()
      const { exit, points } = yield* record(start, (disk) => download(disk, backend))
      assert.strictEqual(exit._tag, "Success")
      assert.deepStrictEqual(yield* CacheTruth.differences(points.at(-1)!.disk, wanted), [])
      yield* checkAll(points, checkPromises, wanted)
    })
  )
})
