/**
 * Paths in manifests.
 */
import { Option } from "effect"

/**
 * The segments of a path below the plugin's root, which begins with `./`. None for the root itself,
 * and for a path with control characters, backslashes or colons, which lead elsewhere on Windows.
 */
export const segments = (path: unknown): Option.Option<ReadonlyArray<string>> => {
  if (typeof path !== "string" || !path.startsWith("./")) return Option.none()
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".")
  return segments.length === 0 ||
    segments.some((segment) => /^\.\.$|[\\:\x00-\x1f\x7f]/.test(segment))
    ? Option.none()
    : Option.some(segments)
}
