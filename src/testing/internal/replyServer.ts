/**
 * The test backend on real ports of 127.0.0.1.
 *
 * A plain answer goes directly to Node, so that it takes little processor time from a benchmark's
 * clients.
 */
import { Effect, FiberSet, Stream } from "effect"
import type { Scope } from "effect"
import { Headers, HttpServerError } from "effect/http"
import * as Http from "node:http"
import * as Https from "node:https"
import type { AddressInfo, Socket } from "node:net"
import * as Exchange from "./exchange.ts"

export interface Options {
  readonly receive: Exchange.Receive
  /** The origin of bundles in the rows. */
  readonly bundleOrigin: () => string
  /** PEM, for HTTPS. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined
  /** 0 takes a free one. */
  readonly port: number
}

/**
 * The time for which an idle connection stays open, in milliseconds. It is longer than in any
 * client.
 */
const keepAliveTimeout = 120_000

/** Listens until the scope closes, and returns the port. */
export const listen = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<number, HttpServerError.ServeError, Scope.Scope> {
  const run = yield* FiberSet.makeRuntime()
  const scheme = options.tls === undefined ? "http" : "https"
  // A TLS socket cannot be reset, but the TCP socket below it can.
  const transports = new Map<number | undefined, Socket>()

  // Node reports late that an answer was sent. The next request on its connection proves it, too.
  const unfinished = new WeakMap<Socket, Exchange.Exchange["finish"]>()

  const stop = (response: Http.ServerResponse, how: "closed" | "reset") => {
    const { socket } = response
    if (how === "closed") return socket?.destroySoon()
    return transports.get(socket?.remotePort)?.resetAndDestroy()
  }

  const onRequest: Http.RequestListener = (request, response) => {
    request.resume()
    const url = URL.parse(request.url ?? "/", `${scheme}://${request.headers.host}`)
    if (url === null) return void response.writeHead(400).end()
    unfinished.get(request.socket)?.("whole")
    const { finish, reply } = options.receive({
      method: request.method ?? "GET",
      url,
      headers: Headers.fromInput(request.headers),
      bundleOrigin: options.bundleOrigin()
    })
    unfinished.set(request.socket, finish)
    const plain = Exchange.isPlain(reply)
    const send = () => {
      response.writeHead(reply.status, Exchange.headersOf(reply)).end(reply.body)
    }
    const fiber =
      plain && reply.before === undefined
        ? undefined
        : Exchange.head(reply).pipe(
            Effect.andThen(
              plain ? Effect.sync(send) : Effect.suspend(() => sendInPieces(response, reply))
            ),
            Effect.catchTag("Break", ({ how }) =>
              Effect.sync(() => {
                finish("broken")
                stop(response, how)
              })
            ),
            run
          )
    response.once("close", () => {
      finish(response.writableFinished ? "whole" : "aborted")
      fiber?.interruptUnsafe()
    })
    if (fiber === undefined) send()
  }

  const server = yield* Effect.acquireRelease(
    Effect.callback<Http.Server | Https.Server, HttpServerError.ServeError>((resume) => {
      const server =
        options.tls === undefined
          ? Http.createServer({ keepAliveTimeout }, onRequest)
          : Https.createServer({ keepAliveTimeout, ...options.tls }, onRequest)
      server.on("connection", (socket: Socket) => {
        const port = socket.remotePort
        transports.set(port, socket)
        socket.once("close", () => transports.delete(port))
      })
      server.once("error", (cause) =>
        resume(Effect.fail(new HttpServerError.ServeError({ cause })))
      )
      server.listen(options.port, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  return (server.address() as AddressInfo).port
})

const sendInPieces = (
  response: Http.ServerResponse,
  reply: Exchange.Exchange["reply"]
): Effect.Effect<void, Exchange.Break> => {
  response.writeHead(reply.status, Exchange.headersOf(reply)).flushHeaders()
  return Exchange.body(reply).pipe(
    Stream.runForEach((piece) =>
      // After an error the connection closes, which interrupts this.
      Effect.callback<void>((resume) => {
        response.write(piece, (error) => (error ? undefined : resume(Effect.void)))
      })
    ),
    Effect.andThen(
      Effect.sync(() => {
        response.end()
      })
    )
  )
}
