import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import { PluginSync } from "effect-codex-plugins"
import * as NodeCodexPlugins from "effect-codex-plugins/node"

// Before a session opens: hooks and skills are in place, or the log says why not. A network outage
// never blocks the session.
const program = Effect.gen(function* () {
  const { ensureReady } = yield* PluginSync.PluginSync
  const { error, missing, ready, state } = yield* ensureReady({ deadline: "5 seconds" })
  yield* Effect.logInfo(`${state}: ${ready.length} plugins ready, ${missing.length} missing`)
  if (error !== null) yield* Effect.logWarning(error.message)
})

program.pipe(Effect.provide(NodeCodexPlugins.layer), NodeRuntime.runMain)
