/**
 * Every service of one Codex home as one layer.
 */
import { Layer } from "effect"
import * as BundleArchive from "./BundleArchive.ts"
import * as CacheLock from "./CacheLock.ts"
import * as CodexHome from "./CodexHome.ts"
import * as SeededBundle from "./internal/seededBundle.ts"
import * as PluginDoctor from "./PluginDoctor.ts"
import * as PluginIdentity from "./PluginIdentity.ts"
import * as PluginInstaller from "./PluginInstaller.ts"
import * as PluginInventory from "./PluginInventory.ts"
import * as PluginSearch from "./PluginSearch.ts"
import * as PluginSeed from "./PluginSeed.ts"
import * as PluginStore from "./PluginStore.ts"
import * as PluginSync from "./PluginSync.ts"
import * as PluginVerifier from "./PluginVerifier.ts"
import * as RemoteBundle from "./RemoteBundle.ts"
import * as RemoteCatalog from "./RemoteCatalog.ts"

/**
 * Options of the services, by service. Each is read once, when its layer is built. An invalid one is
 * a defect.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options {
  /** The limits of a bundle. */
  readonly archive?: BundleArchive.Options | undefined
  /** The downloads of bundles. */
  readonly bundle?: RemoteBundle.Options | undefined
  /** The calls of the backend. */
  readonly catalog?: RemoteCatalog.Options | undefined
  /** The lock that processes share. */
  readonly lock?: CacheLock.Options | undefined
  /**
   * Homes from which a sync takes versions instead of downloading them, in this order. Default: none.
   */
  readonly seeds?: ReadonlyArray<string> | undefined
  /** The passes. */
  readonly sync?: PluginSync.Options | undefined
}

/** Services that only read the cache, and services for single tasks of hosts. */
const views = Layer.mergeAll(
  PluginIdentity.layer,
  Layer.provideMerge(PluginDoctor.layer, PluginInventory.layer),
  PluginSearch.layer,
  PluginSeed.layer,
  PluginVerifier.layer
)

const bundles = ({ bundle = {}, seeds = [] }: Pick<Options, "bundle" | "seeds">) => {
  const downloads = RemoteBundle.layerWith(bundle)
  return seeds.length === 0 ? downloads : Layer.provide(SeededBundle.layer(seeds), downloads)
}

/**
 * Effect shares a layer among all its uses in a program. That would give two homes one service, so
 * only the result as a whole is shared.
 */
const shareAsWhole = <A, E, R>(self: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.fromBuildMemo((memoMap, scope) => Layer.buildWithMemoMap(Layer.fresh(self), memoMap, scope))

/**
 * Provides all services except for the home and the lock, which a host may want to choose, with
 * options. The services from one call belong to one home.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerServicesWith = (options: Omit<Options, "lock">) =>
  views.pipe(
    Layer.merge(Layer.merge(PluginSync.layerWith(options.sync ?? {}), PluginInstaller.layer)),
    Layer.provideMerge(bundles(options)),
    Layer.provideMerge(
      Layer.merge(PluginStore.layer, RemoteCatalog.layerWith(options.catalog ?? {}))
    ),
    Layer.provideMerge(BundleArchive.layerWith(options.archive ?? {})),
    shareAsWhole
  )

/**
 * Provides all services except for the home and the lock, which a host may want to choose. All uses
 * of this layer in a program share one home; a second home needs {@link layerServicesWith}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServices = layerServicesWith({})

/**
 * Provides the services of the home that the environment names, with options; see {@link layer}.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerWith = (options: Options) =>
  layerServicesWith(options).pipe(
    Layer.provideMerge(CacheLock.layerWith(options.lock ?? {})),
    Layer.provideMerge(CodexHome.layer)
  )

/**
 * Provides the services of the home that the environment names: `$CODEX_HOME`, else `~/.codex`.
 * Needs Effect's `FileSystem`, `Path` and `HttpClient`, and a runtime that has `node:sqlite` for the
 * lock.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = layerWith({})

/**
 * Provides the services of the home at this path, which must be a folder; see {@link layer}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAt = (root: string, options: Options = {}) =>
  layerServicesWith(options).pipe(
    Layer.provideMerge(CacheLock.layerWith(options.lock ?? {})),
    Layer.provideMerge(CodexHome.layerAt(root))
  )
