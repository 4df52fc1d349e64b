/**
 * A simulated network: a relay on loopback with a fixed round-trip time and, for each direction, a rate that
 * all connections share. A new connection waits one round trip, as a TCP handshake does. No data is lost.
 */
import * as Net from "node:net"

export interface Network {
  /** In milliseconds. */
  readonly roundTrip: number
  /** In bytes per second, for each direction. */
  readonly rate: number
  /** Each connection begins with {@link firstWindow} and doubles it in each round trip. */
  readonly slowStart?: boolean
}

/** The bytes of one connection that may be in transit before its sender has to wait. */
const window = 4 * 1024 * 1024

const segment = 1460

/** The first window of a TCP connection, in bytes (RFC 6928). */
const firstWindow = 10 * segment

/** The size of the pieces. Large ones would delay small pieces of other connections. */
const pieceOf = ({ slowStart }: Network): number => (slowStart ? 2 * segment : 16 * 1024)

/** A queue of pieces that share one rate. */
const direction = ({ rate, roundTrip }: Network) => {
  let freeAt = 0
  const due: Array<{ readonly at: number; readonly deliver: () => void }> = []
  let timer: NodeJS.Timeout | undefined
  const run = () => {
    timer = undefined
    const now = performance.now()
    while (due[0] !== undefined && due[0].at <= now + 0.2) due.shift()!.deliver()
    if (due[0] !== undefined) timer = setTimeout(run, Math.max(0, due[0].at - now))
  }
  return (bytes: number, notBefore: number, deliver: () => void) => {
    freeAt = Math.max(freeAt, performance.now(), notBefore) + (bytes / rate) * 1000
    due.push({ at: freeAt + roundTrip / 2, deliver })
    timer ??= setTimeout(run, Math.max(0, due[0]!.at - performance.now()))
  }
}

/** The name of {@link minimumTime} among the programs of a case. */
export const minimumName = "the network's minimum"

/** The network's minimum for a cold sync, in milliseconds: two round trips for the listing, three for the first bundle. */
export const minimumTime = ({ rate, roundTrip }: Network, bytes: number): number =>
  5 * roundTrip + (bytes / rate) * 1000

/** Makes a network between `host` and 127.0.0.1. All opened ports share it. */
export const make = (network: Network, host: string) => {
  const [up, down] = [direction(network), direction(network)]

  const piece = pieceOf(network)

  const carry = (from: Net.Socket, to: Net.Socket, send: typeof up, notBefore: number) => {
    let allowed = network.slowStart ? firstWindow : window
    let underWay = 0
    const queue: Array<Buffer> = []
    const endings: Array<() => void> = []

    const acknowledge = ({ length }: Buffer) => {
      underWay -= length
      if (network.slowStart) allowed = Math.min(window, allowed + length)
      sendOn()
    }
    const deliver = (bytes: Buffer) => {
      to.write(bytes)
      if (network.slowStart) setTimeout(acknowledge, network.roundTrip / 2, bytes)
      else acknowledge(bytes)
    }
    const sendOn = () => {
      while (queue.length > 0 && underWay < allowed) {
        const bytes = queue.shift()!
        underWay += bytes.length
        send(bytes.length, notBefore, () => deliver(bytes))
      }
      if (queue.length > 0) return
      from.resume()
      for (const end of endings.splice(0)) send(0, notBefore, end)
    }
    const endWith = (end: () => void) => {
      endings.push(end)
      sendOn()
    }

    from.on("data", (data: Buffer) => {
      for (let at = 0; at < data.length; at += piece) queue.push(data.subarray(at, at + piece))
      from.pause()
      sendOn()
    })
    from.on("end", () => endWith(() => to.end()))
    from.on("error", () => to.destroy())
    from.on("close", () => endWith(() => to.destroySoon()))
  }

  return (port: number): Promise<Net.Server> =>
    new Promise((resolve) => {
      const server = Net.createServer({ allowHalfOpen: true }, (client) => {
        const upstream = Net.connect({ port, host: "127.0.0.1", allowHalfOpen: true })
        for (const socket of [client, upstream]) socket.setNoDelay(true)
        carry(client, upstream, up, performance.now() + network.roundTrip)
        carry(upstream, client, down, 0)
      })
      server.listen(port, host, () => resolve(server))
    })
}
