import { Effect, Layer, Option, Redacted } from "effect"
import { CodexHome, Credentials } from "effect-codex-plugins"
import * as NodeCodexPlugins from "effect-codex-plugins/node"

export interface Token {
  readonly accessToken: string
  readonly accountId: string
  /** In milliseconds since 1970. */
  readonly expiresAt: number
}

/** The services of one home with tokens of the host's. `auth.json` is not read. */
export const layer = (home: string, token: Effect.Effect<Token | undefined>) => {
  const current = Effect.flatMap(token, (token) =>
    token === undefined
      ? Effect.fail(new CodexHome.NotSignedIn({ path: "the host", reason: "NoCredentials" }))
      : Effect.succeed({
          accessToken: Redacted.make(token.accessToken),
          accountId: Option.some(Redacted.make(token.accountId)),
          expiresAt: Option.some(token.expiresAt)
        })
  )
  return NodeCodexPlugins.layerAt(home).pipe(Layer.provide(Credentials.layerWith({ current })))
}
