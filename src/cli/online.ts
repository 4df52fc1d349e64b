import { Effect, Layer, Option } from "effect"

/**
 * Every service of a home. Loaded only by the commands that use it: an HTTP client takes longer to
 * load than `list` takes to run.
 */
export const online = (root: Option.Option<string>) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("../NodeCodexPlugins.ts")),
      ({ layer, layerAt }) => Option.match(root, { onNone: () => layer, onSome: layerAt })
    )
  )
