/**
 * Keeps a Codex home's remote plugins in step with the account they belong to, and tells offline
 * which backend plugin each cached bundle is.
 */
export * as BundleArchive from "./BundleArchive.ts"
export * as CacheLock from "./CacheLock.ts"
export * as CacheSnapshot from "./CacheSnapshot.ts"
export * as CodexHome from "./CodexHome.ts"
export * as CodexPlugins from "./CodexPlugins.ts"
export * as InstallMetadata from "./InstallMetadata.ts"
export * as PluginId from "./PluginId.ts"
export * as PluginIdentity from "./PluginIdentity.ts"
export * as PluginInstaller from "./PluginInstaller.ts"
export * as PluginInventory from "./PluginInventory.ts"
export * as PluginManifest from "./PluginManifest.ts"
export * as PluginStore from "./PluginStore.ts"
export * as PluginSync from "./PluginSync.ts"
export * as PluginVersion from "./PluginVersion.ts"
export * as RemoteBundle from "./RemoteBundle.ts"
export * as RemoteCatalog from "./RemoteCatalog.ts"
export * as RemotePlugin from "./RemotePlugin.ts"
export * as RemotePluginDetails from "./RemotePluginDetails.ts"
export * as RemotePluginId from "./RemotePluginId.ts"
export * as SyncPlan from "./SyncPlan.ts"
