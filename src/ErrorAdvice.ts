/**
 * The remedy for an error of any service: to sign in, or to try again later.
 */
import { Predicate } from "effect"
import type { CacheLockError } from "./CacheLock.ts"
import type { NotSignedIn } from "./CodexHome.ts"
import type { PartialChange } from "./PluginInstaller.ts"
import type { PluginStoreError } from "./PluginStore.ts"
import type { RemoteBundleError } from "./RemoteBundle.ts"
import type { RemoteCatalogError } from "./RemoteCatalog.ts"

/** The errors that have advice, by tag. */
interface Known {
  readonly CacheLockError: CacheLockError
  readonly NotSignedIn: NotSignedIn
  readonly PluginStoreError: PluginStoreError
  readonly RemoteBundleError: RemoteBundleError
  readonly RemoteCatalogError: RemoteCatalogError
}

const isKnown = <Tag extends keyof Known>(error: unknown, tag: Tag): error is Known[Tag] =>
  Predicate.isTagged(error, tag)

/** The cause of a partial change decides. */
const causeOf = (error: unknown): unknown =>
  Predicate.isTagged(error, "PartialChange") ? (error as PartialChange).cause : error

/**
 * True if signing in again helps: `codex login`, or a start of `codex`, which renews the token. False
 * for an error that is not of this package.
 *
 * @category guards
 * @since 0.2.0
 */
export const isSignInNeeded = (error: unknown): boolean => {
  const cause = causeOf(error)
  return (
    isKnown(cause, "NotSignedIn") ||
    (isKnown(cause, "RemoteCatalogError") && cause.reason._tag === "Unauthorized")
  )
}

const transientCalls: ReadonlySet<RemoteCatalogError["reason"]["_tag"]> = new Set([
  "Challenged",
  "ProxyUnreachable",
  "TimedOut",
  "Unavailable",
  "Unreachable"
])

const transientDownloads: ReadonlySet<RemoteBundleError["reason"]["_tag"]> = new Set([
  "Challenged",
  "Expired",
  "ProxyUnreachable",
  "Stalled",
  "TooSlow",
  "Unavailable",
  "Unreachable",
  "WrongLength"
])

const transientChanges: ReadonlySet<PluginStoreError["reason"]["_tag"]> = new Set([
  "Changed",
  "Claimed",
  "Held",
  "Leased"
])

/**
 * True if the same operation may succeed later without any change by a person: the network, a rate
 * limit, an expired link, a lock or a file that another process holds. False for an error that is
 * not of this package.
 *
 * @category guards
 * @since 0.2.0
 */
export const isTransient = (error: unknown): boolean => {
  const cause = causeOf(error)
  if (isKnown(cause, "RemoteCatalogError")) return transientCalls.has(cause.reason._tag)
  if (isKnown(cause, "RemoteBundleError")) return transientDownloads.has(cause.reason._tag)
  if (isKnown(cause, "PluginStoreError")) return transientChanges.has(cause.reason._tag)
  return isKnown(cause, "CacheLockError") && cause.reason._tag === "TimedOut"
}
