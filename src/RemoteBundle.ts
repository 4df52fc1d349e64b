/**
 * One bundle's way from its URL into the cache, or into any other folder.
 *
 * A bundle's host learns nothing but the URL: no header of ours, no cookie, no credentials, and not
 * one byte over plain HTTP.
 */
import {
  Context,
  Duration,
  Effect,
  FileSystem,
  Layer,
  Option,
  Path,
  type PlatformError,
  Redacted,
  Schema,
  Stream
} from "effect"
import { HttpClient, HttpClientRequest, type HttpClientResponse } from "effect/http"
import * as BundleArchive from "./BundleArchive.ts"
import type { CacheLockError } from "./CacheLock.ts"
import type { UnsupportedSchemaVersion } from "./InstallMetadata.ts"
import * as Disk from "./internal/cache/Disk.ts"
import * as commandSkillFiles from "./internal/bundle/commandSkillFiles.ts"
import * as CuratedManifest from "./internal/bundle/curatedManifest.ts"
import * as Http from "./internal/http.ts"
import * as manifestFile from "./internal/bundle/manifestFile.ts"
import { describe } from "./internal/platformError.ts"
import * as Transfer from "./internal/bundle/transfer.ts"
import * as PluginId from "./PluginId.ts"
import * as PluginManifest from "./PluginManifest.ts"
import * as PluginStore from "./PluginStore.ts"
import type { PluginVersion } from "./PluginVersion.ts"
import * as RemotePlugin from "./RemotePlugin.ts"

/**
 * How long a host may send nothing before a download fails: 20 seconds.
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
 * How many redirects are followed.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxRedirects = 10

/**
 * Whether bundles may come over plain HTTP from this machine itself: for tests and demonstrations.
 * It is looked up once, when the layer is built.
 *
 * @category references
 * @since 0.1.0
 */
export const AllowLoopbackHttp = Context.Reference<boolean>(
  "effect-codex-plugins/RemoteBundle/AllowLoopbackHttp",
  { defaultValue: () => false }
)

/**
 * A bundle that could not be fetched or laid out. What the cache held is as it was.
 *
 * @category errors
 * @since 0.1.0
 */
export class RemoteBundleError extends Schema.TaggedError<RemoteBundleError>()(
  "RemoteBundleError",
  {
    remotePluginId: Schema.String,
    pluginId: PluginId.PluginId,
    /** Without credentials and query; null if it is no URL. */
    url: Schema.NullOr(Schema.String),
    reason: Schema.TaggedUnion({
      ...Http.Failure,
      /** The URL, or one that it redirects to, to which nothing was sent. */
      UnsafeUrl: {
        url: Schema.NullOr(Schema.String),
        problem: Schema.Literals(["NotAUrl", "NotHttps", "Credentials"])
      },
      TooManyRedirects: {},
      /** 401, 403, 404 or 410: signed links expire. */
      Expired: { status: Schema.Int },
      Rejected: { status: Schema.Int },
      /** The host announces more bytes than a bundle may have. */
      TooLarge: { bytes: Schema.Number, most: Schema.Number },
      /** The body is shorter or longer than the host announced. */
      WrongLength: { announced: Schema.Number },
      /** No byte arrived for {@link idleTimeLimit}. */
      Stalled: {},
      /** Less than {@link minimumRate} bytes per second arrived for {@link rateWindow}. */
      TooSlow: {},
      /** The file system refused. */
      FileSystem: { cause: Schema.Defect() }
    })
  }
) {
  override get message(): string {
    const source = this.url === null ? "" : ` from ${this.url}`
    return `cannot fetch the bundle of ${this.pluginId} (${this.remotePluginId})${source}: ${this.why}`
  }

  private get why(): string {
    if (Http.isFailure(this.reason)) return `its host ${Http.describe(this.reason)}`
    switch (this.reason._tag) {
      case "UnsafeUrl": {
        const subject =
          this.reason.url === this.url
            ? "the URL"
            : `it redirects to ${this.reason.url ?? "a URL"}, which`
        return `${subject} ${urlProblems[this.reason.problem]}`
      }
      case "TooManyRedirects":
        return `it redirects more than ${maxRedirects} times`
      case "Expired":
        return `its host answered ${this.reason.status}: the link may have expired; sync again to get a new one`
      case "Rejected":
        return `its host answered ${this.reason.status}`
      case "TooLarge":
        return `it has ${this.reason.bytes} bytes, more than the ${this.reason.most} that a bundle may have`
      case "WrongLength":
        return `it does not have the ${this.reason.announced} bytes that its host announced; try again`
      case "Stalled":
        return `no byte arrived for ${Duration.format(idleTimeLimit)}; try again later`
      case "TooSlow":
        return `less than ${minimumRate / 1000} kB/s arrived for ${Duration.format(rateWindow)}; try again on a faster connection`
      case "FileSystem":
        return describe(this.reason.cause)
    }
  }
}

const urlProblems = {
  NotAUrl: "is malformed",
  NotHttps: "is not https",
  Credentials: "holds credentials"
}

type Reason = RemoteBundleError["reason"]

/**
 * Why a bundle could not be laid out in a folder.
 *
 * @category errors
 * @since 0.1.0
 */
export type CheckOutError =
  | RemotePlugin.InvalidRemotePlugin
  | RemoteBundleError
  | BundleArchive.BundleArchiveError
  | PluginManifest.InvalidManifest

/**
 * Why a bundle could not be installed.
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
 * Reports about one install while it runs.
 *
 * @category models
 * @since 0.2.0
 */
export interface InstallOptions {
  /** Runs while bytes arrive, at most ten times a second, and when all have arrived. */
  readonly onProgress?:
    | ((progress: {
        readonly bytes: number
        /** The size that the host announced; null if it did not. */
        readonly total: number | null
      }) => Effect.Effect<void>)
    | undefined
  /** Runs before a failed download is tried again after `delay`. */
  readonly onRetry?:
    | ((retry: {
        readonly cause: CheckOutError
        readonly delay: Duration.Duration
      }) => Effect.Effect<void>)
    | undefined
}

/**
 * Downloads the bundle that a row of the listing offers, checks it and hands it to the store.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { RemoteBundle, RemoteCatalog } from "effect-codex-plugins"
 *
 * const installAll = Effect.gen(function* () {
 *   const catalog = yield* RemoteCatalog.RemoteCatalog
 *   const bundles = yield* RemoteBundle.RemoteBundle
 *   const { plugins } = yield* catalog.installed
 *   yield* Effect.forEach(plugins, (plugin) => bundles.install(plugin))
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
     * Makes the release of this row the active version, with the identity of its plugin. Nothing
     * in the cache changes before the whole bundle has arrived and was checked.
     */
    readonly install: (
      plugin: RemotePlugin.RemotePlugin,
      options?: InstallOptions
    ) => Effect.Effect<PluginVersion, InstallError>
    /**
     * Lays out the bundle's files in a folder that must not exist, without the skills that an
     * install makes of its commands. The cache is not touched.
     */
    readonly checkOut: (
      plugin: RemotePlugin.RemotePlugin,
      directory: string
    ) => Effect.Effect<PluginVersion, CheckOutError>
  }
>()("effect-codex-plugins/RemoteBundle") {}

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const expiredStatuses: ReadonlySet<number> = new Set([401, 403, 404, 410])

const isLoopback = ({ hostname }: URL): boolean =>
  hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname)

/** The bytes that the head announces; undefined where the body is encoded and counts otherwise. */
const announcedLength = ({
  headers
}: HttpClientResponse.HttpClientResponse): number | undefined => {
  const length = headers["content-length"]
  return length !== undefined && /^\d+$/.test(length) && headers["content-encoding"] === undefined
    ? Number(length)
    : undefined
}

/** Why an answer holds no bundle; undefined if it may hold one. */
const refusalOf = (status: number, announced: number, most: number): Reason | undefined => {
  if (expiredStatuses.has(status)) return { _tag: "Expired", status }
  if (status < 200 || status > 299) return { _tag: "Rejected", status }
  return announced > most ? { _tag: "TooLarge", bytes: announced, most } : undefined
}

const fail = (reason: Reason): Effect.Effect<never, Reason> => Effect.fail(reason)

/** The bytes of an answer, which must be as many as were announced. */
const receive = (
  response: HttpClientResponse.HttpClientResponse,
  announced: number | undefined
): Stream.Stream<Uint8Array, Reason> => {
  const bytes = Http.body(response)
  if (announced === undefined) return bytes
  const wrong = fail({ _tag: "WrongLength", announced })
  return Stream.suspend(() => {
    let length = 0
    return bytes.pipe(
      Stream.mapArrayEffect((chunks) => {
        for (const chunk of chunks) length += chunk.length
        return length > announced ? wrong : Effect.succeed(chunks)
      }),
      Stream.onEnd(Effect.suspend(() => (length < announced ? wrong : Effect.void)))
    )
  })
}

const healsAfter = (
  error: RemoteBundleError | BundleArchive.BundleArchiveError | PlatformError.PlatformError
): Duration.Duration | undefined => {
  if (error._tag !== "RemoteBundleError") return undefined
  if (Http.isFailure(error.reason)) return Http.healsAfter(error.reason)
  return error.reason._tag === "Stalled" || error.reason._tag === "WrongLength"
    ? Duration.zero
    : undefined
}

/** The mode of a file that is added to a bundle. Source: Codex. */
const addedFileMode = 0o644

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * Makes the service from the services that it uses.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.gen(function* () {
  const client = yield* HttpClient.HttpClient
  const fs = yield* FileSystem.FileSystem
  const disk = yield* Disk.make
  const path = yield* Path.Path
  const archive = yield* BundleArchive.BundleArchive
  const store = yield* PluginStore.PluginStore
  const transfers = Transfer.make()
  const allowLoopbackHttp = yield* AllowLoopbackHttp

  // --- download

  /** Why nothing may be sent to a URL. Once a hop was https, all that follow must be. */
  const problemOf = (url: URL, from: URL | undefined) => {
    if (url.username + url.password !== "") return "Credentials"
    if (url.protocol === "https:") return undefined
    return url.protocol === "http:" &&
      from?.protocol !== "https:" &&
      allowLoopbackHttp &&
      isLoopback(url)
      ? undefined
      : "NotHttps"
  }

  /** The answer at the end of all redirects. */
  const request = Effect.fnUntraced(function* (
    location: string
  ): Effect.fn.Return<HttpClientResponse.HttpClientResponse, Reason> {
    let from: URL | undefined
    let next = location
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const url = URL.parse(next, from)
      const problem = url === null ? "NotAUrl" : problemOf(url, from)
      if (url === null || problem !== undefined) {
        return yield* fail({
          _tag: "UnsafeUrl",
          url: url && Http.shown(url),
          problem: problem ?? "NotAUrl"
        })
      }
      const answer = Http.sendAnnotated(client, HttpClientRequest.get(url.href))
      const response = yield* Http.inSpan(answer, "RemoteBundle.request", "GET", url)
      const target = response.headers["location"]
      if (!redirectStatuses.has(response.status) || target === undefined) return response
      yield* Http.discard(response)
      from = url
      next = target
    }
    return yield* fail({ _tag: "TooManyRedirects" })
  })

  const open = Effect.fnUntraced(function* (
    url: string,
    onTotal: (total: number | null) => void
  ): Effect.fn.Return<Stream.Stream<Uint8Array, Reason>, Reason> {
    const response = yield* request(url)
    const announced = announcedLength(response)
    onTotal(announced ?? null)
    const reason =
      (yield* Http.statusFailure(response)) ??
      refusalOf(response.status, announced ?? 0, archive.limits.PackedBytes)
    if (reason === undefined) return receive(response, announced)
    yield* Http.discard(response)
    return yield* fail(reason)
  })

  /** Downloads into a folder that does not exist. Each attempt starts anew. */
  const download = (
    url: string,
    directory: string,
    failed: (reason: Reason) => RemoteBundleError,
    { onProgress, onRetry }: InstallOptions
  ) => {
    const attempt = Effect.suspend(() => {
      let total: number | null = null
      const opened = open(url, (announced) => {
        total = announced
      })
      return transfers.watch(Stream.mapError(Stream.unwrap(opened), failed), {
        failed,
        report: (bytes) => onProgress?.({ bytes, total }) ?? Effect.void,
        use: (bytes) => archive.extract(bytes, directory)
      })
    })
    return Http.retry(attempt, healsAfter, Http.retries, (cause, delay) =>
      cause._tag === "PlatformError" ? Effect.void : (onRetry?.({ cause, delay }) ?? Effect.void)
    )
  }

  // --- completion

  /** Writes a file over one that stands there, whose mode stays, or anew. */
  const writeFile = Effect.fnUntraced(function* (target: string, contents: Uint8Array) {
    const standing = yield* fs.stat(target).pipe(
      Effect.map((info) => info.mode & 0o777),
      Effect.catchReason("PlatformError", "NotFound", () => Effect.succeed(undefined))
    )
    const isLocked = standing !== undefined && (standing & 0o200) === 0
    if (isLocked) yield* fs.chmod(target, standing | 0o200)
    const file = yield* fs.open(target, { flag: "w" })
    yield* file.writeAll(contents)
    if (isLocked || standing === undefined) yield* fs.chmod(target, standing ?? addedFileMode)
    yield* file.sync
  }, Effect.scoped)

  /**
   * Gives a curated bundle the version and the app manifest of its row, as Codex does, and returns
   * the plugin's manifest as it stands then.
   */
  const materialise = Effect.fnUntraced(function* (
    plugin: RemotePlugin.RemotePlugin,
    version: PluginVersion,
    root: string
  ) {
    let manifest = yield* manifestFile.find(disk, path, root)
    // Codex leaves an agent plugin's manifest as it is, and looks for `apps` in the other ones.
    const isAgentPlugin = manifest.relativePath === PluginManifest.agentPluginPath
    if (!isAgentPlugin) {
      const text = CuratedManifest.withVersion(decoder.decode(manifest.bytes), version)
      if (Option.isNone(text)) {
        return yield* new PluginManifest.InvalidManifest({
          path: manifest.path,
          reason: { _tag: "NotManifest", at: "" }
        })
      }
      const bytes = encoder.encode(text.value)
      yield* writeFile(manifest.path, bytes)
      const json = yield* PluginManifest.parseJson(bytes, manifest.path)
      manifest = { ...manifest, bytes, json }
    }
    if (Option.isNone(plugin.appManifest)) return manifest
    const naming = isAgentPlugin
      ? yield* manifestFile
          .find(disk, path, root, PluginManifest.paths.slice(1))
          .pipe(Effect.catchTag("InvalidManifest", () => Effect.succeed(undefined)))
      : manifest
    const segments = CuratedManifest.appManifestPath(naming?.json)
    const target = path.join(root, ...segments)
    yield* disk.makeDirectory(path.dirname(target), { recursive: true })
    yield* writeFile(target, encoder.encode(plugin.appManifest.value))
    for (let depth = segments.length - 1; depth >= 0; depth--) {
      yield* disk.syncDirectory(path.join(root, ...segments.slice(0, depth)))
    }
    // It may have been put where a manifest is looked for.
    return yield* manifestFile.find(disk, path, root)
  })

  /** Downloads, completes and checks a bundle in a folder that must not exist. */
  const unpack = Effect.fnUntraced(function* (
    plugin: RemotePlugin.RemotePlugin,
    version: PluginVersion,
    root: string,
    options: InstallOptions = {},
    finish: (
      manifest: manifestFile.ManifestFile
    ) => Effect.Effect<void, PlatformError.PlatformError> = () => Effect.void
  ) {
    const url = Redacted.value(yield* Effect.fromResult(RemotePlugin.bundleUrl(plugin)))
    const { pluginId, remotePluginId } = plugin
    const parsed = URL.parse(url)
    const failed = (reason: Reason) =>
      new RemoteBundleError({ remotePluginId, pluginId, url: parsed && Http.shown(parsed), reason })
    const complete = Effect.gen(function* () {
      const manifest =
        PluginId.marketplace(pluginId) === RemotePlugin.marketplaces.curated
          ? yield* materialise(plugin, version, root)
          : yield* manifestFile.find(disk, path, root)
      yield* manifestFile.check(manifest, PluginId.name(pluginId))
      yield* finish(manifest)
    })
    const discard = Effect.ignore(disk.remove(root))
    // Only after the download is the folder ours to remove.
    yield* Effect.uninterruptibleMask((restore) =>
      Effect.andThen(
        restore(download(url, root, failed, options)),
        Effect.onError(restore(complete), () => discard)
      )
    ).pipe(
      Effect.catchTag("PlatformError", (cause) =>
        Effect.fail(failed({ _tag: "FileSystem", cause }))
      )
    )
  })

  // --- use

  const install = Effect.fn("RemoteBundle.install")(function* (
    plugin: RemotePlugin.RemotePlugin,
    options: InstallOptions = {}
  ) {
    const { pluginId, remotePluginId } = plugin
    yield* Effect.annotateCurrentSpan({ pluginId, remotePluginId })
    const version = yield* Effect.fromResult(RemotePlugin.version(plugin))
    yield* Effect.annotateCurrentSpan({ version })
    yield* store.installStaged((root) =>
      Effect.as(
        unpack(plugin, version, root, options, (manifest) =>
          commandSkillFiles.write(disk, path, root, manifest)
        ),
        { pluginId, version, remotePluginId }
      )
    )
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
    yield* unpack(plugin, version, directory)
    return version
  })

  return RemoteBundle.of({ install, checkOut })
})

/**
 * The service, with the defaults.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  RemoteBundle,
  never,
  | HttpClient.HttpClient
  | FileSystem.FileSystem
  | Path.Path
  | BundleArchive.BundleArchive
  | PluginStore.PluginStore
> = Layer.effect(RemoteBundle, make)
