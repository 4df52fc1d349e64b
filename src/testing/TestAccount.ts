/**
 * Someone whom the test backend knows, with made-up tokens that real Codex takes.
 */

export interface Account {
  readonly id: string
  readonly email: string
  readonly idToken: string
  readonly accessToken: string
  readonly refreshToken: string
}

/** The same id gives the same account. */
export const make = (options: { readonly id?: string; readonly email?: string } = {}): Account => {
  const id = options.id ?? "account-1"
  const email = options.email ?? `${id}@example.test`
  const token = (jti: string) =>
    unsignedJwt({
      jti,
      email,
      exp: 4_102_444_800, // the year 2100
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

/** The text of an `auth.json`. */
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
