/**
 * Downloads one bundle and installs it in the cache, or extracts it into any other folder.
 *
 * A bundle's host gets only the URL and a `User-Agent`: no cookie, no credentials, and nothing over
 * plain HTTP.
 */
import {
  Cause,
  Context,
  type Duration,
  Effect,
  type Exit,
  type FileSystem,
  Layer,
  Path,
  type PlatformError,
  Redacted,
  Scope
} from "effect"
import { HttpClient } from "effect/http"
import * as BundleArchive from "./BundleArchive.ts"
import type { CacheLockError } from "./CacheLock.ts"
import type { UnsupportedSchemaVersion } from "./InstallMetadata.ts"
import { isDamaged } from "./internal/bundle/archiveError.ts"
import { type Reason, RemoteBundleError } from "./internal/bundle/bundleError.ts"
import * as CommandSkillFiles from "./internal/bundle/commandSkillFiles.ts"
import * as Completion from "./internal/bundle/completion.ts"
import type { ManifestFile } from "./internal/bundle/manifestFile.ts"
import { identified } from "./internal/cache/storeError.ts"
import * as Request from "./internal/bundle/request.ts"
import * as Transfer from "./internal/bundle/transfer.ts"
import type * as Disk from "./internal/disk/Disk.ts"
import * as Http from "./internal/http.ts"
import * as OptionCheck from "./internal/optionCheck.ts"
import * as PluginManifest from "./PluginManifest.ts"
import * as PluginStore from "./PluginStore.ts"
import type { PluginVersion } from "./PluginVersion.ts"
import * as RemotePlugin from "./RemotePlugin.ts"

export { maxRedirects, RemoteBundleError } from "./internal/bundle/bundleError.ts"
export { retries as defaultRetries } from "./internal/http.ts"

/**
 * The time without any byte after which a download fails: 20 seconds.
 *
 * @category constants
 * @since 0.2.0
 */
export const idleTimeLimit = Transfer.idleTimeLimit

/**
 * The time over which a download must average {@link minimumRate}: 60 seconds. There is no other
 * limit on the time of a download.
 *
 * @category constants
 * @since 0.2.0
 */
export const rateWindow = Transfer.rateWindow

/**
 * The lowest rate of a download, in bytes per second. Downloads that run at the same time share it.
 *
 * @category constants
 * @since 0.2.0
 */
export const minimumRate = Transfer.minimumRate

/**
 * The reason why a bundle could not be extracted into a folder.
 *
 * @category errors
 * @since 0.1.0
 */
export type CheckOutError = RemotePlugin.InvalidRemotePlugin | RemoteBundleError

/**
 * The reason why a bundle could not be installed.
 *
 * @category errors
 * @since 0.1.0
 */
export type InstallError =
  | CheckOutError
  | PluginStore.PluginStoreError
  | CacheLockError
  | UnsupportedSchemaVersion

/**
 * Options of an install, and callbacks that report its progress.
 *
 * @category options
 * @since 0.2.0
 */
export interface InstallOptions extends PluginStore.ExpectOptions {
  /** Runs while bytes arrive, at most ten times a second, and when all have arrived. */
  readonly onProgress?:
    | ((progress: {
        readonly bytes: number
        /** The size that the host announced; null if it did not. */
        readonly total: number | null
      }) => Effect.Effect<void>)
    | undefined
  /** Runs when a download has failed and is retried after `delay`. */
  readonly onRetry?:
    | ((retry: {
        readonly cause: CheckOutError
        readonly delay: Duration.Duration
      }) => Effect.Effect<void>)
    | undefined
}

/**
 * Downloads the bundle of a plugin in the listing, checks it and installs it through the store.
 *
 * @example
 * ```ts
 * import { Array, Effect } from "effect"
 * import { RemoteBundle, RemoteCatalog } from "effect-codex-plugins"
 *
 * const program = Effect.gen(function* () {
 *   const catalog = yield* RemoteCatalog.RemoteCatalog
 *   const bundles = yield* RemoteBundle.RemoteBundle
 *   const { rows } = yield* catalog.installed
 *   yield* Effect.forEach(Array.getSuccesses(rows), (plugin) => bundles.install(plugin))
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class RemoteBundle extends Context.Service<
  RemoteBundle,
  {
    /**
     * Makes this release the active version, with the identity of its plugin. Nothing in the cache
     * changes before the whole bundle has arrived and was checked. Waits while another caller or
     * process installs the plugin. The lock is not held during the download.
     */
    readonly install: (
      plugin: RemotePlugin.RemotePlugin,
      options?: InstallOptions
    ) => Effect.Effect<PluginVersion, InstallError>
    /**
     * Extracts the bundle's files into a folder that must not exist, without the skills that an
     * install makes from its commands. The cache is not changed.
     */
    readonly checkOut: (
      plugin: RemotePlugin.RemotePlugin,
      directory: string
    ) => Effect.Effect<PluginVersion, CheckOutError>
  }
>()("effect-codex-plugins/RemoteBundle") {}

/**
 * Options of {@link layerWith}.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options {
  /** The number of retries after a transient failure of a download. Default: 3. */
  readonly retries?: number | undefined
  /**
   * True allows bundles over plain HTTP from this machine itself, for tests and demonstrations.
   * Default: false.
   */
  readonly allowLoopbackHttp?: boolean | undefined
}

/** The delay before a failed download is retried; undefined if a retry would not help. */
const retryDelay = (
  { reason }: RemoteBundleError,
  attempt: number,
  backOff: Duration.Duration
): Duration.Duration | undefined => {
  if (Http.isFailure(reason)) return Http.retryDelay(reason, attempt, backOff)
  switch (reason._tag) {
    case "Stalled":
    case "WrongLength":
      return backOff
    case "InvalidArchive":
      // A bundle that is damaged again is probably damaged on its host.
      return isDamaged(reason.cause) && attempt === 1 ? backOff : undefined
    default:
      return undefined
  }
}

/** Names the bundle in the errors of its archive, of its manifest and of the file system. */
const explainWith =
  (path: Path.Path, root: string, failed: (reason: Reason) => RemoteBundleError) =>
  (
    error:
      | RemoteBundleError
      | BundleArchive.BundleArchiveError
      | PluginManifest.InvalidManifest
      | PlatformError.PlatformError
  ): RemoteBundleError => {
    switch (error._tag) {
      case "RemoteBundleError":
        return error
      case "BundleArchiveError":
        return failed({ _tag: "InvalidArchive", cause: error })
      case "InvalidManifest": {
        // The folder is removed before anybody can read the error.
        const below = path.relative(root, error.path)
        const cause = new PluginManifest.InvalidManifest({ path: below, reason: error.reason })
        return failed({ _tag: "InvalidManifest", cause })
      }
      case "PlatformError":
        return failed({ _tag: "FileSystem", cause: error })
    }
  }

/**
 * Downloads into a folder that does not exist. Each attempt starts from the beginning. Returns the
 * bytes of the last one.
 */
const downloadWith =
  (
    archive: BundleArchive.BundleArchive["Service"],
    path: Path.Path,
    request: ReturnType<typeof Request.make>,
    transfer: ReturnType<typeof Transfer.make>,
    retries: number
  ) =>
  (
    url: string,
    directory: string,
    complete: Complete,
    failed: (reason: Reason) => RemoteBundleError,
    { onProgress, onRetry }: InstallOptions
  ) => {
    let received = 0
    const open = Effect.map(
      Effect.mapError(request(url), failed),
      ({ announced, response, span }) => ({
        announced,
        body: response.stream,
        count: (bytes: number, exit: Exit.Exit<unknown, unknown>) => {
          received = bytes
          span.attribute("http.response.body.size", bytes)
          return Effect.andThen(Http.endSpan(span, exit), Http.received(response, bytes))
        }
      })
    )
    const attempt = Effect.scopedWith((scope) =>
      transfer(Scope.provide(open, scope), {
        failed,
        endOf: (error) => {
          const end = Http.endOf(error)
          return Cause.isDone(end) ? end : failed(end)
        },
        report: (bytes, total) => onProgress?.({ bytes, total: total ?? null }) ?? Effect.void,
        use: (bytes) => archive.internals.extract(bytes, directory, complete)
      })
    )
    return Http.retry(
      Effect.mapError(attempt, explainWith(path, directory, failed)),
      retryDelay,
      retries,
      (cause, delay) => onRetry?.({ cause, delay }) ?? Effect.void
    ).pipe(Effect.map(() => received))
  }

/** Completes a bundle in its folder, or in the folder's draft. */
type Complete = (
  disk: Disk.Editable
) => Effect.Effect<void, PluginManifest.InvalidManifest | PlatformError.PlatformError>

/**
 * Makes the service from the services that it uses.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const client = yield* HttpClient.HttpClient
  const path = yield* Path.Path
  const archive = yield* BundleArchive.BundleArchive
  const store = yield* PluginStore.PluginStore
  const retries = yield* OptionCheck.integer(
    "RemoteBundle.retries",
    options.retries ?? Http.retries,
    0
  )
  const transfer = Transfer.make()
  const request = Request.make(client, {
    allowLoopbackHttp: options.allowLoopbackHttp === true,
    packedBytes: archive.limits.PackedBytes
  })

  const download = downloadWith(archive, path, request, transfer, retries)

  /** Downloads, completes and checks a bundle in a folder that must not exist. */
  const unpack = Effect.fnUntraced(function* (
    plugin: RemotePlugin.RemotePlugin,
    version: PluginVersion,
    root: string,
    options: InstallOptions = {},
    finish: (
      disk: Disk.Editable,
      manifest: ManifestFile
    ) => Effect.Effect<void, PlatformError.PlatformError> = () => Effect.void
  ) {
    const url = Redacted.value(yield* Effect.fromResult(RemotePlugin.bundleUrl(plugin)))
    const { pluginId, remotePluginId } = plugin
    const parsed = URL.parse(url)
    const failed = (reason: Reason) =>
      new RemoteBundleError({ remotePluginId, pluginId, url: parsed && Http.shown(parsed), reason })
    const complete: Complete = (disk) =>
      Effect.flatMap(Completion.make(disk, path)(plugin, version, root), (manifest) =>
        finish(disk, manifest)
      )
    return yield* download(url, root, complete, failed, options)
  })

  const install = Effect.fn("RemoteBundle.install")(function* (
    plugin: RemotePlugin.RemotePlugin,
    options: InstallOptions = {}
  ) {
    const { pluginId, remotePluginId } = plugin
    yield* Effect.annotateCurrentSpan({ pluginId, remotePluginId })
    const version = yield* Effect.fromResult(RemotePlugin.version(plugin))
    yield* Effect.annotateCurrentSpan({ version })
    const { expected } = options
    const staged = store.installStaged(
      (root) =>
        Effect.map(
          unpack(plugin, version, root, options, (disk, manifest) =>
            CommandSkillFiles.write(disk, path, root, pluginId, manifest)
          ),
          (bytes) => ({ pluginId, version, remotePluginId, bytes })
        ),
      { expected, pluginId }
    )
    const { bytes } = yield* identified(remotePluginId)(
      store.claimed(pluginId, staged, { expected })
    )
    yield* Effect.annotateCurrentSpan({ bytes })
    return version
  })

  const checkOut = Effect.fn("RemoteBundle.checkOut")(function* (
    plugin: RemotePlugin.RemotePlugin,
    directory: string
  ) {
    const { pluginId, remotePluginId } = plugin
    yield* Effect.annotateCurrentSpan({ pluginId, remotePluginId })
    const version = yield* Effect.fromResult(RemotePlugin.version(plugin))
    yield* Effect.annotateCurrentSpan({ version })
    yield* Effect.annotateCurrentSpan({ bytes: yield* unpack(plugin, version, directory) })
    return version
  })

  return RemoteBundle.of({ install, checkOut })
})

/**
 * Provides {@link RemoteBundle} with options, which are read once.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerWith = (
  options: Options
): Layer.Layer<
  RemoteBundle,
  never,
  | HttpClient.HttpClient
  | FileSystem.FileSystem
  | Path.Path
  | BundleArchive.BundleArchive
  | PluginStore.PluginStore
> => Layer.effect(RemoteBundle, make(options))

/**
 * Provides {@link RemoteBundle} with the default options.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = layerWith({})
