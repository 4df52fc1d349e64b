/**
 * Paths that manifests name.
 */
import { Option } from "effect"

/**
 * The segments of a path below the plugin's root, which begins with `./`. Backslashes and colons,
 * which lead elsewhere on Windows, and control characters make it no such path, nor does the root.
 */
export const segments = (path: unknown): Option.Option<ReadonlyArray<string>> => {
  if (typeof path !== "string" || !path.startsWith("./")) return Option.none()
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".")
  return segments.length === 0 ||
    segments.some((segment) => /^\.\.$|[\\:\x00-\x1f\x7f]/.test(segment))
    ? Option.none()
    : Option.some(segments)
}
