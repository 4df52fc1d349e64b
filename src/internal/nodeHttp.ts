/**
 * An HTTP client on Node's own agents that uses the same proxies and trusts the same certificates
 * as Codex.
 */
import { Effect, Layer, Option, Redacted } from "effect"
import {
  HttpClient,
  HttpClientError,
  HttpClientRequest,
  type HttpClientResponse
} from "effect/http"
import * as Http from "node:http"
import * as Https from "node:https"
import type { Duplex } from "node:stream"
import * as Tls from "node:tls"
import * as CertificateFile from "./certificateFile.ts"
import * as Environment from "./environment.ts"
import { codeOf, isIssuerUnknown, ProxyError } from "./http.ts"
import * as NodeExchange from "./nodeExchange.ts"
import * as Proxy from "./proxy.ts"
import * as ProxyTunnel from "./proxyTunnel.ts"

/**
 * The context that was made last, and its certificates. Layers that trust the same certificates
 * share it, because a context takes long to make. It contains nothing of a single layer.
 */
let latest: { readonly roots: string; readonly context: Tls.SecureContext } | undefined

const contextWith = (ca: ReadonlyArray<string> | undefined): Tls.SecureContext => {
  const roots = ca?.join("\n") ?? ""
  if (latest?.roots !== roots) {
    const context = Tls.createSecureContext(ca === undefined ? {} : { ca: [...ca] })
    latest = { roots, context }
  }
  return latest.context
}

/**
 * The trusted certificates: the user's, Node's and the system's. They are added step by step, as a
 * server needs them, because each step takes time. To add Node's to others blocks for about 25 ms,
 * and the system's must be loaded first.
 */
class Trust {
  private context: Tls.SecureContext | undefined
  private readonly steps: ReadonlyArray<() => ReadonlyArray<string> | undefined>
  private at = 0

  constructor(custom: ReadonlyArray<string>) {
    const withNode = () => [...Tls.getCACertificates("default"), ...custom]
    this.steps = [
      // In a network with its own authority, it usually signs the certificates of all servers.
      ...(custom.length === 0 ? [() => undefined] : [() => custom, withNode]),
      () => [...withNode(), ...Tls.getCACertificates("system")]
    ]
  }

  get secureContext(): Tls.SecureContext {
    return (this.context ??= contextWith(this.steps[this.at]!()))
  }

  /** The current step, for {@link Trust.widen}. */
  get step(): number {
    return this.at
  }

  /** Goes to the step after the given one. False if there is none. */
  widen(step: number): boolean {
    if (this.at > step) return true
    if (this.at === this.steps.length - 1) return false
    this.at++
    this.context = undefined
    return true
  }
}

class TlsAgent extends Https.Agent {
  private readonly trust: Trust
  /** The proxy if it is on https. Node itself makes the tunnels through other proxies. */
  private readonly proxy: Proxy.Proxy | undefined
  private readonly opening = new Set<() => void>()

  constructor(options: Https.AgentOptions, trust: Trust, proxy: Proxy.Proxy | undefined) {
    const isOnHttps = proxy?.protocol === "https:"
    super(isOnHttps ? options : { ...options, ...proxyEnv("HTTPS_PROXY", proxy) })
    this.trust = trust
    this.proxy = isOnHttps ? proxy : undefined
  }

  override createConnection(...[options, onCreated]: Parameters<Https.Agent["createConnection"]>) {
    const { secureContext } = this.trust
    const shared = { ...options, secureContext }
    if (this.proxy === undefined) return super.createConnection(shared, onCreated)
    const target = { host: options.host ?? "localhost", port: Number(options.port ?? 443) }
    const giveUp = ProxyTunnel.open(this.proxy, target, secureContext, (result) => {
      this.opening.delete(giveUp)
      // The type requires a socket even with an error.
      if (result instanceof Error) onCreated?.(result, undefined as unknown as Duplex)
      else onCreated?.(null, Tls.connect({ ...(shared as Tls.ConnectionOptions), socket: result }))
    })
    this.opening.add(giveUp)
    // The socket is passed to the callback later.
    return undefined
  }

  override destroy() {
    for (const giveUp of this.opening) giveUp()
    super.destroy()
  }
}

/** The option that passes a proxy to Node, which supports only http and https proxies. */
const proxyEnv = (name: string, proxy: Proxy.Proxy | undefined) =>
  proxy === undefined || proxy.protocol === "socks:"
    ? {}
    : { proxyEnv: { [name]: Redacted.value(proxy.url) } }

/**
 * Connections stay open for the next request to their host. Node's `maxSockets` counts for each
 * host, and a request beyond it waits for a connection that is free.
 */
const connections = { keepAlive: true, maxSockets: 16 } as const

/** Agents that keep connections open, each through the proxy of its scheme, if there is one. */
const makeAgents = Effect.fnUntraced(function* (
  trust: Trust,
  proxies: Pick<Proxy.Rules, "http" | "https">
) {
  return yield* Effect.acquireRelease(
    Effect.sync((): NodeExchange.Agents => ({
      http: new Http.Agent({ ...connections, ...proxyEnv("HTTP_PROXY", proxies.http) }),
      https: new TlsAgent(connections, trust, proxies.https)
    })),
    ({ http, https }) =>
      Effect.sync(() => {
        http.destroy()
        https.destroy()
      })
  )
})

/** The proxy's part in a failure; undefined if the server caused it. */
const proxyErrorOf = (cause: unknown, { shown }: Proxy.Proxy): ProxyError | undefined => {
  const code = codeOf(cause)
  switch (code) {
    case "ERR_PROXY_TUNNEL": {
      const status = statusOf(cause)
      return new ProxyError(
        shown,
        status === 407 ? { _tag: "ProxyAuthenticationRequired" } : { _tag: "ProxyRefused", status }
      )
    }
    case "ECONNREFUSED":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ETIMEDOUT":
      return new ProxyError(shown, { _tag: "ProxyUnreachable", code })
    default:
      return undefined
  }
}

const statusOf = (error: unknown): number | null => {
  for (let cause = error, depth = 0; depth < 8 && cause instanceof Error; depth++) {
    if ("statusCode" in cause && typeof cause.statusCode === "number") return cause.statusCode
    cause = cause.cause ?? ("reason" in cause ? cause.reason : undefined)
  }
  return null
}

/**
 * Makes the client. The environment is read once: the proxies' variables, and the file that
 * `CODEX_CA_CERTIFICATE`, else `SSL_CERT_FILE`, names.
 */
const make = Effect.gen(function* () {
  const environment: Readonly<Record<string, string | undefined>> = yield* Environment.read(names)
  const certificates = yield* CertificateFile.read(environment)
  const rules = Proxy.make(Proxy.variablesOf((name) => environment[name]))
  const trust = new Trust(certificates)
  const direct = yield* makeAgents(trust, { http: undefined, https: undefined })
  const proxied =
    rules.http === undefined && rules.https === undefined ? direct : yield* makeAgents(trust, rules)

  const send = (
    request: HttpClientRequest.HttpClientRequest
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> => {
    const url = Option.getOrUndefined(HttpClientRequest.toUrl(request))
    if (url === undefined) {
      const reason = new HttpClientError.InvalidUrlError({ request })
      return Effect.fail(new HttpClientError.HttpClientError({ reason }))
    }
    const proxy = Proxy.select(rules, url)
    if (proxy === undefined) return NodeExchange.send(request, url, direct)
    const failed = (problem: ProxyError["problem"]) =>
      Effect.fail(NodeExchange.transportError(request, new ProxyError(proxy.shown, problem)))
    if (proxy.protocol === "socks:") return failed({ _tag: "UnsupportedProxy" })
    return NodeExchange.send(request, url, proxied).pipe(
      Effect.mapError((error) => {
        const proxyError = proxyErrorOf(error, proxy)
        return proxyError === undefined ? error : NodeExchange.transportError(request, proxyError)
      }),
      // For an https server, a 407 arrives while the tunnel is made, not here.
      Effect.flatMap((response) =>
        response.status === 407
          ? failed({ _tag: "ProxyAuthenticationRequired" })
          : Effect.succeed(response)
      )
    )
  }

  // Nothing is sent over an untrusted connection, so the request can be repeated.
  const sendTrusted = (request: HttpClientRequest.HttpClientRequest): ReturnType<typeof send> =>
    Effect.suspend(() => {
      const { step } = trust
      return Effect.catchIf(
        send(request),
        (error) => isIssuerUnknown(codeOf(error)) && trust.widen(step),
        () => sendTrusted(request)
      )
    })

  return HttpClient.makeWith<
    HttpClientError.HttpClientError,
    never,
    HttpClientError.HttpClientError,
    never
  >((requested) => Effect.flatMap(requested, sendTrusted), Effect.succeed)
})

const names = [...Proxy.variableNames, ...CertificateFile.variables]

/** The client as a layer; see {@link make}. */
export const layer = Layer.effect(HttpClient.HttpClient, make)
