/**
 * The requests that the test backend received, and patterns that select some of them.
 */
import type { Headers } from "effect/http"

/**
 * The kind of a request. A `listing` lists the plugins that the account has installed, the
 * `directory` those that it can install, and `shared` those that others in its workspace share with
 * it. `featured` names the plugins that Codex recommends.
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
 * The outcome of an answer: still open, sent completely, broken off by a behaviour, or aborted by
 * the client. Over sockets this is known shortly after the client knows it.
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
  /** With its query, including a bundle's signature. */
  readonly url: URL
  readonly headers: Headers.Headers
  /** The remote plugin id in the path. */
  readonly plugin: string | undefined
  /** The time of arrival, in milliseconds since 1970. */
  readonly time: number
  /** The answer's status, even if it was never sent. */
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
  /** Only the n-th matching request, counted from 1 since the pattern was given. */
  readonly nth?: number
  /** Only the first `first` matching requests. */
  readonly first?: number
}

/**
 * A predicate that counts matching requests. Use a new one for each run over requests.
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
