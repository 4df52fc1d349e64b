/**
 * The kind of a request to the test backend, from its path.
 */
import type { Request } from "../TestRequest.ts"

/** The calls are below `basePath`; bundles are not. */
export const classify = (
  basePath: string,
  method: string,
  path: string
): Pick<Request, "kind" | "plugin"> => {
  const bundle = bundlePattern.exec(path)
  if (bundle !== null && method === "GET") return { kind: "bundle", plugin: decode(bundle[1]!) }
  if (method === "GET" && path === `${basePath}/plugins/featured`) {
    return { kind: "featured", plugin: undefined }
  }
  const calls = `${basePath}/ps/plugins/`
  const [first = "", ...rest] = path.startsWith(calls) ? path.slice(calls.length).split("/") : []
  const plugin = first === "" ? undefined : decode(first)
  switch (`${method} ${rest.join("/")}`) {
    case "GET ":
      if (plugin === "installed") return { kind: "listing", plugin: undefined }
      if (plugin === "list") return { kind: "directory", plugin: undefined }
      return { kind: plugin === undefined ? "other" : "read", plugin }
    case "GET shared":
      return { kind: plugin === "workspace" ? "shared" : "other", plugin: undefined }
    case "POST install":
      return { kind: "install", plugin }
    case "POST uninstall":
      return { kind: "uninstall", plugin }
    default:
      return { kind: "other", plugin: undefined }
  }
}

const bundlePattern = /^\/bundles\/([^/]+)\//

export const bundlePath = (plugin: string, revision: number): string =>
  `/bundles/${encodeURIComponent(plugin)}/${revision}.tar.gz`

const decode = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
