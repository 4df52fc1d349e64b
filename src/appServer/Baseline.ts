/**
 * The cached plugins as the client last saw them. A reconciliation reports the changes since then.
 */
import {
  Array as Arr,
  Effect,
  FiberHandle,
  type FileSystem,
  Option,
  type Path,
  Ref,
  Semaphore
} from "effect"
import type { CachedPlugin } from "../CacheSnapshot.ts"
import type * as PluginId from "../PluginId.ts"
import * as PluginStore from "../PluginStore.ts"
import * as PluginSync from "../PluginSync.ts"
import * as RemotePluginDetails from "../RemotePluginDetails.ts"
import type * as RemotePlugin from "../RemotePlugin.ts"
import type * as ListingCache from "./ListingCache.ts"
import * as PluginCapabilities from "./PluginCapabilities.ts"
import * as PluginChanges from "./PluginChanges.ts"

/** The number of cached versions that are read at the same time. */
const concurrency = 16

/** Background passes end with the scope. */
export const make = Effect.fnUntraced(function* (
  listing: Effect.Success<typeof ListingCache.make>
) {
  const store = yield* PluginStore.PluginStore
  const { sync } = yield* PluginSync.PluginSync
  const platform = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const baseline = yield* Ref.make<Option.Option<PluginChanges.Observations>>(Option.none())
  const turn = yield* Semaphore.make(1)
  const background = yield* FiberHandle.make()

  const observe = (
    cached: CachedPlugin,
    enabled: boolean | null
  ): Effect.Effect<PluginChanges.Observation> =>
    Option.match(cached.active, {
      onNone: () => Effect.succeed(PluginCapabilities.none),
      onSome: (version) => PluginCapabilities.read(store.versionRoot(cached.pluginId, version))
    }).pipe(
      Effect.map((capabilities) => ({ cached, capabilities, enabled })),
      Effect.provide(platform)
    )

  const observeAll = Effect.fnUntraced(function* (rows: ReadonlyArray<RemotePlugin.RemotePlugin>) {
    const enabled = new Map(
      rows.map((plugin) => [plugin.pluginId, RemotePluginDetails.enabledOf(plugin)])
    )
    const { plugins } = yield* store.snapshot
    const observed = yield* Effect.forEach(
      plugins,
      (cached) => observe(cached, enabled.get(cached.pluginId) ?? null),
      { concurrency }
    )
    return new Map(
      observed.map((observation) => [observation.cached.pluginId as string, observation])
    )
  })

  /** Runs a pass that begins after this call, so it sees every change made before, and compares. */
  const reconcile = Effect.gen(function* () {
    const age = yield* listing.age
    const before = Option.getOrUndefined(yield* Ref.get(baseline)) ?? (yield* observeAll([]))
    const outcome = yield* sync
    yield* listing.remember(age, outcome.account)
    const after = yield* observeAll(Arr.getSuccesses(outcome.account.rows))
    yield* Ref.set(baseline, Option.some<PluginChanges.Observations>(after))
    return PluginChanges.make(outcome, before, after)
  }).pipe(turn.withPermit)

  /** Starts a pass in the background, unless one is running. */
  const reconcileInBackground = reconcile.pipe(
    Effect.matchEffect({
      onFailure: (error) => Effect.logWarning(`could not sync the plugins: ${error.message}`),
      onSuccess: ({ changedPlugins, failedRemotePluginIds }) =>
        Effect.logInfo(
          `synced the plugins: ${changedPlugins.length} changed, ${failedRemotePluginIds.length} failed`
        )
    }),
    (pass) => FiberHandle.run(background, pass, { onlyIfMissing: true }),
    Effect.asVoid
  )

  /**
   * Records a change that the client itself requested, so that the next reconciliation omits it.
   */
  const update = Effect.fnUntraced(
    function* (pluginId: PluginId.PluginId) {
      const cached = yield* store.read(pluginId)
      const observed = Option.isSome(cached) ? yield* observe(cached.value, true) : undefined
      yield* Ref.update(
        baseline,
        Option.map((before) => {
          const after = new Map(before)
          if (observed === undefined) after.delete(pluginId)
          else after.set(pluginId, observed)
          return after
        })
      )
    },
    (effect) => Effect.ignore(effect)
  )

  return { reconcile, reconcileInBackground, update }
})
