/**
 * Metrics and span attributes of a pass, derived from its events.
 */
import { Effect, Record } from "effect"
import type { SyncEvent, SyncOutcome, SyncResult } from "../../SyncEvent.ts"
import * as Metrics from "../metrics.ts"

/** Updates the metrics. Most events change none. */
export const record = (event: SyncEvent): Effect.Effect<void> => {
  switch (event._tag) {
    case "Installed":
      return Metrics.install(event.reason._tag, event.duration)
    case "Failed":
      return Metrics.failure("plugin", event.failure.error)
    case "Finished":
      return Metrics.pass(event.outcome.skipped === null ? "Finished" : "Skipped", event.duration)
    case "PassFailed":
      return Effect.andThen(
        Metrics.failure("pass", event.error),
        Metrics.pass("Failed", event.duration)
      )
    case "Interrupted":
      return Metrics.pass("Interrupted", event.duration)
    default:
      return Effect.void
  }
}

/** Leaves out unknown values, because an exporter writes null as text. */
export const known = (
  attributes: Record.ReadonlyRecord<string, unknown>
): Record.ReadonlyRecord<string, unknown> => Record.filter(attributes, (value) => value !== null)

/** Adds the result of an action to the current span. */
export const annotateResult = (result: SyncResult): Effect.Effect<void> =>
  Effect.annotateCurrentSpan(
    known({
      outcome: result._tag,
      from: result.from,
      to: result.to,
      bytes: result.bytes,
      error: result._tag === "Failed" ? result.failure.error._tag : null
    })
  )

/** Adds the outcome of a pass to the current span. */
export const annotateOutcome = ({ account, results, skipped }: SyncOutcome): Effect.Effect<void> =>
  Effect.suspend(() => {
    const counts: { [Tag in SyncResult["_tag"]]?: number } = {}
    let bytes = 0
    for (const result of results) {
      counts[result._tag] = (counts[result._tag] ?? 0) + 1
      bytes += result.bytes
    }
    return Effect.annotateCurrentSpan({
      outcome: skipped ?? "Finished",
      rows: account.rows.length,
      installed: counts.Installed ?? 0,
      failed: counts.Failed ?? 0,
      bytes
    })
  })
