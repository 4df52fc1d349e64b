/**
 * The lists of plugins of Codex's app-server: those that the account has installed, and those that
 * it can install.
 */
import { Array as Arr, Effect, Option, Order } from "effect"
import * as CodexHome from "../CodexHome.ts"
import * as Message from "../internal/message.ts"
import * as PluginId from "../PluginId.ts"
import * as PluginStore from "../PluginStore.ts"
import type { PluginVersion } from "../PluginVersion.ts"
import * as RemoteCatalog from "../RemoteCatalog.ts"
import * as RemotePlugin from "../RemotePlugin.ts"
import * as RemotePluginDetails from "../RemotePluginDetails.ts"
import type * as ListingCache from "./ListingCache.ts"
import * as PluginView from "./PluginView.ts"
import type * as Protocol from "./Protocol.ts"
import * as Refusals from "./refusals.ts"

/** The sections that a client asks for by kind, in Codex's order. */
const sections: ReadonlyArray<readonly [kind: string, RemoteCatalog.Section]> = [
  ["created-by-me-remote", "createdByMe"],
  ["workspace-directory", "workspace"],
  ["shared-with-me", "sharedWithMe"]
]

type Cached = ReadonlyMap<PluginId.PluginId, Option.Option<PluginVersion>>

/** The plugins of a listing, without rows that cannot be displayed. */
const subjectsOf = (
  plugins: ReadonlyArray<RemotePlugin.RemotePlugin>,
  installed: ReadonlyArray<RemotePlugin.RemotePlugin>,
  cached: Cached
): ReadonlyArray<PluginView.Subject> =>
  RemotePluginDetails.addTo(plugins, installed).map(({ details, installed, plugin }) => ({
    plugin,
    details,
    installed,
    cached: cached.get(plugin.pluginId) ?? Option.none()
  }))

const byRemoteId = Order.mapInput(
  Order.String,
  ({ remotePluginId }: RemotePlugin.RemotePlugin) => remotePluginId
)

/** Codex adds the installed plugins to the curated section, which may no longer list them. */
const withInstalled = (
  available: ReadonlyArray<RemotePlugin.RemotePlugin>,
  installed: ReadonlyArray<RemotePlugin.RemotePlugin>
): ReadonlyArray<RemotePlugin.RemotePlugin> => {
  const listed = new Set(available.map(({ remotePluginId }) => remotePluginId))
  const others = installed.filter(
    ({ pluginId, remotePluginId }) =>
      PluginId.marketplace(pluginId) === RemotePlugin.marketplaces.curated &&
      !listed.has(remotePluginId)
  )
  return [...available, ...Arr.sort(others, byRemoteId)]
}

export const make = Effect.fnUntraced(function* (
  listing: Effect.Success<typeof ListingCache.make>
) {
  const catalog = yield* RemoteCatalog.RemoteCatalog
  const home = yield* CodexHome.CodexHome
  const store = yield* PluginStore.PluginStore

  const cached = Effect.map(
    store.list,
    (plugins): Cached => new Map(plugins.map(({ active, pluginId }) => [pluginId, active] as const))
  )
  // As in Codex, nothing counts as installed if the backend does not answer.
  const installed = Effect.gen(function* () {
    const rows = Arr.getSuccesses((yield* listing.get).rows)
    return PluginView.byMarketplace(subjectsOf(rows, rows, yield* cached))
  }).pipe(
    Effect.catch((error) =>
      Effect.as(
        Effect.logWarning(
          `could not list the installed plugins: ${Message.withoutOperation(error)}`
        ),
        []
      )
    )
  )

  const section = Effect.fnUntraced(function* (section: RemoteCatalog.Section) {
    const [listed, account] = yield* Effect.all([catalog.available(section), listing.renew], {
      concurrency: "unbounded"
    })
    const available = Arr.getSuccesses(listed.rows)
    const installed = Arr.getSuccesses(account.rows)
    const plugins = section === "curated" ? withInstalled(available, installed) : available
    const subjects = subjectsOf(plugins, installed, yield* cached)
    return subjects.length === 0 ? [] : [PluginView.section(section, subjects)]
  })

  // Codex always lists the curated section, but leaves it out if its request fails.
  const curated = Effect.gen(function* () {
    const [marketplaces, featuredPluginIds] = yield* Effect.all(
      [section("curated"), Effect.orElseSucceed(catalog.featured, () => [])],
      { concurrency: "unbounded" }
    )
    return { marketplaces, featuredPluginIds: marketplaces.length === 0 ? [] : featuredPluginIds }
  }).pipe(
    Effect.catch((error) =>
      Effect.as(
        Effect.logWarning(`could not list the catalogue: ${Message.withoutOperation(error)}`),
        {
          marketplaces: [],
          featuredPluginIds: []
        }
      )
    )
  )

  /**
   * The plugins that the account can install: the curated ones, or the kinds that a client names.
   */
  const available = Effect.fnUntraced(function* (params: Protocol.Params<"plugin/list">) {
    const kinds = params.marketplaceKinds ?? null
    const isOff = Effect.map(home.settings, ({ pluginsEnabled }) => !pluginsEnabled)
    const nothing = { marketplaces: [], marketplaceLoadErrors: [], featuredPluginIds: [] }
    if (yield* Effect.orElseSucceed(isOff, () => false)) return nothing
    if (kinds === null) return { ...nothing, ...(yield* curated) }
    const wanted = sections.filter(([kind]) => kinds.includes(kind))
    const marketplaces = yield* Effect.forEach(wanted, ([, name]) => section(name), {
      concurrency: "unbounded"
    }).pipe(Effect.mapError(Refusals.listRefused))
    return { ...nothing, marketplaces: marketplaces.flat() }
  })

  return { installed, available }
})
