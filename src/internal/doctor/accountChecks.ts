/**
 * Checks of the home's files, the account and the connection to the backend.
 */
import { Clock, DateTime, Duration, Effect, Option } from "effect"
import { count } from "../display.ts"
import * as CodexHome from "../../CodexHome.ts"
import * as RemoteCatalog from "../../RemoteCatalog.ts"
import * as CertificateFile from "../certificateFile.ts"
import * as Http from "../http.ts"
import * as Proxy from "../proxy.ts"
import * as Finding from "./finding.ts"

type Home = CodexHome.CodexHome["Service"]

/** The credentials of the home, or those that the host supplies. */
type Current = Home["credentials"]

export const settings = (home: Home): Effect.Effect<Finding.Finding> =>
  Effect.match(home.settings, {
    onFailure: (error) => Finding.failure(error, "correct config.toml"),
    onSuccess: ({ baseUrl, pluginsEnabled }) =>
      Finding.ok(pluginsEnabled ? "config.toml can be used" : "config.toml switches plugins off", {
        baseUrl,
        pluginsEnabled: String(pluginsEnabled)
      })
  })

export const account = (current: Current): Effect.Effect<Finding.Finding> =>
  Effect.match(current, {
    onFailure: (error) =>
      error.reason === "TokenExpired"
        ? Finding.ok("signed in; see auth.expiry")
        : Finding.failure(error, "run `codex login`"),
    onSuccess: ({ accountId }) =>
      Finding.ok("signed in", { accountId: Option.isSome(accountId) ? "present" : "absent" })
  })

export const expiry = (current: Current): Effect.Effect<Finding.Finding> =>
  Effect.gen(function* () {
    const tokens = yield* Effect.result(current)
    if (tokens._tag === "Failure") {
      return tokens.failure.reason === "TokenExpired"
        ? Finding.failure(tokens.failure, "run `codex login`")
        : Finding.ok("not checked, because there is no token")
    }
    const { expiresAt } = tokens.success
    if (Option.isNone(expiresAt)) return Finding.ok("the token does not say when it expires")
    const left = expiresAt.value - (yield* Clock.currentTimeMillis)
    const details = { expires: DateTime.formatIso(DateTime.makeUnsafe(expiresAt.value)) }
    const renew = "start `codex` once, which renews the token, or run `codex login`"
    if (left <= 0) return Finding.error("the access token has expired", renew, details)
    return left <= Duration.toMillis(CodexHome.expiryWarning)
      ? Finding.warning("the access token is about to expire", renew, details)
      : Finding.ok("the access token is valid", details)
  })

/** The environment's variables at the time when the doctor was made. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The names of the variables that the checks read. */
export const variables: ReadonlyArray<string> = [
  ...CertificateFile.variables,
  "NODE_EXTRA_CA_CERTS",
  ...Proxy.variableNames
]

export const proxy = (home: Home, environment: Environment): Effect.Effect<Finding.Finding> =>
  Effect.map(Effect.option(home.settings), (settings) => {
    const rules = Proxy.make(Proxy.variablesOf((name) => environment[name]))
    const url = Option.match(settings, {
      onNone: () => null,
      onSome: ({ baseUrl }) => URL.parse(baseUrl)
    })
    const chosen = url === null ? undefined : Proxy.select(rules, url)
    if (chosen === undefined) return Finding.ok("the backend is reached without a proxy")
    return chosen.protocol === "socks:"
      ? Finding.error(
          "the environment names a SOCKS proxy, which is not supported",
          "set HTTPS_PROXY to an http or https proxy",
          { proxy: chosen.shown }
        )
      : Finding.ok("the backend is reached through a proxy", { proxy: chosen.shown })
  })

export const certificates = (environment: Environment): Effect.Effect<Finding.Finding> =>
  Effect.match(CertificateFile.read(environment), {
    onFailure: (error) => Finding.failure(error, `correct ${error.variable}`),
    onSuccess: (certificates) => {
      const variable = CertificateFile.variables.find((name) => (environment[name] ?? "") !== "")
      return variable === undefined
        ? Finding.ok("the bundled and the system's certificates are trusted")
        : Finding.ok(`${count(certificates.length, "certificate")} added by ${variable}`, {
            file: environment[variable] ?? ""
          })
    }
  })

/** The listing for the checks of the backend, or the reason why there is none. */
export type Listing =
  | { readonly _tag: "Skipped"; readonly reason: string }
  | { readonly _tag: "Asked"; readonly result: Effect.Success<ReturnType<typeof listingOf>> }

/** Requests the listing once. */
export const listingOf = (catalog: RemoteCatalog.RemoteCatalog["Service"]) =>
  Effect.result(catalog.installed)

export const backend = (listing: Listing): Finding.Finding => {
  if (listing._tag === "Skipped") return Finding.ok(`not checked (${listing.reason})`)
  const { result } = listing
  if (result._tag === "Success") {
    return Finding.ok("the backend lists the account's plugins", {
      plugins: String(result.success.rows.length)
    })
  }
  const error = result.failure
  if (!(error instanceof RemoteCatalog.RemoteCatalogError)) {
    return Finding.ok(
      error._tag === "NotSignedIn"
        ? "not checked (not signed in)"
        : "not checked (see home.settings)"
    )
  }
  return isChallenge(error)
    ? Finding.ok("not reached; see network.edge")
    : Finding.failure(error, "run `codex-plugins doctor` again later", {
        reason: error.reason._tag
      })
}

const isChallenge = ({ reason }: RemoteCatalog.RemoteCatalogError): boolean =>
  Http.isFailure(reason) && reason._tag === "Challenged"

export const edge = (listing: Listing): Finding.Finding => {
  if (listing._tag === "Skipped") return Finding.ok(`not checked (${listing.reason})`)
  const { result } = listing
  return result._tag === "Failure" &&
    result.failure instanceof RemoteCatalog.RemoteCatalogError &&
    isChallenge(result.failure)
    ? Finding.failure(result.failure, "try again from another network")
    : Finding.ok("no browser challenge")
}
