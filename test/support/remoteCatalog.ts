/**
 * A catalog of a home in memory, and its calls.
 */
import { assert } from "@effect/vitest"
import { Effect, Layer, Path } from "effect"
import * as CodexHome from "../../src/CodexHome.ts"
import * as RemoteCatalog from "../../src/RemoteCatalog.ts"
import { RemotePluginId } from "../../src/RemotePluginId.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import type * as TestReply from "../../src/testing/TestReply.ts"
import type * as TestRequest from "../../src/testing/TestRequest.ts"
import { settle } from "./settle.ts"

/** A plugin with an empty bundle, because the tests of the catalog download none. */
export const plugin = (options: Parameters<typeof TestBackend.plugin>[0]) =>
  TestBackend.plugin({ bundle: new Uint8Array(), ...options })

/** Two plugins that the account has installed. */
export const alpha = plugin({ name: "alpha", version: "1.2.0" })
export const beta = plugin({ name: "beta", scope: "WORKSPACE", discoverability: "PRIVATE" })
/** The id in the calls for one plugin. */
export const id = RemotePluginId.make(alpha.id)

/** A Codex home in memory that is signed in to the backend. */
export const home = Layer.unwrap(
  Effect.gen(function* () {
    const backend = yield* TestBackend.TestBackend
    yield* backend.writeHome("/home")
    return CodexHome.layerAt("/home")
  })
).pipe(Layer.provideMerge(Layer.fresh(MemoryFileSystem.layer)), Layer.provideMerge(Path.layer))

/** A catalog of that home, and a backend with these options. */
export const provide = (options: TestBackend.Options = { plugins: [alpha, beta] }) =>
  Effect.provide(
    RemoteCatalog.layer.pipe(
      Layer.provideMerge(home),
      Layer.provide(TestBackend.layerHttpClient),
      Layer.provideMerge(TestBackend.layerWith(options))
    )
  )

/** The calls of the catalog. */
export const installed = Effect.flatMap(RemoteCatalog.RemoteCatalog, (catalog) => catalog.installed)
export const available = (section: RemoteCatalog.Section) =>
  Effect.flatMap(RemoteCatalog.RemoteCatalog, (catalog) => catalog.available(section))
export const featured = Effect.flatMap(RemoteCatalog.RemoteCatalog, (catalog) => catalog.featured)
export const read = Effect.flatMap(RemoteCatalog.RemoteCatalog, (catalog) => catalog.read(id))
export const install = Effect.flatMap(RemoteCatalog.RemoteCatalog, (catalog) => catalog.install(id))
export const uninstall = Effect.flatMap(RemoteCatalog.RemoteCatalog, (catalog) =>
  catalog.uninstall(id)
)

/** The error of a call that fails. */
export const failure = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(settle(effect)), (error) => {
    assert.instanceOf(error, RemoteCatalog.RemoteCatalogError)
    return error
  })

/** Sets the behaviour of the backend for matching requests. */
export const when = (match: TestRequest.Match, ...behaviours: ReadonlyArray<TestReply.Behaviour>) =>
  Effect.flatMap(TestBackend.TestBackend, (backend) => backend.when(match, ...behaviours))

/** The requests that the backend has received. */
export const requests = Effect.flatMap(TestBackend.TestBackend, (backend) => backend.requests())
