/**
 * Fills a home's cache from another home's cache, without network.
 *
 * @since 0.2.0
 */
import {
  Array as Arr,
  Context,
  Data,
  Effect,
  FileSystem,
  Layer,
  Option,
  Path,
  PlatformError,
  Result,
  Schema
} from "effect"
import type { CachedPlugin } from "./CacheSnapshot.ts"
import type * as CacheLock from "./CacheLock.ts"
import * as CodexHome from "./CodexHome.ts"
import type { UnsupportedSchemaVersion } from "./InstallMetadata.ts"
import * as SeedSource from "./internal/cache/seedSource.ts"
import { explained, identified } from "./internal/cache/storeError.ts"
import * as Message from "./internal/message.ts"
import * as Metrics from "./internal/metrics.ts"
import * as PlatformErrors from "./internal/platformError.ts"
import type * as PluginId from "./PluginId.ts"
import * as PluginStore from "./PluginStore.ts"
import type { PluginVersion } from "./PluginVersion.ts"
import type { RemotePluginId } from "./RemotePluginId.ts"

/**
 * The other home cannot be used as a seed. Nothing was changed.
 *
 * @category errors
 * @since 0.2.0
 */
export class PluginSeedError extends Schema.TaggedError<PluginSeedError>()("PluginSeedError", {
  /** The other home. */
  from: Schema.String,
  reason: Schema.TaggedUnion({
    /** Both homes have the same cache. */
    SameCache: {},
    /** It is not a usable home. */
    Unusable: { cause: CodexHome.CodexHomeError },
    /** Its cache cannot be read. */
    Unreadable: { cause: Schema.instanceOf(PlatformError.PlatformError) }
  })
}) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    const what = `cannot seed from ${this.from}`
    switch (this.reason._tag) {
      case "SameCache":
        return Message.because(what, "it has the same cache", "name another home")
      case "Unusable": {
        const { explanation } = this.reason.cause
        return Message.because(what, Message.causeOf(explanation), explanation.remedy)
      }
      case "Unreadable": {
        const { remedy, why } = PlatformErrors.explain(this.reason.cause)
        return Message.because(what, why, remedy)
      }
    }
  }
}

/**
 * The reason why one plugin could not be copied. The cache is unchanged.
 *
 * @category errors
 * @since 0.2.0
 */
export type CopyError =
  | PluginStore.PluginStoreError
  | CacheLock.CacheLockError
  | UnsupportedSchemaVersion

/**
 * The reason why a plugin of the other home was left out: its version is broken, its identity is in
 * doubt or cannot be read, or it kept changing during the copy.
 *
 * @category models
 * @since 0.2.0
 */
export type SkipReason = SeedSource.SkipReason

/**
 * A version that was copied into the home.
 *
 * @category models
 * @since 0.2.0
 */
export interface Seeded {
  readonly pluginId: PluginId.PluginId
  readonly version: PluginVersion
  /** Null for a version without a sidecar. */
  readonly remotePluginId: RemotePluginId | null
}

/**
 * The outcome of seeding a home.
 *
 * @category models
 * @since 0.2.0
 */
export interface Outcome {
  /** The copied plugins, with their identity. All lists here are ordered by plugin id. */
  readonly seeded: ReadonlyArray<Seeded>
  /** Left unchanged, because this home already has a version of them. */
  readonly kept: ReadonlyArray<PluginId.PluginId>
  readonly skipped: ReadonlyArray<{
    readonly pluginId: PluginId.PluginId
    readonly reason: SkipReason
  }>
  readonly failures: ReadonlyArray<{
    readonly pluginId: PluginId.PluginId
    readonly error: CopyError
  }>
}

/**
 * The number of plugins that are copied at the same time.
 *
 * @category constants
 * @since 0.2.0
 */
export const concurrency = 4

/**
 * The number of plugins that are prepared before they are put in place together, under one lock.
 */
const batchSize = 64

/**
 * Copies plugins from other homes into this one.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PluginSeed } from "effect-codex-plugins"
 *
 * // A new home starts with the plugins of another one, without a download.
 * const program = Effect.gen(function* () {
 *   const { seed } = yield* PluginSeed.PluginSeed
 *   yield* seed({ from: "/homes/base" })
 * })
 * ```
 *
 * @category services
 * @since 0.2.0
 */
export class PluginSeed extends Context.Service<
  PluginSeed,
  {
    /**
     * Copies every intact active version of the home at `from`, with its identity, unless this home
     * has a version of the plugin. Each version is staged and checked before it is put in place, as
     * a download is. Plugins that are entirely new to this home are put in place in batches of up
     * to 64. The files are separate: no home sees another's edits. Writes nothing in the other
     * home.
     */
    readonly seed: (options: {
      readonly from: string
    }) => Effect.Effect<Outcome, PluginSeedError | PluginStore.PluginStoreError>
  }
>()("effect-codex-plugins/PluginSeed") {}

type Settled =
  | { readonly _tag: "Seeded"; readonly seeded: Seeded }
  | { readonly _tag: "Kept"; readonly pluginId: PluginId.PluginId }
  | {
      readonly _tag: "Skipped"
      readonly pluginId: PluginId.PluginId
      readonly reason: SkipReason
    }
  | { readonly _tag: "Failed"; readonly pluginId: PluginId.PluginId; readonly error: CopyError }

/** This home has a version of the plugin. */
class Kept extends Data.TaggedError("Kept")<{}> {}

type Skipped = SeedSource.Skipped

const settledSuccess = ({
  pluginId,
  remotePluginId,
  version
}: SeedSource.SeedVersion): Settled => ({
  _tag: "Seeded",
  seeded: { pluginId, version, remotePluginId }
})

const settledFailure = (
  pluginId: PluginId.PluginId,
  error: Kept | Skipped | CopyError
): Settled => {
  switch (error._tag) {
    case "Kept":
      return { _tag: "Kept", pluginId }
    case "Skipped":
      return { _tag: "Skipped", pluginId, reason: error.reason }
    default:
      return { _tag: "Failed", pluginId, error }
  }
}

/**
 * Makes the service from the services that it uses.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = yield* CodexHome.CodexHome
  const store = yield* PluginStore.PluginStore
  const platform = yield* Effect.context<FileSystem.FileSystem | Path.Path>()

  const isSameCache = Effect.fnUntraced(function* (from: string) {
    const resolved = (target: string) =>
      fs.realPath(target).pipe(Effect.orElseSucceed(() => path.resolve(target)))
    return (yield* resolved(path.join(from, "plugins", "cache"))) === (yield* resolved(home.cache))
  })

  /** The plugin in this home. Fails if it has a version. */
  const readAbsent = (pluginId: PluginId.PluginId) =>
    Effect.flatMap(store.read(pluginId), (plugin) =>
      Option.exists(plugin, ({ active }) => Option.isSome(active))
        ? Effect.fail(new Kept())
        : Effect.succeed(plugin)
    )

  // A home that already has everything needs neither claim nor lock nor staging.
  const settleOne = (
    plugin: CachedPlugin,
    copy: (
      seed: SeedSource.SeedVersion
    ) => Effect.Effect<SeedSource.SeedVersion, Kept | Skipped | CopyError>
  ): Effect.Effect<Settled> =>
    readAbsent(plugin.pluginId).pipe(
      Effect.andThen(Effect.fromResult(SeedSource.copyableOf(plugin))),
      Effect.flatMap(copy),
      Effect.match({
        onSuccess: settledSuccess,
        onFailure: (error) => settledFailure(plugin.pluginId, error)
      })
    )

  const seed = Effect.fn("PluginSeed.seed")(function* ({ from }: { readonly from: string }) {
    yield* Effect.annotateCurrentSpan({ from })
    const failed = (reason: PluginSeedError["reason"]) => new PluginSeedError({ from, reason })
    const source = yield* SeedSource.open(from).pipe(
      Effect.provideContext(platform),
      Effect.mapError((cause) => failed({ _tag: "Unusable", cause }))
    )
    if (yield* isSameCache(from)) return yield* failed({ _tag: "SameCache" })
    const plugins = yield* Effect.mapError(source.list, (cause) =>
      failed({ _tag: "Unreadable", cause })
    )

    const copy = ({ plugin, pluginId, remotePluginId }: SeedSource.SeedVersion) => {
      const stage = (root: string) => explained("copy", pluginId)(source.copy(plugin, root))
      const install = Effect.flatMap(readAbsent(pluginId), (expected) =>
        store.installStaged(stage, { expected, pluginId })
      )
      return identified(remotePluginId)(store.claimed(pluginId, install))
    }
    /**
     * Copies plugins that this home does not have. Most new homes have none of them, and a batch
     * takes a fraction of the time. Plugins that the batch leaves out are then copied one by one,
     * or their reason is reported.
     */
    const copyBatch = (batch: ReadonlyArray<CachedPlugin>) =>
      store.internals.installNew(
        batch.flatMap((plugin) => Arr.getSuccesses([SeedSource.copyableOf(plugin)])),
        source.copyAll
      )
    const settleBatch = Effect.fnUntraced(function* (batch: ReadonlyArray<CachedPlugin>) {
      const copied = yield* Effect.result(copyBatch(batch))
      const seeds = new Map(
        (Result.isSuccess(copied) ? copied.success : []).map((seed) => [seed.pluginId, seed])
      )
      // If the home could not be locked once, do not try again for each plugin.
      const failure = Result.isFailure(copied) ? copied.failure : undefined
      const copyOne = failure?._tag === "CacheLockError" ? () => Effect.fail(failure) : copy
      return yield* Effect.forEach(
        batch,
        (plugin) => {
          const seed = seeds.get(plugin.pluginId)
          return seed === undefined
            ? settleOne(plugin, copyOne)
            : Effect.succeed(settledSuccess(seed))
        },
        { concurrency }
      )
    })
    const settled = yield* Effect.forEach(Arr.chunksOf(plugins, batchSize), settleBatch)
    const outcome = outcomeOf(settled.flat())
    yield* Metrics.seeded(outcome.seeded.length)
    yield* Effect.annotateCurrentSpan({
      seeded: outcome.seeded.length,
      kept: outcome.kept.length,
      skipped: outcome.skipped.length,
      failed: outcome.failures.length
    })
    return outcome
  })

  return PluginSeed.of({ seed })
})

const outcomeOf = (settled: ReadonlyArray<Settled>): Outcome => ({
  seeded: settled.flatMap((each) => (each._tag === "Seeded" ? [each.seeded] : [])),
  kept: settled.flatMap((each) => (each._tag === "Kept" ? [each.pluginId] : [])),
  skipped: settled.flatMap((each) =>
    each._tag === "Skipped" ? [{ pluginId: each.pluginId, reason: each.reason }] : []
  ),
  failures: settled.flatMap((each) =>
    each._tag === "Failed" ? [{ pluginId: each.pluginId, error: each.error }] : []
  )
})

/**
 * Provides {@link PluginSeed}.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<
  PluginSeed,
  never,
  FileSystem.FileSystem | Path.Path | CodexHome.CodexHome | PluginStore.PluginStore
> = Layer.effect(PluginSeed, make)
