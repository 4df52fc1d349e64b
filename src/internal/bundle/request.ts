/**
 * Requests a bundle: over https only, with no header but `User-Agent`, and through redirects.
 */
import { Effect, type Scope, type Tracer } from "effect"
import { type HttpClient, HttpClientRequest, type HttpClientResponse } from "effect/http"
import * as Http from "../http.ts"
import { maxRedirects, type Reason } from "./bundleError.ts"

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const expiredStatuses: ReadonlySet<number> = new Set([401, 403, 404, 410])

const isLoopback = ({ hostname }: URL): boolean =>
  hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname)

/**
 * The length that the head announces; undefined if the body is encoded, because then it has another
 * length.
 */
const announcedLength = ({
  headers
}: HttpClientResponse.HttpClientResponse): number | undefined => {
  const length = headers["content-length"]
  return length !== undefined && /^\d+$/.test(length) && headers["content-encoding"] === undefined
    ? Number(length)
    : undefined
}

/** The reason why an answer has no bundle; undefined if it may have one. */
const refusalOf = (status: number, announced: number, most: number): Reason | undefined => {
  if (expiredStatuses.has(status)) return { _tag: "Expired", status }
  if (status < 200 || status > 299) return { _tag: "Rejected", status }
  return announced > most ? { _tag: "TooLarge", bytes: announced, most } : undefined
}

const fail = (reason: Reason): Effect.Effect<never, Reason> => Effect.fail(reason)

/** An answer that may have a bundle. */
interface Answer {
  readonly response: HttpClientResponse.HttpClientResponse
  /** The size of the body; undefined if the host does not announce it. */
  readonly announced: number | undefined
  /** The span of the request, which ends with the body or with the scope. */
  readonly span: Tracer.Span
}

export const make = (
  client: HttpClient.HttpClient,
  options: { readonly allowLoopbackHttp: boolean; readonly packedBytes: number }
) => {
  /**
   * The reason why nothing may be sent to a URL. After one https URL, all further ones must be
   * https.
   */
  const problemOf = (url: URL, from: URL | undefined) => {
    if (url.username + url.password !== "") return "Credentials"
    if (url.protocol === "https:") return undefined
    return url.protocol === "http:" &&
      from?.protocol !== "https:" &&
      options.allowLoopbackHttp &&
      isLoopback(url)
      ? undefined
      : "NotHttps"
  }

  /** The answer after all redirects. */
  const request = Effect.fnUntraced(function* (
    location: string
  ): Effect.fn.Return<Pick<Answer, "response" | "span">, Reason, Scope.Scope> {
    let from: URL | undefined
    let next = location
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const url = URL.parse(next, from)
      const problem = url === null ? "NotAUrl" : problemOf(url, from)
      if (url === null || problem !== undefined) {
        return yield* fail({
          _tag: "UnsafeUrl",
          url: url && Http.shown(url),
          problem: problem ?? "NotAUrl"
        })
      }
      const answer = Http.sendAnnotated(client, HttpClientRequest.get(url.href))
      const [response, span] = yield* Http.inOpenSpan(answer, "RemoteBundle.request", "GET", url)
      const target = response.headers["location"]
      if (!redirectStatuses.has(response.status) || target === undefined) {
        return { response, span }
      }
      yield* Http.discard(response)
      yield* Http.endSpan(span)
      from = url
      next = target
    }
    return yield* fail({ _tag: "TooManyRedirects" })
  })

  return Effect.fnUntraced(function* (url: string): Effect.fn.Return<Answer, Reason, Scope.Scope> {
    const { response, span } = yield* request(url)
    const announced = announcedLength(response)
    const reason =
      (yield* Http.statusFailure(response)) ??
      refusalOf(response.status, announced ?? 0, options.packedBytes)
    if (reason === undefined) return { response, announced, span }
    yield* Http.discard(response)
    return yield* fail(reason)
  })
}
