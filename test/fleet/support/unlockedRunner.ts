/**
 * A runner on a file system whose locks other machines do not see: its lock excludes nobody.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Layer } from "effect"
import { CacheLock, CodexHome, CodexPlugins } from "effect-codex-plugins"
import * as Fleet from "../../examples/fleet/fleet.ts"

Fleet.layer((home) =>
  CodexPlugins.layerServicesWith({}).pipe(
    Layer.provide(Layer.fresh(CacheLock.layerInProcess)),
    Layer.provide(CodexHome.layerAt(home))
  )
).pipe(Layer.launch, NodeRuntime.runMain)
