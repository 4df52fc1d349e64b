/**
 * A forward proxy on loopback that logs every request, and may ask for a user and a password.
 */
import { Effect } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"

export interface LoggingProxy {
  readonly port: number
  /** Method and target of each request, such as `CONNECT 127.0.0.1:8443`. */
  readonly log: ReadonlyArray<string>
}

/** `credentials` are `user:password`, which every request must carry. */
export const make = Effect.fnUntraced(function* (credentials?: string) {
  const log: Array<string> = []
  const expected =
    credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`
  const admits = (request: Http.IncomingMessage) => {
    log.push(`${request.method} ${request.url}`)
    return expected === undefined || request.headers["proxy-authorization"] === expected
  }
  const sockets = new Set<Net.Socket>()
  const server = Http.createServer((request, response) => {
    if (!admits(request)) {
      response.writeHead(407, { "proxy-authenticate": "Basic" }).end()
      return
    }
    const { "proxy-authorization": _, ...headers } = request.headers
    const upstream = Http.request(
      request.url ?? "",
      { method: request.method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      }
    )
    upstream.on("error", () => response.destroy())
    request.pipe(upstream)
  })
  server.on("connect", (request, socket) => {
    socket.on("error", () => socket.destroy())
    if (!admits(request)) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
      return
    }
    const { hostname, port } = new URL(`http://${request.url}`)
    const upstream = Net.connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n")
      upstream.pipe(socket).pipe(upstream)
    })
    sockets.add(upstream)
    upstream.on("error", () => socket.destroy())
    socket.on("close", () => upstream.destroy())
  })
  server.on("connection", (socket) => sockets.add(socket))
  const port = yield* Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        resume(Effect.succeed((server.address() as Net.AddressInfo).port))
      })
    }),
    () =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  )
  const proxy: LoggingProxy = { port, log }
  return proxy
})
