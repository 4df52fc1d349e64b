/**
 * The metrics of the library. No attribute names a plugin, so that the number of series stays small.
 */
import { type Duration, Effect, Metric } from "effect"

const passes = Metric.counter("codex_plugins.passes", {
  description: "Passes that have ended, by outcome",
  incremental: true
})

const passDuration = Metric.timer("codex_plugins.pass.duration", {
  description: "The duration of passes, by outcome"
})

const installs = Metric.counter("codex_plugins.installs", {
  description: "Versions that were installed, by reason",
  incremental: true
})

const installDuration = Metric.timer("codex_plugins.install.duration", {
  description: "The duration of installs, download included, by reason"
})

const failures = Metric.counter("codex_plugins.failures", {
  description: "Failures of whole passes and of single plugins, by the tags of error and reason",
  incremental: true
})

const receivedBytes = Metric.counter("codex_plugins.received_bytes", {
  description: "Bytes of bodies that were received, failed downloads included, by server",
  attributes: { unit: "bytes" },
  incremental: true
})

/**
 * The metrics for the values of one attribute. Each is created once, because creation looks it up
 * in its registry.
 */
const byValue = <Input, State>(metric: Metric.Metric<Input, State>, attribute: string) => {
  const metrics = new Map<string, Metric.Metric<Input, State>>()
  return (value: string): Metric.Metric<Input, State> => {
    let found = metrics.get(value)
    if (found === undefined) {
      found = Metric.withAttributes(metric, { [attribute]: value })
      metrics.set(value, found)
    }
    return found
  }
}

const installsBy = byValue(installs, "reason")
const installDurationBy = byValue(installDuration, "reason")
const receivedBytesBy = byValue(receivedBytes, "server.address")

/** Counts a pass that has ended. */
export const pass = (
  outcome: "Finished" | "Skipped" | "Failed" | "Interrupted",
  duration: Duration.Duration
): Effect.Effect<void> =>
  Effect.andThen(
    Metric.update(Metric.withAttributes(passes, { outcome }), 1),
    Metric.update(Metric.withAttributes(passDuration, { outcome }), duration)
  )

/** Counts a version that was installed. */
export const install = (reason: string, duration: Duration.Duration): Effect.Effect<void> =>
  Effect.andThen(
    Metric.update(installsBy(reason), 1),
    Metric.update(installDurationBy(reason), duration)
  )

/** Counts versions that a seed gave. They are copied in batches, so no version has a duration. */
export const seeded = (versions: number): Effect.Effect<void> =>
  Metric.update(installsBy("Seed"), versions)

/** Counts a failure by its tags. */
export const failure = (
  subject: "pass" | "plugin",
  error: { readonly _tag: string; readonly reason?: unknown }
): Effect.Effect<void> =>
  Metric.update(
    Metric.withAttributes(failures, { subject, error: error._tag, reason: reasonOf(error.reason) }),
    1
  )

/** Counts the bytes that a server sent. */
export const received = (host: string, bytes: number): Effect.Effect<void> =>
  Metric.update(receivedBytesBy(host), bytes)

/** Only a tag is used: anything else may contain a path or text from a server. */
const reasonOf = (reason: unknown): string =>
  typeof reason === "object" &&
  reason !== null &&
  "_tag" in reason &&
  typeof reason._tag === "string"
    ? reason._tag
    : "None"
