/**
 * A pass over many plugins at once, stopped at every step.
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
import * as CacheContents from "../support/cacheContents.ts"
import { type Point, record } from "../support/crashPoints.ts"
import { makeIsNew } from "../support/fingerprints.ts"
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
      unchanged: before,
      upgraded: build("A", "3.0.0"),
      downgraded: build("A", "1.0.0"),
      "new-owner": build("B", "2.0.0"),
      "upgraded-new-owner": build("B", "3.0.0"),
      "downgraded-new-owner": build("B", "1.0.0"),
      "lost-its-manifest": before,
      "lost-its-sidecar": before,
      removed: null
    }
    return {
      ...Object.fromEntries(
        Object.entries(after).map(([name, after]) => [name, [before, after] as const])
      ),
      added: [null, before]
    }
  })()

const side = (index: 0 | 1): ReadonlyArray<Build> =>
  Object.entries(changes).flatMap(([name, change]) => {
    const build = change[index]
    return build === null ? [] : [{ ...build, name }]
  })

const [before, after] = [side(0), side(1)]
const cache = `${CacheContents.cacheRoot}/${marketplace}`

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
const expectedViolations = new Set([
  `${cache}/stray does not belong in the cache`,
  "lost-its-manifest 2.0.0 is incomplete"
])

const checkGuarantees = Effect.fnUntraced(function* ({ at, disk }: Point) {
  const contents = CacheContents.read(disk)
  const wrong = CacheContents.violations(contents).filter((wrong) => !expectedViolations.has(wrong))
  assert.deepStrictEqual(wrong, [], at)
  assert.deepStrictEqual(yield* CacheContents.readerMistakes(disk, contents), [], at)
  return contents
})

const checkChanges = Effect.fnUntraced(function* (point: Point) {
  const contents = yield* checkGuarantees(point)
  for (const [name, ends] of Object.entries(changes)) {
    const [from, to] = ends.map((build) =>
      build === null ? "absent" : `${build.owner}/${build.version}`
    )
    // An existing version must be moved away before another one can take its name.
    const movesAway = ends[0]?.version === ends[1]?.version
    const active = CacheContents.activeOf(contents, name)
    assert.include(
      [
        from,
        to,
        ...(movesAway ? ["absent"] : []),
        ...(name === "lost-its-manifest" ? ["incomplete"] : [])
      ],
      active,
      `${name} ${point.at}`
    )
  }
})

/** A point, and its disk after two power losses. */
const withLosses = (point: Point, index: number): ReadonlyArray<Point> => [
  point,
  ...[MemoryFileSystem.loseUnsynced, MemoryFileSystem.loseSome(index)].map((powerLoss, n) => ({
    at: `${point.at}; a power loss reverts ${n === 0 ? "all" : "some"} unsynced changes`,
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
  const isNew = makeIsNew()
  const isNewRecovery = makeIsNew()
  const isNewOutcome = makeIsNew()
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
    assert.deepStrictEqual(yield* CacheContents.differences(disk, wanted), [], at)
  }
  console.log(
    `${points.length} kills, ${points.length * 2} power losses, ${checked} different disks, ${passes} after a sweep`
  )
})

/** A backend that serves the builds as archives. */
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

/** A pass with the services of the program, which downloads archives. */
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
      assert.deepStrictEqual(yield* CacheContents.differences(points.at(-1)!.disk, wanted), [])
      yield* checkAll(points, checkGuarantees, wanted)
    })
  )
})
