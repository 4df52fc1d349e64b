/**
 * HTTP for requests to the backend and downloads of bundles: failures, retries and limits.
 *
 * No error, log line or span from here contains a URL's query or a header.
 */
import {
  Cause,
  Clock,
  Context,
  Duration,
  Effect,
  Exit,
  Predicate,
  type Pull,
  Result,
  Schedule,
  Schema,
  Scope,
  Stream,
  type Tracer
} from "effect"
import {
  FetchHttpClient,
  Headers,
  HttpClient,
  type HttpClientError,
  HttpClientRequest,
  type HttpClientResponse
} from "effect/http"
import * as Metrics from "./metrics.ts"
import { version } from "./version.ts"

/**
 * The number of retries after a transient failure, unless a number is given.
 *
 * @category constants
 * @since 0.2.0
 */
export const retries = 3

/**
 * The delay before the first retry; each further delay is twice as long. It varies by a fifth at
 * random.
 */
export const firstRetryDelay = Duration.millis(500)

/**
 * The longest accepted `Retry-After`. A request is not retried if the server demands a longer wait.
 */
const maxRetryAfter = Duration.seconds(30)

/** The failures that are possible with any server. */
export const Failure = {
  /** There was no connection, or it broke. `code` is the system's, if there is one. */
  Unreachable: { code: Schema.NullOr(Schema.String) },
  /** The server's certificate is invalid, or its issuer is not trusted. */
  UntrustedServer: { code: Schema.String },
  /** The proxy that the environment names cannot be reached. */
  ProxyUnreachable: { proxy: Schema.String, code: Schema.String },
  /** The proxy requires credentials, or rejects the given ones. */
  ProxyAuthenticationRequired: { proxy: Schema.String },
  /** The proxy refused to connect to the server. */
  ProxyRefused: { proxy: Schema.String, status: Schema.NullOr(Schema.Int) },
  /** The proxy is of a kind that is not supported, such as SOCKS. */
  UnsupportedProxy: { proxy: Schema.String },
  /** A firewall in front of the server answered and requires a browser. */
  Challenged: { status: Schema.Int },
  /** 408, 429 or 5xx. */
  Unavailable: { status: Schema.Int, retryAfter: Schema.NullOr(Schema.Duration) }
}
export type Failure = ReturnType<typeof Schema.TaggedUnion<typeof Failure>>["Type"]

export const isFailure = (reason: { readonly _tag: string }): reason is Failure =>
  Object.hasOwn(Failure, reason._tag)

/** A proxy's part in a failed request. `proxy` is its URL without credentials. */
export class ProxyError extends Error {
  readonly proxy: string
  readonly problem:
    | { readonly _tag: "ProxyUnreachable"; readonly code: string }
    | { readonly _tag: "ProxyAuthenticationRequired" }
    | { readonly _tag: "ProxyRefused"; readonly status: number | null }
    | { readonly _tag: "UnsupportedProxy" }

  constructor(proxy: string, problem: ProxyError["problem"]) {
    super(`the proxy ${proxy} failed`)
    this.proxy = proxy
    this.problem = problem
  }
}

/** Explains a failure. The cause is the rest of a sentence that begins with the server's name. */
export const explain = (failure: Failure): { readonly why: string; readonly remedy: string } => {
  switch (failure._tag) {
    case "Unreachable":
      return failure.code === "EMFILE" || failure.code === "ENFILE"
        ? {
            why: `cannot be reached, because too many files are open (${failure.code})`,
            remedy: "allow more open files"
          }
        : {
            why: `cannot be reached or broke the connection${failure.code === null ? "" : ` (${failure.code})`}`,
            remedy: "check the network and try again"
          }
    case "UntrustedServer":
      return {
        why: `has a certificate that cannot be trusted (${failure.code})`,
        remedy:
          "if your network has its own certificate authority, set CODEX_CA_CERTIFICATE to a PEM file with its certificate"
      }
    case "ProxyUnreachable":
      return {
        why: `cannot be reached, because the proxy ${failure.proxy} does not answer (${failure.code})`,
        remedy: "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
      }
    case "ProxyAuthenticationRequired":
      return {
        why: `cannot be reached, because the proxy ${failure.proxy} requires authentication (407)`,
        remedy: "put a valid user and password into the proxy's URL"
      }
    case "ProxyRefused":
      return {
        why: `cannot be reached, because the proxy ${failure.proxy} refused the connection${failure.status === null ? "" : ` (${failure.status})`}`,
        remedy: "have it allow this host, or list the host in NO_PROXY"
      }
    case "UnsupportedProxy":
      return {
        why: `cannot be reached, because the proxy ${failure.proxy} is of a kind that is not supported`,
        remedy: "use an http or https proxy"
      }
    case "Challenged":
      return {
        why: `did not answer, because a firewall in front of it asks for a browser (${failure.status})`,
        remedy: "try again later or from another network, or let Codex sync its plugins itself"
      }
    case "Unavailable":
      return failure.retryAfter !== null &&
        Duration.isGreaterThan(failure.retryAfter, maxRetryAfter)
        ? {
            why: `answered ${failure.status} and asks to wait ${Duration.format(failure.retryAfter)}, longer than the limit of ${Duration.format(maxRetryAfter)}`,
            remedy: "try again then"
          }
        : { why: `answered ${failure.status} each time`, remedy: "try again later" }
  }
}

/** The codes of a host that was never reached. A retry within seconds rarely helps. */
const offline = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND"])

/**
 * The codes of a resolver that did not answer. A busy resolver answers the next time. Without a
 * network none answers, and the user should not wait long, so there is only one retry.
 */
const unresolved = new Set(["EAI_AGAIN", "EAI_MEMORY", "EAI_SYSTEM"])

/** The delay before that retry. Without a network, the program fails within a second. */
const resolverDelay = Duration.millis(200)

const connectionDelay = (
  code: string | null,
  attempt: number,
  backOff: Duration.Duration
): Duration.Duration | undefined => {
  if (code === null) return backOff
  if (unresolved.has(code)) return attempt > 1 ? undefined : resolverDelay
  return offline.has(code) ? undefined : backOff
}

/**
 * The delay before a retry; undefined for a failure that will not pass soon. `attempt` is the
 * number of failures, including this one.
 */
export const retryDelay = (
  failure: Failure,
  attempt: number,
  backOff: Duration.Duration
): Duration.Duration | undefined => {
  switch (failure._tag) {
    case "Unreachable":
    case "ProxyUnreachable":
      return connectionDelay(failure.code, attempt, backOff)
    case "Unavailable":
      if (failure.retryAfter === null) return backOff
      return Duration.isGreaterThan(failure.retryAfter, maxRetryAfter)
        ? undefined
        : Duration.max(failure.retryAfter, backOff)
    default:
      return undefined
  }
}

/**
 * Retries while there is a delay for an error, at most `times` times. `attempt` is the number of
 * failures; `backOff` doubles with each.
 */
export const retry = <A, E extends { readonly message: string }, R>(
  effect: Effect.Effect<A, E, R>,
  delayOf: (error: E, attempt: number, backOff: Duration.Duration) => Duration.Duration | undefined,
  times = retries,
  onRetry: (error: E, delay: Duration.Duration) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let failed: { readonly error: E } | undefined
    const again = Effect.suspend(() => {
      if (failed === undefined) return effect
      const { error } = failed
      failed = undefined
      return Effect.fail(error)
    })
    // A schedule costs more than most requests, so only a failure starts one.
    return effect.pipe(
      Effect.catch((error) => {
        failed = { error }
        return Effect.retry(again, schedule(delayOf, times, onRetry))
      })
    )
  })

const schedule = <E extends { readonly message: string }>(
  delayOf: (error: E, attempt: number, backOff: Duration.Duration) => Duration.Duration | undefined,
  times: number,
  onRetry: (error: E, delay: Duration.Duration) => Effect.Effect<void>
) =>
  Schedule.exponential(firstRetryDelay).pipe(
    Schedule.jittered,
    Schedule.upTo({ times }),
    Schedule.setInputType<E>(),
    Schedule.while(
      ({ attempt, duration, input }) => delayOf(input, attempt, duration) !== undefined
    ),
    Schedule.modifyDelay(({ attempt, duration, input }) =>
      Effect.succeed(delayOf(input, attempt, duration) ?? duration)
    ),
    Schedule.tap(({ duration, input }) =>
      Effect.andThen(
        Effect.logDebug(`${input.message}; trying again in ${Duration.format(duration)}`),
        onRetry(input, duration)
      )
    )
  )

/**
 * The client's own spans would contain URLs and headers, and the caller decides about redirects.
 */
const privateRequest = Context.make(HttpClient.TracerDisabledWhen, () => true).pipe(
  Context.add(FetchHttpClient.RequestInit, { credentials: "omit", redirect: "manual" })
)

/** Every server gets this name and nothing about the user. */
export const userAgent = `codex-plugins/${version} (+https://www.npmjs.com/package/effect-codex-plugins)`

/** Sends a request. No redirect is followed, and `User-Agent` is the only header that is added. */
export const send = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, Failure> =>
  client
    .execute(HttpClientRequest.setHeader(request, "user-agent", userAgent))
    .pipe(Effect.provideContext(privateRequest), Effect.mapError(failureOf))

/**
 * Runs a request in a span with its method and host. A span records the result of its effect, so
 * that must not be the response.
 */
export const inSpan = <A, E, R>(
  request: Effect.Effect<A, E, R>,
  name: string,
  method: "GET" | "POST",
  url: URL
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const answers: Array<A> = []
    return Effect.map(request, (answer) => void answers.push(answer)).pipe(
      Effect.withSpan(name, {
        attributes: { "http.request.method": method, "server.address": url.host }
      }),
      Effect.map(() => answers[0] as A)
    )
  })

/**
 * Runs a request in a span with its method and host, which stays open for the body of the response.
 * It ends with {@link endSpan}, else with the scope.
 */
export const inOpenSpan = <A, E, R>(
  request: Effect.Effect<A, E, R>,
  name: string,
  method: "GET" | "POST",
  url: URL
): Effect.Effect<readonly [A, Tracer.Span], E, R | Scope.Scope> =>
  Effect.flatMap(
    Effect.makeSpanScoped(name, {
      attributes: { "http.request.method": method, "server.address": url.host }
    }),
    (span) => Effect.map(Effect.withParentSpan(request, span), (answer) => [answer, span] as const)
  )

/** Ends a span before its scope does. */
export const endSpan = (
  span: Tracer.Span,
  exit: Exit.Exit<unknown, unknown> = Exit.void
): Effect.Effect<void> =>
  Effect.clockWith((clock) => Effect.sync(() => span.end(clock.currentTimeNanosUnsafe(), exit)))

/** Sends a request and adds the status of its response to the current span; see {@link send}. */
export const sendAnnotated = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, Failure> =>
  Effect.tap(send(client, request), ({ status }) =>
    Effect.annotateCurrentSpan("http.response.status_code", status)
  )

/** The end of a body: its regular end, which an empty body reaches at once, or a failure. */
export const endOf = (
  error: HttpClientError.HttpClientError | Cause.Done
): Failure | Cause.Done<void> =>
  Cause.isDone(error) || error.reason._tag === "EmptyBodyError" ? Cause.Done() : failureOf(error)

/** The bytes of a response; none if it has no body. They are counted at the end of the reading. */
export const body = (
  response: HttpClientResponse.HttpClientResponse
): Stream.Stream<Uint8Array, Failure> =>
  Stream.transformPull(response.stream, (pull, scope) => {
    let total = 0
    // One effect per chunk: a body has many.
    const counted = Effect.matchEffect(pull, {
      onFailure: (error): Pull.Pull<never, Failure> => Effect.fail(endOf(error)),
      onSuccess: (chunks) => {
        for (const { length } of chunks) total += length
        return Effect.succeed(chunks)
      }
    })
    const count = Effect.suspend(() => received(response, total))
    return Effect.as(Scope.addFinalizer(scope, count), counted)
  })

/** Counts the bytes of a response that were received. */
export const received = (
  { request }: HttpClientResponse.HttpClientResponse,
  bytes: number
): Effect.Effect<void> => Metrics.received(URL.parse(request.url)?.host ?? "", bytes)

/** Releases a response whose body nobody will read. */
export const discard = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> =>
  Stream.toPull(response.stream).pipe(Effect.scoped, Effect.asVoid)

/** The failure for a status; undefined if its meaning depends on the call. */
export const statusFailure = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<Failure | undefined> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const { headers, status } = response
    if (status !== 408 && status !== 429 && status < 500) return undefined
    const retryAfter = Headers.parseRetryAfter(headers["retry-after"] ?? "")
    return {
      _tag: "Unavailable",
      status,
      retryAfter: Result.isSuccess(retryAfter)
        ? Headers.retryAfterDelay(retryAfter.success, now)
        : null
    }
  })

/** The URL for people: without credentials, query and fragment. */
export const shown = (url: URL): string =>
  url.origin === "null" ? url.protocol : url.origin + url.pathname

export const isHtml = ({ headers }: HttpClientResponse.HttpClientResponse): boolean =>
  /^text\/html\b/i.test(headers["content-type"] ?? "")

/** True for the answer of a firewall in front of a server, such as a browser challenge. */
export const isChallenge = (response: HttpClientResponse.HttpClientResponse): boolean =>
  response.headers["cf-mitigated"] !== undefined || (response.status === 403 && isHtml(response))

/** The codes of a certificate whose issuer is not trusted. */
const issuerUnknown =
  /^(?:CERT_UNTRUSTED|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE)$/

export const isIssuerUnknown = (code: string | null): boolean =>
  code !== null && issuerUnknown.test(code)

/**
 * The codes of an invalid certificate. Every other failure of TLS, such as a broken record, counts
 * as a broken connection.
 */
const untrusted =
  /^(?:CERT_|CRL_|DEPTH_ZERO_|ERROR_IN_|SELF_SIGNED_|UNABLE_TO_)|^(?:ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)$/

const failureOf = (error: HttpClientError.HttpClientError): Failure => {
  const proxyError = chain(error).find((cause) => cause instanceof ProxyError)
  if (proxyError !== undefined) return { ...proxyError.problem, proxy: proxyError.proxy }
  const code = codeOf(error)
  return code !== null && untrusted.test(code)
    ? { _tag: "UntrustedServer", code }
    : { _tag: "Unreachable", code }
}

/** An error and its causes, from the outside in; clients nest them differently. */
const chain = (error: unknown): ReadonlyArray<object> => {
  const causes: Array<object> = []
  for (let cause = error; causes.length < 8 && Predicate.isObject(cause);) {
    causes.push(cause)
    cause = "cause" in cause ? cause.cause : undefined
  }
  return causes
}

/** The first code among the causes, such as `ECONNREFUSED`. */
export const codeOf = (error: unknown): string | null => {
  for (const cause of chain(error)) {
    if ("code" in cause && typeof cause.code === "string" && /^[A-Z][A-Z0-9_]*$/.test(cause.code)) {
      return cause.code
    }
  }
  return null
}
