/**
 * A SOCKS5 proxy on loopback that logs every request. Every name resolves to loopback for it.
 */
import { Effect } from "effect"
import * as Net from "node:net"
import { listen } from "./loggingProxy.ts"

export interface SocksProxy {
  readonly port: number
  /** The target of each request, such as `bundles.test:8443`. */
  readonly log: ReadonlyArray<string>
}

const connectToName = [5, 1, 0, 3]

/** The target of a request; undefined for an address in place of a name, or another command. */
const targetOf = (request: Buffer) => {
  if (connectToName.some((byte, index) => request[index] !== byte)) return undefined
  const end = 5 + (request[4] ?? 0)
  return { host: request.toString("latin1", 5, end), port: request.readUInt16BE(end) }
}

export const make = Effect.gen(function* () {
  const log: Array<string> = []
  const sockets = new Set<Net.Socket>()
  const server = Net.createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => socket.destroy())
    socket.once("data", () => {
      socket.write(Buffer.from([5, 0]))
      socket.once("data", (request: Buffer) => {
        const target = targetOf(request)
        if (target === undefined) return void socket.destroy()
        log.push(`${target.host}:${target.port}`)
        const upstream = Net.connect(target.port, "127.0.0.1", () => {
          socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
          upstream.pipe(socket).pipe(upstream)
        })
        sockets.add(upstream)
        upstream.on("error", () => socket.destroy())
        socket.on("close", () => upstream.destroy())
      })
    })
  })
  const proxy: SocksProxy = { port: yield* listen(server, sockets), log }
  return proxy
})
