/**
 * The services of commands that ask the backend. They load much code, so they are loaded only when
 * needed.
 */
import { Config, Effect, Layer, Option } from "effect"
import type { HttpClient } from "effect/http"
import * as CodexPlugins from "../CodexPlugins.ts"
import { Offline } from "./exit.ts"

const loadPlatform = Effect.promise(() => import("../NodeCodexPlugins.ts"))

/** The HTTP client, which is loaded only now. */
export const layerHttp = Layer.unwrap(Effect.map(loadPlatform, ({ layerHttp }) => layerHttp))

/** Every service of a home, over this HTTP client. */
export const servicesOver = <E>(
  http: Layer.Layer<HttpClient.HttpClient, E>,
  root: Option.Option<string>,
  options: CodexPlugins.Options = {}
) =>
  Option.match(root, {
    onNone: () => CodexPlugins.layerWith(options),
    onSome: (root) => CodexPlugins.layerAt(root, options)
  }).pipe(Layer.provide(http))

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
