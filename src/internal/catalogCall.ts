/**
 * One call of the backend: its headers, its limits, and the meaning of its response.
 */
import { Duration, Effect, Option, Redacted, Stream } from "effect"
import { type HttpClient, HttpClientRequest } from "effect/http"
import type { Tokens } from "./authFile.ts"
import type { Answer } from "./catalogRows.ts"
import * as Http from "./http.ts"

/** The time limit of one call, including the body of the response. Source: Codex. */
export const timeLimit = Duration.seconds(30)

/** The maximum size of one response, in bytes. */
export const maxBytes = 64 * 1024 * 1024

/** The reason why a call failed; see `RemoteCatalogError`. */
export type Reason =
  | Http.Failure
  | { readonly _tag: "TimedOut" | "Unauthorized" | "Forbidden" | "NotFound" }
  | { readonly _tag: "Redirected" | "Rejected"; readonly status: number }
  | { readonly _tag: "TooLarge" | "MalformedAnswer" }

const utf8 = new TextDecoder()

/** The meaning of a status that is no failure of the server. */
const reasonOf = (status: number): Reason => {
  switch (status) {
    case 401:
      return { _tag: "Unauthorized" }
    case 403:
      return { _tag: "Forbidden" }
    case 404:
      return { _tag: "NotFound" }
    default:
      return { _tag: status < 400 ? "Redirected" : "Rejected", status }
  }
}

const send = Effect.fnUntraced(function* (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest
): Effect.fn.Return<Answer, Reason> {
  const response = yield* Http.sendAnnotated(client, request)
  if (response.status < 200 || response.status > 299) {
    yield* Http.discard(response)
    const { status } = response
    return yield* Effect.fail<Reason>(
      Http.isChallenge(response)
        ? { _tag: "Challenged", status }
        : ((yield* Http.statusFailure(response)) ?? reasonOf(status))
    )
  }
  const bytes = yield* Http.body(response).pipe(
    Stream.limitBytes(maxBytes, () => Stream.fail<Reason>({ _tag: "TooLarge" })),
    Stream.mkUint8Array
  )
  const text = utf8.decode(bytes)
  yield* Effect.annotateCurrentSpan("http.response.body.size", bytes.length)
  return yield* Effect.try({
    try: () => ({ text, json: JSON.parse(text) as unknown }),
    // The parser's own message quotes the answer.
    catch: (): Reason =>
      Http.isHtml(response)
        ? { _tag: "Challenged", status: response.status }
        : { _tag: "MalformedAnswer" }
  })
})

/** A call of the backend, without retries. */
export const make = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest,
  { accessToken, accountId }: Tokens
): Effect.Effect<Answer, Reason> =>
  send(
    client,
    request.pipe(
      HttpClientRequest.bearerToken(accessToken),
      HttpClientRequest.setHeaders({
        "oai-product-sku": "codex",
        ...Option.match(accountId, {
          onNone: () => undefined,
          onSome: (id) => ({ "chatgpt-account-id": Redacted.value(id) })
        })
      })
    )
  ).pipe(
    Effect.timeoutOrElse({
      duration: timeLimit,
      orElse: () => Effect.fail<Reason>({ _tag: "TimedOut" })
    })
  )
