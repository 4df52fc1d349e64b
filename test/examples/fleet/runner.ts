/**
 * One runner of the fleet, as a process. Any number of them share the homes.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Layer } from "effect"
import { CodexPlugins } from "effect-codex-plugins"
import * as Fleet from "./fleet.ts"

// A frozen runner keeps the lock of a home that it is changing. The next one gives up and tries again
// in the next round.
const fleet = Fleet.layer((home) =>
  CodexPlugins.layerAt(home, { lock: { waitLimit: "30 seconds" } })
)

fleet.pipe(Layer.launch, NodeRuntime.runMain)
