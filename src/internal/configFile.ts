/**
 * The settings of Codex's `config.toml` that concern plugins and credentials.
 */
import { Option, Predicate, Result, Schema } from "effect"
import { Toml } from "effect/encoding"

/**
 * The reason why the file has no usable settings. `line` is null if the parser does not report it.
 */
type Invalid =
  | { readonly _tag: "NotToml"; readonly line: number | null }
  | { readonly _tag: "InvalidSetting"; readonly key: string; readonly expected: string }

/** See `CodexHome.Settings`. */
interface Settings {
  readonly baseUrl: string
  readonly pluginsEnabled: boolean
}

const decodeConfig = Schema.decodeUnknownResult(
  Schema.Struct({ chatgpt_base_url: Schema.optionalKey(Schema.String) })
)
const decodeFeatures = Schema.decodeUnknownResult(
  Schema.Struct({
    features: Schema.optionalKey(Schema.Struct({ plugins: Schema.optionalKey(Schema.Boolean) }))
  })
)

/**
 * The credential stores with which Codex writes no `auth.json`: the system's keyring, and memory.
 */
const keyrings: ReadonlySet<unknown> = new Set(["keyring", "auto", "ephemeral"])

/** True for a URL to which paths can be appended and that contains no credentials. */
const isBaseUrl = (text: string): boolean => {
  const url = URL.parse(text)
  return (
    url !== null &&
    (url.protocol === "https:" || url.protocol === "http:") &&
    url.username + url.password + url.search + url.hash === ""
  )
}

/** The parser's own message quotes the file, so only the line is taken from it. */
const lineOf = (message: string): number | null => {
  const line = / at line (\d+), column \d+$/.exec(message)?.[1]
  return line === undefined ? null : Number(line)
}

const invalid = (key: string, expected: string): Result.Result<never, Invalid> =>
  Result.fail({ _tag: "InvalidSetting", key, expected })

/** Reads the file's text. A setting that is missing gets its default. */
export const parse = (text: string, defaultBaseUrl: string): Result.Result<Settings, Invalid> => {
  const table = Toml.parse(text)
  if (Result.isFailure(table)) {
    return Result.fail({ _tag: "NotToml", line: lineOf(table.failure.message) })
  }
  const config = decodeConfig(table.success)
  if (Result.isFailure(config)) return invalid("chatgpt_base_url", "a string")
  const features = decodeFeatures(table.success)
  if (Result.isFailure(features)) return invalid("features.plugins", "true or false")
  const baseUrl = (config.success.chatgpt_base_url ?? defaultBaseUrl).replace(/\/+$/, "")
  if (!isBaseUrl(baseUrl)) {
    return invalid(
      "chatgpt_base_url",
      "an http or https URL without credentials, query or fragment"
    )
  }
  return Result.succeed({
    baseUrl,
    pluginsEnabled: features.success.features?.plugins ?? true
  })
}

/** True if the file makes Codex keep its credentials in the system's keyring or in memory. */
export const usesKeyring = (text: string): boolean =>
  Option.exists(Result.getSuccess(Toml.parse(text)), (table) =>
    keyrings.has(
      Predicate.hasProperty(table, "cli_auth_credentials_store")
        ? table.cli_auth_credentials_store
        : undefined
    )
  )
