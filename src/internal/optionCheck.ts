/**
 * Checks of the options that a host gives. An invalid one is a defect when the layer is built.
 */
import { Duration, Effect, Option } from "effect"

export const invalid = (name: string, expected: string, value: unknown): Effect.Effect<never> =>
  Effect.die(new RangeError(`\`${name}\` must be ${expected}, not ${String(value)}`))

/** `name` is the name of the module and of the option, such as `PluginSync.concurrency`. */
export const integer = (name: string, value: number, min: 0 | 1): Effect.Effect<number> =>
  Number.isSafeInteger(value) && value >= min
    ? Effect.succeed(value)
    : invalid(name, `an integer of at least ${min}`, value)

export const duration = (
  name: string,
  input: Duration.Input,
  min: "zero" | "more than zero" = "zero"
): Effect.Effect<Duration.Duration> =>
  Option.match(Number.isNaN(input) ? Option.none() : Duration.fromInput(input), {
    onNone: () => invalid(name, "a duration", input),
    onSome: (value) =>
      Duration.isNegative(value) || (min !== "zero" && Duration.isZero(value))
        ? invalid(name, `a duration of ${min === "zero" ? "at least zero" : min}`, input)
        : Effect.succeed(value)
  })

export const oneOf = <A extends string>(
  name: string,
  value: A,
  values: ReadonlyArray<A>
): Effect.Effect<A> =>
  values.includes(value)
    ? Effect.succeed(value)
    : invalid(name, `one of ${values.map((one) => JSON.stringify(one)).join(", ")}`, value)

/** Checks paths of folders. An empty path would mean the working folder. */
export const paths = (name: string, values: ReadonlyArray<string>): Effect.Effect<void> =>
  values.every((value) => typeof value === "string" && value !== "")
    ? Effect.void
    : invalid(name, "paths of folders", JSON.stringify(values))
