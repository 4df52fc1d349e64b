/**
 * The cache on disk: its content, and every change to it.
 *
 * No other service changes anything in `<home>/plugins/cache`. Next to the cache, `CacheLock` keeps
 * its files and `PluginVerifier` a temporary folder. Whenever a process is killed, the sidecar next
 * to an active version is absent or names the plugin whose bytes that version holds. The order of
 * the steps in `internal/cache/activation.ts` ensures that.
 */
import {
  Clock,
  Context,
  Effect,
  type FileSystem,
  Layer,
  Option,
  Path,
  type PlatformError,
  type Scope
} from "effect"
import { isNotFound } from "./internal/platformError.ts"
import * as CacheLock from "./CacheLock.ts"
import type { CachedPlugin, CacheSnapshot, Stray } from "./CacheSnapshot.ts"
import * as CodexHome from "./CodexHome.ts"
import type * as InstallMetadata from "./InstallMetadata.ts"
import * as Changes from "./internal/cache/changes.ts"
import * as Claims from "./internal/cache/claims.ts"
import * as Disk from "./internal/disk/Disk.ts"
import { emptyFile } from "./internal/cache/doubts.ts"
import * as Identities from "./internal/cache/identities.ts"
import * as Installs from "./internal/cache/installs.ts"
import * as NewInstalls from "./internal/cache/newInstalls.ts"
import * as Leases from "./internal/cache/leases.ts"
import { mtimeOf } from "./internal/cache/baseRoots.ts"
import * as CacheReader from "./internal/cache/reader.ts"
import * as Readings from "./internal/cache/readings.ts"
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
 * A version that stays in the cache while it is leased.
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
 * Options of a change that removes files.
 *
 * @category options
 * @since 0.2.0
 */
export interface ForceOptions {
  /** Changes the cache even if a running process has leased the version. Default: false. */
  readonly force?: boolean | undefined
}

/**
 * Options of a change that was decided after an earlier read of a plugin.
 *
 * @category options
 * @since 0.2.0
 */
export interface ExpectOptions {
  /**
   * The plugin as it was when the change was decided; none if it was not cached. The change fails
   * with `Changed` if anybody has changed the plugin since. Default: the change is made in any
   * case.
   */
  readonly expected?: Option.Option<CachedPlugin> | undefined
}

/**
 * Options of an install in two steps.
 *
 * @category options
 * @since 0.2.0
 */
export interface StageOptions extends ForceOptions, ExpectOptions {
  /**
   * The plugin that is staged, for an error that occurs before its folder exists. Default: none.
   */
  readonly pluginId?: PluginId.PluginId | undefined
}

/**
 * Options of {@link PluginStore} `claimed`.
 *
 * @category options
 * @since 0.2.0
 */
export interface ClaimOptions extends ExpectOptions {
  /** False fails with `Claimed` if the caller had to wait. Default: true. */
  readonly wait?: boolean | undefined
  /** Runs once when it is clear that the caller must wait. */
  readonly onWait?: Effect.Effect<void> | undefined
  /** The caller's operation, for errors. Default: `install`. */
  readonly operation?: string | undefined
}

/**
 * The paths of one home and its cache.
 *
 * @category models
 * @since 0.2.0
 */
export interface Location {
  /** The absolute path of the home, as the user gave it. */
  readonly home: string
  /** The path of the cache. Links from the home to another cache are resolved. */
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
    /** All cached plugins, of every marketplace, ordered by plugin id. Needs no lock. */
    readonly list: Effect.Effect<ReadonlyArray<CachedPlugin>, PluginStoreError>
    /**
     * The plugins of the backend's marketplaces, with unrecognized entries: the input of a pass.
     */
    readonly snapshot: Effect.Effect<CacheSnapshot, PluginStoreError>
    /** One cached plugin; none if it is not cached. */
    readonly read: (
      pluginId: PluginId.PluginId
    ) => Effect.Effect<Option.Option<CachedPlugin>, PluginStoreError>
    /** The active version of a plugin; none if the plugin is not installed. */
    readonly activeVersion: (
      pluginId: PluginId.PluginId
    ) => Effect.Effect<Option.Option<PluginVersion.PluginVersion>, PluginStoreError>
    /**
     * The backend's id of the active version. None without a sidecar or without an installed
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
    /** The path of a plugin's sidecar, which may not exist. */
    readonly sidecarPath: (pluginId: PluginId.PluginId) => string
    /**
     * Writes the sidecar of an installed plugin. Never overwrites a sidecar of an unsupported
     * schema. Fails with `Changed` if the plugin is not as expected.
     */
    readonly writeIdentity: (
      pluginId: PluginId.PluginId,
      remotePluginId: RemotePluginId,
      options?: ExpectOptions
    ) => Effect.Effect<
      void,
      PluginStoreError | CacheLock.CacheLockError | InstallMetadata.UnsupportedSchemaVersion
    >
    /** Removes the sidecar, if there is one. */
    readonly clearIdentity: (
      pluginId: PluginId.PluginId
    ) => Effect.Effect<void, PluginStoreError | CacheLock.CacheLockError>
    /**
     * Runs an effect that installs a plugin, while no other caller and no other process of this
     * library installs it. They wait until it ends, so that each plugin is downloaded once. A
     * caller that has already claimed the plugin does not wait, nor does one that holds the lock.
     *
     * Callers of one process wait without a limit. They wait for another process as long as it
     * runs. If it shows no sign of life for the lock's wait limit, but at least 20 seconds, the
     * caller fails with `Claimed`.
     */
    readonly claimed: <A, E, R>(
      pluginId: PluginId.PluginId,
      effect: Effect.Effect<A, E, R>,
      options?: ClaimOptions
    ) => Effect.Effect<A, E | PluginStoreError | CacheLock.CacheLockError, R>
    /**
     * Installs a plugin in two steps. `stage` gets a new path on the cache's file system whose
     * parent exists. It writes the plugin's files there, syncs them, and returns the plugin. Then
     * they become the active version in one step; until then the previous version stays active. The
     * staging folder is removed in every case. Dies if `stage` wrote no folder.
     *
     * The lock is held for the second step only. The effect of `stage` keeps the caller's scope.
     *
     * Fails if it would overwrite a sidecar of an unsupported schema. Fails with `Leased` if it
     * would repair, downgrade or change the owner of a leased version; an upgrade is installed next
     * to it. Fails with `Changed` if the plugin is not as expected.
     */
    readonly installStaged: <A extends StagedPlugin, E, R>(
      stage: (root: string) => Effect.Effect<A, E, R>,
      options?: StageOptions
    ) => Effect.Effect<
      A,
      E | PluginStoreError | CacheLock.CacheLockError | InstallMetadata.UnsupportedSchemaVersion,
      R
    >
    /**
     * Installs a plugin from a local folder and removes its identity. The version is the given one,
     * else the manifest's, else `local`. Links in the folder are left out.
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
     * Removes a plugin's base root, including its identity. False if there was none. Fails with
     * `Leased` if a running process has leased a version of the plugin, unless `force` is set.
     */
    readonly uninstall: (
      pluginId: PluginId.PluginId,
      options?: ForceOptions
    ) => Effect.Effect<boolean, PluginStoreError | CacheLock.CacheLockError>
    /**
     * Removes an entry of a snapshot. Changes nothing and returns false if the entry has changed
     * since the snapshot, or if another process is installing it.
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
     * Keeps the files of the active version until the scope closes. Meanwhile no process of this
     * library repairs, downgrades, prunes or removes that version, unless `force` is set; upgrades
     * are installed next to it. A lease ends with its process. Fails with `NotInstalled` if no
     * version is active.
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
    /** Removes the leftovers of dead processes from staging. */
    readonly sweep: Effect.Effect<void, PluginStoreError | CacheLock.CacheLockError>
    /** True if {@link sweep} may have something to do. Needs no lock and changes nothing. */
    readonly hasLeftovers: Effect.Effect<boolean, PluginStoreError>
    /**
     * The parts of the store that the other services need.
     *
     * @internal
     */
    readonly internals: {
      readonly installNew: ReturnType<typeof NewInstalls.make>
      /**
       * Moves a base root that another program has put aside back into its place, durably. Fails if
       * the place is taken.
       */
      readonly restore: (
        pluginId: PluginId.PluginId,
        from: string
      ) => Effect.Effect<void, PluginStoreError | CacheLock.CacheLockError>
    }
  }
>()("effect-codex-plugins/PluginStore") {}

const touchNow = (disk: Disk.Disk, entry: string) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.ignore(disk.touch(entry, now)))

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
  const reader = yield* CacheReader.make
  const { baseRootOf, locate, sidecarOf } = reader

  const context = { disk, path, home, reader, liveness: lock.internals.liveness }
  const changes = Changes.make(context)
  const inStaging = (name: string) => path.join(home.staging, name)
  const names = Effect.catchIf(disk.names(home.staging), isNotFound, () =>
    Effect.succeed<ReadonlyArray<string>>([])
  )
  // An entry that cannot be removed is swept once this process has no other entry.
  const remove = (name: string) => Effect.ignore(disk.remove(inStaging(name)))

  const leases = Leases.make<PlatformError.PlatformError>(
    {
      staging: home.staging,
      names,
      create: (name) => disk.createFile(inStaging(name), new Uint8Array(), emptyFile),
      remove
    },
    lock.internals.liveness
  )
  const claims = Claims.make(
    {
      staging: home.staging,
      names,
      owner: changes.owner,
      create: (name) => disk.makeDirectory(inStaging(name)),
      remove,
      changedAt: (name) => Effect.map(disk.lstat(inStaging(name)), (info) => info && mtimeOf(info)),
      touch: (name) => touchNow(disk, inStaging(name))
    },
    lock
  )
  const removal = Removal.make(context, changes, leases, claims.isClaimed)
  const change = Installs.changeWith(lock)

  const lease = Effect.fn("PluginStore.lease")(
    function* (pluginId: PluginId.PluginId) {
      const { active } = yield* locate(pluginId)
      if (Option.isNone(active)) return yield* fail({ _tag: "NotInstalled" })
      yield* changes.ensureFolder(home.staging)
      yield* leases
        .take(pluginId, active.value)
        .pipe(Effect.mapError((cause) => fileSystemError("lock", home.staging, cause)))
      yield* Effect.annotateCurrentSpan({ version: active.value })
      const root = path.join(baseRootOf(pluginId), active.value)
      return { pluginId, version: active.value, root }
    },
    (effect, pluginId) => effect.pipe(lock.internals.commit, explain("lease", pluginId))
  )

  return PluginStore.of({
    location: { home: home.root, cache: home.cache, isShared: home.isShared === true },
    versionRoot: (pluginId, version) => path.join(baseRootOf(pluginId), version),
    sidecarPath: (pluginId) => sidecarOf(baseRootOf(pluginId)),
    ...Readings.make(context),
    ...Identities.make(context, changes, claims, lock),
    ...Installs.make(context, changes, leases, claims, lock),
    uninstall: Effect.fn("PluginStore.uninstall")((pluginId, options) =>
      change("uninstall", pluginId)(removal.uninstall(pluginId, options))
    ),
    remove: Effect.fn("PluginStore.remove")((target) =>
      change("remove", "pluginId" in target ? target.pluginId : null)(removal.remove(target))
    ),
    prune: Effect.fn("PluginStore.prune")((pluginId, version) =>
      Effect.andThen(
        Effect.annotateCurrentSpan({ version }),
        change("prune", pluginId)(removal.prune(pluginId, version))
      )
    ),
    lease,
    leased: Effect.fn("PluginStore.leased")((pluginId) =>
      Effect.flatMap(locate(pluginId), ({ versions }) => leases.leased(pluginId, versions)).pipe(
        explain("read the leases of", pluginId)
      )
    ),
    ensureUnleased: Effect.fn("PluginStore.ensureUnleased")((pluginId, options) =>
      locate(pluginId).pipe(
        Effect.flatMap(({ versions }) => removal.ensureUnleased(pluginId, versions, options)),
        explain("uninstall", pluginId)
      )
    ),
    ...Sweep.make(context, changes, lock),
    internals: {
      installNew: NewInstalls.make(context, changes, claims, lock),
      restore: (pluginId, from) => change("restore", pluginId)(removal.restore(pluginId, from))
    }
  })
})

/**
 * Provides {@link PluginStore}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  PluginStore,
  never,
  FileSystem.FileSystem | Path.Path | CodexHome.CodexHome | CacheLock.CacheLock
> = Layer.effect(PluginStore, make)
