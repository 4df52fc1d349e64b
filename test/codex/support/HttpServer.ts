/**
 * A plain HTTP server on a free port of 127.0.0.1.
 */
import { Effect } from "effect"
import * as Http from "node:http"
import { listen } from "../../support/listen.ts"

/** Serves until the scope closes, and gives the server's origin. */
export const serve = Effect.fnUntraced(function* (answer: Http.RequestListener) {
  const server = Http.createServer(answer)
  const port = yield* listen(server, () => server.closeAllConnections())
  return `http://127.0.0.1:${port}`
})
