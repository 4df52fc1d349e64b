/**
 * The remedy for an error of any service: to sign in, or to try again later.
 */
import { Predicate } from "effect"
import type { BundleArchiveError } from "./BundleArchive.ts"
import type { CacheLockError } from "./CacheLock.ts"
import type { NotSignedIn } from "./CodexHome.ts"
import type { CodexRefreshError } from "./CodexRefresh.ts"
import { isDamaged } from "./internal/bundle/archiveError.ts"
import * as Message from "./internal/message.ts"
import type { PartialChange } from "./PluginInstaller.ts"
import type { PluginStoreError } from "./PluginStore.ts"
import type { RemoteBundleError } from "./RemoteBundle.ts"
import type { RemoteCatalogError } from "./RemoteCatalog.ts"

/** The errors that have advice, by tag. */
interface Known {
  readonly BundleArchiveError: BundleArchiveError
  readonly CacheLockError: CacheLockError
  readonly CodexRefreshError: CodexRefreshError
  readonly NotSignedIn: NotSignedIn
  readonly PluginStoreError: PluginStoreError
  readonly RemoteBundleError: RemoteBundleError
  readonly RemoteCatalogError: RemoteCatalogError
}

const isKnown = <Tag extends keyof Known>(error: unknown, tag: Tag): error is Known[Tag] =>
  Predicate.isTagged(error, tag)

/** The error that decides on the advice. */
const causeOf = (error: unknown): unknown => {
  if (Predicate.isTagged(error, "PartialChange")) return (error as PartialChange).cause
  return isKnown(error, "RemoteBundleError") && error.reason._tag === "InvalidArchive"
    ? error.reason.cause
    : error
}

const unrenewable: ReadonlySet<CodexRefreshError["reason"]["_tag"]> = new Set(["Ended", "Refused"])

/**
 * The parts of an error's message. Every error of this package has them as `explanation`.
 *
 * @category models
 * @since 0.2.0
 */
export interface Explanation extends Message.Explanation {}

/**
 * The parts of an error's message. The message of an error that is not of this package is one part.
 *
 * @category functions
 * @since 0.2.0
 */
export const explain = (error: Error): Explanation => Message.of(error)

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
    (isKnown(cause, "RemoteCatalogError") && cause.reason._tag === "Unauthorized") ||
    (isKnown(cause, "CodexRefreshError") && unrenewable.has(cause.reason._tag))
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
 * limit, an expired link, a damaged download, a lock or a file that another process holds. False
 * for an error that is not of this package.
 *
 * @category guards
 * @since 0.2.0
 */
export const isTransient = (error: unknown): boolean => {
  const cause = causeOf(error)
  if (isKnown(cause, "RemoteCatalogError")) return transientCalls.has(cause.reason._tag)
  if (isKnown(cause, "RemoteBundleError")) return transientDownloads.has(cause.reason._tag)
  if (isKnown(cause, "PluginStoreError")) return transientChanges.has(cause.reason._tag)
  if (isKnown(cause, "BundleArchiveError")) return isDamaged(cause)
  return (
    (isKnown(cause, "CacheLockError") || isKnown(cause, "CodexRefreshError")) &&
    cause.reason._tag === "TimedOut"
  )
}
