/**
 * The requests that the test backend received, and patterns that select some of them.
 */
import type { Headers } from "effect/http"

/**
 * A `listing` is of what the account has installed, the `directory` of what it can install, and
 * `shared` of what others in its workspace share with it. `featured` names the plugins that Codex
 * recommends.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind =
  | "listing"
  | "directory"
  | "shared"
  | "featured"
  | "read"
  | "install"
  | "uninstall"
  | "bundle"
  | "other"

/**
 * How far the answer came: under way, sent whole, broken off by a behaviour, or given up by the one who
 * asked. Over sockets this is known a moment after the client knows it.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "open" | "whole" | "broken" | "aborted"

/**
 * A request that the backend received.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly kind: Kind
  readonly method: string
  /** With its query, a bundle's signature included. */
  readonly url: URL
  readonly headers: Headers.Headers
  /** The remote plugin id that the path names. */
  readonly plugin: string | undefined
  /** When it came, in milliseconds since the epoch. */
  readonly time: number
  /** The answer's status, also where the answer never got that far. */
  readonly status: number
  readonly outcome: Outcome
}

/**
 * A pattern of requests. A request matches if it fits every given field.
 *
 * @category models
 * @since 0.1.0
 */
export interface Match {
  readonly kind?: Kind
  readonly method?: string
  /** The whole path, without the query. */
  readonly path?: string | RegExp
  /** A remote plugin id. */
  readonly plugin?: string
  readonly where?: (request: Request) => boolean
  /** Only the n-th of the requests that fit, counted from 1 since the match was given. */
  readonly nth?: number
  /** Only the first so many of the requests that fit. */
  readonly first?: number
}

/**
 * A predicate that counts what it is shown: use a new one for each run over requests.
 *
 * @category functions
 * @since 0.1.0
 */
export const matcher = (match: Match): ((request: Request) => boolean) => {
  let count = 0
  return (request) => {
    if (
      (match.kind !== undefined && match.kind !== request.kind) ||
      (match.method !== undefined && match.method !== request.method) ||
      (match.plugin !== undefined && match.plugin !== request.plugin) ||
      (match.path !== undefined && !isPath(match.path, request.url.pathname)) ||
      match.where?.(request) === false
    ) {
      return false
    }
    count++
    return (
      (match.nth === undefined || match.nth === count) &&
      (match.first === undefined || count <= match.first)
    )
  }
}

const isPath = (expected: string | RegExp, path: string): boolean =>
  typeof expected === "string" ? expected === path : expected.test(path)
