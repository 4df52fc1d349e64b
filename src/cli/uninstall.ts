import { Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import * as PluginId from "../PluginId.ts"
import * as PluginInstaller from "../PluginInstaller.ts"
import * as PluginStore from "../PluginStore.ts"
import { remoteMarketplaces } from "../RemotePlugin.ts"
import type { RemotePluginId } from "../RemotePluginId.ts"
import * as flags from "./flags.ts"
import * as names from "./names.ts"
import { offline } from "./offline.ts"
import { online } from "./online.ts"
import { printJson, schemaVersion } from "./output.ts"

const printUninstalled = (
  pluginId: PluginId.PluginId,
  remotePluginId: RemotePluginId | undefined,
  json: boolean
) =>
  json
    ? printJson({
        schemaVersion,
        pluginId,
        name: PluginId.name(pluginId),
        marketplaceName: PluginId.marketplace(pluginId),
        installed: false,
        source:
          remotePluginId === undefined
            ? { source: "local" }
            : { source: "remote", id: remotePluginId }
      })
    : Console.log(
        remotePluginId === undefined
          ? `uninstalled ${pluginId}, a local install: the account has not changed`
          : `uninstalled ${pluginId} from the account and from this home`
      )

interface Options {
  readonly force: boolean
  readonly json: boolean
}

const uninstallLocal = Effect.fnUntraced(function* (
  pluginId: PluginId.PluginId,
  { force, json }: Options
) {
  const store = yield* PluginStore.PluginStore
  yield* store.uninstall(pluginId, { force })
  yield* printUninstalled(pluginId, undefined, json)
})

/** A local install is outside the account's marketplaces, so that no network is needed for it. */
const localInstall = Effect.fnUntraced(function* (plugin: string) {
  const named = yield* names.cached(plugin)
  return Option.filter(
    named,
    ({ pluginId, remotePluginId }) =>
      Option.isNone(remotePluginId) && !remoteMarketplaces.has(PluginId.marketplace(pluginId))
  )
})

const uninstallNamed = Effect.fnUntraced(function* (plugin: string, options: Options) {
  const { pluginId, remotePluginId } = yield* names.resolve(plugin)
  if (Option.isNone(remotePluginId) && Option.isSome(pluginId)) {
    return yield* uninstallLocal(pluginId.value, options)
  }
  const id = yield* Option.isSome(remotePluginId)
    ? Effect.succeed(remotePluginId.value)
    : names.resolveRemote(plugin)
  const installer = yield* PluginInstaller.PluginInstaller
  const uninstalled = yield* names.orUnknown(plugin)(installer.uninstall(id, options))
  yield* printUninstalled(uninstalled, id, options.json)
})

export const uninstall = Command.make(
  "uninstall",
  { codexHome: flags.codexHome, force: flags.force, json: flags.json, plugin: names.plugin },
  Effect.fn("uninstall")(function* ({ codexHome, plugin, ...options }) {
    const local = yield* Effect.provide(localInstall(plugin), offline(codexHome))
    yield* Option.match(local, {
      onNone: () => Effect.provide(uninstallNamed(plugin, options), online(codexHome)),
      onSome: ({ pluginId }) =>
        Effect.provide(uninstallLocal(pluginId, options), offline(codexHome))
    })
  })
).pipe(
  Command.withDescription(
    "Remove a plugin from the account, which all machines share, and from this home"
  ),
  Command.withExamples([
    { command: "codex-plugins uninstall github", description: "From the account and this home" },
    { command: "codex-plugins uninstall mine@my-market", description: "A local install" }
  ])
)
