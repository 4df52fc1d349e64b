/**
 * Chooses the proxy for a URL by the rules of Codex's HTTP client (reqwest).
 *
 * Node's own rules differ (`NO_PROXY` with ranges and subdomains, `ALL_PROXY`), so Node only gets
 * the proxy that was chosen here.
 */
import { Redacted } from "effect"

/** The names of the variables that the choice depends on. */
export const variableNames: ReadonlyArray<string> = [
  ...["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"].flatMap((name) => [
    name,
    name.toLowerCase()
  ]),
  "REQUEST_METHOD"
]

/** The values of the variables that name proxies. An empty one names none. */
interface Variables {
  readonly httpProxy: string
  readonly httpsProxy: string
  readonly allProxy: string
  readonly noProxy: string
  /** True if `REQUEST_METHOD` is set: in a CGI program, a request header could set `HTTP_PROXY`. */
  readonly isCgi: boolean
}

/** A proxy that the environment names. */
export interface Proxy {
  readonly protocol: "http:" | "https:" | "socks:"
  /** With the credentials, in the form that Node needs. */
  readonly url: Redacted.Redacted
  /** Without the credentials. */
  readonly shown: string
}

/** The proxies for each scheme, and the hosts that are reached directly. */
export interface Rules {
  readonly http: Proxy | undefined
  readonly https: Proxy | undefined
  readonly isExcluded: (host: string) => boolean
}

/**
 * Collects the values. A variable in upper case hides the one in lower case, even if it is empty.
 */
export const variablesOf = (get: (name: string) => string | undefined): Variables => {
  const first = (name: string) => get(name) ?? get(name.toLowerCase()) ?? ""
  return {
    httpProxy: first("HTTP_PROXY"),
    httpsProxy: first("HTTPS_PROXY"),
    allProxy: first("ALL_PROXY"),
    noProxy: first("NO_PROXY"),
    isCgi: get("REQUEST_METHOD") !== undefined
  }
}

/** Reads the variables. A value that names no proxy counts as unset. */
export const make = (variables: Variables): Rules => {
  if (variables.isCgi) return { http: undefined, https: undefined, isExcluded: () => false }
  const all = parse(variables.allProxy)
  return {
    http: parse(variables.httpProxy) ?? all,
    https: parse(variables.httpsProxy) ?? all,
    isExcluded: exclusion(variables.noProxy)
  }
}

/** The proxy for this URL; undefined for a direct connection. */
export const select = (rules: Rules, url: URL): Proxy | undefined => {
  const proxy =
    url.protocol === "http:" ? rules.http : url.protocol === "https:" ? rules.https : undefined
  return proxy === undefined || rules.isExcluded(url.hostname) ? undefined : proxy
}

const schemes: Readonly<Record<string, Proxy["protocol"]>> = {
  "http:": "http:",
  "https:": "https:",
  "socks4:": "socks:",
  "socks4a:": "socks:",
  "socks5:": "socks:",
  "socks5h:": "socks:"
}

const parse = (text: string): Proxy | undefined => {
  // A URL parser would trim the spaces.
  if (text === "" || /^\s|\s$/.test(text)) return undefined
  const url = URL.parse(text.includes("://") ? text : `http://${text}`)
  const protocol = url === null ? undefined : schemes[url.protocol]
  if (url === null || protocol === undefined || url.host === "") return undefined
  const { username, password } = url
  const credentials = username + password === "" ? "" : `${username}:${password}@`
  return {
    protocol,
    url: Redacted.make(`${url.protocol}//${credentials}${url.host}`),
    shown: `${url.protocol}//${url.host}`
  }
}

const exclusion = (noProxy: string): Rules["isExcluded"] => {
  const ranges: Array<Range> = []
  const domains: Array<string> = []
  for (const part of noProxy.split(",").map((part) => part.trim().toLowerCase())) {
    const range = parseRange(part)
    if (range !== undefined) ranges.push(range)
    else if (part !== "") domains.push(part)
  }
  return (host) => {
    const address = parseAddress(host.replace(/^\[|\]$/g, ""))
    if (address !== undefined) return ranges.some((range) => contains(range, address))
    const domain = host.toLowerCase()
    return domains.some((entry) => {
      const suffix = entry.startsWith(".") ? entry.slice(1) : entry
      return entry === "*" || domain === suffix || domain.endsWith(`.${suffix}`)
    })
  }
}

interface Address {
  /** 32 or 128. */
  readonly bits: number
  readonly value: bigint
}

interface Range extends Address {
  readonly prefix: number
}

const contains = (range: Range, { bits, value }: Address): boolean => {
  const rest = BigInt(bits - range.prefix)
  return range.bits === bits && range.value >> rest === value >> rest
}

const parseRange = (text: string): Range | undefined => {
  const [, host = "", prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const address = parseAddress(host)
  if (address === undefined) return undefined
  const length = prefix === undefined ? address.bits : Number(prefix)
  return length > address.bits ? undefined : { ...address, prefix: length }
}

const parseAddress = (text: string): Address | undefined =>
  text.includes(":") ? parseIpv6(text) : parseIpv4(text)

const parseIpv4 = (text: string): Address | undefined => {
  if (!/^(?:(?:0|[1-9]\d{0,2})(?:\.|$)){4}(?<!\.)$/.test(text)) return undefined
  const parts = text.split(".").map(Number)
  return parts.some((part) => part > 255)
    ? undefined
    : { bits: 32, value: parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n) }
}

const groups = (half: string) => (half === "" ? [] : half.split(":"))

const parseIpv6 = (text: string): Address | undefined => {
  // The URL parser checks the address, and writes an IPv4 part as two groups.
  const host = /^[\da-f:.]+$/i.test(text) ? URL.parse(`http://[${text}]`)?.hostname : undefined
  if (host === undefined) return undefined
  const [head = "", tail] = host.slice(1, -1).split("::")
  const [before, after] = [groups(head), groups(tail ?? "")]
  const missing = Array.from({ length: 8 - before.length - after.length }, () => "0")
  return {
    bits: 128,
    value: [...before, ...missing, ...after].reduce(
      (value, group) => (value << 16n) | BigInt(`0x${group}`),
      0n
    )
  }
}
