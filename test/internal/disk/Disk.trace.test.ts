/**
 * The store requests the same changes and syncs from both disks.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Context, Effect, Layer } from "effect"
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { vi } from "vitest"
import * as CacheLock from "../../../src/CacheLock.ts"
import * as CodexHome from "../../../src/CodexHome.ts"
import * as InstallMetadata from "../../../src/InstallMetadata.ts"
import * as Disk from "../../../src/internal/disk/Disk.ts"
import * as PluginSeed from "../../../src/PluginSeed.ts"
import * as PluginStore from "../../../src/PluginStore.ts"
import {
  type Implementation,
  implementations,
  platform,
  temporaryFolder
} from "../../support/disks.ts"
import { build, layOut, marketplace, pluginId, remoteId, stage } from "../../support/pluginWorld.ts"

/**
 * Records new files, syncs and changes of names. It is installed in `node:fs` before Effect's layer takes
 * the functions of that module.
 */
const recorder = vi.hoisted(() => {
  const fs = process.getBuiltinModule("node:fs") as unknown as Record<string, any>
  const recorder: { lines: Array<ReadonlyArray<string>> | undefined } = { lines: undefined }
  const paths = new Map<number, string>()
  const isNew = (flags: unknown) =>
    typeof flags === "number" ? (flags & fs.constants.O_CREAT) !== 0 : flags === "wx"
  const note = (method: string, [first, second]: ReadonlyArray<any>) => {
    if (method === "open") {
      if (isNew(second)) recorder.lines?.push(["create", first])
    } else if (method === "fsync") recorder.lines?.push(["fsync", paths.get(first) ?? "?"])
    else if (method === "rename" || method === "copyFile") {
      recorder.lines?.push([method, first, second])
    } else if (["rm", "rmdir", "unlink"].includes(method)) {
      // One of the disks looks first, and to remove a missing entry is no change.
      if (fs.lstatSync(first, { throwIfNoEntry: false }) !== undefined) {
        recorder.lines?.push(["remove", first])
      }
    } else recorder.lines?.push([method, first])
  }
  const methods = "open fsync rename copyFile mkdir mkdtemp rm rmdir unlink".split(" ")
  for (const name of methods.flatMap((method) => [method, `${method}Sync`])) {
    const method = name.replace("Sync", "")
    const original = fs[name]
    fs[name] = (...args: Array<any>) => {
      note(method, args)
      if (method !== "open") return original(...args)
      if (name === "openSync") {
        const descriptor = original(...args)
        paths.set(descriptor, args[0])
        return descriptor
      }
      const done = args.at(-1)
      return original(...args.slice(0, -1), (error: unknown, descriptor: number) => {
        if (!error) paths.set(descriptor, args[0])
        done(error, descriptor)
      })
    }
  }
  process.getBuiltinModule("node:module").syncBuiltinESMExports()
  return recorder
})

/** Runs an effect and returns the recorded calls of `node:fs`. */
const traced = <A, E, R>(effect: Effect.Effect<A, E, R>, shown: (path: string) => string) =>
  Effect.gen(function* () {
    recorder.lines = []
    yield* effect
    const lines = recorder.lines
    recorder.lines = undefined
    return lines.map((words) => words.map((word) => shown(String(word))).join(" "))
  })

const [a1, a2, b2] = [build("A", "1.0.0"), build("A", "2.0.0"), build("B", "2.0.0")]
const alpha = pluginId("alpha")

const changes: Readonly<Record<string, (source: string) => Effect.Effect<unknown, unknown, any>>> =
  {
    "a first install": () => stage(a1),
    "an upgrade": () => stage(a2),
    "a change of owner": () => stage(b2),
    "a local install": (source) =>
      PluginStore.PluginStore.use((store) => store.install({ source, pluginId: alpha })),
    "the seeding of another plugin": (source) =>
      Effect.gen(function* () {
        const { seed } = yield* PluginSeed.make
        const { seeded } = yield* seed({ from: join(source, "../seed") })
        assert.lengthOf(seeded, 1)
      }),
    "the return of a plugin's folder that another program has moved away": () =>
      PluginStore.PluginStore.use((store) => {
        const baseRoot = dirname(store.sidecarPath(alpha))
        const aside = join(dirname(baseRoot), "plugin-backup-x1", "alpha")
        Fs.mkdirSync(dirname(aside))
        Fs.renameSync(baseRoot, aside)
        return store.internals.restore(alpha, aside)
      }),
    "a sweep": () => PluginStore.PluginStore.use((store) => store.sweep),
    "an uninstall": () => PluginStore.PluginStore.use((store) => store.uninstall(alpha))
  }

/** The operations of each change on the disk. All changes run in one home, in order. */
const traces = (implementation: Implementation) =>
  Effect.gen(function* () {
    const root = Fs.realpathSync(yield* temporaryFolder(tmpdir()))
    const source = join(root, "source")
    const context = yield* Layer.build(
      PluginStore.layer.pipe(
        Layer.provideMerge(CacheLock.layerInProcess),
        Layer.provideMerge(CodexHome.layerAt(root)),
        Layer.provideMerge(platform),
        Layer.provideMerge(Layer.succeed(Disk.Implementation, implementation))
      )
    )
    yield* Effect.provideContext(layOut(build(null, "local"), source), context)
    const seeded = join(root, "seed/plugins/cache", marketplace, "beta")
    Fs.mkdirSync(seeded, { recursive: true })
    const beta = layOut(build("A", "1.0.0", "beta"), join(seeded, "1.0.0"))
    yield* Effect.provideContext(beta, context)
    Fs.writeFileSync(
      join(seeded, InstallMetadata.fileName),
      InstallMetadata.encode(remoteId("A")),
      { mode: 0o600 }
    )
    const shown = (path: string) =>
      path
        .replace(root, "HOME")
        .replace(/-claim-[0-9a-f]{32}-[0-9a-f]{8}-/, "-claim-")
        .replace(
          /(-stage-[0-9a-f]+-|-stage-|sidecar-|discarded-|base-root-)[0-9A-Za-z]+/g,
          (_, kind: string) => `${kind.startsWith("-stage-") ? "-stage-" : kind}RANDOM`
        )
        .replace(/-claim-[0-9a-f]+-[0-9a-f]+-/g, "-claim-RANDOM-")
    const found: Record<string, ReadonlyArray<string>> = {}
    for (const [name, change] of Object.entries(changes)) {
      const run = Effect.provideContext(change(source), context as Context.Context<any>)
      const trace = yield* traced(run, shown)
      // A folder is removed as a whole or entry by entry, so only its top counts.
      const isBelow = (line: string) =>
        trace.some((other) => other.startsWith("remove ") && line.startsWith(`${other}/`))
      const distinct = trace.filter(
        (line, at) => !isBelow(line) && !(line.startsWith("remove ") && trace[at - 1] === line)
      )
      found[name] = distinct
    }
    return found
  }).pipe(Effect.scoped)

describe.skipIf(process.platform !== "linux")("the store", () => {
  it.live(
    "requests the same changes and syncs from both disks for every change",
    () =>
      Effect.gen(function* () {
        const [over, direct] = yield* Effect.forEach(Object.values(implementations), traces)
        for (const [name, trace] of Object.entries(over!)) {
          const staged = (line: string) =>
            /-stage-RANDOM\/(bundle|version|base-root-RANDOM\/[\d.]+\/)/.test(line) &&
            !line.startsWith("rename")
          const outside = (lines: ReadonlyArray<string>) => lines.filter((line) => !staged(line))
          const inside = (lines: ReadonlyArray<string>) => lines.filter(staged).toSorted()
          assert.isAbove(
            trace.filter((line) => line.startsWith("fsync")).length,
            name === "a sweep" ? -1 : 0
          )
          assert.deepStrictEqual(outside(direct![name]!), outside(trace), name)
          assert.deepStrictEqual(inside(direct![name]!), inside(trace), name)
        }
      }),
    30_000
  )
})
