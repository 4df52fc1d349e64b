/**
 * Accounts of the test backend, with made-up tokens that the real Codex accepts.
 */

/**
 * An account of the test backend, with made-up tokens that the real Codex accepts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Account {
  readonly id: string
  readonly email: string
  readonly idToken: string
  readonly accessToken: string
  readonly refreshToken: string
}

/**
 * Options of {@link make}.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options {
  /** Default: "account-1". */
  readonly id?: string
  /** Default: `${id}@example.test`. */
  readonly email?: string
  /** When the tokens expire, in seconds since 1970. Default: the year 2100. */
  readonly expires?: number
}

/**
 * Makes an account. The same options give the same account.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Account => {
  const id = options.id ?? "account-1"
  const email = options.email ?? `${id}@example.test`
  const token = (jti: string) =>
    unsignedJwt({
      jti,
      email,
      exp: options.expires ?? 4_102_444_800,
      "https://api.openai.com/auth": {
        chatgpt_account_id: id,
        chatgpt_plan_type: "pro",
        chatgpt_user_id: `user-of-${id}`,
        user_id: `user-of-${id}`
      }
    })
  return {
    id,
    email,
    idToken: token("id"),
    accessToken: token("access"),
    refreshToken: `refresh-token-of-${id}`
  }
}

const unsignedJwt = (claims: object): string =>
  [JSON.stringify({ alg: "none", typ: "JWT" }), JSON.stringify(claims), "unsigned"]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".")

/**
 * The text of an `auth.json`.
 *
 * @category functions
 * @since 0.1.0
 */
export const authJson = (account: Account, lastRefresh: string): string =>
  JSON.stringify({
    auth_mode: "chatgpt",
    OPENAI_API_KEY: null,
    tokens: {
      id_token: account.idToken,
      access_token: account.accessToken,
      refresh_token: account.refreshToken,
      account_id: account.id
    },
    last_refresh: lastRefresh
  })
