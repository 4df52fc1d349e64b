/**
 * Finds plugins that the account can install.
 *
 * @since 0.2.0
 */
import { Array as Arr, Context, Effect, Layer, type Option, Order, Result } from "effect"
import * as PluginId from "./PluginId.ts"
import * as RemoteCatalog from "./RemoteCatalog.ts"
import { marketplaces, type RemotePlugin } from "./RemotePlugin.ts"
import * as RemotePluginDetails from "./RemotePluginDetails.ts"

/**
 * A plugin that was found.
 *
 * @category models
 * @since 0.2.0
 */
export interface Match {
  readonly plugin: RemotePlugin
  readonly details: RemotePluginDetails.PluginDetails
  /** The plugin's row in the listing of the account's installed plugins. */
  readonly installed: Option.Option<RemotePluginDetails.PluginDetails>
}

/**
 * A section of the catalogue that could not be listed. An account without a workspace, for example,
 * may not list one.
 *
 * @category models
 * @since 0.2.0
 */
export interface Failure {
  readonly section: RemoteCatalog.Section
  readonly error: RemoteCatalog.CatalogError
}

/**
 * The plugins that were found.
 *
 * @category models
 * @since 0.2.0
 */
export interface Found {
  /** Names that equal the text come first, then names that begin with it, then all others. */
  readonly matches: ReadonlyArray<Match>
  /** The number of plugins that were searched. */
  readonly searched: number
  /** The number of rows that cannot be read. */
  readonly unreadable: number
  readonly failures: ReadonlyArray<Failure>
}

/**
 * Searches the catalogue of the account.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PluginSearch } from "effect-codex-plugins"
 *
 * const program = Effect.gen(function* () {
 *   const { search } = yield* PluginSearch.PluginSearch
 *   yield* Effect.logInfo(yield* search("calendar"))
 * })
 * ```
 *
 * @category services
 * @since 0.2.0
 */
export class PluginSearch extends Context.Service<
  PluginSearch,
  {
    /**
     * Finds the plugins whose name, description, developer, category or keywords contain every word
     * of the text, in upper or lower case; an empty text finds all plugins. Fails if the curated
     * section or the account's installed plugins cannot be listed.
     */
    readonly search: (text: string) => Effect.Effect<Found, RemoteCatalog.CatalogError>
  }
>()("effect-codex-plugins/PluginSearch") {}

const sections = Object.keys(marketplaces) as ReadonlyArray<RemoteCatalog.Section>

const textOf = ({ details, plugin }: Match): string => {
  const { interface: shown, ...release } = details.release
  return [
    plugin.pluginId,
    plugin.remotePluginId,
    release.display_name,
    release.description,
    ...release.keywords,
    shown.short_description,
    shown.long_description,
    shown.developer_name,
    shown.category
  ]
    .join("\n")
    .toLowerCase()
}

/** Smaller ranks come first. */
const rankOf =
  (text: string) =>
  ({ details, plugin }: Match): number => {
    const names = [PluginId.name(plugin.pluginId), details.release.display_name].map((name) =>
      name.toLowerCase()
    )
    if (names.includes(text)) return 0
    return names.some((name) => name.startsWith(text)) ? 1 : 2
  }

const matching = (matches: ReadonlyArray<Match>, text: string): ReadonlyArray<Match> => {
  const wanted = text.trim().toLowerCase()
  const words = wanted.split(/\s+/)
  return Arr.sort(
    matches.filter((match) => {
      const content = textOf(match)
      return words.every((word) => content.includes(word))
    }),
    Order.combineAll([
      Order.mapInput(Order.Number, rankOf(wanted)),
      Order.mapInput(Order.String, ({ plugin }: Match) => plugin.pluginId)
    ])
  )
}

/**
 * Makes the service.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.gen(function* () {
  const catalog = yield* RemoteCatalog.RemoteCatalog

  const search = Effect.fn("PluginSearch.search")(function* (text: string) {
    const [account, ...listed] = yield* Effect.all(
      [
        catalog.installed,
        ...sections.map((section) =>
          catalog.available(section).pipe(
            Effect.result,
            Effect.map((result) => ({ section, result }))
          )
        )
      ],
      { concurrency: "unbounded" }
    )
    const failures = listed.flatMap(({ result, section }) =>
      Result.isFailure(result) ? [{ section, error: result.failure }] : []
    )
    const fatal = failures.find(({ section }) => section === "curated")
    if (fatal !== undefined) return yield* Effect.fail(fatal.error)
    const rows = listed.flatMap(({ result }) =>
      Result.isSuccess(result) ? result.success.rows : []
    )
    const readable = RemotePluginDetails.addTo(
      Arr.getSuccesses(rows),
      Arr.getSuccesses(account.rows)
    )
    const all = [...new Map(readable.map((match) => [match.plugin.remotePluginId, match])).values()]
    const matches = matching(all, text)
    yield* Effect.annotateCurrentSpan({ matches: matches.length, searched: all.length })
    return {
      matches,
      searched: all.length,
      unreadable: rows.length - readable.length,
      failures
    }
  })

  return PluginSearch.of({ search })
})

/**
 * Provides {@link PluginSearch} for the account of `RemoteCatalog`.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<PluginSearch, never, RemoteCatalog.RemoteCatalog> = Layer.effect(
  PluginSearch,
  make
)
