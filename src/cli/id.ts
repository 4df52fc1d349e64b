import { Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import { display } from "../internal/display.ts"
import type * as PluginIdentity from "../PluginIdentity.ts"
import * as PluginStore from "../PluginStore.ts"
import { CommandFailed } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Names from "./names.ts"
import { offline } from "./offline.ts"
import { printJson, schemaVersion } from "./output.ts"

/**
 * The reason why an installed plugin has no remote id. Unreadable sidecars have their own errors.
 */
const why = (state: PluginIdentity.State): string => {
  switch (state) {
    case "Local":
      return "is a local install: it has no remote plugin id"
    case "InDoubt":
      return "has an identity in doubt, because an install was interrupted; run `codex-plugins sync` to repair it"
    default:
      return "has no identity yet; run `codex-plugins sync` to add it"
  }
}

export const id = Command.make(
  "id",
  {
    codexHome: Flags.codexHome,
    json: Flags.json,
    plugin: Names.plugin
  },
  Effect.fn("id")(function* ({ json, plugin }) {
    // The other plugins are read only if the name must be resolved.
    const named = Names.isPluginId(plugin)
      ? Option.some(plugin)
      : Option.map(yield* Names.cached(plugin), ({ pluginId }) => pluginId)
    if (Option.isNone(named)) {
      return yield* new CommandFailed({ why: `${plugin} is not installed` })
    }
    const pluginId = named.value
    const store = yield* PluginStore.PluginStore
    const remotePluginId = yield* store.remotePluginId(pluginId)
    if (Option.isSome(remotePluginId)) {
      return yield* json
        ? printJson({ schemaVersion, pluginId, remotePluginId: remotePluginId.value })
        : Console.log(display(remotePluginId.value))
    }
    // The code for other states is loaded only if the id is unknown.
    const { decide } = yield* Effect.promise(() => import("../PluginIdentity.ts"))
    const cached = yield* store.read(pluginId)
    const identity = decide(pluginId, cached, Option.none())
    const version = Option.flatMap(cached, ({ active }) => active)
    return yield* new CommandFailed({
      why:
        Option.isNone(identity) || Option.isNone(version)
          ? `${pluginId} is not installed`
          : `${pluginId} ${version.value} ${why(identity.value.state)}`
    })
  })
).pipe(
  Command.withDescription("Print the remote plugin id of a cached plugin; works offline"),
  Command.withExamples([{ command: "codex-plugins id github", description: "By its name" }]),
  Command.provide(({ codexHome }) => offline(codexHome))
)
