import { Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import * as PluginStore from "../PluginStore.ts"
import * as args from "./args.ts"
import { CommandFailed } from "./exit.ts"
import * as flags from "./flags.ts"
import { offline } from "./offline.ts"

export const id = Command.make(
  "id",
  {
    codexHome: flags.codexHome,
    pluginId: args.pluginId
  },
  Effect.fn("id")(function* ({ pluginId }) {
    const store = yield* PluginStore.PluginStore
    const remotePluginId = yield* store.remotePluginId(pluginId)
    if (Option.isSome(remotePluginId)) return yield* Console.log(remotePluginId.value)
    const active = yield* store.activeVersion(pluginId)
    return yield* new CommandFailed({
      message: Option.match(active, {
        onNone: () => `${pluginId} is not installed`,
        onSome: (version) =>
          `${pluginId} ${version} has no identity: it is a local install, or it waits for a sync`
      })
    })
  })
).pipe(
  Command.withDescription("Print the backend's id of a cached plugin; needs no network"),
  Command.provide(({ codexHome }) => offline(codexHome))
)
