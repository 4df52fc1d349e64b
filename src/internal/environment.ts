/**
 * Reads the variables of the environment as other programs do: one that is set to nothing is set.
 */
import { Config, ConfigProvider, Context, Effect, Option } from "effect"

/**
 * The values of these variables, each undefined if it is not set. A host's own `ConfigProvider`
 * decides by itself about empty values. Without one the process's variables are read, because Effect's
 * default provider would leave out the empty ones.
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
