/**
 * Listings of the account and snapshots of the cache, as values.
 */
import { Result } from "effect"
import { type CachedPlugin, type CacheSnapshot, Identity } from "../../src/CacheSnapshot.ts"
import * as InstallMetadata from "../../src/InstallMetadata.ts"
import type { InstalledSnapshot } from "../../src/RemotePlugin.ts"
import * as PluginId from "../../src/PluginId.ts"
import * as PluginVersion from "../../src/PluginVersion.ts"
import * as RemotePlugin from "../../src/RemotePlugin.ts"
import * as RemotePluginId from "../../src/RemotePluginId.ts"

export interface Row {
  readonly [field: string]: unknown
  readonly release?: { readonly [field: string]: unknown }
}

/** A row of the backend with only the necessary fields. */
export const row = ({ release, ...fields }: Row = {}) => ({
  id: "plugins~Plugin_1",
  name: "alpha",
  scope: "GLOBAL",
  ...fields,
  release: { version: "1.0.0", bundle_download_url: "https://bundles.test/a?sig=s", ...release }
})

export const remotePlugin = (fields?: Row): RemotePlugin.RemotePlugin =>
  Result.getOrThrow(RemotePlugin.fromRow(row(fields)))

export const installed = (...rows: ReadonlyArray<unknown>): InstalledSnapshot => ({
  rows: rows.map((row) => RemotePlugin.fromRow(row))
})

export const known = (id: string): Identity =>
  Identity.Known({ remotePluginId: RemotePluginId.RemotePluginId.make(id), exact: true })

export const corrupt: Identity = Identity.Unreadable({
  error: new InstallMetadata.CorruptInstallMetadata({
    path: "/sidecar",
    pluginId: null,
    reason: "NotJson"
  })
})

export const unsupported: Identity = Identity.Unreadable({
  error: new InstallMetadata.UnsupportedSchemaVersion({
    path: "/sidecar",
    pluginId: null,
    found: 2,
    supported: 1
  })
})

/** A cached plugin that is up to date with {@link row}. */
export const cachedPlugin = ({
  id = "alpha@openai-curated-remote",
  versions = ["1.0.0"],
  ...fields
}: Partial<Omit<CachedPlugin, "pluginId" | "versions" | "active">> & {
  readonly id?: string
  readonly versions?: ReadonlyArray<string>
} = {}): CachedPlugin => {
  const parsed = versions.map((version) => PluginVersion.PluginVersion.make(version))
  return {
    pluginId: PluginId.PluginId.make(id),
    versions: parsed,
    active: PluginVersion.active(parsed),
    intact: true,
    identity: known("plugins~Plugin_1"),
    activeSince: 0,
    fingerprint: "fingerprint",
    ...fields
  }
}

export const cached = (fields: Partial<CacheSnapshot> = {}): CacheSnapshot => ({
  takenAt: 0,
  plugins: [],
  strays: [],
  ...fields
})
