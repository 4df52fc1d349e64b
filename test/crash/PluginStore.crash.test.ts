/**
 * Each change of the cache, stopped at every step by a kill or a power loss.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Array as Arr, Context, Duration, Effect, type FileSystem, Option } from "effect"
import * as InstallMetadata from "../../src/InstallMetadata.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../support/cacheContents.ts"
import { type Point, powerLosses, record } from "../support/crashPoints.ts"
import { description, makeIsNew } from "../support/fingerprints.ts"
import {
  type Build,
  build,
  layOut,
  marketplace,
  open,
  pass,
  passOnNew,
  pluginId,
  remoteId,
  root
} from "../support/pluginWorld.ts"

type Disk = MemoryFileSystem.MemoryDisk
type Act = (disk: Disk) => Effect.Effect<unknown, unknown>

interface Scenario {
  /** The cache before the change: one pass has run for each of these builds. */
  readonly before: ReadonlyArray<Build>
  /** The content of a folder that the user installs from. */
  readonly source?: Build
  /** Damages the cache before the change. */
  readonly damage?: (fs: FileSystem.FileSystem) => Effect.Effect<unknown, unknown>
  /** The change that is stopped. Default: a pass for `after`. */
  readonly act?: Act
  /** The account's plugin after the change. Default: none. */
  readonly after?: Build
  readonly retention?: Duration.Duration
  /**
   * Builds that may be active during the change, beside those before and after. An existing version must
   * be moved away before another one can take its name.
   */
  readonly between?: ReadonlyArray<string>
  /** The violation that the damage causes until the change repairs it. */
  readonly expectedViolation?: string
}

const baseRoot = `${CacheContents.cacheRoot}/${marketplace}/alpha`
const sidecar = `${baseRoot}/${InstallMetadata.fileName}`
const [a1, a2, a3] = [build("A", "1.0.0"), build("A", "2.0.0"), build("A", "3.0.0")]
const [b1, b2] = [build("B", "1.0.0"), build("B", "2.0.0")]
const source = "/source"

const withStore =
  <A, E>(use: (store: PluginStore.PluginStore["Service"]) => Effect.Effect<A, E>): Act =>
  (disk) =>
    Effect.flatMap(open(disk.fileSystem), (services) =>
      use(Context.get(services, PluginStore.PluginStore))
    ).pipe(Effect.scoped, Effect.withTracerEnabled(false))

const installLocally = withStore((store) => store.install({ source, pluginId: pluginId("alpha") }))

const breakManifest = (version: string) => (fs: FileSystem.FileSystem) =>
  fs.remove(`${baseRoot}/${version}/.codex-plugin`, { recursive: true })

const scenarios: Readonly<Record<string, Scenario>> = {
  "a first install": { before: [], after: a1 },
  "an upgrade under the same identity": { before: [a1], after: a2 },
  "an upgrade under another identity": { before: [a1], after: b2 },
  "a repair of the same version": {
    before: [a1],
    damage: breakManifest("1.0.0"),
    expectedViolation: "alpha 1.0.0 is incomplete",
    after: a1,
    between: ["absent"]
  },
  "a repair beside a superseded version": {
    before: [a1, a2],
    damage: breakManifest("2.0.0"),
    expectedViolation: "alpha 2.0.0 is incomplete",
    after: a2,
    between: ["A/1.0.0"]
  },
  "the same version under another identity": { before: [a1], after: b1, between: ["absent"] },
  "the same version under another identity, beside a superseded version": {
    before: [a1, a2],
    after: b2,
    between: ["A/1.0.0"]
  },
  "a downgrade": { before: [a2], after: a1 },
  "a downgrade under another identity": { before: [a2], after: b1 },
  "a downgrade to one of several superseded versions": { before: [a1, a2, a3], after: a1 },
  "a downgrade below several superseded versions": {
    before: [a1, a2, a3],
    after: build("A", "0.5.0")
  },
  "a downgrade under another identity, beside several superseded versions": {
    before: [a1, a2, a3],
    after: b1
  },
  "an upgrade without retention": { before: [a1], after: a2, retention: Duration.zero },
  "an upgrade under another identity without retention": {
    before: [a1],
    after: b2,
    retention: Duration.zero
  },
  "a local install over a remote one": { before: [a1], act: installLocally, after: a1 },
  "a local install over a remote one of the same version": {
    before: [a1],
    source: build(null, "1.0.0"),
    act: installLocally,
    between: ["absent"]
  },
  "a local install below superseded versions": {
    before: [a1, a2],
    source: build(null, "0.5.0"),
    act: installLocally,
    after: b1
  },
  "a first local install": { before: [], act: installLocally, after: a1 },
  "a backfill": { before: [a1], damage: (fs) => fs.remove(sidecar), after: a1 },
  "a sidecar that cannot be read": {
    before: [a1],
    damage: (fs) => fs.writeFileString(sidecar, "{"),
    expectedViolation: "the sidecar of alpha is invalid",
    after: a1,
    between: ["absent"]
  },
  "an uninstall": {
    before: [a1, a2],
    act: withStore((store) => store.uninstall(pluginId("alpha")))
  },
  "a stale removal": { before: [a1, a2] },
  "a prune": { before: [a1, a2], after: a2, retention: Duration.zero },
  "a clearing of the identity": {
    before: [a1],
    act: withStore((store) => store.clearIdentity(pluginId("alpha"))),
    after: a1
  }
}

const prepare = Effect.fnUntraced(function* (scenario: Scenario) {
  const disk = yield* MemoryFileSystem.make()
  yield* disk.fileSystem.makeDirectory(root)
  for (const build of scenario.before) yield* pass(disk, [build])
  const services = yield* Effect.scoped(open(disk.fileSystem))
  yield* Effect.provideContext(layOut(scenario.source ?? build(null, "local"), source), services)
  if (scenario.damage !== undefined) yield* scenario.damage(disk.fileSystem)
  disk.sync()
  return disk
})

const setIdentity = Effect.fnUntraced(function* (owner: string) {
  const store = yield* PluginStore.PluginStore
  yield* store.writeIdentity(pluginId("alpha"), remoteId(owner))
})

const totals = { kills: 0, losses: 0, recoveries: 0, passes: 0 }

describe("a change of the cache, stopped at every step", { timeout: 60_000 }, () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { after, between = [], retention, expectedViolation } = scenario
        const wanted = after === undefined ? [] : [after]
        const ordinary = (disk: Disk) => pass(disk, wanted, retention)
        const act = scenario.act ?? ordinary
        const start = yield* prepare(scenario)
        const { exit, points } = yield* record(start, act)
        assert.strictEqual(exit._tag, "Success")
        const allowed = [
          CacheContents.activeOf(CacheContents.read(start)),
          CacheContents.activeOf(CacheContents.read(points.at(-1)!.disk)),
          ...between
        ]

        const isNew = makeIsNew()
        const isNewRecovery = makeIsNew()
        const isNewOutcome = makeIsNew()
        const check = Effect.fnUntraced(function* ({ at, disk }: Point) {
          if (!isNew(disk)) return
          const contents = CacheContents.read(disk)
          assert.include(allowed, CacheContents.activeOf(contents), at)
          const wrong = CacheContents.violations(contents).filter(
            (wrong) => wrong !== expectedViolation
          )
          assert.deepStrictEqual(wrong, [], at)
          assert.deepStrictEqual(yield* CacheContents.readerMistakes(disk, contents), [], at)

          totals.recoveries++
          const again = disk.clone()
          if (scenario.act !== undefined) {
            yield* act(again)
            assert.strictEqual(CacheContents.activeOf(CacheContents.read(again)), allowed[1], at)
          }
          const outcome = yield* passOnNew(isNewRecovery, again, wanted, retention)
          if (Option.isNone(outcome)) return
          totals.passes++
          assert.deepStrictEqual(outcome.value.failures, [], at)
          if (!isNewOutcome(again)) return
          assert.deepStrictEqual(yield* CacheContents.differences(again, wanted), [], at)
          const steps = again.steps()
          assert.lengthOf((yield* ordinary(again)).kept, wanted.length, at)
          assert.strictEqual(again.steps(), steps, at)
        })

        for (const point of points) {
          totals.kills++
          yield* check(point)
          for (const lost of powerLosses(point, 4)) {
            totals.losses++
            yield* check(lost)
          }
        }
      })
    )
  }

  it.effect(
    "a new version among any others, even without a total order",
    Effect.fnUntraced(function* () {
      // 10.0.0 is above 9.0.0, which is above 5x, which is above 10.0.0.
      const names = ["10.0.0", "9.0.0", "5x", "local"]
      const subsets = Arr.makeBy(2 ** names.length - 1, (bits) =>
        names.filter((_, index) => ((bits + 1) >> index) & 1)
      )
      const empty = yield* prepare({ before: [] })
      const isNew = makeIsNew()
      for (const versions of subsets) {
        for (const [index, name] of names.entries()) {
          const start = empty.clone()
          const services = yield* Effect.scoped(open(start.fileSystem))
          yield* start.fileSystem.makeDirectory(baseRoot, { recursive: true })
          // Versions have different owners, as after a change of identity.
          for (const [n, version] of versions.entries()) {
            const owner = (n + index) % 2 === 0 ? "A" : "B"
            yield* Effect.provideContext(
              layOut(build(owner, version), `${baseRoot}/${version}`),
              services
            )
          }
          const [owner = "A"] = CacheContents.activeOf(CacheContents.read(start)).split("/")
          yield* Effect.provideContext(setIdentity(owner), services)
          const wanted = build(owner, name)
          const { points } = yield* record(start, (disk) => pass(disk, [wanted]))
          for (const { at, disk } of points) {
            totals.kills++
            if (!isNew(disk)) continue
            assert.deepStrictEqual(
              CacheContents.violations(CacheContents.read(disk)),
              [],
              `${name} among ${versions.join(", ")}: ${at}`
            )
          }
          const last = points.at(-1)!.disk
          assert.deepStrictEqual(yield* CacheContents.differences(last, [wanted]), [])
        }
      }
    })
  )

  it.effect(
    "the mark of an uncertain identity stays as long as a power loss can bring the old files back",
    () =>
      Effect.gen(function* () {
        const start = yield* prepare({ before: [a1] })
        const { points } = yield* record(start, (disk) => pass(disk, [b1]))
        let tried = 0
        const isNew = makeIsNew()
        const isNewRecovery = makeIsNew()
        const isNewOutcome = makeIsNew()
        for (const { at, disk } of points) {
          if (!description(disk).includes("-in-doubt-")) continue
          disk.sync()
          // Codex removes plugins in this way and syncs nothing.
          yield* disk.fileSystem.remove(baseRoot, { recursive: true })
          const next = yield* record(disk, (disk) => pass(disk, []))
          for (const lost of next.points.flatMap((point) => powerLosses(point, 0))) {
            if (!isNew(lost.disk)) continue
            tried++
            const wanted = [build("C", "1.0.0")]
            const outcome = yield* passOnNew(isNewRecovery, lost.disk, wanted)
            if (Option.isNone(outcome)) continue
            assert.deepStrictEqual(outcome.value.failures, [], `${at}, then ${lost.at}`)
            if (!isNewOutcome(lost.disk)) continue
            assert.deepStrictEqual(
              yield* CacheContents.differences(lost.disk, wanted),
              [],
              `${at}, then ${lost.at}`
            )
          }
        }
        assert.isAbove(tried, 1)
      })
  )

  afterAll(() => {
    const { kills, losses, passes, recoveries } = totals
    console.log(
      `${kills} kills, ${losses} power losses, ${recoveries} different disks, ${passes} after a sweep`
    )
  })
})
