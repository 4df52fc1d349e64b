/**
 * The cache on disk: its content, and every change to it.
 *
 * No other module changes anything below `<home>/plugins/`. Whatever is killed and when, the sidecar
 * next to an active version is absent or names the plugin whose bytes that version holds. The order
 * of the steps in `internal/cache/activation.ts` keeps that promise.
 */
import { Context, Effect, type FileSystem, Layer, Option, Path, PlatformError, Scope } from "effect"
import * as CacheLock from "./CacheLock.ts"
import type { CachedPlugin, CacheSnapshot, Stray } from "./CacheSnapshot.ts"
import * as CodexHome from "./CodexHome.ts"
import type * as InstallMetadata from "./InstallMetadata.ts"
import * as Disk from "./internal/cache/Disk.ts"
import * as cacheReader from "./internal/cache/reader.ts"
import * as Leases from "./internal/cache/leases.ts"
import * as Activation from "./internal/cache/activation.ts"
import * as Changes from "./internal/cache/changes.ts"
import * as LocalInstall from "./internal/cache/localInstall.ts"
import * as Removal from "./internal/cache/removal.ts"
import {
  explain,
  fail,
  fileSystemError,
  type PluginStoreError
} from "./internal/cache/storeError.ts"
import * as Sweep from "./internal/cache/sweep.ts"
import type * as PluginId from "./PluginId.ts"
import type * as PluginManifest from "./PluginManifest.ts"
import type * as PluginVersion from "./PluginVersion.ts"
import type { RemotePluginId } from "./RemotePluginId.ts"

export { heldFilePatience, PluginStoreError } from "./internal/cache/storeError.ts"
export { foreignLeftoverAge } from "./internal/cache/sweep.ts"

/**
 * A version that stays in the cache as long as its lease lasts.
 *
 * @category models
 * @since 0.2.0
 */
export interface Lease {
  readonly pluginId: PluginId.PluginId
  readonly version: PluginVersion.PluginVersion
  /** The folder that holds the version's files. */
  readonly root: string
}

/**
 * Options of a change that takes files away.
 *
 * @category options
 * @since 0.2.0
 */
export interface ForceOptions {
  /** Changes the cache even if a running process has leased the version. Default: false. */
  readonly force?: boolean | undefined
}

/**
 * The places of one home and its cache.
 *
 * @category models
 * @since 0.2.0
 */
export interface Location {
  /** The home as its user named it, absolute. */
  readonly home: string
  /** The cache. Links that lead from the home to another cache are resolved. */
  readonly cache: string
  /** True if the cache is outside the home or is a mount, so that other homes may use it. */
  readonly isShared: boolean
}

/**
 * The plugin whose files a staging folder holds.
 *
 * @category models
 * @since 0.2.0
 */
export interface StagedPlugin {
  readonly pluginId: PluginId.PluginId
  readonly version: PluginVersion.PluginVersion
  /** The backend plugin whose bytes these are. Null for a local install, which has no identity. */
  readonly remotePluginId: RemotePluginId | null
}

/**
 * The cache on disk: lists, identifies, installs and uninstalls plugins.
 *
 * @example
 * ```ts
 * import { Effect, Option } from "effect"
 * import { PluginId, PluginStore } from "effect-codex-plugins"
 *
 * // The files of the active version stay until the session ends.
 * const program = Effect.gen(function* () {
 *   const store = yield* PluginStore.PluginStore
 *   const hello = PluginId.PluginId.make("hello@openai-curated-remote")
 *   const { root } = yield* store.lease(hello)
 *   const id = Option.getOrElse(yield* store.remotePluginId(hello), () => "unknown")
 *   yield* Effect.logInfo(`${root} holds the plugin that the backend calls ${id}`)
 * }).pipe(Effect.scoped)
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class PluginStore extends Context.Service<
  PluginStore,
  {
    /** The home and its cache. */
    readonly location: Location
    /** Everything that is cached, in every marketplace, ordered by plugin id. Needs no lock. */
    readonly list: Effect.Effect<ReadonlyArray<CachedPlugin>, PluginStoreError>
    /** The basis of a pass: the marketplaces that belong to the backend, with unrecognized entries. */
    readonly snapshot: Effect.Effect<CacheSnapshot, PluginStoreError>
    /** One plugin's base root; none where there is none. */
    readonly read: (
      pluginId: PluginId.PluginId
    ) => Effect.Effect<Option.Option<CachedPlugin>, PluginStoreError>
    readonly activeVersion: (
      pluginId: PluginId.PluginId
    ) => Effect.Effect<Option.Option<PluginVersion.PluginVersion>, PluginStoreError>
    /**
     * Which backend plugin the active version is. None without a sidecar or without an installed
     * version. Reads one folder and one small file; needs neither lock nor network.
     */
    readonly remotePluginId: (
      pluginId: PluginId.PluginId
    ) => Effect.Effect<
      Option.Option<RemotePluginId>,
      PluginStoreError | InstallMetadata.InstallMetadataError
    >
    /** The path of a version, installed or not. */
    readonly versionRoot: (
      pluginId: PluginId.PluginId,
      version: PluginVersion.PluginVersion
    ) => string
    /** The path of a plugin's sidecar, whether or not it exists. */
    readonly sidecarPath: (pluginId: PluginId.PluginId) => string
    /** Writes the sidecar of an installed plugin; a sidecar of an unsupported schema stays. */
    readonly writeIdentity: (
      pluginId: PluginId.PluginId,
      remotePluginId: RemotePluginId
    ) => Effect.Effect<
      void,
      PluginStoreError | CacheLock.CacheLockError | InstallMetadata.UnsupportedSchemaVersion
    >
    /** Removes the sidecar, if there is one. */
    readonly clearIdentity: (
      pluginId: PluginId.PluginId
    ) => Effect.Effect<void, PluginStoreError | CacheLock.CacheLockError>
    /**
     * Installs a plugin in two steps. `stage` writes the plugin's files to the path that it is given,
     * a new name on the cache's file system whose parent exists, syncs them, and returns which plugin
     * they are. Then that plugin becomes the active version in one step; until then the previous one
     * stays active. The staging folder is removed in every case. Dies if `stage` wrote no folder.
     *
     * Holds the lock, because another process takes staged files without the lock for leftovers of
     * a dead process. The effect of `stage` keeps the caller's scope.
     *
     * Fails if it would overwrite a sidecar of an unsupported schema. Fails with `Leased` if it would
     * repair, downgrade or change the owner of a leased version; an upgrade is made beside it.
     */
    readonly installStaged: <A extends StagedPlugin, E, R>(
      stage: (root: string) => Effect.Effect<A, E, R>,
      options?: ForceOptions
    ) => Effect.Effect<
      A,
      E | PluginStoreError | CacheLock.CacheLockError | InstallMetadata.UnsupportedSchemaVersion,
      R
    >
    /**
     * Installs a plugin from a folder of one's own and clears its identity. The version is the
     * given one, else the manifest's, else `local`. Links in the folder are left out.
     */
    readonly install: (options: {
      readonly source: string
      readonly pluginId: PluginId.PluginId
      readonly version?: PluginVersion.PluginVersion | undefined
      readonly force?: boolean | undefined
    }) => Effect.Effect<
      PluginVersion.PluginVersion,
      PluginStoreError | CacheLock.CacheLockError | PluginManifest.InvalidManifest
    >
    /**
     * Removes the base root, identity included. False if there was none. Fails with `Leased` if a
     * running process has leased a version of the plugin, unless it is forced.
     */
    readonly uninstall: (
      pluginId: PluginId.PluginId,
      options?: ForceOptions
    ) => Effect.Effect<boolean, PluginStoreError | CacheLock.CacheLockError>
    /**
     * Removes what a snapshot saw. False, and nothing is touched, if it has changed since then.
     */
    readonly remove: (
      target: CachedPlugin | Stray
    ) => Effect.Effect<boolean, PluginStoreError | CacheLock.CacheLockError>
    /** Removes one version that is not the active one. */
    readonly prune: (
      pluginId: PluginId.PluginId,
      version: PluginVersion.PluginVersion
    ) => Effect.Effect<boolean, PluginStoreError | CacheLock.CacheLockError>
    /**
     * Keeps the files of the active version until the scope closes. No process of this library
     * repairs, downgrades, prunes or removes that version meanwhile, unless it is forced; upgrades
     * are made beside it. The lease of a process that ends, ends with it. Fails with `NotInstalled`
     * if no version is active.
     */
    readonly lease: (
      pluginId: PluginId.PluginId
    ) => Effect.Effect<Lease, PluginStoreError | CacheLock.CacheLockError, Scope.Scope>
    /** The versions of a plugin that running processes have leased. Needs no lock. */
    readonly leased: (
      pluginId: PluginId.PluginId
    ) => Effect.Effect<ReadonlyArray<PluginVersion.PluginVersion>, PluginStoreError>
    /** Fails with `Leased` if running processes have leased a version of the plugin. Needs no lock. */
    readonly ensureUnleased: (
      pluginId: PluginId.PluginId,
      options?: ForceOptions
    ) => Effect.Effect<void, PluginStoreError>
    /** Removes what dead processes left in staging. */
    readonly sweep: Effect.Effect<void, PluginStoreError | CacheLock.CacheLockError>
    /** True if {@link sweep} may have something to do. Needs no lock and changes nothing. */
    readonly hasLeftovers: Effect.Effect<boolean, PluginStoreError>
  }
>()("effect-codex-plugins/PluginStore") {}

/**
 * Makes the service from the services that it uses.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.gen(function* () {
  const disk = yield* Disk.make
  const path = yield* Path.Path
  const home = yield* CodexHome.CodexHome
  const lock = yield* CacheLock.CacheLock

  const reader = yield* cacheReader.make
  const { baseRootOf, entriesOf, infoOf, locate, sidecarOf } = reader

  const versionRoot = (pluginId: PluginId.PluginId, version: PluginVersion.PluginVersion) =>
    path.join(baseRootOf(pluginId), version)

  const leases = Leases.make<PlatformError.PlatformError>(
    {
      staging: home.staging,
      names: Effect.map(entriesOf(home.staging), (entries) => entries.map(({ name }) => name)),
      create: (name) =>
        disk.createFile(path.join(home.staging, name), new Uint8Array(), Changes.emptyFile),
      // A file that stays is swept once this process has no lease any more.
      remove: (name) => Effect.ignore(disk.remove(path.join(home.staging, name)))
    },
    lock.liveness
  )

  const parts = { disk, path, home, reader }
  const changes = Changes.make(parts)
  const { discard, deleteInPlace, ensureFolder, readOverwritable, removeSidecar } = changes
  const { stageFolder, writeSidecar } = changes
  const place = Activation.make(parts, changes, leases)
  const installFolder = LocalInstall.make(parts, changes, place)
  const removal = Removal.make(parts, changes, leases)
  const leftovers = Sweep.make(parts, changes, leases, lock.liveness)

  // --- reading

  const list = reader.list.pipe(
    explain("list the cached plugins", null),
    Effect.withSpan("PluginStore.list")
  )

  const snapshot = reader.snapshot.pipe(
    explain("read the cache", null),
    Effect.withSpan("PluginStore.snapshot")
  )

  const read = Effect.fn("PluginStore.read")((pluginId: PluginId.PluginId) =>
    explain("read", pluginId)(reader.read(pluginId))
  )

  const activeVersion = Effect.fn("PluginStore.activeVersion")((pluginId: PluginId.PluginId) =>
    Effect.map(locate(pluginId), ({ active }) => active).pipe(
      explain("read the active version of", pluginId)
    )
  )

  const remotePluginId = Effect.fn("PluginStore.remotePluginId")(function* (
    pluginId: PluginId.PluginId
  ) {
    const contents = yield* explain("read the identity of", pluginId)(locate(pluginId))
    return Option.isNone(contents.active)
      ? Option.none<RemotePluginId>()
      : Option.map(
          yield* reader.readSidecar(pluginId, contents),
          (sidecar) => sidecar.remotePluginId
        )
  })

  // --- changing

  const change =
    (operation: string, pluginId: PluginId.PluginId | null) =>
    <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
      effect.pipe(Effect.scoped, lock.hold, explain(operation, pluginId))

  /** Makes a staged version the active one. */
  const activate = (staged: Activation.StagedVersion, options: ForceOptions | undefined) =>
    place(staged, options, (current) =>
      staged.remotePluginId === null ? Effect.void : readOverwritable(staged.pluginId, current)
    ).pipe(Effect.uninterruptible, change("install", staged.pluginId))

  const installStaged = Effect.fn("PluginStore.installStaged")(function* <
    A extends StagedPlugin,
    E,
    R
  >(stage: (root: string) => Effect.Effect<A, E, R>, options?: ForceOptions) {
    // The staging folder has a scope of its own; the caller's effect keeps the caller's.
    return yield* Effect.scopedWith((scope) =>
      Effect.gen(function* () {
        const folder = yield* explain("stage a bundle", null)(Scope.provide(stageFolder, scope))
        const root = path.join(folder, "bundle")
        const staged = yield* stage(root)
        const { pluginId, remotePluginId, version } = staged
        const found = yield* explain("stage", pluginId)(infoOf(root))
        if (found?.type !== "Directory") {
          return yield* Effect.die(new Error(`nothing was staged for ${pluginId}`))
        }
        yield* activate({ root, pluginId, version, remotePluginId }, options)
        return staged
      })
    ).pipe(lock.hold)
  })

  const writeIdentity = Effect.fn("PluginStore.writeIdentity")(
    (pluginId: PluginId.PluginId, remotePluginId: RemotePluginId) =>
      Effect.gen(function* () {
        const contents = yield* locate(pluginId)
        if (Option.isNone(contents.active)) {
          return yield* fail({ _tag: "NotInstalled" })
        }
        const sidecar = yield* readOverwritable(pluginId, contents)
        const isWritten = Option.exists(
          sidecar,
          (written) => written.exact && written.remotePluginId === remotePluginId
        )
        if (isWritten) return
        const baseRoot = baseRootOf(pluginId)
        if (contents.sidecar !== undefined && contents.sidecar !== "File") {
          yield* discard(sidecarOf(baseRoot), deleteInPlace(sidecarOf(baseRoot)))
        }
        yield* writeSidecar(baseRoot, remotePluginId)
      }).pipe(change("write the identity of", pluginId))
  )

  const clearIdentity = Effect.fn("PluginStore.clearIdentity")((pluginId: PluginId.PluginId) =>
    Effect.gen(function* () {
      const contents = yield* locate(pluginId)
      if (contents.sidecar === undefined) return
      yield* removeSidecar(baseRootOf(pluginId))
    }).pipe(change("clear the identity of", pluginId))
  )

  const install = Effect.fn("PluginStore.install")(
    (options: {
      readonly source: string
      readonly pluginId: PluginId.PluginId
      readonly version?: PluginVersion.PluginVersion | undefined
      readonly force?: boolean | undefined
    }) => installFolder(options).pipe(change("install", options.pluginId))
  )

  const uninstall = Effect.fn("PluginStore.uninstall")(
    (pluginId: PluginId.PluginId, options?: ForceOptions) =>
      change("uninstall", pluginId)(removal.uninstall(pluginId, options))
  )

  const remove = Effect.fn("PluginStore.remove")((target: CachedPlugin | Stray) =>
    change("remove", "pluginId" in target ? target.pluginId : null)(removal.remove(target))
  )

  const prune = Effect.fn("PluginStore.prune")(
    (pluginId: PluginId.PluginId, version: PluginVersion.PluginVersion) =>
      change("prune", pluginId)(removal.prune(pluginId, version))
  )

  const lease = Effect.fn("PluginStore.lease")(
    function* (pluginId: PluginId.PluginId) {
      const { active } = yield* locate(pluginId)
      if (Option.isNone(active)) return yield* fail({ _tag: "NotInstalled" })
      yield* ensureFolder(home.staging)
      yield* leases
        .take(pluginId, active.value)
        .pipe(
          Effect.mapError((cause) =>
            PlatformError.isPlatformError(cause) ? cause : fileSystemError(home.staging, cause)
          )
        )
      return {
        pluginId,
        version: active.value,
        root: versionRoot(pluginId, active.value)
      }
    },
    (effect, pluginId) => effect.pipe(lock.hold, explain("lease", pluginId))
  )

  const leased = Effect.fn("PluginStore.leased")(
    function* (pluginId: PluginId.PluginId) {
      const { versions } = yield* locate(pluginId)
      return yield* leases.leased(pluginId, versions)
    },
    (effect, pluginId) => explain("read the leases of", pluginId)(effect)
  )

  const sweep = leftovers.sweep.pipe(
    change("sweep the staging folder", null),
    Effect.withSpan("PluginStore.sweep")
  )

  const hasLeftovers = explain("look for leftovers", null)(leftovers.hasLeftovers)

  return PluginStore.of({
    location: { home: home.root, cache: home.cache, isShared: home.isShared === true },
    list,
    snapshot,
    read,
    activeVersion,
    remotePluginId,
    versionRoot,
    sidecarPath: (pluginId) => sidecarOf(baseRootOf(pluginId)),
    writeIdentity,
    clearIdentity,
    installStaged,
    install,
    uninstall,
    remove,
    prune,
    lease,
    leased,
    ensureUnleased: (pluginId, options) =>
      locate(pluginId).pipe(
        Effect.flatMap(({ versions }) => removal.ensureUnleased(pluginId, versions, options)),
        explain("uninstall", pluginId)
      ),
    sweep,
    hasLeftovers
  })
})

/**
 * The service, with the defaults.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  PluginStore,
  never,
  FileSystem.FileSystem | Path.Path | CodexHome.CodexHome | CacheLock.CacheLock
> = Layer.effect(PluginStore, make)
