import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import * as PluginId from "../PluginId.ts"
import * as PluginInstaller from "../PluginInstaller.ts"
import * as PluginStore from "../PluginStore.ts"
import { remoteMarketplaces } from "../RemotePlugin.ts"
import type { RemotePluginId } from "../RemotePluginId.ts"
import { within } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Names from "./names.ts"
import { offline } from "./offline.ts"
import { online } from "./online.ts"
import { printJson, schemaVersion } from "./output.ts"
import { spinning } from "./region.ts"
import { printLines } from "./screen.ts"

const printUninstalled = (
  pluginId: PluginId.PluginId,
  remotePluginId: RemotePluginId | undefined,
  { changed, json }: { readonly changed: boolean; readonly json: boolean }
) =>
  json
    ? printJson({
        schemaVersion,
        pluginId,
        name: PluginId.name(pluginId),
        marketplaceName: PluginId.marketplace(pluginId),
        installed: false,
        changed,
        source:
          remotePluginId === undefined
            ? { source: "local" }
            : { source: "remote", id: remotePluginId }
      })
    : printLines(() => [uninstalledText(pluginId, remotePluginId, changed)])

const uninstalledText = (
  pluginId: PluginId.PluginId,
  remotePluginId: RemotePluginId | undefined,
  changed: boolean
): string => {
  if (!changed) return `not installed: ${pluginId} is neither on the account nor in this home`
  return remotePluginId === undefined
    ? `uninstalled ${pluginId}, a local install: the account has not changed`
    : `uninstalled ${pluginId} from the account, for all machines, and from this home`
}

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
  yield* printUninstalled(pluginId, undefined, { changed: true, json })
})

/** A local install is outside the account's marketplaces, so it needs no network. */
const localInstall = Effect.fnUntraced(function* (plugin: string) {
  const named = yield* Names.cached(plugin)
  return Option.filter(
    named,
    ({ pluginId, remotePluginId }) =>
      Option.isNone(remotePluginId) && !remoteMarketplaces.has(PluginId.marketplace(pluginId))
  )
})

const uninstallNamed = Effect.fnUntraced(function* (plugin: string, options: Options) {
  const { pluginId, remotePluginId } = yield* Names.resolve(plugin)
  if (Option.isNone(remotePluginId) && Option.isSome(pluginId)) {
    return yield* uninstallLocal(pluginId.value, options)
  }
  const id = yield* Option.isSome(remotePluginId)
    ? Effect.succeed(remotePluginId.value)
    : Names.resolveRemote(plugin)
  const installer = yield* PluginInstaller.PluginInstaller
  const before = yield* Names.orUnknown(plugin)(installer.read(id))
  const changed = Option.isSome(before.installed) || Option.isSome(before.cached)
  const uninstalled = changed ? yield* installer.uninstall(id, options) : before.plugin.pluginId
  yield* printUninstalled(uninstalled, id, { changed, json: options.json })
})

export const uninstall = Command.make(
  "uninstall",
  {
    codexHome: Flags.codexHome,
    force: Flags.force,
    json: Flags.json,
    plugin: Names.plugin,
    timeout: Flags.timeout,
    wait: Flags.wait
  },
  Effect.fn("uninstall")(function* ({ codexHome, plugin, timeout, wait, ...options }) {
    const lock = { waitLimit: wait }
    const local = yield* Effect.provide(localInstall(plugin), offline(codexHome))
    yield* Option.match(local, {
      onNone: () =>
        uninstallNamed(plugin, options).pipe(
          within(timeout),
          spinning(() => `Uninstalling ${plugin}`),
          Effect.provide(online(codexHome, { lock }))
        ),
      onSome: ({ pluginId }) =>
        Effect.provide(uninstallLocal(pluginId, options), offline(codexHome, lock))
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
