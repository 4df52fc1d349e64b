/** A process that repeatedly takes the lock of a home for a moment. The argument is the home. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer } from "effect"
import * as CacheLock from "../../src/CacheLock.ts"
import * as CodexHome from "../../src/CodexHome.ts"

const [home = ""] = process.argv.slice(2)

Effect.gen(function* () {
  const { internals } = yield* CacheLock.CacheLock
  yield* internals.session
  const holdOnce = internals.commit(Effect.sleep("5 millis"))
  yield* holdOnce
  yield* Console.log("busy")
  yield* Effect.all([Effect.forever(holdOnce), Effect.forever(holdOnce)], { concurrency: 2 })
}).pipe(
  Effect.scoped,
  Effect.provide(
    CacheLock.layer.pipe(
      Layer.provide(CodexHome.layerAt(home)),
      Layer.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))
    )
  ),
  NodeRuntime.runMain
)
