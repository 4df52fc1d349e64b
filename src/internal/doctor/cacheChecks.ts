/**
 * Checks of the cached plugins.
 */
import { Array as Arr, Effect, Option, Predicate, Result } from "effect"
import { count } from "../display.ts"
import { Toml } from "effect/encoding"
import type { CachedPlugin } from "../../CacheSnapshot.ts"
import * as PluginId from "../../PluginId.ts"
import type { State } from "../../PluginIdentity.ts"
import type { Entry } from "../../PluginInventory.ts"
import { remoteMarketplaces } from "../../RemotePlugin.ts"
import * as Finding from "./finding.ts"

const isRemote = (pluginId: PluginId.PluginId): boolean =>
  remoteMarketplaces.has(PluginId.marketplace(pluginId))

const details = (groups: Readonly<Record<string, ReadonlyArray<string>>>) =>
  Object.fromEntries(
    Object.entries(groups)
      .filter(([, plugins]) => plugins.length > 0)
      .map(([state, plugins]) => [state, Finding.names(plugins)])
  )

/** Problems with sidecars. The next sync repairs most of them. */
export const identities = (entries: ReadonlyArray<Entry>): Finding.Finding => {
  const groups = Arr.groupBy(
    entries.map(({ identity }) => identity),
    ({ state }) => state
  )
  const of = (state: State) => (groups[state] ?? []).map(({ pluginId }) => pluginId as string)
  const found = details({
    notBackfilled: of("NotBackfilled"),
    inDoubt: of("InDoubt"),
    corrupt: of("Corrupt"),
    unreadable: of("Unreadable"),
    unsupportedSchema: of("UnsupportedSchema")
  })
  const unreadable = of("Unreadable")
  if (unreadable.length > 0) {
    return Finding.warning(
      `this user may not read the identity of ${count(unreadable.length, "plugin")}`,
      "give the files of the home to this user (in an image: `COPY --chown`), or sync as their owner",
      found
    )
  }
  const unsupported = of("UnsupportedSchema")
  if (unsupported.length > 0) {
    return Finding.warning(
      `a newer Codex wrote the identity of ${count(unsupported.length, "plugin")}`,
      "update codex-plugins",
      found
    )
  }
  const pending = [...of("NotBackfilled"), ...of("InDoubt"), ...of("Corrupt")]
  return Finding.ok(
    pending.length === 0
      ? "every identity is known"
      : `the next sync repairs the identity of ${count(pending.length, "plugin")}`,
    found
  )
}

/** Superseded versions, which the next sync removes after their grace period. */
export const versions = (cached: ReadonlyArray<CachedPlugin>): Finding.Finding => {
  const several = cached.filter(({ versions }) => versions.length > 1)
  return Finding.ok(
    several.length === 0
      ? "every plugin has one version"
      : `${count(several.length, "plugin")} with superseded versions`,
    details({
      plugins: several.map(({ pluginId, versions }) => `${pluginId} ${versions.join(" ")}`)
    })
  )
}

/** Active versions that Codex cannot load. */
export const broken = (cached: ReadonlyArray<CachedPlugin>): Finding.Finding => {
  const names = cached
    .filter(({ active, intact }) => Option.isNone(active) || !intact)
    .map(({ pluginId }) => pluginId)
  const local = names.filter((pluginId) => !isRemote(pluginId))
  const found = details({ plugins: names })
  if (local.length > 0) {
    return Finding.warning(
      `${count(local.length, "local plugin")} without a valid manifest`,
      "install it again from its folder, or uninstall it",
      found
    )
  }
  return Finding.ok(
    names.length === 0
      ? "every active version has a valid manifest"
      : `the next sync repairs ${count(names.length, "broken plugin")}`,
    found
  )
}

/** Files that a manifest names but that are missing. */
export const missingFiles = (entries: ReadonlyArray<Entry>): Finding.Finding => {
  const incomplete = entries.filter(({ missing }) => missing.length > 0)
  return incomplete.length === 0
    ? Finding.ok("every declared skill, hook, MCP and app file is there")
    : Finding.warning(
        `${count(incomplete.length, "plugin")} without files that the manifest names`,
        "compare with the account's bundle: codex-plugins verify --repair PLUGIN",
        Object.fromEntries(
          incomplete.map(({ identity, missing }) => [identity.pluginId, Finding.names(missing)])
        )
      )
}

/** The keys of the hooks that are recorded as reviewed in config.toml. */
const reviewedKeys = (config: string): ReadonlyArray<string> => {
  const table = Result.getOrElse(Toml.parse(config), () => undefined as unknown)
  const hooks = Predicate.hasProperty(table, "hooks") ? table.hooks : undefined
  const state = Predicate.hasProperty(hooks, "state") ? hooks.state : undefined
  return Predicate.isObject(state)
    ? Object.entries(state)
        .filter(([, value]) => Predicate.hasProperty(value, "trusted_hash"))
        .map(([key]) => key)
    : []
}

/** Hooks that Codex does not run until the user has reviewed them. */
export const hooks = (entries: ReadonlyArray<Entry>, config: string): Finding.Finding => {
  const reviewed = reviewedKeys(config)
  const waiting = entries
    .filter(({ enabled, hooks }) => hooks.length > 0 && enabled !== false)
    .map(({ identity }) => identity.pluginId)
    .filter((pluginId) => !reviewed.some((key) => key.startsWith(`${pluginId}:`)))
  return waiting.length === 0
    ? Finding.ok("no hooks of plugins await review")
    : Finding.warning(
        `the hooks of ${count(waiting.length, "plugin")} await review`,
        "start `codex` and review them with `/hooks`",
        { plugins: Finding.names(waiting) }
      )
}

/** The finding of each check that needs the cache if the cache cannot be read. */
const unreadable = (error: { readonly message: string }): Finding.Finding =>
  Finding.failure(error, "check the permissions of the cache")

/** Runs a check, unless its subject could not be read. */
export const on = <A>(
  read: Result.Result<A, { readonly message: string }>,
  check: (value: A) => Finding.Finding
): Effect.Effect<Finding.Finding> =>
  Effect.sync(() => Result.match(read, { onFailure: unreadable, onSuccess: check }))
