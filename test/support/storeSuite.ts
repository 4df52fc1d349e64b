/**
 * The homes and helpers that the tests of the store share.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, Path, type Scope } from "effect"
import * as CacheLock from "../../src/CacheLock.ts"
import * as CodexHome from "../../src/CodexHome.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import * as PluginVersion from "../../src/PluginVersion.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { type Build, build, layOut, pluginId, remoteId } from "./pluginWorld.ts"
import { isReal } from "./system.ts"

export type Services =
  | CodexHome.CodexHome
  | CacheLock.CacheLock
  | FileSystem.FileSystem
  | Path.Path
  | PluginStore.PluginStore

/** The services of an existing home on any file system. */
const layerAt = (root: string) =>
  PluginStore.layer.pipe(
    Layer.provideMerge(CacheLock.layerInProcess),
    Layer.provideMerge(CodexHome.layerAt(root)),
    Layer.fresh
  )

interface Options {
  readonly umask?: number
}

const inMemory = ({ umask = 0o022 }: Options): Layer.Layer<Services> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory("/home/tester/.codex", { recursive: true })
      return layerAt("/home/tester/.codex")
    })
  ).pipe(
    Layer.provideMerge(Layer.merge(MemoryFileSystem.layerWith({ umask }), Path.layer)),
    Layer.orDie
  )

// The same must hold on a real system, which has its own rules for modes, links and renames.
const onDisk = ({ umask = 0o022 }: Options): Layer.Layer<Services> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* Effect.acquireRelease(
        Effect.sync(() => process.umask(umask)),
        (before) => Effect.sync(() => process.umask(before))
      )
      const root = yield* fs.makeTempDirectoryScoped({ prefix: "codex-plugins-store-" })
      return layerAt(root)
    })
  ).pipe(Layer.provideMerge(Layer.merge(NodeFileSystem.layer, NodePath.layer)), Layer.orDie)

const disk = isReal ? onDisk : inMemory

/** Runs tests of the store under a name that tells the kind of disk. */
export const suite = (tests: () => void) =>
  describe(`PluginStore, ${isReal ? "on disk" : "in memory"}`, tests)

/** A test with a new store. */
export const test = (
  name: string,
  body: () => Effect.Effect<void, unknown, Services | Scope.Scope>,
  options: Options = {}
) => it.effect(name, () => Effect.provide(Effect.scoped(body()), disk(options)))

export const alpha = pluginId("alpha")
export const [a1, a2, b1] = [build("A", "1.0.0"), build("A", "2.0.0"), build("B", "1.0.0")]
export const version = (text: string) => PluginVersion.PluginVersion.make(text)

export const store = Effect.fnUntraced(function* <A, E, R>(
  use: (store: PluginStore.PluginStore["Service"]) => Effect.Effect<A, E, R>
) {
  return yield* use(yield* PluginStore.PluginStore)
})

export const baseRoot = store((store) =>
  Effect.succeed(store.sidecarPath(alpha).replace(/\/[^/]+$/, ""))
)
export const sidecar = store((store) => Effect.succeed(store.sidecarPath(alpha)))
export const identity = store((store) => store.remotePluginId(alpha))
export const active = store((store) => store.activeVersion(alpha))
export const versions = store((store) =>
  Effect.map(store.read(alpha), (plugin) =>
    Option.match(plugin, { onNone: () => [], onSome: ({ versions }) => versions.toSorted() })
  )
)

export const write = (owner: string) =>
  store((store) => store.writeIdentity(alpha, remoteId(owner)))
export const install = (source: string, version?: PluginVersion.PluginVersion) =>
  store((store) => store.install({ source, pluginId: alpha, version }))
export const prune = (text: string) => store((store) => store.prune(alpha, version(text)))

/** One line for the entry at a path and for each entry below it. Links are not followed. */
export const look = Effect.fnUntraced(function* (
  root: string
): Effect.fn.Return<ReadonlyArray<string>, unknown, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const info = yield* Effect.option(fs.lstat(root))
  if (Option.isNone(info)) return []
  const { mode, type } = info.value
  const line = `${root} ${type} ${(mode & 0o777).toString(8)}`
  if (type === "SymbolicLink") return [`${root} -> ${yield* fs.readLink(root)}`]
  if (type === "File") return [`${line} ${yield* fs.readFileString(root)}`]
  if (type !== "Directory") return [line]
  const below = yield* Effect.forEach(yield* fs.readDirectory(root), (name) =>
    look(`${root}/${name}`)
  )
  return [line, ...below.flat()]
})

export const lookAtCache = Effect.flatMap(CodexHome.CodexHome, ({ cache }) => look(cache))

/** The entries of staging. */
export const leftovers = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { staging } = yield* CodexHome.CodexHome
  return yield* Effect.orElseSucceed(fs.readDirectory(staging), () => [])
})

/** Lays out a version as Codex does, without a sidecar. */
export const put = Effect.fnUntraced(function* (build: Build) {
  const fs = yield* FileSystem.FileSystem
  const root = yield* baseRoot
  yield* fs.makeDirectory(root, { recursive: true })
  yield* layOut(build, `${root}/${build.version}`)
})

export const writeSidecar = Effect.fnUntraced(function* (contents: string | Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents
  yield* fs.writeFile(yield* sidecar, bytes)
})

/** A folder outside the cache with a plugin in it. */
export const ownFolder = Effect.fnUntraced(function* (build: Build) {
  const { root } = yield* CodexHome.CodexHome
  const folder = `${root}/mine-${build.version}`
  yield* layOut(build, folder)
  return folder
})

export const reasonOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.instanceOf(error, PluginStore.PluginStoreError)
    return error.reason
  })

/** The error of an effect that must fail and leave the cache unchanged. */
export const rejected = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const before = yield* lookAtCache
  const error = yield* Effect.flip(effect)
  assert.deepStrictEqual(yield* lookAtCache, before)
  return error
})

/** The exact text of a sidecar, independent of the code under test. */
export const sidecarText = (owner: string) =>
  `{\n  "schema_version": 1,\n  "remote_plugin_id": "plugins~Plugin_${owner}"\n}\n`

export const schema2 = '{"schema_version":2,"remote_plugin_id":"plugins~Plugin_Z"}'
