/**
 * The handlers of the requests about plugins, by method.
 */
import { Effect, Option, Schema } from "effect"
import * as PluginId from "../PluginId.ts"
import * as PluginInstaller from "../PluginInstaller.ts"
import * as PluginStore from "../PluginStore.ts"
import * as RemotePluginId from "../RemotePluginId.ts"
import type * as Baseline from "./Baseline.ts"
import type * as ListingCache from "./ListingCache.ts"
import * as PluginChanges from "./PluginChanges.ts"
import * as PluginListing from "./PluginListing.ts"
import * as PluginView from "./PluginView.ts"
import * as Protocol from "./Protocol.ts"
import * as Refusals from "./refusals.ts"

const decodePluginId = Schema.decodeUnknownOption(PluginId.PluginId)
const decodeRemoteId = Schema.decodeUnknownOption(
  RemotePluginId.RemotePluginId.check(Schema.makeFilter(RemotePluginId.isAddressable))
)

const remoteIdOf = (text: string, refusal: string) =>
  Effect.fromOption(decodeRemoteId(text)).pipe(Effect.mapError(() => Protocol.refuse(refusal)))

/** The remote plugin of a `plugin/read` or `plugin/install` request. */
const subjectOf = Effect.fnUntraced(function* (
  method: "plugin/read" | "plugin/install",
  { marketplacePath, pluginName, remoteMarketplaceName }: Protocol.Params<typeof method>
) {
  if ((marketplacePath == null) === (remoteMarketplaceName == null)) {
    return yield* Protocol.refuse(
      `${method} requires exactly one of marketplacePath or remoteMarketplaceName`
    )
  }
  if (marketplacePath != null) {
    return yield* Protocol.refuse(
      `${method} serves remote marketplaces only: give remoteMarketplaceName, not marketplacePath`
    )
  }
  return yield* remoteIdOf(
    pluginName,
    "invalid remote plugin id: only ASCII letters, digits, `_`, `-`, and `~` are allowed"
  )
})

type Method = Exclude<Protocol.Call["method"], "initialize">

type Handlers = {
  readonly [M in Method]: (params: Protocol.Params<M>) => Effect.Effect<unknown, Protocol.Refusal>
}

export const make = Effect.fnUntraced(function* (
  listing: Effect.Success<typeof ListingCache.make>,
  baseline: Effect.Success<ReturnType<typeof Baseline.make>>
) {
  const store = yield* PluginStore.PluginStore
  const installer = yield* PluginInstaller.PluginInstaller
  const plugins = yield* PluginListing.make(listing)

  const uninstallRemote = Effect.fnUntraced(function* (text: string) {
    const id = yield* remoteIdOf(text, "invalid remote plugin id")
    const pluginId = yield* Effect.mapError(installer.uninstall(id), Refusals.uninstallRefused)
    yield* listing.refresh
    yield* baseline.update(pluginId)
    return {}
  })

  const handlers: Handlers = {
    "plugin/read": Effect.fnUntraced(function* (params) {
      const id = yield* subjectOf("plugin/read", params)
      const { cached, ...state } = yield* Effect.mapError(installer.read(id), Refusals.readRefused)
      const active = Option.flatMap(cached, ({ active }) => active)
      return { plugin: PluginView.detail({ ...state, cached: active }) }
    }),

    "plugin/installed": Effect.fnUntraced(function* () {
      const marketplaces = yield* plugins.installed
      yield* baseline.reconcileInBackground
      return { marketplaces, marketplaceLoadErrors: [] }
    }),

    "plugin/list": (params) =>
      Effect.tap(plugins.available(params), baseline.reconcileInBackground),

    "plugin/install": Effect.fnUntraced(function* (params) {
      const id = yield* subjectOf("plugin/install", params)
      const { details, pluginId } = yield* Effect.mapError(
        installer.install(id),
        Refusals.installRefused
      )
      yield* listing.refresh
      yield* baseline.update(pluginId)
      return { authPolicy: details.authentication_policy, appsNeedingAuth: [] }
    }),

    "plugin/uninstall": ({ pluginId: text }) =>
      Option.match(decodePluginId(text), {
        onNone: () => uninstallRemote(text),
        onSome: (local) =>
          store.uninstall(local).pipe(
            Effect.as({}),
            Effect.mapError((error) => Refusals.failed("uninstall plugin", error))
          )
      }),

    "plugin/reconcile": () =>
      baseline.reconcile.pipe(
        Effect.catchTag("NotSignedIn", () => Effect.succeed(PluginChanges.none)),
        Effect.mapError((error) =>
          Refusals.failed("failed to reconcile remote installed plugins", error)
        )
      )
  }

  return <M extends Method>({
    method,
    params
  }: {
    readonly method: M
    readonly params: Protocol.Params<M>
  }): Effect.Effect<unknown, Protocol.Refusal> => handlers[method](params)
})
