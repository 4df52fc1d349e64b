/**
 * Servers on a free port of 127.0.0.1.
 */
import { Effect } from "effect"
import type * as Net from "node:net"

/** Listens until the scope closes, which closes these connections, too. Gives the port. */
export const listen = (server: Net.Server, closeConnections: () => void) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        resume(Effect.succeed((server.address() as Net.AddressInfo).port))
      })
    }),
    () =>
      Effect.sync(() => {
        server.close()
        closeConnections()
      })
  )
