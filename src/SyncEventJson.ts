/**
 * The events of a pass as lines of JSON, for logs and other programs. `codex-plugins sync --jsonl`
 * prints these lines.
 *
 * @since 0.2.0
 */
import { Duration, Predicate, Schema } from "effect"
import * as Reason from "./internal/sync/reason.ts"
import * as Version from "./internal/version.ts"
import type * as SyncEvent from "./SyncEvent.ts"
import * as SyncPlan from "./SyncPlan.ts"

/**
 * The version of the format. New keys do not change it, so readers must ignore unknown keys.
 *
 * @category constants
 * @since 0.2.0
 */
export const schemaVersion = Version.schemaVersion

const Milliseconds = Schema.Int
const NullableString = Schema.NullOr(Schema.String)

/**
 * An error: its tag, the tag of its reason, its message, and the remedy.
 *
 * @category schemas
 * @since 0.2.0
 */
export const ErrorSummary = Schema.Struct({
  tag: Schema.String,
  reason: NullableString,
  message: Schema.String,
  remedy: NullableString
})
/**
 * An error, as part of a line.
 *
 * @category models
 * @since 0.2.0
 */
export interface ErrorSummary extends Schema.Schema.Type<typeof ErrorSummary> {}

/**
 * The result of one action. `remotePluginId` is the id in the backend; for a removal or a pruning,
 * the id that the plugin had.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Result = Schema.Struct({
  pluginId: NullableString,
  remotePluginId: NullableString,
  outcome: Schema.Literals([
    "kept",
    "backfilled",
    "installed",
    "repaired",
    "removed",
    "pruned",
    "unnecessary",
    "deferred",
    "failed"
  ]),
  /** The version that is active now. */
  version: NullableString,
  /** The version that was active before, or that was pruned. */
  from: NullableString,
  bytes: Schema.Int,
  ms: Milliseconds
})
/**
 * The result of one action.
 *
 * @category models
 * @since 0.2.0
 */
export interface Result extends Schema.Schema.Type<typeof Result> {}

/**
 * One action of a plan.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Action = Schema.Struct({
  action: Schema.Literals(["Keep", "Backfill", "Install", "Defer", "Reject", "Remove", "Prune"]),
  pluginId: NullableString,
  remotePluginId: Schema.optionalKey(NullableString),
  version: Schema.optionalKey(Schema.String),
  reason: Schema.optionalKey(Schema.Unknown),
  error: Schema.optionalKey(ErrorSummary)
})
/**
 * One action of a plan.
 *
 * @category models
 * @since 0.2.0
 */
export interface Action extends Schema.Schema.Type<typeof Action> {}

/**
 * A plugin that could not be synced.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Failure = Schema.Struct({
  remotePluginId: NullableString,
  pluginId: NullableString,
  error: ErrorSummary
})
/**
 * A plugin that could not be synced.
 *
 * @category models
 * @since 0.2.0
 */
export interface Failure extends Schema.Schema.Type<typeof Failure> {}

/**
 * The outcome of a pass.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Outcome = Schema.Struct({
  schemaVersion: Schema.Literal(schemaVersion),
  installedPluginIds: Schema.Array(Schema.String),
  backfilledPluginIds: Schema.Array(Schema.String),
  repairedPluginIds: Schema.Array(Schema.String),
  keptPluginIds: Schema.Array(Schema.String),
  removedCachePluginIds: Schema.Array(Schema.String),
  pruned: Schema.Array(
    Schema.Struct({
      pluginId: Schema.String,
      remotePluginId: NullableString,
      version: NullableString
    })
  ),
  failedRemotePluginIds: Schema.Array(Schema.String),
  failures: Schema.Array(Failure),
  removalSkipped: NullableString,
  removalSkippedReason: NullableString,
  skipped: NullableString,
  plugins: Schema.Array(Result),
  account: Schema.Struct({ plugins: Schema.Int })
})
/**
 * The outcome of a pass.
 *
 * @category models
 * @since 0.2.0
 */
export interface Outcome extends Schema.Schema.Type<typeof Outcome> {}

/**
 * One line: an event of a pass.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Line = Schema.Union([
  Schema.Struct({
    event: Schema.Literal("started"),
    schemaVersion: Schema.Literal(schemaVersion)
  }),
  Schema.Struct({
    event: Schema.Literal("waiting"),
    for: Schema.Literals(["lock", "plugin"]),
    pluginId: NullableString
  }),
  Schema.Struct({
    event: Schema.Literal("listed"),
    plugins: Schema.Int,
    ms: Milliseconds
  }),
  Schema.Struct({ event: Schema.Literal("planned"), actions: Schema.Array(Action) }),
  Schema.Struct({
    event: Schema.Literal("progress"),
    pluginId: Schema.String,
    bytes: Schema.Int,
    total: Schema.NullOr(Schema.Int)
  }),
  Schema.Struct({
    event: Schema.Literal("retrying"),
    pluginId: NullableString,
    ms: Milliseconds,
    error: ErrorSummary
  }),
  Schema.Struct({
    event: Schema.Literal("result"),
    ...Result.fields,
    error: Schema.optionalKey(ErrorSummary)
  }),
  Schema.Struct({ event: Schema.Literal("finished"), ms: Milliseconds, ...Outcome.fields }),
  Schema.Struct({
    event: Schema.Literal("failed"),
    ms: Milliseconds,
    schemaVersion: Schema.Literal(schemaVersion),
    error: ErrorSummary
  }),
  Schema.Struct({ event: Schema.Literal("interrupted"), ms: Milliseconds })
])
/**
 * One line: an event of a pass.
 *
 * @category models
 * @since 0.2.0
 */
export type Line = typeof Line.Type

/**
 * A line as text. A reader decodes it with this schema.
 *
 * @category schemas
 * @since 0.2.0
 */
export const LineFromString = Schema.fromJsonString(Line)

const milliseconds = (duration: Duration.Duration) => Math.round(Duration.toMillis(duration))

/**
 * Sums up an error.
 *
 * @category codecs
 * @since 0.2.0
 */
export const encodeError = (
  error: Error,
  ids: ReadonlyArray<string | null> = []
): ErrorSummary => ({
  tag:
    Predicate.hasProperty(error, "_tag") && typeof error._tag === "string"
      ? error._tag
      : error.name,
  reason: Reason.reasonTag(error) ?? null,
  message: error.message,
  remedy: Reason.reasonOf(error, ids).remedy
})

const encodeFailure = ({ error, pluginId, remotePluginId }: SyncEvent.SyncFailure): Failure => ({
  remotePluginId,
  pluginId,
  error: encodeError(error, [pluginId, remotePluginId])
})

const outcomes = {
  Kept: "kept",
  Backfilled: "backfilled",
  Installed: "installed",
  Removed: "removed",
  Pruned: "pruned",
  Unnecessary: "unnecessary",
  Deferred: "deferred",
  Failed: "failed"
} as const

/**
 * Encodes the result of one action.
 *
 * @category codecs
 * @since 0.2.0
 */
export const encodeResult = (result: SyncEvent.SyncResult): Result => ({
  pluginId: result.pluginId,
  remotePluginId: result.remotePluginId,
  outcome:
    result._tag === "Installed" && SyncPlan.isRepair(result.reason)
      ? "repaired"
      : outcomes[result._tag],
  version: result.to,
  from: result.from,
  bytes: result.bytes,
  ms: milliseconds(result.duration)
})

/**
 * Encodes the outcome of a pass. `codex-plugins sync --json` prints it.
 *
 * @category codecs
 * @since 0.2.0
 */
export const encodeOutcome = (outcome: SyncEvent.SyncOutcome): Outcome => ({
  schemaVersion,
  installedPluginIds: outcome.installed,
  backfilledPluginIds: outcome.backfilled,
  repairedPluginIds: outcome.repaired,
  keptPluginIds: outcome.kept,
  removedCachePluginIds: outcome.removed,
  pruned: outcome.results.flatMap((result) =>
    result._tag === "Pruned"
      ? [
          {
            pluginId: result.pluginId,
            remotePluginId: result.remotePluginId,
            version: result.from
          }
        ]
      : []
  ),
  failedRemotePluginIds: outcome.failures.flatMap(({ remotePluginId }) => remotePluginId ?? []),
  failures: outcome.failures.map(encodeFailure),
  removalSkipped: outcome.removalSkipped,
  removalSkippedReason: outcome.removalSkippedReason?._tag ?? null,
  skipped: outcome.skipped,
  plugins: outcome.results.map(encodeResult),
  account: { plugins: outcome.account.rows.length }
})

/**
 * Encodes one action of a plan. `codex-plugins sync --dry-run --json` prints it.
 *
 * @category codecs
 * @since 0.2.0
 */
export const encodeAction = (action: SyncPlan.Action): Action => {
  switch (action._tag) {
    case "Keep":
    case "Backfill":
    case "Install":
    case "Defer":
      return {
        action: action._tag,
        remotePluginId: action.plugin.remotePluginId,
        pluginId: action.plugin.pluginId,
        version: action.version,
        ...("reason" in action ? { reason: action.reason } : {})
      }
    case "Reject":
      return { action: action._tag, ...encodeFailure(action) }
    case "Remove":
      return {
        action: action._tag,
        pluginId: SyncPlan.nameOf(action.target),
        reason: action.reason
      }
    case "Prune":
      return { action: action._tag, pluginId: action.pluginId, version: action.version }
  }
}

/**
 * Encodes an event.
 *
 * @category codecs
 * @since 0.2.0
 */
export const encode = (event: SyncEvent.SyncEvent): Line => {
  switch (event._tag) {
    case "Started":
      return { event: "started", schemaVersion }
    case "Waiting":
      return { event: "waiting", for: event.for, pluginId: event.pluginId }
    case "Listed":
      return { event: "listed", plugins: event.rows, ms: milliseconds(event.duration) }
    case "Planned":
      return { event: "planned", actions: event.plan.actions.map(encodeAction) }
    case "Progress":
      return {
        event: "progress",
        pluginId: event.pluginId,
        bytes: event.bytes,
        total: event.total
      }
    case "Retrying":
      return {
        event: "retrying",
        pluginId: event.pluginId,
        ms: milliseconds(event.delay),
        error: encodeError(event.cause, [event.pluginId])
      }
    case "Failed":
      return { event: "result", ...encodeResult(event), error: encodeFailure(event.failure).error }
    case "Finished":
      return {
        event: "finished",
        ms: milliseconds(event.duration),
        ...encodeOutcome(event.outcome)
      }
    case "PassFailed":
      return {
        event: "failed",
        ms: milliseconds(event.duration),
        schemaVersion,
        error: encodeError(event.error)
      }
    case "Interrupted":
      return { event: "interrupted", ms: milliseconds(event.duration) }
    default:
      return { event: "result", ...encodeResult(event) }
  }
}

/**
 * Encodes an event as the text of one line, without a line break.
 *
 * @category codecs
 * @since 0.2.0
 */
export const encodeToString = (event: SyncEvent.SyncEvent): string => JSON.stringify(encode(event))
