import { Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import * as PluginStore from "../PluginStore.ts"
import { CommandFailed } from "./exit.ts"
import * as flags from "./flags.ts"
import * as names from "./names.ts"
import { offline } from "./offline.ts"

export const id = Command.make(
  "id",
  {
    codexHome: flags.codexHome,
    plugin: names.plugin
  },
  Effect.fn("id")(function* ({ plugin }) {
    const named = yield* names.cached(plugin)
    if (Option.isNone(named)) {
      return yield* new CommandFailed({ message: `${plugin} is not installed` })
    }
    const { pluginId } = named.value
    const store = yield* PluginStore.PluginStore
    const remotePluginId = yield* store.remotePluginId(pluginId)
    if (Option.isSome(remotePluginId)) return yield* Console.log(remotePluginId.value)
    const active = yield* store.activeVersion(pluginId)
    return yield* new CommandFailed({
      message: Option.match(active, {
        onNone: () => `${pluginId} is not installed`,
        onSome: (version) =>
          `${pluginId} ${version} has no identity: it is a local install, or the next sync adds it`
      })
    })
  })
).pipe(
  Command.withDescription("Print the remote plugin id of a cached plugin; works offline"),
  Command.withExamples([{ command: "codex-plugins id github", description: "By its name" }]),
  Command.provide(({ codexHome }) => offline(codexHome))
)
