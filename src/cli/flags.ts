/**
 * Flags of several commands, and the variables that set their defaults.
 */
import { Config, Duration, Option, Schema } from "effect"
import { Flag } from "effect/cli"
import { defaultWaitLimit } from "../CacheLock.ts"

/** The flags that a variable sets, in every command that has them. */
const variables = {
  concurrency: "CODEX_PLUGINS_CONCURRENCY",
  deadline: "CODEX_PLUGINS_DEADLINE",
  every: "CODEX_PLUGINS_EVERY",
  offline: "CODEX_PLUGINS_OFFLINE",
  quiet: "CODEX_PLUGINS_QUIET",
  remove: "CODEX_PLUGINS_REMOVE",
  retain: "CODEX_PLUGINS_RETAIN",
  retries: "CODEX_PLUGINS_RETRIES",
  timeout: "CODEX_PLUGINS_TIMEOUT",
  verbose: "CODEX_PLUGINS_VERBOSE",
  wait: "CODEX_PLUGINS_WAIT"
} as const

/** The name of a flag that a variable sets. */
type Name = keyof typeof variables

/** Every variable that sets a flag. */
export const variableNames: ReadonlyArray<string> = Object.values(variables)

/** The variable that sets a flag, if there is one. */
export const variableOf = (flag: string): string | undefined =>
  Object.hasOwn(variables, flag) ? variables[flag as Name] : undefined

/** Takes a flag's value from its variable unless the command line has it. */
export const withVariable =
  <A>(name: Name, config: (variable: string) => Config.Config<A>) =>
  (flag: Flag.Flag<A>): Flag.Flag<A> =>
    Flag.withFallbackConfig(flag, config(variables[name]))

/** `--codex-home DIR`, instead of `$CODEX_HOME`. */
export const codexHome = Flag.String("codex-home").pipe(
  Flag.withMetavar("DIR"),
  Flag.withDescription("The Codex home (default: $CODEX_HOME, else ~/.codex)"),
  Flag.filter(
    (path) => path !== "",
    () => "the path of a folder"
  ),
  Flag.optional
)

/** A flag without a value. */
export const toggle = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

const toggleWithVariable = (name: Name, description: string) =>
  Flag.Boolean(name).pipe(
    Flag.withDescription(description),
    withVariable(name, (variable) => Config.Boolean(variable)),
    Flag.withDefault(false)
  )

/** `--force` */
export const force = toggle(
  "force",
  "Change the plugin even if a running process still uses its version"
)

/** `--json` */
export const json = toggle("json", "Print JSON for programs instead of text for people")

/** `--offline` */
export const offline = (description: string) => toggleWithVariable("offline", description)

/** `--quiet`, `-q` */
export const quiet = (description: string) =>
  Flag.Boolean("quiet").pipe(
    Flag.withAlias("q"),
    Flag.withDescription(description),
    withVariable("quiet", (variable) => Config.Boolean(variable)),
    Flag.withDefault(false)
  )

/** `--verbose` */
export const verbose = (description: string) => toggleWithVariable("verbose", description)

const decodeDuration = Schema.decodeUnknownOption(Schema.DurationFromString)

const units: Readonly<Record<string, string>> = {
  ms: "millis",
  s: "seconds",
  m: "minutes",
  h: "hours",
  d: "days"
}

/** People write `24h`, but Effect reads `24 hours`. */
const decode = (text: string): Option.Option<Duration.Duration> => {
  const spelledOut = text.replace(
    /^(\d+(?:\.\d+)?)(ms|[smhd])$/,
    (_, n, unit) => `${n} ${units[unit]}`
  )
  return Option.filter(
    decodeDuration(spelledOut === "0" ? "0 seconds" : spelledOut),
    (value) => Duration.isFinite(value) && !Duration.isNegative(value)
  )
}

/** A flag that takes a duration. */
export const duration = (name: Name) =>
  Flag.String(name).pipe(
    Flag.withMetavar("DURATION"),
    withVariable(name, (variable) => Config.String(variable)),
    Flag.filterMap(decode, () => "a duration such as `30m`, `24h` or `0`")
  )

/** `--timeout DURATION` */
export const timeout = duration("timeout").pipe(
  Flag.withDescription("The longest that the whole command may take (default: no limit)"),
  Flag.optional
)

/** `--wait DURATION` */
export const wait = duration("wait").pipe(
  Flag.withDescription("How long to wait for another process's lock (default: 2m)"),
  Flag.withDefault(defaultWaitLimit)
)
