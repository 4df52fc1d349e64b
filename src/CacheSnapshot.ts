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
  /** There is no sidecar: the plugin is a local install, or the cache is older than sidecars. */
  Absent: {}
  /** There is no sidecar because a change of identity was interrupted. */
  InDoubt: {}
  /** `exact`: the sidecar has exactly the bytes that Codex writes. */
  Known: { readonly remotePluginId: RemotePluginId; readonly exact: boolean }
  /** There is a sidecar, but it cannot be read: it is corrupt or has a newer schema. */
  Unreadable: { readonly error: InstallMetadataError }
}>
/**
 * Constructors and guards of the identities.
 *
 * @category constructors
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
  /** Every version in the folder, including the active one. */
  readonly versions: ReadonlyArray<PluginVersion>
  readonly active: Option.Option<PluginVersion>
  /** True if the active version has a readable manifest that names this plugin. */
  readonly intact: boolean
  readonly identity: Identity
  /**
   * The time at which the active version was created and superseded the others, in milliseconds
   * since 1970.
   */
  readonly activeSince: number
  readonly fingerprint: Fingerprint
}

/**
 * An unrecognized entry below a remote marketplace: a file, a link, or a name that no plugin can
 * have.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stray {
  readonly marketplace: MarketplaceName
  readonly name: string
  readonly fingerprint: Fingerprint
}

/**
 * A value that changes when an entry of the folder is added, removed or replaced. It is compared
 * before a removal, so that a folder that has changed since the snapshot is kept.
 *
 * @category models
 * @since 0.1.0
 */
export type Fingerprint = string

/**
 * The whole cache at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface CacheSnapshot {
  /** In milliseconds since 1970. */
  readonly takenAt: number
  /** The plugins below the marketplaces that belong to the backend. */
  readonly plugins: ReadonlyArray<CachedPlugin>
  readonly strays: ReadonlyArray<Stray>
}
