/**
 * Decodes Codex's `auth.json`, or explains why it has no token that the backend would accept.
 */
import { Option, Predicate, Redacted, Result, Schema } from "effect"

/** The reason why a home's credentials cannot be used. */
export const Reason = Schema.Literals([
  "NoCredentials",
  /** `auth.json` is missing, and `config.toml` keeps credentials in a keyring or in memory. */
  "KeyringCredentials",
  "ApiKeyAlone",
  /** Codex is signed in by a mode that has no ChatGPT tokens in `auth.json`. */
  "UnsupportedMode",
  "UnreadableCredentials",
  "TokenExpired"
])

/** The credentials of a call of the backend. */
export interface Tokens {
  readonly accessToken: Redacted.Redacted
  readonly accountId: Option.Option<Redacted.Redacted>
  /**
   * The time at which the access token expires, in milliseconds since 1970; none if the token does
   * not contain it.
   */
  readonly expiresAt: Option.Option<number>
}

/** A file that holds no usable tokens. `mode` is its `auth_mode`. */
interface Unusable {
  readonly reason: typeof Reason.Type
  readonly mode: string | null
}

/** A value must be valid in a header. */
const HeaderValue = Schema.RedactedFromValue(
  Schema.String.check(Schema.isPattern(/^[\x21-\x7e]+$/))
)

/** An empty value counts as none. */
const OrEmpty = Schema.Union([Schema.Literal(""), HeaderValue])

const decode = Schema.decodeUnknownResult(
  Schema.fromJsonString(
    Schema.Struct({
      auth_mode: Schema.optionalKey(Schema.NullOr(Schema.String)),
      OPENAI_API_KEY: Schema.optionalKey(Schema.NullOr(Schema.String)),
      tokens: Schema.optionalKey(
        Schema.NullOr(
          Schema.Struct({
            access_token: OrEmpty,
            account_id: Schema.optionalKey(Schema.NullOr(OrEmpty))
          })
        )
      )
    })
  )
)

/** The modes whose tokens `auth.json` may hold. */
const tokenModes = new Set(["chatgpt", "chatgptAuthTokens"])

/**
 * Reads the file's text. Codex follows `auth_mode`. Without it, an API key takes precedence over
 * tokens.
 */
export const parse = (text: string): Result.Result<Tokens, Unusable> => {
  const decoded = decode(text)
  if (Result.isFailure(decoded)) {
    return Result.fail({ reason: "UnreadableCredentials", mode: null })
  }
  const { OPENAI_API_KEY, auth_mode, tokens } = decoded.success
  const mode = auth_mode ?? (OPENAI_API_KEY == null ? "chatgpt" : "apikey")
  if (mode === "apikey") return Result.fail({ reason: "ApiKeyAlone", mode })
  if (!tokenModes.has(mode)) return Result.fail({ reason: "UnsupportedMode", mode: known(mode) })
  if (tokens == null || tokens.access_token === "")
    return Result.fail({ reason: "NoCredentials", mode })
  return Result.succeed({
    accessToken: tokens.access_token,
    accountId: Option.fromNullishOr(tokens.account_id === "" ? null : tokens.account_id),
    expiresAt: expiry(Redacted.value(tokens.access_token))
  })
}

/** The mode, if it is safe to print. A damaged file may contain anything in its place. */
const known = (mode: string): string | null => (/^[A-Za-z][\w-]{0,39}$/.test(mode) ? mode : null)

/** The `exp` claim of a JWT. Other tokens have none. */
const expiry = (token: string): Option.Option<number> => {
  const [, payload] = token.split(".")
  if (payload === undefined) return Option.none()
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")))
    return Predicate.hasProperty(claims, "exp") && Number.isFinite(claims.exp)
      ? Option.some(Number(claims.exp) * 1000)
      : Option.none()
  } catch {
    return Option.none()
  }
}
