/**
 * The identity of each plugin, for analytics and diagnostics: its local name and its id in the
 * backend. Needs no network, so it is available when a session starts.
 *
 * @since 0.2.0
 */
import { Array as Arr, Context, Effect, Layer, Option, Order, Schema } from "effect"
import type { CachedPlugin, Identity as CachedIdentity } from "./CacheSnapshot.ts"
import * as PluginId from "./PluginId.ts"
import * as PluginStore from "./PluginStore.ts"
import * as PluginVersion from "./PluginVersion.ts"
import * as RemoteCatalog from "./RemoteCatalog.ts"
import { type InstalledSnapshot, remoteMarketplaces, type RemotePlugin } from "./RemotePlugin.ts"
import { RemotePluginId } from "./RemotePluginId.ts"

/**
 * The state of the identity:
 *
 * - `Known`: the cached version belongs to `remotePluginId`
 * - `NotCached`: the account has the plugin, but the cache has no version of it yet
 * - `Local`: installed from a folder; it has no remote id
 * - `NotBackfilled`: a plugin of the backend without a sidecar; the next pass writes it
 * - `InDoubt`: a change of identity was interrupted; the next pass installs the plugin again
 * - `Unreadable`: the sidecar exists, but this user may not read it
 * - `Corrupt`: the sidecar is damaged or is not a regular file
 * - `UnsupportedSchema`: a newer Codex wrote the sidecar
 *
 * @category schemas
 * @since 0.2.0
 */
export const State = Schema.Literals([
  "Known",
  "NotCached",
  "Local",
  "NotBackfilled",
  "InDoubt",
  "Unreadable",
  "Corrupt",
  "UnsupportedSchema"
])
/**
 * The state of an identity.
 *
 * @category models
 * @since 0.2.0
 */
export type State = typeof State.Type

/**
 * The identity of one plugin.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Identity = Schema.Struct({
  pluginId: PluginId.PluginId,
  /** Null unless the state is `Known`, `NotCached` or, with a current listing, `NotBackfilled`. */
  remotePluginId: Schema.NullOr(RemotePluginId),
  pluginName: PluginId.PluginName,
  marketplaceName: PluginId.MarketplaceName,
  state: State
})
/**
 * The identity of one plugin.
 *
 * @category models
 * @since 0.2.0
 */
export interface Identity extends Schema.Schema.Type<typeof Identity> {}

/**
 * The identity with the keys of analytics events: `plugin_id`, `remote_plugin_id`, `plugin_name`,
 * `marketplace_name` and `state`.
 *
 * @category schemas
 * @since 0.2.0
 */
export const IdentityFields = Identity.pipe(
  Schema.encodeKeys({
    pluginId: "plugin_id",
    remotePluginId: "remote_plugin_id",
    pluginName: "plugin_name",
    marketplaceName: "marketplace_name"
  })
)

/**
 * Encodes an identity with the keys of {@link IdentityFields}.
 *
 * @category codecs
 * @since 0.2.0
 */
export const encode = Schema.encodeSync(IdentityFields)

/**
 * The identities of one home's plugins.
 *
 * The sidecar next to the active version names the backend plugin in the cache. The account's last
 * listing, if this process has one, adds the remote ids of plugins that are not cached or not
 * backfilled yet. Both members fail only if the cache cannot be read.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PluginIdentity } from "effect-codex-plugins"
 *
 * // Offline: the ids for an analytics event.
 * const program = Effect.gen(function* () {
 *   const { all } = yield* PluginIdentity.PluginIdentity
 *   for (const { pluginId, remotePluginId, state } of yield* all)
 *     yield* Effect.logInfo(`${pluginId} is ${remotePluginId ?? state}`)
 * })
 * ```
 *
 * @category services
 * @since 0.2.0
 */
export class PluginIdentity extends Context.Service<
  PluginIdentity,
  {
    /** One plugin's identity; none if neither the cache nor the last listing has the plugin. */
    readonly of: (
      pluginId: PluginId.PluginId
    ) => Effect.Effect<Option.Option<Identity>, PluginStore.PluginStoreError>
    /** Every cached plugin and every plugin of the last listing, ordered by plugin id. */
    readonly all: Effect.Effect<ReadonlyArray<Identity>, PluginStore.PluginStoreError>
  }
>()("effect-codex-plugins/PluginIdentity") {}

const unreadableState = (
  error: Extract<CachedIdentity, { readonly _tag: "Unreadable" }>["error"]
): State => {
  if (error._tag === "UnsupportedSchemaVersion") return "UnsupportedSchema"
  return error.reason === "Inaccessible" ? "Unreadable" : "Corrupt"
}

const absentState = (pluginId: PluginId.PluginId, cached: CachedPlugin, isListed: boolean): State =>
  isListed ||
  (remoteMarketplaces.has(PluginId.marketplace(pluginId)) &&
    !Option.contains(cached.active, PluginVersion.local))
    ? "NotBackfilled"
    : "Local"

/**
 * Decides the identity of a plugin from the cached plugin and its id in the account's listing. Pass
 * none for what is missing.
 *
 * @category constructors
 * @since 0.2.0
 */
export const decide = (
  pluginId: PluginId.PluginId,
  cached: Option.Option<CachedPlugin>,
  listed: Option.Option<RemotePluginId>
): Option.Option<Identity> => {
  const identity = (state: State, remotePluginId: RemotePluginId | null) =>
    Option.some<Identity>({
      pluginId,
      remotePluginId,
      pluginName: PluginId.name(pluginId),
      marketplaceName: PluginId.marketplace(pluginId),
      state
    })
  if (Option.isNone(cached) || Option.isNone(cached.value.active)) {
    return Option.flatMap(listed, (remotePluginId) => identity("NotCached", remotePluginId))
  }
  const sidecar = cached.value.identity
  switch (sidecar._tag) {
    case "Known":
      return identity("Known", sidecar.remotePluginId)
    case "InDoubt":
      return identity("InDoubt", null)
    case "Unreadable":
      return identity(unreadableState(sidecar.error), null)
    case "Absent":
      return identity(
        absentState(pluginId, cached.value, Option.isSome(listed)),
        Option.getOrNull(listed)
      )
  }
}

const rowsOf = (snapshot: Option.Option<InstalledSnapshot>): ReadonlyArray<RemotePlugin> =>
  Option.match(snapshot, { onNone: () => [], onSome: ({ rows }) => Arr.getSuccesses(rows) })

/**
 * Makes the service from the services that it uses.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.gen(function* () {
  const store = yield* PluginStore.PluginStore
  const catalog = yield* RemoteCatalog.RemoteCatalog

  const listed = Effect.map(
    catalog.current,
    (snapshot) =>
      new Map(
        rowsOf(snapshot).map(({ pluginId, remotePluginId }) => [pluginId, remotePluginId] as const)
      )
  )

  const of = Effect.fn("PluginIdentity.of")(function* (pluginId: PluginId.PluginId) {
    yield* Effect.annotateCurrentSpan({ pluginId })
    const cached = yield* store.read(pluginId)
    const ids = yield* listed
    const identity = decide(pluginId, cached, Option.fromUndefinedOr(ids.get(pluginId)))
    yield* Effect.annotateCurrentSpan({
      outcome: Option.match(identity, { onNone: () => "Absent", onSome: ({ state }) => state })
    })
    return identity
  })

  const all = Effect.gen(function* () {
    const cached = new Map((yield* store.list).map((plugin) => [plugin.pluginId, plugin]))
    const ids = yield* listed
    return [...new Set([...cached.keys(), ...ids.keys()])]
      .toSorted(Order.String)
      .flatMap((pluginId) =>
        Option.toArray(
          decide(
            pluginId,
            Option.fromUndefinedOr(cached.get(pluginId)),
            Option.fromUndefinedOr(ids.get(pluginId))
          )
        )
      )
  }).pipe(
    Effect.tap(({ length }) => Effect.annotateCurrentSpan({ plugins: length })),
    Effect.withSpan("PluginIdentity.all")
  )

  return PluginIdentity.of({ of, all })
})

/**
 * Provides {@link PluginIdentity}.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<
  PluginIdentity,
  never,
  PluginStore.PluginStore | RemoteCatalog.RemoteCatalog
> = Layer.effect(PluginIdentity, make)
