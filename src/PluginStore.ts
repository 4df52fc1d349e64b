/**
 * The cache on disk: its content, and every change to it.
 *
 * No other module changes anything below `<home>/plugins/`. Whatever is killed and when, the
 * sidecar beside an active version is absent or names the plugin whose bytes that version holds:
 * the order of the steps in {@link make}'s `activate` is what keeps that promise.
 */
import {
  Array as Arr,
  Clock,
  Context,
  Duration,
  Effect,
  Equal,
  type FileSystem,
  Layer,
  Option,
  Path,
  PlatformError,
  Random,
  Schedule,
  Schema,
  Scope
} from "effect"
import * as CacheLock from "./CacheLock.ts"
import type { CachedPlugin, CacheSnapshot, Stray } from "./CacheSnapshot.ts"
import * as CodexHome from "./CodexHome.ts"
import * as InstallMetadata from "./InstallMetadata.ts"
import * as Disk from "./internal/cache/Disk.ts"
import * as cacheReader from "./internal/cache/reader.ts"
import { type BaseRoot, emptyBaseRoot, isNotFound, mtimeOf } from "./internal/cache/reader.ts"
import * as commandSkillFiles from "./internal/bundle/commandSkillFiles.ts"
import { stagingName } from "./internal/cache/layout.ts"
import * as Leases from "./internal/cache/leases.ts"
import * as manifestFile from "./internal/bundle/manifestFile.ts"
import * as platformError from "./internal/platformError.ts"
import { doubtPrefix, lockHolderName, ownerPrefix, prefix } from "./internal/cache/staging.ts"
import * as PluginId from "./PluginId.ts"
import * as PluginManifest from "./PluginManifest.ts"
import * as PluginVersion from "./PluginVersion.ts"
import type { RemotePluginId } from "./RemotePluginId.ts"

/**
 * How old what another program left in staging must be before it is swept. Codex downloads for 60
 * seconds at the most, so nothing this old belongs to a living one.
 *
 * @category constants
 * @since 0.1.0
 */
export const foreignLeftoverAge = Duration.hours(1)

/**
 * How long a rename is tried again while something holds the file, as virus scanners do on Windows.
 *
 * @category schemas
 * @since 0.1.0
 */
export const heldFilePatience = Duration.seconds(4)

/** How many files or entries are handled at a time. */
const concurrency = 16

/** How often a change is planned anew because the cache changed under it. */
const raceRetries = 8

const Reason = Schema.TaggedUnion({
  /** An identity can be written only beside an installed version. */
  NotInstalled: {},
  /** A running process has leased this version; see `lease`. */
  Leased: { version: PluginVersion.PluginVersion },
  /** A marketplace's folder or staging is a link or a file; it is neither followed nor replaced. */
  Obstructed: { path: Schema.String, found: Schema.String },
  /** It could not be renamed for longer than {@link heldFilePatience}. */
  Held: { path: Schema.String, cause: Schema.Defect() },
  /** The file system refused. */
  FileSystem: { path: Schema.String, cause: Schema.Defect() }
})
type Reason = typeof Reason.Type

/**
 * A change or a reading that could not be carried out. The cache is as it was, or further along.
 *
 * @category errors
 * @since 0.1.0
 */
export class PluginStoreError extends Schema.TaggedError<PluginStoreError>()("PluginStoreError", {
  operation: Schema.String,
  pluginId: Schema.NullOr(PluginId.PluginId),
  reason: Reason
}) {
  override get message(): string {
    const subject = this.pluginId === null ? "" : ` ${this.pluginId}`
    return `cannot ${this.operation}${subject}: ${this.why}`
  }

  private get why(): string {
    switch (this.reason._tag) {
      case "NotInstalled":
        return "no version of it is installed; install it first"
      case "Leased":
        return `a running process still uses version ${this.reason.version}; try again when it has ended, or force the change`
      case "Obstructed":
        return `${this.reason.path} is not a folder but a ${this.reason.found}; move it away and try again`
      case "Held":
        return `${this.reason.path} is held by another program or may not be changed, and what stood before still stands; close what uses it or check the folder's permissions, then try again`
      case "FileSystem":
        return platformError.describe(this.reason.cause)
    }
  }
}

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
  /** True if the cache is outside the home, so that other homes may use it. */
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

/** A staged plugin and the folder that holds it, which is renamed into the cache. */
interface StagedVersion extends StagedPlugin {
  readonly root: string
}

/**
 * The cache on disk: lists, identifies, installs and uninstalls plugins.
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
    /** What a pass decides on: the marketplaces that belong to the backend, strays included. */
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
    /** Where a version stands or would stand. */
    readonly versionRoot: (
      pluginId: PluginId.PluginId,
      version: PluginVersion.PluginVersion
    ) => string
    /** Where a plugin's sidecar stands or would stand. */
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

/** How a version becomes the active one of a base root. */
const succession = (version: PluginVersion.PluginVersion, { active, versions }: BaseRoot) => {
  const isActive = (other: PluginVersion.PluginVersion) => Option.contains(active, other)
  const others = versions.filter((other) => other !== version)
  const outranking = others.filter((other) => PluginVersion.outranks(other, version))
  // The one that is active now goes last, so that mostly no third one is active in between.
  const leaving = [
    ...outranking.filter((other) => !isActive(other)),
    ...outranking.filter(isActive)
  ]
  const moments = [
    others,
    ...Arr.scan(leaving, [...others, version], (standing, gone) =>
      standing.filter((other) => other !== gone)
    )
  ]
  return {
    /** What must go once the version stands, in this order. */
    leaving,
    /**
     * Whether a third version is active for a moment: while the active one is replaced, or because
     * versions have no total order, so that taking one away can make any other active.
     */
    exposesAnother: moments.some((standing) =>
      Option.exists(
        PluginVersion.active(standing),
        (current) => current !== version && !isActive(current)
      )
    )
  }
}

/** An empty file of ours gets the mode that the umask leaves. */
const emptyFile = { mode: 0o666, exactMode: false }

/**
 * The file next to the sidecar in which newer releases of Codex keep a digest of what they installed
 * from a marketplace. It does not describe what a local install puts there.
 */
const provenanceName = ".codex-plugin-install.json"

/** The mode of a base root, as Codex makes it. */
const folderMode = 0o755

/** A failure of a lock file or of the runtime, which is no error of Effect's file system. */
const fileSystemError = (path: string, cause: unknown): Reason => ({
  _tag: "FileSystem",
  path,
  cause
})

const isReason = (error: { readonly _tag: string }): error is Reason => error._tag in Reason.cases

const fail = (reason: Reason): Effect.Effect<never, Reason> => Effect.fail(reason)

const pathOf = (error: PlatformError.PlatformError): string | undefined =>
  "pathOrDescriptor" in error.reason && typeof error.reason.pathOrDescriptor === "string"
    ? error.reason.pathOrDescriptor
    : undefined

/** Copies a folder's files and folders, synced; links and devices are left out. */
const copyTree = Effect.fnUntraced(function* (
  disk: Disk.Disk,
  path: Path.Path,
  from: string,
  to: string
) {
  const folders = [""]
  const files: Array<string> = []
  // The loop goes on over what it appends.
  for (const folder of folders) {
    yield* disk.makeDirectory(path.join(to, folder))
    yield* disk.chmod(path.join(to, folder), folderMode)
    for (const { name, type } of yield* disk.entries(path.join(from, folder))) {
      // Staging is below the source if that is a whole home; the copy must not contain itself.
      if (type === "Directory" && name !== stagingName) folders.push(path.join(folder, name))
      if (type === "File") files.push(path.join(folder, name))
    }
  }
  yield* Effect.forEach(
    files,
    (file) =>
      Effect.gen(function* () {
        const copy = path.join(to, file)
        yield* disk.copyFile(path.join(from, file), copy)
        const mode = (yield* disk.lstat(copy))?.mode ?? 0
        // No file of the cache runs as its owner, whoever runs it.
        if ((mode & 0o7000) !== 0) yield* disk.chmod(copy, mode & 0o777)
        yield* disk.syncFile(copy)
      }),
    { concurrency, discard: true }
  )
  yield* Effect.forEach(folders, (folder) => disk.syncDirectory(path.join(to, folder)), {
    concurrency,
    discard: true
  })
})

const decodePluginId = Schema.decodeUnknownOption(PluginId.PluginId)

const isHeld = (error: PlatformError.PlatformError) =>
  error.reason._tag === "PermissionDenied" || error.reason._tag === "Busy"

/** Another program has taken it away already. */
const isGone = (error: { readonly _tag: string }): boolean =>
  PlatformError.isPlatformError(error) && isNotFound(error)

/** The cache changed under a change: a name vanished, or one appeared where none was. */
const isRace = (error: { readonly _tag: string }): boolean =>
  PlatformError.isPlatformError(error) &&
  (isNotFound(error) ||
    error.reason._tag === "AlreadyExists" ||
    error.reason._tag === "BadResource" ||
    platformError.codeOf(error) === "ENOTEMPTY")

const heldSchedule = Schedule.spaced(Duration.millis(100)).pipe(
  Schedule.upTo({ duration: heldFilePatience })
)

const utf8 = new TextEncoder()

const explain =
  (operation: string, pluginId: PluginId.PluginId | null) =>
  <A, E extends { readonly _tag: string }, R>(
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, Exclude<E, PlatformError.PlatformError | Reason> | PluginStoreError, R> =>
    Effect.mapError(effect, (error) => {
      const failed = (reason: Reason) => new PluginStoreError({ operation, pluginId, reason })
      if (isReason(error)) return failed(error)
      return PlatformError.isPlatformError(error)
        ? failed({ _tag: "FileSystem", path: pathOf(error) ?? "", cause: error })
        : (error as Exclude<E, PlatformError.PlatformError | Reason>)
    })

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
  const { baseRootOf, entriesOf, identityOf, infoOf, locate, readBaseRoot, sidecarOf } = reader

  const doubtOf = (pluginId: PluginId.PluginId) =>
    path.join(home.staging, `${doubtPrefix}${pluginId}`)
  const versionRoot = (pluginId: PluginId.PluginId, version: PluginVersion.PluginVersion) =>
    path.join(baseRootOf(pluginId), version)

  const leases = Leases.make<PlatformError.PlatformError>(
    {
      staging: home.staging,
      names: Effect.map(entriesOf(home.staging), (entries) => entries.map(({ name }) => name)),
      create: (name) => disk.createFile(path.join(home.staging, name), new Uint8Array(), emptyFile),
      // A file that stays is swept once this process has no lease any more.
      remove: (name) => Effect.ignore(disk.remove(path.join(home.staging, name)))
    },
    lock.liveness
  )

  /** Fails if a running process has leased one of these versions. */
  const ensureUnleased = Effect.fnUntraced(function* (
    pluginId: PluginId.PluginId,
    versions: ReadonlyArray<PluginVersion.PluginVersion>,
    options: ForceOptions | undefined
  ) {
    if (options?.force === true) return
    const [version] = yield* leases.leased(pluginId, versions)
    if (version !== undefined) yield* fail({ _tag: "Leased", version })
  })

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
    const standing = yield* explain("read the identity of", pluginId)(locate(pluginId))
    return Option.isNone(standing.active)
      ? Option.none<RemotePluginId>()
      : Option.map(
          yield* reader.readSidecar(pluginId, standing),
          (sidecar) => sidecar.remotePluginId
        )
  })

  // --- changing

  const change =
    (operation: string, pluginId: PluginId.PluginId | null) =>
    <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
      effect.pipe(Effect.scoped, lock.hold, explain(operation, pluginId))

  /** Renames a folder or file into, within or out of the cache. */
  const rename = (from: string, to: string) =>
    Effect.retry(disk.rename(from, to), { schedule: heldSchedule, while: isHeld }).pipe(
      Effect.catchIf(isHeld, (cause) =>
        fail({ _tag: "Held", path: from.startsWith(home.staging) ? to : from, cause })
      )
    )

  /** Sees to a folder of ours, which must not be a link. */
  const ensureFolder = Effect.fnUntraced(function* (folder: string) {
    const found = (yield* infoOf(folder))?.type
    if (found === undefined)
      yield* disk.makeDirectory(folder, { recursive: true, mode: folderMode })
    else if (found !== "Directory") yield* fail({ _tag: "Obstructed", path: folder, found })
  })

  /** Makes the names in staging durable, and its own: no other sync lasts that leans on them. */
  const stagingParent = path.dirname(home.staging)
  const syncStaging = Effect.forEach(
    [
      home.staging,
      stagingParent,
      // Staging inside the cache has a folder of its own there.
      ...(stagingParent === path.dirname(home.cache) ? [] : [home.cache])
    ],
    (folder) => disk.syncDirectory(folder),
    { discard: true }
  )

  const stageFolder = Effect.acquireRelease(
    Effect.andThen(
      ensureFolder(home.staging),
      disk.makeTempDirectory(home.staging, `${prefix}stage-`)
    ),
    // What cannot be removed now is swept by the next pass.
    (folder) => Effect.ignore(disk.remove(folder))
  )

  /** Deletes what no reader looks into, such as an unrecognized entry. */
  const deleteInPlace = Effect.fnUntraced(function* (target: string) {
    yield* disk.remove(target)
    yield* disk.syncDirectory(path.dirname(target))
  })

  /**
   * Deletes a version in place. Its manifest goes first and durably: a version without one counts as
   * broken, so that a pass after an interruption does not trust what is left of it.
   */
  const deleteVersionInPlace = Effect.fnUntraced(function* (root: string) {
    for (const relativePath of PluginManifest.paths) {
      const manifest = path.join(root, relativePath)
      if ((yield* infoOf(manifest)) === undefined) continue
      yield* disk.remove(manifest)
      yield* disk.syncDirectory(path.dirname(manifest))
    }
    yield* deleteInPlace(root)
  })

  /** Deletes a plugin in place. Its identity goes before any of its bytes. */
  const deleteBaseRootInPlace = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    const baseRoot = baseRootOf(pluginId)
    if ((yield* infoOf(baseRoot))?.type === "Directory") {
      yield* markInDoubt(pluginId)
      yield* removeSidecar(baseRoot)
      for (const version of (yield* readBaseRoot(baseRoot)).versions) {
        yield* deleteVersionInPlace(path.join(baseRoot, version))
      }
    }
    yield* deleteInPlace(baseRoot)
  })

  /**
   * Removes a file, link or folder from the cache in one step, by a rename into staging. It is deleted
   * with the scope. Both ends of the rename are synced, or the deletion might outlive it.
   *
   * Overlay file systems refuse to rename a folder that came with the image (EXDEV). There, `inPlace`
   * deletes it where it is, and the result is undefined.
   */
  const discard = Effect.fnUntraced(function* <E, R>(
    target: string,
    inPlace: Effect.Effect<void, E, R>
  ) {
    const discarded = path.join(yield* stageFolder, "discarded")
    yield* syncStaging
    const renamed = yield* rename(target, discarded).pipe(
      Effect.as(true),
      Effect.catchIf(
        (error) => PlatformError.isPlatformError(error) && platformError.codeOf(error) === "EXDEV",
        () => Effect.as(inPlace, false)
      )
    )
    if (!renamed) return undefined
    yield* disk.syncDirectory(path.dirname(target))
    return discarded
  })

  const discardVersion = (root: string) => discard(root, deleteVersionInPlace(root))

  const writeSidecar = Effect.fnUntraced(function* (
    baseRoot: string,
    remotePluginId: RemotePluginId
  ) {
    yield* ensureFolder(home.staging)
    yield* Disk.replaceFile(disk, {
      target: sidecarOf(baseRoot),
      contents: utf8.encode(InstallMetadata.encode(remotePluginId)),
      mode: InstallMetadata.fileMode,
      temporary: path.join(
        home.staging,
        `${prefix}sidecar-${(yield* Random.nextIntBetween(0, 2 ** 32)).toString(36)}`
      )
    })
  })

  /** The sidecar that is to be overwritten. One that a newer Codex has written is not ours to. */
  const readOverwritable = (pluginId: PluginId.PluginId, standing: BaseRoot) =>
    Effect.catchTag(
      reader.readSidecar(pluginId, standing),
      "CorruptInstallMetadata",
      () => Effect.succeedNone
    )

  const removeSidecar = Effect.fnUntraced(function* (baseRoot: string) {
    yield* disk.remove(sidecarOf(baseRoot))
    yield* disk.syncDirectory(baseRoot)
  })

  /**
   * While versions stand without the sidecar that is to name them, their bytes may be the old or
   * the new plugin's. The mark outlives us, so that nobody backfills an identity on a guess.
   */
  const markInDoubt = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    yield* ensureFolder(home.staging)
    yield* disk
      .createFile(doubtOf(pluginId), new Uint8Array(), emptyFile)
      .pipe(Effect.catchReason("PlatformError", "AlreadyExists", () => Effect.void))
    yield* syncStaging
  })

  // A mark that stays is swept by the next pass.
  const unmark = (pluginId: PluginId.PluginId) => Effect.ignore(disk.remove(doubtOf(pluginId)))

  /** Takes the mark away once what ended the doubt is durable. */
  const settleDoubt = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    const baseRoot = baseRootOf(pluginId)
    yield* disk.syncDirectory(baseRoot)
    yield* disk.syncDirectory(path.dirname(baseRoot))
    yield* unmark(pluginId)
  })

  /** Puts a version where nothing stands: version and sidecar become real in one rename. */
  const placeBaseRoot = Effect.fnUntraced(function* (
    staged: StagedVersion,
    moved: (root: string) => void
  ) {
    const baseRoot = yield* disk.makeTempDirectory(path.dirname(staged.root), "base-root-")
    yield* disk.chmod(baseRoot, folderMode)
    const root = path.join(baseRoot, staged.version)
    yield* rename(staged.root, root)
    moved(root)
    if (staged.remotePluginId !== null) {
      yield* disk.createFile(
        sidecarOf(baseRoot),
        utf8.encode(InstallMetadata.encode(staged.remotePluginId)),
        { mode: InstallMetadata.fileMode }
      )
    }
    yield* disk.syncDirectory(baseRoot)
    yield* rename(baseRoot, baseRootOf(staged.pluginId))
    if (staged.remotePluginId === null) yield* settleDoubt(staged.pluginId)
  })

  /** Puts a version into a base root that stands. The order of the steps is the promise. */
  const placeVersion = Effect.fnUntraced(function* (
    staged: StagedVersion,
    standing: BaseRoot,
    moved: (root: string) => void,
    options: ForceOptions | undefined
  ) {
    const { pluginId, version } = staged
    const baseRoot = baseRootOf(pluginId)
    const target = path.join(baseRoot, version)
    const identity = yield* identityOf(pluginId, standing, false)
    const sameIdentity =
      identity._tag === "Known" && identity.remotePluginId === staged.remotePluginId
    if (options?.force !== true) {
      const changesOwner = identity._tag === "Known" && !sameIdentity
      const leased = yield* leases.leased(pluginId, standing.versions)
      const conflict = Leases.conflict(leased, { version, changesOwner })
      if (conflict !== undefined) yield* fail({ _tag: "Leased", version: conflict })
    }
    const { exposesAnother, leaving } = succession(version, standing)
    const settles = !sameIdentity || exposesAnother

    if (settles) {
      yield* markInDoubt(pluginId)
      // Where none stands too: it may be another process that has just removed it.
      yield* removeSidecar(baseRoot)
    }
    if (
      staged.remotePluginId === null &&
      standing.entries.some(({ name }) => name === provenanceName)
    ) {
      yield* disk.remove(path.join(baseRoot, provenanceName))
    }
    const replaced =
      (yield* infoOf(target)) === undefined ? undefined : yield* discardVersion(target)
    yield* Effect.tapError(rename(staged.root, target), () =>
      replaced === undefined ? Effect.void : Effect.ignore(rename(replaced, target))
    )
    moved(target)

    if (settles || leaving.length > 0) yield* disk.syncDirectory(baseRoot)
    yield* Effect.forEach(
      leaving,
      (other) =>
        Effect.catchIf(discardVersion(path.join(baseRoot, other)), isGone, () => Effect.void),
      { discard: true }
    )
    if (!settles) return
    yield* Effect.gen(function* () {
      if (staged.remotePluginId !== null) yield* writeSidecar(baseRoot, staged.remotePluginId)
      yield* settleDoubt(pluginId)
    }).pipe(
      // Another program has taken away since then what landed; the next pass sweeps the mark.
      Effect.catchIf(isGone, () => Effect.void)
    )
  })

  const place = Effect.fnUntraced(function* <E extends { readonly _tag: string } = never>(
    staged: StagedVersion,
    options?: ForceOptions,
    check: (standing: BaseRoot) => Effect.Effect<unknown, E> = () => Effect.void
  ) {
    const baseRoot = baseRootOf(staged.pluginId)
    let root = staged.root
    const moved = (to: string) => {
      root = to
    }

    const attempt = Effect.gen(function* () {
      yield* ensureFolder(path.dirname(baseRoot))
      const type = (yield* infoOf(baseRoot))?.type
      const standing = type === "Directory" ? yield* readBaseRoot(baseRoot) : emptyBaseRoot
      yield* check(standing)
      // A file or link in a plugin's place is taken out itself, whatever it points at.
      if (type !== undefined && type !== "Directory") {
        yield* discard(baseRoot, deleteInPlace(baseRoot))
      }
      yield* standing.entries.length === 0
        ? placeBaseRoot({ ...staged, root }, moved)
        : placeVersion({ ...staged, root }, standing, moved, options)
    })

    // Once the version has landed, nothing is planned anew: what follows only settles it.
    yield* Effect.retry(attempt, {
      times: raceRetries,
      while: (error) => isRace(error) && root !== versionRoot(staged.pluginId, staged.version)
    })
  })

  /** Makes a staged version the active one. */
  const activate = (staged: StagedVersion, options: ForceOptions | undefined) =>
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
        const standing = yield* locate(pluginId)
        if (Option.isNone(standing.active)) {
          return yield* fail({ _tag: "NotInstalled" })
        }
        const sidecar = yield* readOverwritable(pluginId, standing)
        const isWritten = Option.exists(
          sidecar,
          (written) => written.exact && written.remotePluginId === remotePluginId
        )
        if (isWritten) return
        const baseRoot = baseRootOf(pluginId)
        if (standing.sidecar !== undefined && standing.sidecar !== "File") {
          yield* discard(sidecarOf(baseRoot), deleteInPlace(sidecarOf(baseRoot)))
        }
        yield* writeSidecar(baseRoot, remotePluginId)
      }).pipe(change("write the identity of", pluginId))
  )

  const clearIdentity = Effect.fn("PluginStore.clearIdentity")((pluginId: PluginId.PluginId) =>
    Effect.gen(function* () {
      const standing = yield* locate(pluginId)
      if (standing.sidecar === undefined) return
      yield* removeSidecar(baseRootOf(pluginId))
    }).pipe(change("clear the identity of", pluginId))
  )

  const install = Effect.fn("PluginStore.install")(
    (options: {
      readonly source: string
      readonly pluginId: PluginId.PluginId
      readonly version?: PluginVersion.PluginVersion | undefined
      readonly force?: boolean | undefined
    }) =>
      Effect.gen(function* () {
        const { pluginId, source } = options
        const read = (root: string) => manifestFile.read(disk, path, root, PluginId.name(pluginId))
        const { manifest, path: manifestPath } = yield* read(source)
        const version =
          options.version ?? (yield* PluginManifest.localVersion(manifest, manifestPath))
        const root = path.join(yield* stageFolder, "version")
        yield* copyTree(disk, path, source, root)
        // The source may have changed meanwhile.
        yield* commandSkillFiles.write(disk, path, root, yield* read(root))
        const staged = { root, pluginId, version, remotePluginId: null }
        yield* Effect.uninterruptible(place(staged, options))
        return version
      }).pipe(change("install", options.pluginId))
  )

  const uninstall = Effect.fn("PluginStore.uninstall")(
    (pluginId: PluginId.PluginId, options?: ForceOptions) =>
      Effect.gen(function* () {
        const baseRoot = baseRootOf(pluginId)
        const [marketplaceInfo, info] = yield* Effect.all([
          infoOf(path.dirname(baseRoot)),
          infoOf(baseRoot)
        ])
        if (marketplaceInfo?.type !== "Directory" || info === undefined) return false
        const { versions } = yield* locate(pluginId)
        yield* ensureUnleased(pluginId, versions, options)
        yield* discard(baseRoot, deleteBaseRootInPlace(pluginId))
        yield* unmark(pluginId)
        return true
      }).pipe(Effect.uninterruptible, change("uninstall", pluginId))
  )

  const remove = Effect.fn("PluginStore.remove")(function* (target: CachedPlugin | Stray) {
    const [marketplace, name] =
      "pluginId" in target
        ? [PluginId.marketplace(target.pluginId), PluginId.name(target.pluginId)]
        : [target.marketplace, target.name]
    const place = path.join(reader.marketplaceRoot(marketplace), name)
    const isUnchanged = (at: string) =>
      Effect.map(reader.witnessOf(at), (witness) => witness === target.witness)

    return yield* Effect.gen(function* () {
      if (!(yield* isUnchanged(place))) return false
      if ("pluginId" in target) {
        yield* ensureUnleased(target.pluginId, target.versions, undefined)
      }
      const inPlace =
        "pluginId" in target ? deleteBaseRootInPlace(target.pluginId) : deleteInPlace(place)
      const discarded = yield* discard(place, inPlace)
      if (discarded === undefined || (yield* isUnchanged(discarded))) {
        if ("pluginId" in target) yield* unmark(target.pluginId)
        return true
      }
      // It changed between the look and the rename, so it goes back, unless it was replaced already.
      yield* Effect.catchIf(rename(discarded, place), isRace, () => Effect.void)
      return false
    }).pipe(
      Effect.catchIf(isGone, () => Effect.succeed(false)),
      Effect.uninterruptible,
      change("remove", "pluginId" in target ? target.pluginId : null)
    )
  })

  const prune = Effect.fn("PluginStore.prune")(
    (pluginId: PluginId.PluginId, version: PluginVersion.PluginVersion) =>
      Effect.gen(function* () {
        const { active, versions } = yield* locate(pluginId)
        const rest = versions.filter((other) => other !== version)
        // Where versions have no total order, a third one could become active.
        const isInUse = !Equal.equals(PluginVersion.active(rest), active)
        if (rest.length === versions.length || isInUse) return false
        yield* ensureUnleased(pluginId, [version], undefined)
        yield* discardVersion(versionRoot(pluginId, version))
        return true
      }).pipe(Effect.uninterruptible, change("prune", pluginId))
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

  const sweepDoubt = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    const { active, sidecar } = yield* locate(pluginId)
    if (Option.isNone(active) || sidecar !== undefined) yield* settleDoubt(pluginId)
  })

  const sweepEntry = Effect.fnUntraced(function* ({ name, type }: FileSystem.DirectoryEntry) {
    const entry = path.join(home.staging, name)
    const inDoubt = decodePluginId(name.replace(doubtPrefix, ""))
    if (name.startsWith(doubtPrefix) && Option.isSome(inDoubt)) {
      return yield* sweepDoubt(inDoubt.value)
    }
    if (name.startsWith(ownerPrefix)) {
      // The file of a dead owner is removed where one was there; a file that is none, below.
      if (yield* lock.liveness.isAlive(home.staging, name.slice(ownerPrefix.length))) return
    }
    if (yield* leases.isLive(name)) return
    if (name.startsWith(prefix)) {
      // What was renamed into it must not come back in parts.
      if (type === "Directory") yield* disk.syncDirectory(entry)
    } else {
      const info = yield* infoOf(entry)
      const now = yield* Clock.currentTimeMillis
      const age = info === undefined ? 0 : now - mtimeOf(info)
      if (age < Duration.toMillis(foreignLeftoverAge)) return
    }
    yield* disk.remove(entry)
  })

  const sweep = Effect.gen(function* () {
    // A link is not followed; the first change that needs the folder says so.
    if ((yield* infoOf(home.staging))?.type !== "Directory") return
    const leftovers = (yield* entriesOf(home.staging)).filter(({ name }) => name !== lockHolderName)
    if (leftovers.some(({ name }) => name.startsWith(prefix))) yield* syncStaging
    yield* Effect.forEach(
      leftovers,
      (leftover) =>
        // What cannot be removed is in nobody's way.
        Effect.ignore(sweepEntry(leftover), {
          log: "Warn",
          message: `could not sweep ${leftover.name} out of ${home.staging}`
        }),
      { concurrency, discard: true }
    )
  }).pipe(change("sweep the staging folder", null), Effect.withSpan("PluginStore.sweep"))

  const hasLeftovers = Effect.gen(function* () {
    if ((yield* infoOf(home.staging))?.type !== "Directory") return false
    for (const { name } of yield* entriesOf(home.staging)) {
      if (name === lockHolderName || (yield* leases.isLive(name))) continue
      if (name.startsWith(ownerPrefix)) {
        if (yield* lock.liveness.isAlive(home.staging, name.slice(ownerPrefix.length))) continue
      }
      if (name.startsWith(prefix) || name.startsWith(doubtPrefix)) return true
      const info = yield* infoOf(path.join(home.staging, name))
      const age = info === undefined ? 0 : (yield* Clock.currentTimeMillis) - mtimeOf(info)
      if (age >= Duration.toMillis(foreignLeftoverAge)) return true
    }
    return false
  }).pipe(explain("look for leftovers", null))

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
        Effect.flatMap(({ versions }) => ensureUnleased(pluginId, versions, options)),
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
