/**
 * The flag `--refresh-with`, which first renews the access token through an installed Codex.
 */
import { Effect, Layer, Option } from "effect"
import { home } from "./offline.ts"
import { Flag } from "effect/cli"
import { spinning } from "./region.ts"

/** `--refresh-with codex` */
export const refreshWith = Flag.Literals("refresh-with", ["codex"]).pipe(
  Flag.withDescription("First have the installed Codex renew the access token"),
  Flag.optional
)

/** Renews the token of a home and then builds the layer. The code for it is loaded only now. */
export const refreshBefore = <A, E, R>(
  options: {
    readonly refreshWith: Option.Option<"codex">
    readonly root: Option.Option<string>
  },
  layer: Layer.Layer<A, E, R>
) =>
  Layer.unwrap(
    Effect.gen(function* () {
      if (Option.isNone(options.refreshWith)) return layer
      const [CodexRefresh, NodeChildProcessSpawner] = yield* Effect.promise(() =>
        Promise.all([
          import("../CodexRefresh.ts"),
          import("@effect/platform-node/NodeChildProcessSpawner")
        ])
      )
      yield* Effect.flatMap(CodexRefresh.CodexRefresh, ({ refresh }) => refresh).pipe(
        spinning(() => "Asking Codex to renew the access token"),
        Effect.provide(CodexRefresh.layer),
        Effect.provide(Layer.merge(home(options.root), NodeChildProcessSpawner.layer))
      )
      return layer
    })
  )
