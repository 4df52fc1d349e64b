/**
 * Reads the variables of the environment as other programs do: one that is set to nothing is set.
 */
import { Config, ConfigProvider, Context, Effect, Option } from "effect"

/**
 * The values of these variables, each undefined if it is not set. A host's own `ConfigProvider`
 * decides by itself about empty values; Effect's default one would leave them out.
 */
export const read = <Name extends string>(names: ReadonlyArray<Name>) =>
  Effect.gen(function* () {
    const provided = Context.getOrUndefined(
      yield* Effect.context<never>(),
      ConfigProvider.ConfigProvider
    )
    const provider = provided ?? ConfigProvider.fromEnv({ preserveEmptyStrings: true })
    const entries = yield* Effect.forEach(names, (name) =>
      Effect.map(Config.option(Config.String(name)).parse(provider), (value) => [
        name,
        Option.getOrUndefined(value)
      ])
    )
    return Object.fromEntries(entries) as Readonly<Record<Name, string | undefined>>
  })
