/**
 * The services of commands that may ask the backend. They are loaded only when a command needs them.
 */
import { Config, Effect, Layer, Option } from "effect"
import type { HttpClient } from "effect/http"
import type * as CodexPlugins from "../CodexPlugins.ts"
import { Offline } from "./exit.ts"

const load = Effect.promise(() => import("../CodexPlugins.ts"))

/** The HTTP client. */
export const layerHttp = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("../internal/nodeHttp.ts")),
    ({ layer }) => layer
  )
)

/** Every service of a home, over this HTTP client. */
export const servicesOver = <E>(
  http: Layer.Layer<HttpClient.HttpClient, E>,
  root: Option.Option<string>,
  options: CodexPlugins.Options = {}
) =>
  Layer.unwrap(
    Effect.map(load, ({ layerAt, layerWith }) =>
      Option.match(root, {
        onNone: () => layerWith(options),
        onSome: (root) => layerAt(root, options)
      })
    )
  ).pipe(Layer.provide(http))

/** Every service of a home, for a command that can do without the backend. */
export const services = (root: Option.Option<string>, options: CodexPlugins.Options = {}) =>
  servicesOver(layerHttp, root, options)

/** Fails where the environment forbids requests. */
export const ensureOnline = Effect.gen(function* () {
  const isOffline = yield* Config.withDefault(Config.Boolean("CODEX_PLUGINS_OFFLINE"), false)
  if (isOffline) return yield* new Offline()
})

/** Every service of a home, for a command that needs the backend. */
export const online = (root: Option.Option<string>, options: CodexPlugins.Options = {}) =>
  Layer.unwrap(Effect.as(ensureOnline, services(root, options)))
