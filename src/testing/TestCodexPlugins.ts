/**
 * Every service of one Codex home, on a disk in memory and a backend without sockets: for tests of
 * a host. Nothing of it leaves the process, and `TestClock` drives its time.
 */
import { Effect, Layer, Path } from "effect"
import * as CacheLock from "../CacheLock.ts"
import * as CodexHome from "../CodexHome.ts"
import * as CodexPlugins from "../CodexPlugins.ts"
import * as MemoryFileSystem from "./MemoryFileSystem.ts"
import * as TestBackend from "./TestBackend.ts"

/** Where the home stands on the disk in memory. */
export const root = "/home/tester/.codex"

/** A home that is signed in to the backend. */
const layerHome = Layer.unwrap(
  Effect.gen(function* () {
    const backend = yield* TestBackend.TestBackend
    yield* backend.writeHome(root)
    return CodexHome.layerAt(root)
  })
)

/** Each layer made here has a disk and a backend of its own. */
export const layer = (options?: TestBackend.Options) =>
  CodexPlugins.layerServices.pipe(
    Layer.provideMerge(CacheLock.layerInProcess),
    Layer.provideMerge(Layer.merge(layerHome, TestBackend.layerHttpClient)),
    Layer.provideMerge(
      Layer.mergeAll(TestBackend.layer(options), MemoryFileSystem.layerWith({}), Path.layer)
    )
  )
