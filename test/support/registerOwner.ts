/** A process that registers as an owner in a staging folder, prints its name, and does not end. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer, Path } from "effect"
import * as Disk from "../../src/internal/disk/Disk.ts"
import * as Liveness from "../../src/internal/lock/liveness.ts"

const [staging = ""] = process.argv.slice(2)

Effect.gen(function* () {
  const liveness = yield* Liveness.kernel(yield* Disk.make, yield* Path.Path)
  yield* Console.log(yield* liveness.register(staging))
  return yield* Effect.never
}).pipe(
  Effect.scoped,
  Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer)),
  NodeRuntime.runMain
)
