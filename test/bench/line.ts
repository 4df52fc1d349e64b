/**
 * A network line: a relay on loopback that gives all connections together one round-trip time and
 * one rate per direction. A new connection waits one round trip, as a TCP handshake does. There is no
 * loss.
 */
import * as Net from "node:net"

export interface Line {
  /** In milliseconds. */
  readonly roundTrip: number
  /** In bytes per second, for each direction. */
  readonly rate: number
  /** Each connection begins with {@link firstWindow} and doubles it in each round trip. */
  readonly slowStart?: boolean
}

/** How much of one connection may be on the line before its sender has to wait, in bytes. */
const window = 4 * 1024 * 1024

const segment = 1460

/** The window that a TCP connection begins with, in bytes (RFC 6928). */
const firstWindow = 10 * segment

/** Large pieces would keep small ones of other connections waiting. */
const pieceOf = ({ slowStart }: Line): number => (slowStart ? 2 * segment : 16 * 1024)

/** A queue of pieces that share one rate. */
const direction = ({ rate, roundTrip }: Line) => {
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

/** The name of {@link ownTime} among the programs of a case. */
export const ownTimeName = "the network's minimum"

/** The line's own time for a cold sync, in milliseconds: two round trips for the listing, three for the first bundle. */
export const ownTime = ({ rate, roundTrip }: Line, bytes: number): number =>
  5 * roundTrip + (bytes / rate) * 1000

/** Makes a line between `host` and 127.0.0.1. All ports that are opened share it. */
export const make = (line: Line, host: string) => {
  const [up, down] = [direction(line), direction(line)]

  const piece = pieceOf(line)

  const carry = (from: Net.Socket, to: Net.Socket, send: typeof up, notBefore: number) => {
    let allowed = line.slowStart ? firstWindow : window
    let underWay = 0
    const queue: Array<Buffer> = []
    const endings: Array<() => void> = []

    const acknowledge = ({ length }: Buffer) => {
      underWay -= length
      if (line.slowStart) allowed = Math.min(window, allowed + length)
      sendOn()
    }
    const deliver = (bytes: Buffer) => {
      to.write(bytes)
      if (line.slowStart) setTimeout(acknowledge, line.roundTrip / 2, bytes)
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
        carry(client, upstream, up, performance.now() + line.roundTrip)
        carry(upstream, client, down, 0)
      })
      server.listen(port, host, () => resolve(server))
    })
}
