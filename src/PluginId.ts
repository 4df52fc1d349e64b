/**
 * The key under which Codex caches a plugin: `<plugin>@<marketplace>`.
 *
 * The segments are folder names on disk, so their rules also keep paths safe: no separator, no
 * `..`, nothing outside ASCII.
 */
import { Brand, Schema } from "effect"

/**
 * Dots may only separate non-empty parts (`a.b`); Codex 0.142 rejects dotted names, 0.169 accepts
 * them.
 */
const pluginNamePattern = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/

const marketplaceNamePattern = /^[A-Za-z0-9_-]+$/

/**
 * A plugin's name: ASCII letters, digits, `_`, `-`, and single dots between them.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PluginName = Schema.String.check(
  Schema.isPattern(pluginNamePattern, {
    expected: "a plugin name of ASCII letters, digits, `_`, `-` and single dots between them"
  })
).pipe(Schema.brand("effect-codex-plugins/PluginName"))
/**
 * A plugin's name.
 *
 * @category models
 * @since 0.1.0
 */
export type PluginName = typeof PluginName.Type

/**
 * A marketplace's name: ASCII letters, digits, `_`, `-`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MarketplaceName = Schema.String.check(
  Schema.isPattern(marketplaceNamePattern, {
    expected: "a marketplace name of ASCII letters, digits, `_`, `-`"
  })
).pipe(Schema.brand("effect-codex-plugins/MarketplaceName"))
/**
 * A marketplace's name.
 *
 * @category models
 * @since 0.1.0
 */
export type MarketplaceName = typeof MarketplaceName.Type

/**
 * `<plugin>@<marketplace>`. Neither segment can contain an `@`, so an id is never ambiguous.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PluginId = Schema.String.check(
  Schema.isPattern(
    new RegExp(
      `${pluginNamePattern.source.slice(0, -1)}@${marketplaceNamePattern.source.slice(1)}`
    ),
    { expected: "a plugin id of the form PLUGIN@MARKETPLACE" }
  )
).pipe(Schema.brand("effect-codex-plugins/PluginId"))
/**
 * A plugin id.
 *
 * @category models
 * @since 0.1.0
 */
export type PluginId = typeof PluginId.Type

// Values from segments that have already been parsed need no second check.
const trusted = {
  id: Brand.nominal<PluginId>(),
  name: Brand.nominal<PluginName>(),
  marketplace: Brand.nominal<MarketplaceName>()
}

/**
 * Joins two segments that have already been parsed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (name: PluginName, marketplace: MarketplaceName): PluginId =>
  trusted.id(`${name}@${marketplace}`)

/**
 * The plugin's name in a plugin id.
 *
 * @category functions
 * @since 0.1.0
 */
export const name = (id: PluginId): PluginName => trusted.name(id.slice(0, id.indexOf("@")))

/**
 * The marketplace's name in a plugin id.
 *
 * @category functions
 * @since 0.1.0
 */
export const marketplace = (id: PluginId): MarketplaceName =>
  trusted.marketplace(id.slice(id.indexOf("@") + 1))
