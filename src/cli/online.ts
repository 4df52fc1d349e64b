import { Effect, Layer, Option } from "effect"
import * as CodexPlugins from "../CodexPlugins.ts"

/** Every service of a home, with an HTTP client. It is loaded only when it is needed. */
export const online = (root: Option.Option<string>, options: CodexPlugins.Options = {}) =>
  Option.match(root, {
    onNone: () => CodexPlugins.layerWith(options),
    onSome: (root) => CodexPlugins.layerAt(root, options)
  }).pipe(
    Layer.provide(
      Layer.unwrap(
        Effect.map(
          Effect.promise(() => import("../NodeCodexPlugins.ts")),
          ({ layerHttp }) => layerHttp
        )
      )
    )
  )
