/**
 * The test backend as an `HttpClient` without sockets.
 */
import { Effect, Inspectable, Option, Pipeable, Stream } from "effect"
import type { Schema } from "effect"
import {
  Cookies,
  Headers,
  HttpClient,
  HttpClientError,
  HttpClientResponse,
  HttpIncomingMessage,
  UrlParams
} from "effect/http"
import type { HttpClientRequest } from "effect/http"
import type { Socket } from "effect/socket"
import * as Exchange from "./exchange.ts"

/** The error of Node for a broken connection. */
const connectionError = (message: string): Error =>
  Object.assign(new Error(message), { code: "ECONNRESET" })

export const make = (receive: Exchange.Receive, bundleOrigin: string): HttpClient.HttpClient =>
  HttpClient.make((request, url, signal) =>
    Effect.suspend(() => {
      const exchange = receive({
        method: request.method,
        url,
        headers: request.headers,
        bundleOrigin
      })
      const { finish, reply } = exchange
      signal.addEventListener("abort", () => finish("aborted"), { once: true })
      return Exchange.head(reply).pipe(
        Effect.map(() => {
          // Clients leave the body of an error unread, but a socket would have accepted it.
          if (reply.status >= 300 && Exchange.isPlain(reply)) finish("whole")
          return new Response(request, url, exchange)
        }),
        Effect.catchTag("Break", () => {
          finish("broken")
          return Effect.fail(
            new HttpClientError.HttpClientError({
              reason: new HttpClientError.TransportError({
                request,
                cause: connectionError("socket hang up")
              })
            })
          )
        })
      )
    })
  )

class Response
  extends Inspectable.Class
  implements HttpClientResponse.HttpClientResponse, Pipeable.Pipeable
{
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId =
    HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId

  readonly request: HttpClientRequest.HttpClientRequest
  readonly url: string
  readonly status: number
  readonly headers: Headers.Headers
  readonly cookies = Cookies.empty
  readonly remoteAddress = Option.none<string>()
  readonly stream: Stream.Stream<Uint8Array, HttpClientError.HttpClientError>

  constructor(request: HttpClientRequest.HttpClientRequest, url: URL, exchange: Exchange.Exchange) {
    super()
    const { finish, reply } = exchange
    this.request = request
    this.url = url.href.split("#")[0]!
    this.status = reply.status
    this.headers = Headers.fromInput(Exchange.headersOf(reply))
    // A client reads only up to the content length.
    const body = reply.body.subarray(0, reply.contentLength ?? undefined)
    this.stream = Exchange.body({ ...reply, body }).pipe(
      Stream.mapError(() => {
        finish("broken")
        return this.failure(connectionError("aborted"))
      }),
      Stream.onExit((exit) =>
        Effect.sync(() => finish(exit._tag === "Success" ? "whole" : "aborted"))
      )
    )
  }

  private failure(cause: unknown): HttpClientError.HttpClientError {
    return new HttpClientError.HttpClientError({
      reason: new HttpClientError.DecodeError({ request: this.request, response: this, cause })
    })
  }

  private decode<A>(f: () => A): Effect.Effect<A, HttpClientError.HttpClientError> {
    return Effect.try({ try: f, catch: (cause) => this.failure(cause) })
  }

  private get bytes(): Effect.Effect<Uint8Array<ArrayBuffer>, HttpClientError.HttpClientError> {
    return Effect.withFiber((fiber) => {
      const limit = fiber.getRef(HttpIncomingMessage.MaxBodySize)
      let size = 0
      return this.stream.pipe(
        Stream.tap((chunk) => {
          size += chunk.length
          return limit !== undefined && size > limit
            ? Effect.fail(this.failure(new Error("maxBytes exceeded")))
            : Effect.void
        }),
        Stream.mkUint8Array
      )
    })
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.HttpClientError> {
    return Effect.map(this.bytes, (bytes) => bytes.buffer)
  }

  get text(): Effect.Effect<string, HttpClientError.HttpClientError> {
    return Effect.map(this.bytes, (bytes) => new TextDecoder().decode(bytes))
  }

  get json(): Effect.Effect<Schema.Json, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.text, (text) =>
      this.decode(() => (text === "" ? null : JSON.parse(text)))
    )
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.HttpClientError> {
    return Effect.map(this.text, (text) => UrlParams.fromInput(new URLSearchParams(text)))
  }

  get formData(): Effect.Effect<FormData, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.bytes, (bytes) =>
      Effect.tryPromise({
        try: () => new globalThis.Response(bytes, { headers: this.headers }).formData(),
        catch: (cause) => this.failure(cause)
      })
    )
  }

  get upgrade(): Effect.Effect<Socket.Socket, HttpClientError.HttpClientError> {
    return Effect.fail(
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.StatusCodeError({
          request: this.request,
          response: this,
          description: "the test backend upgrades no connection"
        })
      })
    )
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }

  pipe() {
    return Pipeable.pipeArguments(this, arguments)
  }
}
