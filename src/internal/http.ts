/**
 * What calls of the backend and downloads of bundles have in common.
 *
 * Nothing in here, be it an error, a log line or a span, tells a URL's query or a header.
 */
import {
  Clock,
  Context,
  Duration,
  Effect,
  Predicate,
  Result,
  Schedule,
  Schema,
  Stream
} from "effect"
import {
  FetchHttpClient,
  Headers,
  HttpClient,
  type HttpClientError,
  type HttpClientRequest,
  type HttpClientResponse
} from "effect/http"

/** How often what may heal is tried again. */
export const retries = 3

/** The wait before the first retry; each further one is twice as long. Varied by a fifth at random. */
export const firstRetryDelay = Duration.millis(500)

/** The longest `Retry-After` that is waited for; whoever asks for more is not asked again. */
export const maxRetryAfter = Duration.seconds(30)

/** What goes wrong in the same way with any server. */
export const Failure = {
  /** No connection, or one that broke. `code` is the system's, where there is one. */
  Unreachable: { code: Schema.NullOr(Schema.String) },
  /** No secure connection: mostly a certificate that does not hold. */
  UntrustedServer: { code: Schema.String },
  /** 408, 429 or 5xx. */
  Unavailable: { status: Schema.Int, retryAfter: Schema.NullOr(Schema.Duration) }
}
export type Failure = ReturnType<typeof Schema.TaggedUnion<typeof Failure>>["Type"]

export const isFailure = (reason: { readonly _tag: string }): reason is Failure =>
  reason._tag in Failure

/** Says what the server did, for a sentence that begins with its name. */
export const describe = (failure: Failure): string => {
  switch (failure._tag) {
    case "Unreachable":
      return `cannot be reached or broke the connection${failure.code === null ? "" : ` (${failure.code})`}: check the network and try again`
    case "UntrustedServer":
      return `offers no secure connection that can be trusted (${failure.code})`
    case "Unavailable":
      return failure.retryAfter !== null &&
        Duration.isGreaterThan(failure.retryAfter, maxRetryAfter)
        ? `answered ${failure.status} and asks to wait ${Duration.format(failure.retryAfter)}, longer than the ${Duration.format(maxRetryAfter)} that are waited for: try again then`
        : `answered ${failure.status} each time it was asked: try again later`
  }
}

/** The least wait after which a failure may have healed; undefined if it will not soon. */
export const healsAfter = (failure: Failure): Duration.Duration | undefined => {
  switch (failure._tag) {
    case "Unreachable":
      return Duration.zero
    case "UntrustedServer":
      return undefined
    case "Unavailable":
      return failure.retryAfter === null
        ? Duration.zero
        : Duration.isGreaterThan(failure.retryAfter, maxRetryAfter)
          ? undefined
          : failure.retryAfter
  }
}

/** Tries again, a few times, while an error says after how long it may have healed. */
export const retry = <A, E extends { readonly message: string }, R>(
  effect: Effect.Effect<A, E, R>,
  healsAfter: (error: E) => Duration.Duration | undefined
): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: (error) => healsAfter(error) !== undefined,
    schedule: Schedule.exponential(firstRetryDelay).pipe(
      Schedule.jittered,
      Schedule.upTo({ times: retries }),
      Schedule.setInputType<E>(),
      Schedule.modifyDelay(({ duration, input }) =>
        Effect.succeed(Duration.max(duration, healsAfter(input) ?? Duration.zero))
      ),
      Schedule.tap(({ duration, input }) =>
        Effect.logDebug(`${input.message}; trying again in ${Duration.format(duration)}`)
      )
    )
  })

/** The client's own spans would hold URLs and headers; a redirect is the caller's to judge. */
const discreet = Context.make(HttpClient.TracerDisabledWhen, () => true).pipe(
  Context.add(FetchHttpClient.RequestInit, { credentials: "omit", redirect: "manual" })
)

/** Sends a request. No redirect is followed, and no header is added for tracing. */
export const send = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, Failure> =>
  client.execute(request).pipe(Effect.provideContext(discreet), Effect.mapError(failureOf))

/** The bytes of an answer, none where it has no body. */
export const body = (
  response: HttpClientResponse.HttpClientResponse
): Stream.Stream<Uint8Array, Failure> =>
  response.stream.pipe(
    Stream.catch((error) =>
      error.reason._tag === "EmptyBodyError" ? Stream.empty : Stream.fail(failureOf(error))
    )
  )

/** Lets go of an answer whose body nobody will read. */
export const discard = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> =>
  Stream.toPull(response.stream).pipe(Effect.scoped, Effect.asVoid)

/** The failure that a status stands for; undefined for one that has to be judged by its meaning. */
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

/** A URL as it may be shown: without credentials, query and fragment. */
export const shown = (url: URL): string =>
  url.origin === "null" ? url.protocol : url.origin + url.pathname

/**
 * What OpenSSL and Node call a certificate or a handshake that does not hold. To ask again would
 * get the same answer.
 */
const untrusted =
  /^(?:CERT_|CRL_|DEPTH_ZERO_|ERR_SSL_|ERR_TLS_|ERROR_IN_|SELF_SIGNED_|UNABLE_TO_)|^(?:EPROTO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)$/

const failureOf = (error: HttpClientError.HttpClientError): Failure => {
  const code = codeOf(error)
  return code !== null && untrusted.test(code)
    ? { _tag: "UntrustedServer", code }
    : { _tag: "Unreachable", code }
}

/** The first code along the chain of causes, such as `ECONNREFUSED`; clients nest it differently. */
const codeOf = (error: unknown): string | null => {
  for (let cause = error, depth = 0; depth < 8 && Predicate.isObject(cause); depth++) {
    if ("code" in cause && typeof cause.code === "string" && /^[A-Z][A-Z0-9_]*$/.test(cause.code)) {
      return cause.code
    }
    cause = "cause" in cause ? cause.cause : undefined
  }
  return null
}
