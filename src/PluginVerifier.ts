/**
 * Checks that the files of cached versions equal the account's bundles.
 *
 * @since 0.2.0
 */
import type { Data } from "effect"
import { Array as Arr, Context, Effect, FileSystem, Layer, Option, Order, Path } from "effect"
import type { CachedPlugin } from "./CacheSnapshot.ts"
import * as CodexHome from "./CodexHome.ts"
import * as CommandSkillFiles from "./internal/bundle/commandSkillFiles.ts"
import * as Disk from "./internal/disk/Disk.ts"
import * as ManifestFile from "./internal/bundle/manifestFile.ts"
import { explained, fail, identified } from "./internal/cache/storeError.ts"
import * as FileTree from "./internal/fileTree.ts"
import * as Metrics from "./internal/metrics.ts"
import * as ViewFolder from "./internal/viewFolder.ts"
import type * as PluginId from "./PluginId.ts"
import * as PluginStore from "./PluginStore.ts"
import type { PluginVersion } from "./PluginVersion.ts"
import * as RemoteBundle from "./RemoteBundle.ts"
import * as RemoteCatalog from "./RemoteCatalog.ts"
import * as RemotePlugin from "./RemotePlugin.ts"

/**
 * The reason why one plugin could not be checked or repaired. Its version is unchanged.
 *
 * @category errors
 * @since 0.2.0
 */
export type CheckError = RemoteBundle.InstallError

/**
 * The differences between a version and the account's bundle. Paths are relative to the version's
 * folder.
 *
 * @category models
 * @since 0.2.0
 */
export type Difference = FileTree.Difference

/**
 * The result for one plugin.
 *
 * @category models
 * @since 0.2.0
 */
export type Result = { readonly pluginId: PluginId.PluginId } & Data.TaggedEnum<{
  /** Every file equals the bundle's. */
  Verified: { readonly version: PluginVersion }
  /** `repaired`: the account's bundle has replaced it. */
  Different: {
    readonly version: PluginVersion
    readonly difference: Difference
    readonly repaired: boolean
  }
  /** The account's version is not the cached one, so there is no bundle to compare with. */
  Outdated: { readonly version: PluginVersion; readonly current: PluginVersion }
  /** The cache has no version of this plugin. */
  NotCached: {}
  /** The account does not list this plugin: a local install, or a stale one. */
  NotListed: { readonly version: PluginVersion }
  /** The check or the repair failed. */
  Failed: { readonly error: CheckError }
}>

/**
 * The results of a verification, by plugin.
 *
 * @category models
 * @since 0.2.0
 */
export interface Report {
  /** Ordered by plugin id. */
  readonly results: ReadonlyArray<Result>
  /** True if no plugin is different without repair, not cached, or failed. */
  readonly isOk: boolean
}

/**
 * The options of a verification.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options {
  /** The plugins to check. Default: every plugin of the account and of its marketplaces' cache. */
  readonly plugins?: ReadonlyArray<PluginId.PluginId> | undefined
  /** Installs the account's bundle in place of a version that differs. Default: false. */
  readonly repair?: boolean | undefined
  /** Runs after each result, in the order of their arrival. */
  readonly onResult?: ((progress: Progress) => Effect.Effect<void>) | undefined
}

/**
 * The progress of a verification.
 *
 * @category models
 * @since 0.2.0
 */
export interface Progress {
  /** The latest result. */
  readonly result: Result
  /** The number of results so far, including this one. */
  readonly done: number
  /** The number of results at the end. */
  readonly total: number
}

/**
 * The number of bundles that are downloaded and compared at the same time.
 *
 * @category constants
 * @since 0.2.0
 */
export const concurrency = 4

/**
 * Compares cached versions with fresh downloads. It keeps no checksums, so it works for versions
 * that Codex installed, too. A check changes nothing in the cache.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PluginVerifier } from "effect-codex-plugins"
 *
 * // Compares the cached files with the account's bundles.
 * const program = Effect.gen(function* () {
 *   const { verify } = yield* PluginVerifier.PluginVerifier
 *   yield* Effect.logInfo(yield* verify())
 * })
 * ```
 *
 * @category services
 * @since 0.2.0
 */
export class PluginVerifier extends Context.Service<
  PluginVerifier,
  {
    /**
     * Checks the plugins. Fails if the account cannot be listed or the cache cannot be read; the
     * failure of one plugin is a result.
     */
    readonly verify: (
      options?: Options
    ) => Effect.Effect<Report, RemoteCatalog.CatalogError | PluginStore.PluginStoreError>
  }
>()("effect-codex-plugins/PluginVerifier") {}

const isProblem = (result: Result): boolean =>
  result._tag === "Failed" ||
  result._tag === "NotCached" ||
  (result._tag === "Different" && !result.repaired)

/**
 * Makes the service from the services that it uses.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const disk = yield* Disk.make
  const path = yield* Path.Path
  const home = yield* CodexHome.CodexHome
  const store = yield* PluginStore.PluginStore
  const catalog = yield* RemoteCatalog.RemoteCatalog
  const bundles = yield* RemoteBundle.RemoteBundle

  /** Extracts the bundle as an install does, and compares. */
  const compare = Effect.fnUntraced(
    function* (plugin: RemotePlugin.RemotePlugin, version: PluginVersion) {
      const expected = path.join(yield* ViewFolder.make(disk, path, home.staging), "bundle")
      yield* bundles.checkOut(plugin, expected)
      const bundled = yield* FileTree.read(fs, path, expected)
      const manifest = yield* ManifestFile.find(disk, path, expected).pipe(
        // It was there a moment ago.
        Effect.catchTag("InvalidManifest", () => fail({ _tag: "Changed" }))
      )
      yield* CommandSkillFiles.write(disk, path, expected, plugin.pluginId, manifest)
      return yield* FileTree.compare(
        fs,
        path,
        store.versionRoot(plugin.pluginId, version),
        expected,
        // Older releases of Codex do not convert commands to skills.
        (file) => !bundled.has(file)
      )
    },
    Effect.scoped,
    (effect, { pluginId, remotePluginId }) =>
      effect.pipe(explained("verify", pluginId), identified(remotePluginId))
  )

  const check = Effect.fn("PluginVerifier.check")(function* (
    pluginId: PluginId.PluginId,
    version: Option.Option<PluginVersion>,
    plugin: RemotePlugin.RemotePlugin | undefined,
    repair: { readonly expected: Option.Option<CachedPlugin> } | undefined
  ): Effect.fn.Return<Result, CheckError> {
    yield* Effect.annotateCurrentSpan({
      pluginId,
      ...(plugin && { remotePluginId: plugin.remotePluginId }),
      ...(Option.isSome(version) && { version: version.value })
    })
    if (Option.isNone(version)) return { _tag: "NotCached", pluginId }
    if (plugin === undefined) return { _tag: "NotListed", pluginId, version: version.value }
    const current = yield* Effect.fromResult(RemotePlugin.version(plugin))
    if (current !== version.value) {
      return { _tag: "Outdated", pluginId, version: version.value, current }
    }
    const difference = yield* compare(plugin, version.value)
    if (Object.values(difference).every((files) => files.length === 0)) {
      return { _tag: "Verified", pluginId, version: current }
    }
    const repaired = repair !== undefined
    if (repaired) {
      const [duration] = yield* Effect.timed(bundles.install(plugin, repair))
      yield* Metrics.install("Repair", duration)
    }
    return { _tag: "Different", pluginId, version: current, difference, repaired }
  })

  const verify = Effect.fn("PluginVerifier.verify")(function* (options: Options = {}) {
    // A repair must not replace a version that was installed after the listing began.
    const { plugins: cached } = yield* store.snapshot
    const account = yield* catalog.installed
    const rows = new Map(Arr.getSuccesses(account.rows).map((row) => [row.pluginId, row] as const))
    const known = [...rows.keys(), ...cached.map(({ pluginId }) => pluginId)]
    const pluginIds = Arr.dedupe(options.plugins ?? known).toSorted(Order.String)
    let done = 0
    const results = yield* Effect.forEach(
      pluginIds,
      Effect.fnUntraced(function* (pluginId) {
        const version = yield* store.activeVersion(pluginId)
        const expected = Arr.findFirst(cached, (plugin) => plugin.pluginId === pluginId)
        const repair = options.repair === true ? { expected } : undefined
        const result = yield* check(pluginId, version, rows.get(pluginId), repair).pipe(
          Effect.catch((error) => Effect.succeed<Result>({ _tag: "Failed", pluginId, error }))
        )
        done += 1
        yield* options.onResult?.({ result, done, total: pluginIds.length }) ?? Effect.void
        return result
      }),
      { concurrency }
    )
    const count = (tag: Result["_tag"]) => results.filter(({ _tag }) => _tag === tag).length
    yield* Effect.annotateCurrentSpan({
      checked: results.length,
      different: count("Different"),
      failed: count("Failed")
    })
    return { results, isOk: !results.some(isProblem) }
  })

  return PluginVerifier.of({ verify })
})

/**
 * Provides {@link PluginVerifier}.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<
  PluginVerifier,
  never,
  | FileSystem.FileSystem
  | Path.Path
  | CodexHome.CodexHome
  | PluginStore.PluginStore
  | RemoteCatalog.RemoteCatalog
  | RemoteBundle.RemoteBundle
> = Layer.effect(PluginVerifier, make)
