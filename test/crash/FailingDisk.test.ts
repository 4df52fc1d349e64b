/**
 * Disks that are full, or on which single operations fail.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../support/cacheContents.ts"
import { attempt, errorsOf } from "../support/faults.ts"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import { fingerprint } from "../support/fingerprints.ts"
import { pass, pluginId } from "../support/pluginWorld.ts"
import {
  a1,
  b1,
  cached,
  prepare,
  selectedScenarios,
  wantedBy,
  withStore
} from "../support/scenarios.ts"

type Disk = MemoryFileSystem.MemoryDisk

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

/** The errors of a disk, once or from one operation on, and the methods that they concern. */
const faults: ReadonlyArray<{
  readonly code: FaultyFileSystem.Code
  readonly for: "once" | "ever"
  /** Default: all methods. */
  readonly methods?: ReadonlySet<string>
}> = [
  { code: "ENOSPC", for: "once", methods: writing },
  { code: "ENOSPC", for: "ever", methods: writing },
  { code: "EACCES", for: "once" },
  { code: "EACCES", for: "ever" },
  { code: "EPERM", for: "once" },
  { code: "EIO", for: "once", methods: new Set(["rename", "sync", "writeAll"]) }
]

/** The errors that a store may have on a faulty disk. A defect is not among them. */
const expectedErrors = new Set(["PluginStoreError", "RemoteBundleError"])

describe(
  "a disk that fails one step of a change, or all from that step on",
  { timeout: 60_000 },
  () => {
    for (const [name, scenario] of Object.entries(selectedScenarios)) {
      it.effect(
        `leaves a consistent cache, which the next pass completes: ${name}`,
        Effect.fnUntraced(function* () {
          const { between = [], retention } = scenario
          const wanted = wantedBy(scenario)
          const start = yield* prepare(scenario)
          const ordinary = (disk: Disk) => pass(disk, wanted, retention)
          const act = scenario.act ?? ordinary

          const changes: Array<FaultyFileSystem.Operation> = []
          const last = start.clone()
          yield* act(
            FaultyFileSystem.withHook(last, (operation) =>
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
            for (const { code, for: reach, methods } of faults) {
              if (methods !== undefined && !methods.has(method)) continue
              const at = `${code} at ${method} ${paths.join(" ")}, for ${reach}`
              const disk = start.clone()
              const failing = FaultyFileSystem.withHook(disk, ({ change = -1, method, paths }) =>
                change === first ||
                (reach === "ever" && change > first && methods?.has(method) !== false)
                  ? Effect.fail(FaultyFileSystem.errno(code, method, paths[0] ?? "", paths[1]))
                  : Effect.void
              )
              const exit = yield* attempt(act(failing))
              const errors = errorsOf(exit)
              for (const error of errors)
                assert.isTrue(expectedErrors.has(error._tag), `${at}: ${error._tag}`)
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
              assert.deepStrictEqual(yield* CacheContents.differences(disk, wanted), [], at)
            }
          }
        })
      )
    }
  }
)

describe("a folder that must be synced", () => {
  const failing = (method: "open" | "sync", code: FaultyFileSystem.Code) =>
    Effect.gen(function* () {
      const disk = yield* cached(a1)
      const isFolder = (path: string) =>
        path in disk.snapshot() && disk.snapshot(path)[path]?.type === "Directory"
      const exit = yield* attempt(
        pass(
          FaultyFileSystem.withHook(disk, (operation) =>
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
    "may stay unsynced if the file system cannot sync folders (%s: %s)",
    Effect.fnUntraced(function* ([method, code]) {
      const { disk, errors } = yield* failing(method, code)
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
      const { disk, errors } = yield* failing(method, code)
      assert.lengthOf(errors, 1)
      assert.strictEqual(CacheContents.activeOf(CacheContents.read(disk)), "A/1.0.0")
      assert.deepStrictEqual(CacheContents.violations(CacheContents.read(disk)), [])
    })
  )
})

describe("a marketplace that cannot be read", () => {
  it.effect("hides only its own plugins from the list", () =>
    Effect.gen(function* () {
      const disk = yield* cached(a1)
      const foreign = `${CacheContents.cacheRoot}/company`
      yield* disk.fileSystem.makeDirectory(foreign)
      const failing = FaultyFileSystem.withHook(disk, ({ method, paths }) =>
        method === "readDirectoryEntries" && paths[0] === foreign
          ? Effect.fail(FaultyFileSystem.errno("EACCES", method, foreign))
          : Effect.void
      )
      const listed = yield* withStore((store) => store.list)(failing)
      assert.deepStrictEqual(
        listed.map((plugin) => plugin.pluginId),
        [pluginId("alpha")]
      )
    })
  )
})
