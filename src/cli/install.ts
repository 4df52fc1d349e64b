import { Effect, FileSystem, Option, Path, Result, Schema } from "effect"
import { count } from "../internal/display.ts"
import { Argument, Command, Flag } from "effect/cli"
import * as PluginId from "../PluginId.ts"
import * as PluginInstaller from "../PluginInstaller.ts"
import * as PluginStore from "../PluginStore.ts"
import type { PluginVersion } from "../PluginVersion.ts"
import * as RemotePlugin from "../RemotePlugin.ts"
import { within, WrongUsage } from "./exit.ts"
import * as Flags from "./flags.ts"
import * as Names from "./names.ts"
import { offline } from "./offline.ts"
import { online } from "./online.ts"
import { printJson, schemaVersion } from "./output.ts"
import { spinning } from "./region.ts"
import { printLines } from "./screen.ts"

const isPluginId = Schema.is(PluginId.PluginId)

interface Installed {
  readonly pluginId: PluginId.PluginId
  readonly version: PluginVersion
  /** False if the version was already in place. */
  readonly changed: boolean
  /** The links in the local folder, which were left out. */
  readonly skippedLinks?: ReadonlyArray<string>
}

const printInstalled = (
  { changed, pluginId, skippedLinks, version }: Installed,
  source: { readonly source: "remote"; readonly id: string } | { readonly source: "local" },
  json: boolean
) =>
  json
    ? printJson({
        schemaVersion,
        pluginId,
        name: PluginId.name(pluginId),
        marketplaceName: PluginId.marketplace(pluginId),
        version,
        installed: true,
        changed,
        source,
        ...(skippedLinks === undefined ? {} : { skippedLinks })
      })
    : printLines(({ bold, dim }) => [
        `${changed ? "installed" : "already installed:"} ${bold(pluginId)} ${dim(version)}`
      ])

/** The version, if the account has the plugin installed and its current version is cached. */
const currentVersion = (state: PluginInstaller.PluginState): Option.Option<PluginVersion> => {
  const { cached, installed, plugin } = state
  const version = Result.getOrUndefined(RemotePlugin.version(plugin))
  return Option.flatMap(cached, ({ active, identity, intact }) =>
    Option.filter(
      active,
      (active) =>
        Option.isSome(installed) &&
        intact &&
        active === version &&
        identity._tag === "Known" &&
        identity.remotePluginId === plugin.remotePluginId
    )
  )
}

const installRemote = Effect.fnUntraced(function* (name: string, json: boolean) {
  const { install, read } = yield* PluginInstaller.PluginInstaller
  const id = yield* Names.resolveRemote(name)
  // Only a cached plugin can be up to date, and the cache is checked without a request.
  const cached = yield* Names.cached(id)
  if (Option.isSome(cached)) {
    const state = yield* read(id)
    const version = currentVersion(state)
    if (Option.isSome(version)) {
      const { pluginId } = state.plugin
      const current = { pluginId, version: version.value, changed: false }
      return yield* printInstalled(current, { source: "remote", id }, json)
    }
  }
  const { pluginId, version } = yield* Names.orUnknown(name)(install(id))
  yield* printInstalled({ pluginId, version, changed: true }, { source: "remote", id }, json)
})

/** The maximum number of links that are printed for people. */
const mostLinks = 5

/** The links in a folder, which are not installed because they may lead anywhere. */
const linksIn = Effect.fnUntraced(
  function* (source: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const entries = yield* fs.readDirectory(source, { recursive: true })
    const links = yield* Effect.filter(
      entries,
      (entry) => Effect.isSuccess(fs.readLink(path.join(source, entry))),
      { concurrency: 16 }
    )
    return links.toSorted()
  },
  Effect.orElseSucceed((): ReadonlyArray<string> => [])
)

const installLocal = Effect.fnUntraced(function* (
  pluginId: PluginId.PluginId,
  source: string,
  options: { readonly force: boolean; readonly json: boolean }
) {
  const { force, json } = options
  const { install } = yield* PluginStore.PluginStore
  const version = yield* install({ source, pluginId, force })
  const skippedLinks = yield* linksIn(source)
  const installed = { pluginId, version, changed: true, skippedLinks }
  yield* printInstalled(installed, { source: "local" }, json)
  if (skippedLinks.length > 0) {
    const more = skippedLinks.length - mostLinks
    yield* Effect.logWarning(
      `left out ${count(skippedLinks.length, "link")}, as Codex does: ${skippedLinks.slice(0, mostLinks).join(", ")}${more > 0 ? ` and ${more} more` : ""}`
    )
  }
  const marketplace = PluginId.marketplace(pluginId)
  if (RemotePlugin.remoteMarketplaces.has(marketplace)) {
    yield* Effect.logWarning(
      `${marketplace} belongs to the account: the next sync replaces or removes ${pluginId}`
    )
  }
})

export const install = Command.make(
  "install",
  {
    codexHome: Flags.codexHome,
    force: Flags.force,
    json: Flags.json,
    from: Flag.String("from").pipe(
      Flag.withMetavar("DIR"),
      Flag.withDescription(
        "Install PLUGIN@MARKETPLACE from this folder: no network, no account, no identity"
      ),
      Flag.optional
    ),
    timeout: Flags.timeout,
    wait: Flags.wait,
    plugin: Argument.String("PLUGIN").pipe(
      Argument.withDescription(
        "NAME, NAME@MARKETPLACE or the remote id; with --from, NAME@MARKETPLACE"
      )
    )
  },
  Effect.fn("install")(function* ({ codexHome, force, from, json, plugin, timeout, wait }) {
    const lock = { waitLimit: wait }
    if (Option.isSome(from)) {
      return yield* isPluginId(plugin)
        ? Effect.provide(
            installLocal(plugin, from.value, { force, json }),
            offline(codexHome, lock)
          )
        : new WrongUsage({ message: "with --from, name the plugin as NAME@MARKETPLACE" })
    }
    return yield* Names.isName(plugin)
      ? installRemote(plugin, json).pipe(
          within(timeout),
          spinning(() => `Installing ${plugin}`),
          Effect.provide(online(codexHome, { lock }))
        )
      : new WrongUsage({
          message: `${JSON.stringify(plugin)} is not ${Names.expected}; to install from a folder, use --from DIR`
        })
  })
).pipe(
  Command.withDescription("Install a plugin, on the account and in the cache, or from a folder"),
  Command.withExamples([
    {
      command: "codex-plugins install plugins~Plugin_0123",
      description: "A plugin that search has found, by its remote id"
    },
    {
      command: "codex-plugins install hello@mine --from ./hello",
      description: "A folder of your own, in the cache alone"
    }
  ])
)
