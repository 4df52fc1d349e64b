import { Console, Duration, Effect, Logger, Option, References } from "effect"
import { count } from "../internal/display.ts"
import { Command, Flag } from "effect/cli"
import * as PluginStore from "../PluginStore.ts"
import * as PluginSync from "../PluginSync.ts"
import type * as SyncEvent from "../SyncEvent.ts"
import * as SyncEventJson from "../SyncEventJson.ts"
import type * as SyncPlan from "../SyncPlan.ts"
import { errorJson } from "./errorJson.ts"
import { PassTimedOut, SomePluginsFailed, WouldChange, WrongUsage } from "./exit.ts"
import * as Flags from "./flags.ts"
import { printJson, printJsonLine, schemaVersion } from "./output.ts"
import { passFlags, passServices } from "./passFlags.ts"
import * as Progress from "./progress.ts"
import { refreshBefore, refreshWith } from "./refresh.ts"
import * as Results from "./results.ts"
import { printLines, printMessage } from "./screen.ts"

/** An event as `sync --jsonl` prints it, one in each line. */
const eventJson = (event: SyncEvent.SyncEvent) =>
  event._tag === "PassFailed"
    ? { ...SyncEventJson.encode(event), ...errorJson(event.error) }
    : SyncEventJson.encode(event)

/** Prints the results of a pass for people. */
export const printOutcome = (
  outcome: SyncEvent.SyncOutcome,
  millis: number,
  options: { readonly verbose: boolean } = { verbose: false }
) =>
  printLines((style) => [
    ...(options.verbose ? Results.keptLines(outcome, style) : []),
    ...Results.outcomeLines(outcome, millis, style)
  ])

const printPlan = (plan: SyncPlan.SyncPlan, json: boolean) =>
  json
    ? printJson({
        schemaVersion,
        actions: plan.actions.map(SyncEventJson.encodeAction),
        removalSkipped: plan.removalSkipped
      })
    : printLines((style) => Results.planLines(plan, style))

const isUnchanged = (outcome: SyncEvent.SyncOutcome): boolean =>
  outcome.failures.length === 0 &&
  [outcome.installed, outcome.backfilled, outcome.repaired, outcome.removed, outcome.pruned].every(
    ({ length }) => length === 0
  )

const isWorthSaying = ({ logLevel, message }: Logger.Options<unknown>): boolean =>
  logLevel === "Error" ||
  logLevel === "Fatal" ||
  String(Array.isArray(message) ? message[0] : message).startsWith("waiting for ")

/**
 * Logs only errors and waits, unless another log level is requested, because the results repeat
 * everything else that the services log during a pass.
 */
export const quietly = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  if ((yield* References.MinimumLogLevel) !== "Info") return yield* effect
  const loggers = [...(yield* Logger.CurrentLoggers)].map((logger) =>
    Logger.make((options) => {
      if (isWorthSaying(options)) logger.log(options)
    })
  )
  return yield* Effect.provideService(effect, Logger.CurrentLoggers, new Set(loggers))
})

const interrupted = ({ inPlace, planned }: Progress.Progress) =>
  printMessage(({ yellow }) => [
    planned === null
      ? `${yellow("interrupted:")} nothing was changed`
      : `${yellow("interrupted:")} ${inPlace} of ${count(planned, "plugin")} in place; run \`codex-plugins sync\` again to continue`
  ])

/** Prints the cached plugins. It is unknown whether they are up to date. */
const printCached = Effect.fnUntraced(function* ({
  json,
  quiet
}: {
  readonly json: boolean
  readonly quiet: boolean
}) {
  const plugins = yield* Effect.flatMap(PluginStore.PluginStore, ({ list }) => list)
  if (json) {
    return yield* printJson({
      schemaVersion,
      skipped: "Offline",
      cachedPluginIds: plugins.map(({ pluginId }) => pluginId)
    })
  }
  if (!quiet) {
    yield* Console.log(
      `Offline: ${count(plugins.length, "plugin")} cached, not compared with the account`
    )
  }
})

/** Runs a pass with its progress on stderr, and returns its outcome and duration. */
const carryOut = Effect.fnUntraced(function* (options: {
  readonly timeout: Option.Option<Duration.Duration>
  readonly verbose: boolean
  readonly onEvent: (event: SyncEvent.SyncEvent) => Effect.Effect<void>
}) {
  const { timeout, verbose } = options
  const { sync } = yield* PluginSync.PluginSync
  return yield* Progress.show(
    (current) =>
      Effect.timed(sync).pipe(
        (pass) => (verbose ? pass : quietly(pass)),
        Effect.onInterrupt(() => interrupted(current())),
        (pass) =>
          Option.isNone(timeout)
            ? pass
            : Effect.timeoutOrElse(pass, {
                duration: timeout.value,
                orElse: () => Effect.fail(new PassTimedOut({ limit: timeout.value }))
              })
      ),
    options.onEvent
  )
})

export const sync = Command.make(
  "sync",
  {
    ...passFlags,
    json: Flags.json,
    jsonl: Flag.Boolean("jsonl").pipe(
      Flag.withDescription("Print each event of the pass as a line of JSON"),
      Flag.withDefault(false)
    ),
    offline: Flags.offline("Do not ask the backend: only say how many plugins are cached"),
    quiet: Flags.quiet("Print nothing if nothing changed"),
    verbose: Flags.verbose("Print the plugins that did not change, and the log, too"),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Print what would change, and change nothing"),
      Flag.withDefault(false)
    ),
    check: Flag.Boolean("check").pipe(
      Flag.withDescription("Like --dry-run, and exit with 1 if anything would change"),
      Flag.withDefault(false)
    ),
    refreshWith,
    timeout: Flags.timeout
  },
  Effect.fn("sync")(function* (options) {
    const { check, dryRun, json, jsonl, offline, quiet, timeout, verbose } = options
    if (offline && (dryRun || check)) {
      return yield* new WrongUsage({
        message: "--dry-run and --check need the backend, so they cannot be offline"
      })
    }
    if (offline) return yield* printCached({ json: json || jsonl, quiet })
    if (dryRun || check) {
      const plan = yield* Effect.flatMap(PluginSync.PluginSync, ({ plan }) => plan)
      const isChange = Results.plannedChanges(plan).length > 0
      if (json || isChange || !quiet) yield* printPlan(plan, json)
      if (check && isChange) return yield* new WouldChange()
      return
    }
    const onEvent = (event: SyncEvent.SyncEvent) =>
      jsonl ? printJsonLine(eventJson(event)) : Effect.void
    const [took, outcome] = yield* carryOut({ timeout, verbose, onEvent })
    const ms = Math.round(Duration.toMillis(took))
    if (json && !jsonl) yield* printJson({ ...SyncEventJson.encodeOutcome(outcome), ms })
    else if (!jsonl && !(quiet && isUnchanged(outcome)))
      yield* printOutcome(outcome, ms, { verbose })
    // With `--verbose`, the pass has logged it.
    if (outcome.removalSkipped !== null && !verbose) {
      yield* Effect.logWarning(`skipped removals: ${outcome.removalSkipped}`)
    }
    if (outcome.failures.length > 0) return yield* new SomePluginsFailed()
  })
).pipe(
  Command.withDescription("Download what the account has installed, and remove what it has not"),
  Command.withExamples([
    { command: "codex-plugins sync", description: "Bring the cache up to date" },
    { command: "codex-plugins sync --check", description: "Exit with 1 if anything would change" },
    { command: "codex-plugins sync --quiet --timeout 5m", description: "From cron" }
  ]),
  Command.provide(({ refreshWith, ...options }) =>
    refreshBefore({ refreshWith, root: options.codexHome }, passServices(options))
  )
)
