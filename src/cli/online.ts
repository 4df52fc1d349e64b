/**
 * The services of commands that may use the backend. They are loaded only if a command needs them.
 */
import { Config, Context, Effect, Layer, Option } from "effect"
import type { HttpClient } from "effect/http"
import type * as CodexPlugins from "../CodexPlugins.ts"
import type * as RemoteBundle from "../RemoteBundle.ts"
import { Offline } from "./exit.ts"

const load = Effect.promise(() => import("../CodexPlugins.ts"))

/** The HTTP client. */
export const layerHttp = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("../internal/nodeHttp.ts")),
    ({ layer }) => layer
  )
)

/** The options of downloads that no flag sets. */
export const DownloadOptions = Context.Reference<RemoteBundle.Options>(
  "effect-codex-plugins/cli/DownloadOptions",
  { defaultValue: () => ({}) }
)

/** Every service of a home, with this HTTP client. */
export const servicesOver = <E>(
  http: Layer.Layer<HttpClient.HttpClient, E>,
  root: Option.Option<string>,
  options: CodexPlugins.Options = {}
) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { layerAt, layerWith } = yield* load
      const all = { ...options, bundle: { ...options.bundle, ...(yield* DownloadOptions) } }
      return Option.match(root, {
        onNone: () => layerWith(all),
        onSome: (root) => layerAt(root, all)
      })
    })
  ).pipe(Layer.provide(http))

/** Every service of a home, for a command that may work without the backend. */
export const services = (root: Option.Option<string>, options: CodexPlugins.Options = {}) =>
  servicesOver(layerHttp, root, options)

/** Fails if the user has forbidden requests. */
export const ensureOnline = Effect.gen(function* () {
  const isOffline = yield* Config.withDefault(Config.Boolean("CODEX_PLUGINS_OFFLINE"), false)
  if (isOffline) return yield* new Offline()
})

/** Every service of a home, for a command that needs the backend. */
export const online = (root: Option.Option<string>, options: CodexPlugins.Options = {}) =>
  Layer.unwrap(Effect.as(ensureOnline, services(root, options)))
