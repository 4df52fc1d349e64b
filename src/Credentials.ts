/**
 * The credentials of requests to the backend. By default they come from the home's `auth.json`.
 *
 * A host that has its own tokens provides {@link layerWith} beneath the layers of this package.
 * Then `auth.json` is not read.
 */
import { Context, Duration, Effect, Layer, Option, Redacted, Result, type Stream } from "effect"
import * as CodexHome from "./CodexHome.ts"
import * as OptionCheck from "./internal/optionCheck.ts"
import * as Polling from "./internal/polling.ts"

/**
 * The interval at which {@link Credentials} looks for a change.
 *
 * @category constants
 * @since 0.2.0
 */
export const pollInterval = Duration.seconds(5)

/**
 * The account's credentials, and their changes.
 *
 * @example
 * ```ts
 * import { Effect, Layer, Option, Redacted } from "effect"
 * import { Credentials } from "effect-codex-plugins"
 * import * as NodeCodexPlugins from "effect-codex-plugins/node"
 *
 * // A host that has the token itself. The default reads `auth.json`.
 * const current = Effect.succeed({
 *   accessToken: Redacted.make("token"),
 *   accountId: Option.none(),
 *   expiresAt: Option.none()
 * })
 * export const services = NodeCodexPlugins.layer.pipe(
 *   Layer.provide(Credentials.layerWith({ current }))
 * )
 * ```
 *
 * @category services
 * @since 0.2.0
 */
export class Credentials extends Context.Service<
  Credentials,
  {
    /** The current credentials. Each operation runs this once. */
    readonly current: Effect.Effect<CodexHome.Credentials, CodexHome.NotSignedIn>
    /**
     * Emits after each change: a new token, another account, a sign-in or a sign-out. The state at
     * the start is not emitted.
     */
    readonly changes: Stream.Stream<void>
  }
>()("effect-codex-plugins/Credentials") {}

/**
 * Options of {@link layerWith}.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options {
  /** Returns the credentials. It runs before each operation. */
  readonly current: Credentials["Service"]["current"]
  /** The interval at which `current` is run to find changes. Default: 5 seconds. */
  readonly pollInterval?: Duration.Input | undefined
}

/** The values whose change counts. They contain secrets, so they never leave this module. */
const fingerprint = (current: Options["current"]): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(Effect.result(current), (result) =>
    Result.match(result, {
      onFailure: ({ reason }) => [reason],
      onSuccess: ({ accessToken, accountId }) => [
        Redacted.value(accessToken),
        ...Option.match(accountId, { onNone: () => [], onSome: (id) => [Redacted.value(id)] })
      ]
    })
  )

/**
 * Makes the service from an effect that returns the credentials.
 *
 * @category constructors
 * @since 0.2.0
 */
export const fromEffect = ({ current, ...options }: Options): Credentials["Service"] => {
  const interval = Duration.fromInputUnsafe(options.pollInterval ?? pollInterval)
  const changes = Polling.changesOf(fingerprint(current), interval)
  return Credentials.of({ current, changes })
}

/**
 * The credentials of a home: those that the host supplies, else those in its `auth.json`.
 *
 * @internal
 */
export const ofHome = (
  home: CodexHome.CodexHome["Service"]
): Effect.Effect<Credentials["Service"]> =>
  Effect.map(
    Effect.serviceOption(Credentials),
    Option.getOrElse(() => fromEffect({ current: home.credentials }))
  )

/**
 * Provides {@link Credentials} that the host supplies.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerWith = (options: Options): Layer.Layer<Credentials> =>
  Layer.effect(
    Credentials,
    Effect.map(
      OptionCheck.duration(
        "Credentials.pollInterval",
        options.pollInterval ?? pollInterval,
        "more than zero"
      ),
      (interval) => fromEffect({ ...options, pollInterval: interval })
    )
  )

/**
 * Provides the {@link Credentials} in the home's `auth.json`.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<Credentials, never, CodexHome.CodexHome> = Layer.effect(
  Credentials,
  Effect.map(CodexHome.CodexHome, ({ credentials }) => fromEffect({ current: credentials }))
)
