/**
 * Reads environment variables as other programs do: a variable that is set to an empty value counts
 * as set.
 */
import { Config, ConfigProvider, Context, Effect, Option } from "effect"

/**
 * The values of these variables, each undefined if it is not set. If the host has its own
 * `ConfigProvider`, it decides about empty values. Without one, the process's variables are read
 * directly, because Effect's default provider leaves out empty ones.
 */
export const read = <Name extends string>(
  names: ReadonlyArray<Name>
): Effect.Effect<Readonly<Record<Name, string | undefined>>, Config.ConfigError> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const provider = Context.getOrUndefined(context, ConfigProvider.ConfigProvider)
    const valueOf = (name: Name) =>
      provider === undefined
        ? Effect.succeed(globalThis.process.env[name])
        : Effect.map(
            Config.option(Config.String(name)).parse(provider),
            Option.getOrUndefined<string>
          )
    return Effect.map(
      Effect.forEach(names, valueOf),
      (values) =>
        Object.fromEntries(names.map((name, nth) => [name, values[nth]])) as Record<
          Name,
          string | undefined
        >
    )
  })
