/**
 * The runner of the example, except that it waits less for the lock of a home.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Layer } from "effect"
import { CodexPlugins } from "effect-codex-plugins"
import * as Fleet from "../../examples/fleet/fleet.ts"

Fleet.layer((home) => CodexPlugins.layerAt(home, { lock: { waitLimit: "1 second" } })).pipe(
  Layer.launch,
  NodeRuntime.runMain
)
