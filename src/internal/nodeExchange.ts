/**
 * One request with Node's own client, and its response.
 *
 * Effect's client for Node also sends streams, upgrades connections and watches each upload in a
 * separate fiber. This client leaves that out, because our requests have a short body or none, and
 * a pass sends hundreds of them.
 */
import * as NodeHttpIncomingMessage from "@effect/platform-node/NodeHttpIncomingMessage"
import { type Array as Arr, Cause, Channel, Effect, Pipeable, Scope, Stream } from "effect"
import {
  Cookies,
  HttpClientError,
  HttpClientResponse,
  HttpIncomingMessage,
  type HttpClientRequest
} from "effect/http"
import * as Http from "node:http"
import * as Https from "node:https"

/** The agents that keep connections open, by scheme. */
export interface Agents {
  readonly http: Http.Agent
  readonly https: Https.Agent
}

/** The failure of a request without a complete response. */
export const transportError = (request: HttpClientRequest.HttpClientRequest, cause: unknown) =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.TransportError({ request, cause })
  })

/** An unread response would keep its connection forever. */
const unread = new FinalizationRegistry<Http.IncomingMessage>((incoming) => incoming.destroy())

/**
 * The state of a body. The listeners of its source refer to this and not to the response, so that
 * the response can be collected.
 */
interface Body {
  failure: Error | undefined
  wake: (() => void) | undefined
}

const stir = (body: Body): void => {
  const { wake } = body
  body.wake = undefined
  wake?.()
}

/**
 * Errors appear on the response once there is one. An error of the request without a listener would
 * end the process.
 */
const ignore = () => {}

type Chunks = Arr.NonEmptyArray<Uint8Array>

class NodeResponse
  extends NodeHttpIncomingMessage.NodeHttpIncomingMessage<HttpClientError.HttpClientError>
  implements HttpClientResponse.HttpClientResponse
{
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly url: string
  private readonly body: Body

  constructor(
    request: HttpClientRequest.HttpClientRequest,
    url: string,
    incoming: Http.IncomingMessage
  ) {
    super(incoming, (cause) => transportError(request, cause))
    this.request = request
    this.url = url
    const body: Body = { failure: undefined, wake: undefined }
    this.body = body
    // An error without a listener would end the process.
    incoming.on("error", (error) => {
      body.failure ??= error
      stir(body)
    })
    unread.register(this, incoming, incoming)
    incoming.once("close", () => unread.unregister(incoming))
  }

  get status() {
    return this.source.statusCode!
  }

  get cookies() {
    const header = this.source.headers["set-cookie"]
    return header === undefined ? Cookies.empty : Cookies.fromSetCookie(header)
  }

  get formData(): Effect.Effect<never, HttpClientError.HttpClientError> {
    return this.unsupported("form data")
  }

  get upgrade(): Effect.Effect<never, HttpClientError.HttpClientError> {
    return this.unsupported("upgrades")
  }

  private unsupported(what: string): Effect.Effect<never, HttpClientError.HttpClientError> {
    return Effect.fail(
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.DecodeError({
          request: this.request,
          response: this,
          description: `this client does not support ${what}`
        })
      })
    )
  }

  override get stream() {
    return Stream.fromChannel(
      Channel.fromTransform((_, scope) =>
        Effect.suspend(() => {
          const now = () => stir(this.body)
          // All bytes that arrive in one turn of the event loop are read together.
          const soon = () => setImmediate(now)
          this.source.on("readable", soon).on("end", now).on("close", now)
          const release = Effect.sync(() => {
            this.source.off("readable", soon).off("end", now).off("close", now)
            if (!this.source.readableEnded) this.source.destroy()
          })
          return Effect.as(Scope.addFinalizer(scope, release), this.pull)
        })
      )
    )
  }

  private readonly pull = Effect.suspend(
    (): Effect.Effect<Chunks, HttpClientError.HttpClientError | Cause.Done> => {
      const first: Uint8Array | null = this.source.read()
      if (first !== null) {
        const chunks: Chunks = [first]
        // Node returns one buffer for each call: over TLS, a record of at most 16 kB.
        for (let chunk = this.source.read(); chunk !== null; chunk = this.source.read()) {
          chunks.push(chunk)
        }
        return Effect.succeed(chunks)
      }
      if (this.source.readableEnded) return Cause.done()
      const { failure } = this.body
      if (failure !== undefined) return Effect.fail(this.onError(failure))
      if (this.source.destroyed) return Effect.fail(this.onError(new Error("the body is cut off")))
      return this.arrival
    }
  )

  private readonly arrival: typeof this.pull = Effect.callback<
    Chunks,
    HttpClientError.HttpClientError | Cause.Done
  >((resume) => {
    this.body.wake = () => resume(this.pull)
    return Effect.sync(() => {
      this.body.wake = undefined
    })
  })

  toJSON() {
    return HttpIncomingMessage.inspect(this, {
      _id: "effect/http/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }

  pipe() {
    return Pipeable.pipeArguments(this, arguments)
  }
}

/** The body of a request, which must be one that this client can send. */
const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest): Uint8Array | undefined => {
  switch (body._tag) {
    case "Empty":
      return undefined
    case "Uint8Array":
      return body.body
    default:
      throw new Error(`this client sends no body of the kind ${body._tag}`)
  }
}

/** Sends a request to its URL. An interruption cancels the request. */
export const send = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  { http, https }: Agents
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.callback((resume) => {
    const { headers, method } = request
    const outgoing =
      url.protocol === "https:"
        ? Https.request(url, { agent: https, method, headers })
        : Http.request(url, { agent: http, method, headers })
    const fail = (cause: Error) => resume(Effect.fail(transportError(request, cause)))
    outgoing.on("error", fail)
    outgoing.once("response", (incoming) => {
      outgoing.off("error", fail).on("error", ignore)
      resume(Effect.succeed(new NodeResponse(request, url.href, incoming)))
    })
    outgoing.end(bodyOf(request))
    return Effect.sync(() => outgoing.destroy())
  })
