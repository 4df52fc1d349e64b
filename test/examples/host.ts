import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import { PluginSync } from "effect-codex-plugins"
import * as NodeCodexPlugins from "effect-codex-plugins/node"

// Before a session opens: download what is missing, so that hooks and skills are in place.
const program = Effect.gen(function* () {
  const { sync } = yield* PluginSync.PluginSync
  const { failures, installed } = yield* sync
  yield* Effect.logInfo(`${installed.length} plugins installed, ${failures.length} failed`)
}).pipe(Effect.catchTag("NotSignedIn", (error) => Effect.logWarning(error.message)))

program.pipe(Effect.provide(NodeCodexPlugins.layer), NodeRuntime.runMain)
