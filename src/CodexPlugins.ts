/**
 * Every service of one Codex home as one layer.
 */
import { Layer } from "effect"
import * as BundleArchive from "./BundleArchive.ts"
import * as CacheLock from "./CacheLock.ts"
import * as CodexHome from "./CodexHome.ts"
import * as PluginIdentity from "./PluginIdentity.ts"
import * as PluginInstaller from "./PluginInstaller.ts"
import * as PluginInventory from "./PluginInventory.ts"
import * as PluginStore from "./PluginStore.ts"
import * as PluginSync from "./PluginSync.ts"
import * as RemoteBundle from "./RemoteBundle.ts"
import * as RemoteCatalog from "./RemoteCatalog.ts"

/** All but the home and the lock, which a host may want to choose itself. */
export const layerServices = PluginInventory.layer.pipe(
  Layer.provideMerge(PluginIdentity.layer),
  Layer.merge(Layer.merge(PluginSync.layer, PluginInstaller.layer)),
  Layer.provideMerge(RemoteBundle.layer),
  Layer.provideMerge(Layer.merge(PluginStore.layer, RemoteCatalog.layer)),
  Layer.provideMerge(BundleArchive.layer)
)

/**
 * The home that the environment names: `$CODEX_HOME`, else `~/.codex`. Needs Effect's `FileSystem`,
 * `Path` and `HttpClient`, and a runtime that has `node:sqlite` for the lock.
 */
export const layer = layerServices.pipe(
  Layer.provideMerge(CacheLock.layer),
  Layer.provideMerge(CodexHome.layer)
)

/** As {@link layer}, for the home at this path, which must be a folder. */
export const layerAt = (root: string) =>
  layerServices.pipe(
    Layer.provideMerge(CacheLock.layer),
    Layer.provideMerge(CodexHome.layerAt(root))
  )
