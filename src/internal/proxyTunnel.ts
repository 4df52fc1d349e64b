/**
 * Tunnels through a proxy that is itself on https. Node can make them, too, but trusts only its own
 * certificates for the proxy.
 */
import { Redacted } from "effect"
import * as Https from "node:https"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import * as Tls from "node:tls"
import type { Proxy } from "./proxy.ts"

interface Target {
  readonly host: string
  readonly port: number
}

/**
 * Requests a connection to the target from the proxy. Fails as Node's own tunnels do, with the code
 * `ERR_PROXY_TUNNEL` and the proxy's status. Returns a function that cancels the request.
 */
export const open = (
  proxy: Proxy,
  { host, port }: Target,
  secureContext: Tls.SecureContext,
  done: (result: Duplex | Error) => void
): (() => void) => {
  const url = new URL(Redacted.value(proxy.url))
  const proxyHost = url.hostname.replace(/^\[|\]$/g, "")
  const credentials = [url.username, url.password].map(decodeURIComponent).join(":")
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`
  const request = Https.request({
    method: "CONNECT",
    path: authority,
    headers: {
      host: authority,
      ...(credentials === ":"
        ? {}
        : { "proxy-authorization": `Basic ${Buffer.from(credentials).toString("base64")}` })
    },
    createConnection: () =>
      Tls.connect({
        host: proxyHost,
        port: url.port === "" ? 443 : Number(url.port),
        secureContext,
        ...(Net.isIP(proxyHost) === 0 ? { servername: proxyHost } : {})
      })
  })
  request.once("connect", ({ statusCode = 0 }, socket) => {
    if (statusCode === 200) return done(socket)
    socket.destroy()
    const code = "ERR_PROXY_TUNNEL"
    done(Object.assign(new Error(`the proxy answered ${statusCode}`), { code, statusCode }))
  })
  request.once("error", done)
  request.end()
  return () => request.destroy()
}
