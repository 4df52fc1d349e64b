/**
 * HTTP servers on a free port of 127.0.0.1.
 */
import { Effect } from "effect"
import * as Http from "node:http"
import * as Http2 from "node:http2"
import type { Socket } from "node:net"
import type { ServerCertificate } from "../../support/certificates.ts"
import { listen } from "../../support/listen.ts"

/** Serves plain HTTP until the scope closes, and returns the server's origin. */
export const serve = Effect.fnUntraced(function* (answer: Http.RequestListener) {
  const server = Http.createServer(answer)
  const port = yield* listen(server, () => server.closeAllConnections())
  return `http://127.0.0.1:${port}`
})

/** Serves HTTP/2, and HTTP/1.1 to clients that do not ask for HTTP/2, until the scope closes. Returns the origin. */
export const serveHttp2 = Effect.fnUntraced(function* (
  certificate: ServerCertificate,
  answer: (request: Http2.Http2ServerRequest, response: Http2.Http2ServerResponse) => void
) {
  const sockets = new Set<Socket>()
  const server = Http2.createSecureServer({ ...certificate, allowHTTP1: true }, answer)
  server.on("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  const port = yield* listen(server, () => sockets.forEach((socket) => socket.destroy()))
  return `https://127.0.0.1:${port}`
})
