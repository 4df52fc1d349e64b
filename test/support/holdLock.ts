/** A process that takes the lock of the home it is given, says so on stdout, and never lets go. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer } from "effect"
import * as CacheLock from "../../src/CacheLock.ts"
import * as CodexHome from "../../src/CodexHome.ts"

const [home = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const lock = yield* CacheLock.CacheLock
  yield* lock.hold(Effect.andThen(Console.log("held"), Effect.never))
})

program.pipe(
  Effect.provide(
    CacheLock.layer.pipe(
      Layer.provide(CodexHome.layerAt(home)),
      Layer.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))
    )
  ),
  NodeRuntime.runMain
)
