/**
 * The content of the cache, read at one moment.
 */
import type { Option } from "effect"
import { Data } from "effect"
import type { InstallMetadataError } from "./InstallMetadata.ts"
import type { MarketplaceName, PluginId } from "./PluginId.ts"
import type { PluginVersion } from "./PluginVersion.ts"
import type { RemotePluginId } from "./RemotePluginId.ts"

/**
 * The identity of the active version, according to its sidecar.
 *
 * @category models
 * @since 0.1.0
 */
export type Identity = Data.TaggedEnum<{
  /** There is no sidecar: a local install, or a cache older than sidecars. */
  Absent: {}
  /** There is no sidecar because a change of identity did not come to its end. */
  InDoubt: {}
  /** `exact`: in the very bytes that Codex writes. */
  Known: { readonly remotePluginId: RemotePluginId; readonly exact: boolean }
  Unreadable: { readonly error: InstallMetadataError }
}>
/**
 * The identity of an active version, as its sidecar gives it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Identity = Data.taggedEnum<Identity>()

/**
 * One base root below a marketplace.
 *
 * @category models
 * @since 0.1.0
 */
export interface CachedPlugin {
  readonly pluginId: PluginId
  /** Every version that stands there, the active one among them. */
  readonly versions: ReadonlyArray<PluginVersion>
  readonly active: Option.Option<PluginVersion>
  /** Whether the active version has a manifest that can be read and names this plugin. */
  readonly intact: boolean
  readonly identity: Identity
  /** When the active version was made, in milliseconds; the others are superseded since then. */
  readonly activeSince: number
  readonly witness: Witness
}

/**
 * Something below a remote marketplace that is no plugin's base root: a file, a link, an odd name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stray {
  readonly marketplace: MarketplaceName
  readonly name: string
  readonly witness: Witness
}

/**
 * Differs once anything was put into, taken out of, or replaced in a folder. It is compared before
 * a removal, so that what changed since the snapshot is left alone.
 *
 * @category models
 * @since 0.1.0
 */
export type Witness = string

/**
 * The whole cache at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface CacheSnapshot {
  /** In milliseconds. */
  readonly takenAt: number
  /** The plugins below the marketplaces that belong to the backend. */
  readonly plugins: ReadonlyArray<CachedPlugin>
  readonly strays: ReadonlyArray<Stray>
}
