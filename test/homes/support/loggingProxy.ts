/**
 * A forward proxy on loopback that logs every request. It can require a user and a password, or refuse
 * every request. It resolves every name to loopback.
 */
import { Effect } from "effect"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import type { ServerCertificate } from "../../support/certificates.ts"
import * as Listen from "../../support/listen.ts"

export interface LoggingProxy {
  readonly port: number
  /** Method and target of each request, such as `CONNECT 127.0.0.1:8443`. */
  readonly log: ReadonlyArray<string>
}

export interface Options {
  /** `user:password`, which every request must carry. */
  readonly credentials?: string | undefined
  /** Answers every request with this status. */
  readonly refusal?: number | undefined
  /** Speaks TLS to its clients. */
  readonly tls?: ServerCertificate | undefined
}

export const make = Effect.fnUntraced(function* ({ credentials, refusal, tls }: Options = {}) {
  const log: Array<string> = []
  const expected =
    credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`
  /** The status of a refusal; undefined if the request is let through. */
  const refuse = (request: Http.IncomingMessage) => {
    log.push(`${request.method} ${request.url}`)
    return expected === undefined || request.headers["proxy-authorization"] === expected
      ? refusal
      : 407
  }
  const sockets = new Set<Net.Socket>()
  const onRequest: Http.RequestListener = (request, response) => {
    const status = refuse(request)
    const url = URL.parse(request.url ?? "")
    if (status !== undefined || url === null) {
      response.writeHead(status ?? 400, { "proxy-authenticate": "Basic" }).end()
      return
    }
    const { "proxy-authorization": _, ...headers } = request.headers
    const { pathname, port, search } = url
    const upstream = Http.request(
      { host: "127.0.0.1", port, path: pathname + search, method: request.method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      }
    )
    upstream.on("error", () => response.destroy())
    request.pipe(upstream)
  }
  const server =
    tls === undefined ? Http.createServer(onRequest) : Https.createServer(tls, onRequest)
  server.on("connect", (request: Http.IncomingMessage, socket: Net.Socket) => {
    socket.on("error", () => socket.destroy())
    const status = refuse(request)
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status} Refused\r\n\r\n`)
      return
    }
    const { port } = new URL(`http://${request.url}`)
    const upstream = Net.connect(Number(port), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n")
      upstream.pipe(socket).pipe(upstream)
    })
    sockets.add(upstream)
    upstream.on("error", () => socket.destroy())
    socket.on("close", () => upstream.destroy())
  })
  server.on("connection", (socket: Net.Socket) => sockets.add(socket))
  const proxy: LoggingProxy = { port: yield* listen(server, sockets), log }
  return proxy
})

/** Listens on a free port of loopback until the scope closes, which ends the sockets. */
export const listen = (server: Net.Server, sockets: ReadonlySet<Net.Socket>) =>
  Listen.listen(server, () => {
    for (const socket of sockets) socket.destroy()
  })
