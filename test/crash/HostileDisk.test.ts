/**
 * Disks that are full, fail, are read-only, or have files that other programs hold open.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Context, Duration, Effect, Exit, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { fromFileSystem } from "../../src/internal/disk/Disk.ts"
import * as InstallMetadata from "../../src/InstallMetadata.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import * as PluginSync from "../../src/PluginSync.ts"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../support/cacheContents.ts"
import { powerLosses, record } from "../support/crashPoints.ts"
import { fingerprint, makeIsNew } from "../support/fingerprints.ts"
import {
  type Build,
  build,
  layOut,
  marketplace,
  open,
  pass,
  passOnNew,
  pluginId,
  root
} from "../support/pluginWorld.ts"

type Disk = MemoryFileSystem.MemoryDisk

const baseRoot = `${CacheContents.cacheRoot}/${marketplace}/alpha`
const [a1, a2, a3] = [build("A", "1.0.0"), build("A", "2.0.0"), build("A", "3.0.0")]
const [b1, b2] = [build("B", "1.0.0"), build("B", "2.0.0")]
const source = "/source"

const cached = Effect.fnUntraced(function* (...builds: ReadonlyArray<Build>) {
  const disk = yield* MemoryFileSystem.make()
  yield* disk.fileSystem.makeDirectory(root)
  for (const build of builds) yield* pass(disk, [build])
  const services = yield* Effect.scoped(open(disk.fileSystem))
  yield* Effect.provideContext(layOut(build(null, "local"), source), services)
  return disk
})

/** Lets all the time pass that an effect waits for. */
const settle = Effect.fnUntraced(function* <A, E>(effect: Effect.Effect<A, E>) {
  const fiber = yield* Effect.forkChild(Effect.exit(Effect.timed(effect)))
  yield* TestClock.adjust("1 minute")
  return yield* Fiber.join(fiber)
})

const over = (disk: Disk, before: FaultyFileSystem.Hook): Disk => ({
  ...disk,
  fileSystem: FaultyFileSystem.make(disk.fileSystem, before)
})

const withStore =
  <A, E>(use: (store: PluginStore.PluginStore["Service"]) => Effect.Effect<A, E>) =>
  (disk: Disk) =>
    Effect.flatMap(open(disk.fileSystem), (services) =>
      use(Context.get(services, PluginStore.PluginStore))
    ).pipe(Effect.scoped, Effect.withTracerEnabled(false))

/** The errors of a change. A defect counts as an error with the tag "a defect". */
const errorsOf = (exit: Exit.Exit<readonly [unknown, unknown], { readonly _tag: string }>) => {
  if (Exit.isFailure(exit)) {
    return exit.cause.reasons.map((reason) =>
      Cause.isFailReason(reason) ? reason.error : { _tag: "a defect" }
    )
  }
  const [, outcome] = exit.value
  return typeof outcome === "object" && outcome !== null && "failures" in outcome
    ? (outcome as PluginSync.SyncOutcome).failures.map(({ error }) => error)
    : []
}

interface Scenario {
  readonly before: ReadonlyArray<Build>
  readonly damage?: string
  readonly act?: (disk: Disk) => Effect.Effect<unknown, { readonly _tag: string }>
  readonly after: ReadonlyArray<Build>
  readonly retention?: Duration.Duration
  /** Builds that may be active beside the previous and the next one. */
  readonly between?: ReadonlyArray<string>
}

const scenarios: Readonly<Record<string, Scenario>> = {
  "a first install": { before: [], after: [a1] },
  "an upgrade under another identity": { before: [a1], after: [b2] },
  "the same version under another identity, beside a superseded one": {
    before: [a1, a2],
    after: [b2],
    between: ["A/1.0.0"]
  },
  "a downgrade below several": { before: [a2, a3], after: [a1], retention: Duration.zero },
  "a backfill": { before: [a1], damage: `${baseRoot}/${InstallMetadata.fileName}`, after: [a1] },
  "a stale removal": { before: [a1], after: [] },
  "a prune": { before: [a1, a2], after: [a2], retention: Duration.zero },
  "a local install": {
    before: [a1],
    act: withStore((store) => store.install({ source, pluginId: pluginId("alpha") })),
    after: [a1]
  },
  "an uninstall": {
    before: [a1],
    act: withStore((store) => store.uninstall(pluginId("alpha"))),
    after: []
  }
}

const writing = new Set([
  "makeDirectory",
  "makeTempDirectory",
  "open",
  "writeAll",
  "writeFile",
  "copyFile",
  "rename",
  "sync"
])

const refusals: ReadonlyArray<{
  readonly code: FaultyFileSystem.Code
  readonly for: "once" | "good"
  /** All, unless given. */
  readonly methods?: ReadonlySet<string>
}> = [
  { code: "ENOSPC", for: "once", methods: writing },
  { code: "ENOSPC", for: "good", methods: writing },
  { code: "EACCES", for: "once" },
  { code: "EACCES", for: "good" },
  { code: "EPERM", for: "once" },
  { code: "EIO", for: "once", methods: new Set(["rename", "sync", "writeAll"]) }
]

/** The errors that a store may have on a faulty disk. A defect is not among them. */
const expected = new Set(["PluginStoreError", "RemoteBundleError"])

describe(
  "a disk that fails one step of a change, or all from that step on",
  { timeout: 60_000 },
  () => {
    for (const [name, scenario] of Object.entries(scenarios)) {
      it.effect(
        name,
        Effect.fnUntraced(function* () {
          const { after, between = [], retention, damage } = scenario
          const start = yield* cached(...scenario.before)
          if (damage !== undefined) yield* start.fileSystem.remove(damage)
          const ordinary = (disk: Disk) => pass(disk, after, retention)
          const act = scenario.act ?? ordinary

          const changes: Array<FaultyFileSystem.Operation> = []
          const last = start.clone()
          yield* act(
            over(last, (operation) =>
              Effect.sync(() => {
                if (operation.change !== undefined) changes.push(operation)
              })
            )
          )
          const allowed = [start, last]
            .map((disk) => CacheContents.activeOf(CacheContents.read(disk)))
            .concat(between)

          /** The active build of each disk that was checked, by the disk's fingerprint. */
          const checked = new Map<string, string>()
          for (const { change: first = 0, method, paths } of changes) {
            for (const { code, for: reach, methods } of refusals) {
              if (methods !== undefined && !methods.has(method)) continue
              const at = `${code} at ${method} ${paths.join(" ")}, for ${reach}`
              const disk = start.clone()
              const refusing = over(disk, ({ change = -1, method, paths }) =>
                change === first ||
                (reach === "good" && change > first && methods?.has(method) !== false)
                  ? Effect.fail(FaultyFileSystem.errno(code, method, paths[0] ?? "", paths[1]))
                  : Effect.void
              )
              const exit = yield* settle(act(refusing))
              const errors = errorsOf(exit)
              for (const error of errors)
                assert.isTrue(expected.has(error._tag), `${at}: ${error._tag}`)
              const name = fingerprint(disk)
              const known = checked.get(name)
              // A change without errors must have had its effect.
              if (known !== undefined) {
                if (errors.length === 0) assert.strictEqual(known, allowed[1], at)
                continue
              }
              const contents = CacheContents.read(disk)
              const active = CacheContents.activeOf(contents)
              if (errors.length === 0) assert.strictEqual(active, allowed[1], at)
              checked.set(name, active)
              assert.deepStrictEqual(CacheContents.violations(contents), [], at)
              assert.deepStrictEqual(yield* CacheContents.readerMistakes(disk, contents), [], at)
              assert.include(allowed, active, at)
              yield* ordinary(disk)
              assert.deepStrictEqual(yield* CacheContents.differences(disk, after), [], at)
            }
          }
        })
      )
    }
  }
)

/**
 * Refuses, as overlay file systems do, to rename the folders of the cache that were there before:
 * those came with the image.
 */
const imageFolders = (start: Disk): FaultyFileSystem.Hook => {
  const folders = new Set(
    Object.entries(start.snapshot(CacheContents.cacheRoot))
      .filter(([, { type }]) => type === "Directory")
      .map(([path]) => path)
  )
  return ({ method, paths: [from = "", to] }) =>
    method === "rename" && folders.has(from)
      ? Effect.fail(FaultyFileSystem.errno("EXDEV", method, from, to))
      : Effect.void
}

const imageScenarios: Readonly<Record<string, Scenario>> = {
  ...scenarios,
  "a repair": {
    before: [a1],
    damage: `${baseRoot}/1.0.0/.codex-plugin/plugin.json`,
    after: [a1]
  }
}

/**
 * The violations that a version which is being deleted in place does not explain. Such a version has
 * no manifest any more, so that readers call it broken.
 */
const wrong = (disk: Disk, contents: CacheContents.CacheContents) =>
  CacheContents.violations(contents).filter((violation) => {
    const [, version] = /^alpha (\S+) is incomplete$/.exec(violation) ?? []
    const manifest = `${baseRoot}/${version}/.codex-plugin/plugin.json`
    return version === undefined || manifest in disk.snapshot(CacheContents.cacheRoot)
  })

describe("a cache that came with an overlay image", { timeout: 60_000 }, () => {
  for (const [name, scenario] of Object.entries(imageScenarios)) {
    const start = Effect.gen(function* () {
      const start = yield* cached(...scenario.before)
      if (scenario.damage !== undefined) {
        yield* start.fileSystem.remove(scenario.damage, { recursive: true })
        yield* fromFileSystem(start.fileSystem).syncDirectory(
          scenario.damage.replace(/\/[^/]*$/, "")
        )
      }
      return start
    })
    const ordinary = (disk: Disk) => pass(disk, scenario.after, scenario.retention)
    const act = scenario.act ?? ordinary

    it.effect(
      `allows ${name}`,
      Effect.fnUntraced(function* () {
        const disk = yield* start
        const exit = yield* settle(act(over(disk, imageFolders(disk))))
        assert.deepStrictEqual(errorsOf(exit), [])
        const contents = CacheContents.read(disk)
        assert.deepStrictEqual(CacheContents.violations(contents), [])
        assert.deepStrictEqual(yield* CacheContents.readerMistakes(disk, contents), [])
        assert.deepStrictEqual(contents.staged, [])
        if (scenario.act === undefined) {
          assert.deepStrictEqual(yield* CacheContents.differences(disk, scenario.after), [])
        }
      })
    )

    it.effect(
      `keeps identities right if a process stops or the power fails at any step of ${name}`,
      Effect.fnUntraced(function* () {
        const disk = yield* start
        const image = imageFolders(disk)
        const { points } = yield* record(disk, (disk) => settle(act(over(disk, image))))
        assert.isAbove(points.length, 1)
        const isNew = makeIsNew()
        const isNewRecovery = makeIsNew()
        const isNewOutcome = makeIsNew()
        for (const point of points) {
          for (const { at, disk } of [point, ...powerLosses(point, 2)]) {
            if (!isNew(disk)) continue
            const contents = CacheContents.read(disk)
            assert.deepStrictEqual(wrong(disk, contents), [], at)
            assert.deepStrictEqual(yield* CacheContents.readerMistakes(disk, contents), [], at)
            const recovering = over(disk, image)
            const { after, retention } = scenario
            const outcome = yield* passOnNew(isNewRecovery, recovering, after, retention)
            if (Option.isNone(outcome) || !isNewOutcome(disk)) continue
            assert.deepStrictEqual(yield* CacheContents.differences(disk, scenario.after), [], at)
          }
        }
      })
    )
  }
})

describe("a folder that must be synced", () => {
  const refusing = (method: "open" | "sync", code: FaultyFileSystem.Code) =>
    Effect.gen(function* () {
      const disk = yield* cached(a1)
      const isFolder = (path: string) =>
        path in disk.snapshot() && disk.snapshot(path)[path]?.type === "Directory"
      const exit = yield* settle(
        pass(
          over(disk, (operation) =>
            operation.method === method && operation.paths.some(isFolder)
              ? Effect.fail(FaultyFileSystem.errno(code, method, operation.paths[0]!))
              : Effect.void
          ),
          [b1]
        )
      )
      return { errors: errorsOf(exit).map(({ _tag }) => _tag), disk }
    })

  it.effect.each([
    ["open", "EACCES"],
    ["open", "EISDIR"],
    ["sync", "EINVAL"]
  ] as const)(
    "is left alone if the file system cannot sync it (%s: %s)",
    Effect.fnUntraced(function* ([method, code]) {
      const { disk, errors } = yield* refusing(method, code)
      assert.deepStrictEqual(errors, [])
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [b1]), [])
    })
  )

  it.effect.each([
    ["open", "EMFILE"],
    ["open", "EIO"],
    ["sync", "EIO"]
  ] as const)(
    "fails its plugin if the sync fails (%s: %s)",
    Effect.fnUntraced(function* ([method, code]) {
      const { disk, errors } = yield* refusing(method, code)
      assert.lengthOf(errors, 1)
      assert.strictEqual(CacheContents.activeOf(CacheContents.read(disk)), "A/1.0.0")
      assert.deepStrictEqual(CacheContents.violations(CacheContents.read(disk)), [])
    })
  )
})

/** Refuses renames from or to a path while `isHeld` is true. */
const holding =
  (
    path: string,
    code: FaultyFileSystem.Code,
    isHeld: Effect.Effect<boolean>
  ): FaultyFileSystem.Hook =>
  ({ method, paths }) =>
    method === "rename" && paths.includes(path)
      ? Effect.flatMap(isHeld, (isHeld) =>
          isHeld ? Effect.fail(FaultyFileSystem.errno(code, method, path)) : Effect.void
        )
      : Effect.void

const until = (time: Duration.Duration) =>
  Effect.map(Clock.currentTimeMillis, (now) => now < Duration.toMillis(time))

const always = Effect.succeed(true)

const reasonOf = (exit: Parameters<typeof errorsOf>[0]) =>
  errorsOf(exit).map((error) => {
    assert.instanceOf(error, PluginStore.PluginStoreError)
    const { message, reason } = error
    return { tag: reason._tag, path: "path" in reason ? reason.path : undefined, message }
  })

const withoutTimes = (snapshot: MemoryFileSystem.Snapshot) =>
  Object.entries(snapshot).map(([path, entry]) => [path, { ...entry, mtime: 0 }])

describe("a file that another program holds", () => {
  it.effect.each(["EBUSY", "EPERM", "EACCES"] as const)(
    "is waited for if it is released in time (%s)",
    Effect.fnUntraced(function* (code) {
      const disk = yield* cached(a1)
      const time = Duration.subtract(PluginStore.heldFilePatience, Duration.millis(200))
      const exit = yield* settle(
        pass(over(disk, holding(`${baseRoot}/2.0.0`, code, until(time))), [a2])
      )
      assert.deepStrictEqual(reasonOf(exit), [])
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [a2]), [])
      if (Exit.isSuccess(exit))
        assert.isAtLeast(Duration.toMillis(exit.value[0]), Duration.toMillis(time))
    })
  )

  it.effect("fails its plugin only, and keeps the previous version, if it is not released", () =>
    Effect.gen(function* () {
      const disk = yield* cached(a1)
      const before = disk.snapshot(baseRoot)
      const beta = build("B", "1.0.0", "beta")
      const held = over(disk, holding(`${baseRoot}/2.0.0`, "EBUSY", always))
      const exit = yield* settle(pass(held, [a2, beta]))
      const [reason, ...others] = reasonOf(exit)
      assert.deepStrictEqual(others, [])
      assert.strictEqual(reason?.tag, "Held")
      assert.strictEqual(reason?.path, `${baseRoot}/2.0.0`)
      assert.include(reason?.message, "held by another program")
      if (Exit.isSuccess(exit)) {
        const took = Duration.toMillis(exit.value[0])
        assert.isAtLeast(took, Duration.toMillis(PluginStore.heldFilePatience))
        assert.isAtMost(took, Duration.toMillis(PluginStore.heldFilePatience) + 200)
      }
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [a1, beta]), [])
      assert.deepStrictEqual(disk.snapshot(baseRoot), before)
      yield* pass(disk, [a2, beta])
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [a2, beta]), [])
    })
  )

  it.effect("is named if it belongs to the version that is being replaced", () =>
    Effect.gen(function* () {
      const disk = yield* cached(a1)
      const exit = yield* settle(
        pass(over(disk, holding(`${baseRoot}/1.0.0`, "EPERM", always)), [b1])
      )
      assert.deepStrictEqual(
        reasonOf(exit).map(({ path, tag }) => [tag, path]),
        [["Held", `${baseRoot}/1.0.0`]]
      )
      assert.strictEqual(CacheContents.activeOf(CacheContents.read(disk)), "A/1.0.0")
      assert.deepStrictEqual(CacheContents.violations(CacheContents.read(disk)), [])
      yield* pass(disk, [b1])
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [b1]), [])
    })
  )

  it.effect("brings the replaced version back if the new one cannot be moved into place", () =>
    Effect.gen(function* () {
      const disk = yield* cached(a1)
      yield* disk.fileSystem.remove(`${baseRoot}/1.0.0/skills`, { recursive: true })
      yield* disk.fileSystem.remove(`${baseRoot}/1.0.0/.codex-plugin`, { recursive: true })
      const before = withoutTimes(disk.snapshot(baseRoot))
      const held = over(disk, ({ method, paths }) =>
        method === "rename" && paths[0]?.endsWith("/bundle")
          ? Effect.fail(FaultyFileSystem.errno("EBUSY", method, paths[0]))
          : Effect.void
      )
      const exit = yield* settle(pass(held, [a1]))
      assert.deepStrictEqual(
        reasonOf(exit).map(({ path, tag }) => [tag, path]),
        [["Held", `${baseRoot}/1.0.0`]]
      )
      assert.deepStrictEqual(withoutTimes(disk.snapshot(baseRoot)), before)
    })
  )

  it.effect("keeps its plugin in place if that was to be removed", () =>
    Effect.gen(function* () {
      const disk = yield* cached(a1)
      const exit = yield* settle(pass(over(disk, holding(baseRoot, "EBUSY", always)), []))
      assert.deepStrictEqual(
        reasonOf(exit).map(({ path, tag }) => [tag, path]),
        [["Held", baseRoot]]
      )
      assert.deepStrictEqual(yield* CacheContents.differences(disk, [a1]), [])
    })
  )
})

describe("a marketplace that cannot be read", () => {
  it.effect("hides only its own plugins from the list", () =>
    Effect.gen(function* () {
      const disk = yield* cached(a1)
      const foreign = `${CacheContents.cacheRoot}/company`
      yield* disk.fileSystem.makeDirectory(foreign)
      const refusing = over(disk, ({ method, paths }) =>
        method === "readDirectoryEntries" && paths[0] === foreign
          ? Effect.fail(FaultyFileSystem.errno("EACCES", method, foreign))
          : Effect.void
      )
      const listed = yield* withStore((store) => store.list)(refusing)
      assert.deepStrictEqual(
        listed.map((plugin) => plugin.pluginId),
        [pluginId("alpha")]
      )
    })
  )
})

const readOnly: FaultyFileSystem.Hook = ({ change, method, paths }) =>
  change === undefined
    ? Effect.void
    : Effect.fail(FaultyFileSystem.errno("EROFS", method, paths[0] ?? "", paths[1]))

describe("a read-only home", () => {
  it.effect("can be read and planned for", () =>
    Effect.gen(function* () {
      const disk = over(yield* cached(a1), readOnly)
      const services = yield* open(disk.fileSystem, [a2])
      const store = Context.get(services, PluginStore.PluginStore)
      assert.lengthOf(yield* store.list, 1)
      assert.isTrue(Option.isSome(yield* store.remotePluginId(pluginId("alpha"))))
      const { actions } = yield* Context.get(services, PluginSync.PluginSync).plan
      assert.deepStrictEqual(
        actions.map(({ _tag }) => _tag),
        ["Install"]
      )
    })
  )

  it.effect("needs no change if it is up to date", () =>
    Effect.gen(function* () {
      const disk = over(yield* cached(a1), readOnly)
      assert.lengthOf((yield* pass(disk, [a1])).kept, 1)
    })
  )

  it.effect("fails a pass that must change it, and is left unchanged", () =>
    Effect.gen(function* () {
      const disk = yield* cached(a1, a2)
      const before = disk.snapshot()
      const reasons = reasonOf(yield* settle(pass(over(disk, readOnly), [b2])))
      assert.deepStrictEqual(
        reasons.map(({ tag }) => tag),
        ["FileSystem"]
      )
      assert.match(
        reasons[0]?.message ?? "",
        /^cannot install alpha@\S+: EROFS: read-only file system, mkdir '\S+'; make it writable$/
      )
      assert.deepStrictEqual(disk.snapshot(), before)
    })
  )
})
