import { Effect, Layer, Option } from "effect"
import type { HttpClient } from "effect/http"
import * as CodexPlugins from "../CodexPlugins.ts"

const loadPlatform = Effect.promise(() => import("../NodeCodexPlugins.ts"))

/** The HTTP client, which is loaded only now. */
export const layerHttp = Layer.unwrap(Effect.map(loadPlatform, ({ layerHttp }) => layerHttp))

/** Every service of a home, over this HTTP client. */
export const onlineOver = <E>(
  http: Layer.Layer<HttpClient.HttpClient, E>,
  root: Option.Option<string>,
  options: CodexPlugins.Options = {}
) =>
  Option.match(root, {
    onNone: () => CodexPlugins.layerWith(options),
    onSome: (root) => CodexPlugins.layerAt(root, options)
  }).pipe(Layer.provide(http))

/** Every service of a home. */
export const online = (root: Option.Option<string>, options: CodexPlugins.Options = {}) =>
  onlineOver(layerHttp, root, options)
