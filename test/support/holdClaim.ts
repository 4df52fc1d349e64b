/** A process that claims a plugin of the home it is given, says so on stdout, and never lets go. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer } from "effect"
import * as CacheLock from "../../src/CacheLock.ts"
import * as CodexHome from "../../src/CodexHome.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import { pluginId } from "./pluginWorld.ts"

const [home = "", name = ""] = process.argv.slice(2)

Effect.gen(function* () {
  const store = yield* PluginStore.PluginStore
  yield* store.claimed(pluginId(name), Effect.andThen(Console.log("claimed"), Effect.never))
}).pipe(
  Effect.provide(
    PluginStore.layer.pipe(
      Layer.provide(CacheLock.layer),
      Layer.provide(CodexHome.layerAt(home)),
      Layer.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))
    )
  ),
  NodeRuntime.runMain
)
