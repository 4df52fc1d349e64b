import { Config, Duration, Option, Schema } from "effect"
import { Flag } from "effect/cli"

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

/** `--force` */
export const force = Flag.Boolean("force").pipe(
  Flag.withDescription("Change the plugin even if a running process still uses its version"),
  Flag.withDefault(false)
)

/** `--json` */
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON for programs instead of text for people"),
  Flag.withDefault(false)
)

const decodeDuration = Schema.decodeUnknownOption(Schema.DurationFromString)

const units: Readonly<Record<string, string>> = {
  s: "seconds",
  m: "minutes",
  h: "hours",
  d: "days"
}

/** People write `24h`; Effect reads `24 hours`. */
const decode = (text: string): Option.Option<Duration.Duration> => {
  const spelledOut = text.replace(
    /^(\d+(?:\.\d+)?)([smhd])$/,
    (_, n, unit) => `${n} ${units[unit]}`
  )
  return Option.filter(
    decodeDuration(spelledOut === "0" ? "0 seconds" : spelledOut),
    (value) => Duration.isFinite(value) && !Duration.isNegative(value)
  )
}

/** A flag that takes a duration, with `CODEX_PLUGINS_…` as its fallback. */
export const duration = (name: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("DURATION"),
    Flag.withFallbackConfig(Config.String(`CODEX_PLUGINS_${name.toUpperCase()}`)),
    Flag.filterMap(decode, () => "a duration such as `30m`, `24h` or `0`")
  )
