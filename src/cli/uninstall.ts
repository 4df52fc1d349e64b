import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import * as PluginId from "../PluginId.ts"
import * as PluginInstaller from "../PluginInstaller.ts"
import * as args from "./args.ts"
import * as flags from "./flags.ts"
import { online } from "./online.ts"
import { printJson } from "./output.ts"

export const uninstall = Command.make(
  "uninstall",
  { codexHome: flags.codexHome, json: flags.json, remoteId: args.remoteId },
  Effect.fn("uninstall")(function* ({ json, remoteId }) {
    const installer = yield* PluginInstaller.PluginInstaller
    const pluginId = yield* installer.uninstall(remoteId)
    yield* json
      ? printJson({
          pluginId,
          name: PluginId.name(pluginId),
          marketplaceName: PluginId.marketplace(pluginId),
          installed: false,
          source: { source: "remote", id: remoteId }
        })
      : Console.log(`uninstalled ${pluginId}`)
  })
).pipe(
  Command.withDescription("Take a plugin off the account and out of the cache"),
  Command.provide(({ codexHome }) => online(codexHome))
)
