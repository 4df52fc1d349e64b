/**
 * A plain HTTP server on a free port of 127.0.0.1.
 */
import { Effect } from "effect"
import * as Http from "node:http"
import type * as Net from "node:net"

/** Serves until the scope closes, and gives the server's origin. */
export const serve = Effect.fnUntraced(function* (answer: Http.RequestListener) {
  const server = Http.createServer(answer)
  const port = yield* Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        resume(Effect.succeed((server.address() as Net.AddressInfo).port))
      })
    }),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  return `http://127.0.0.1:${port}`
})
