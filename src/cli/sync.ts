import { Console, Duration, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as PluginSync from "../PluginSync.ts"
import * as SyncPlan from "../SyncPlan.ts"
import { SomePluginsFailed } from "./exit.ts"
import * as flags from "./flags.ts"
import { online } from "./online.ts"
import { printJson, printTable } from "./output.ts"

/** More at a time than this is unkind to the backend. */
const maxConcurrency = 256

const decodeDuration = Schema.decodeUnknownOption(Schema.DurationFromString)

const units: Readonly<Record<string, string>> = {
  s: "seconds",
  m: "minutes",
  h: "hours",
  d: "days"
}

/** People write `24h`; Effect reads `24 hours`. */
const retention = (text: string): Option.Option<Duration.Duration> => {
  const spelledOut = text.replace(
    /^(\d+(?:\.\d+)?)([smhd])$/,
    (_, n, unit) => `${n} ${units[unit]}`
  )
  return Option.filter(
    decodeDuration(spelledOut === "0" ? "0 seconds" : spelledOut),
    (duration) => Duration.isFinite(duration) && !Duration.isNegative(duration)
  )
}

const failureOf = ({ error, pluginId, remotePluginId }: PluginSync.SyncFailure) => ({
  remotePluginId,
  pluginId,
  error: { tag: error._tag, message: error.message }
})

/** The object that `sync --json` prints. */
export const outcomeJson = (outcome: PluginSync.SyncOutcome) => ({
  installedPluginIds: outcome.installed,
  backfilledPluginIds: outcome.backfilled,
  repairedPluginIds: outcome.repaired,
  removedCachePluginIds: outcome.removed,
  failedRemotePluginIds: outcome.failures.flatMap(({ remotePluginId }) => remotePluginId ?? []),
  failures: outcome.failures.map(failureOf),
  removalSkipped: outcome.removalSkipped
})

/** What `sync` prints for people: what changed, then how much there is of everything. */
export const printOutcome = Effect.fnUntraced(function* (outcome: PluginSync.SyncOutcome) {
  const changes = [
    ...outcome.installed.map((name) => ["installed", name]),
    ...outcome.repaired.map((name) => ["repaired", name]),
    ...outcome.backfilled.map((name) => ["backfilled", name]),
    ...outcome.removed.map((name) => ["removed", name]),
    ...outcome.pruned.map(({ pluginId, version }) => ["pruned", `${pluginId} ${version}`]),
    ...outcome.failures.map(({ pluginId, remotePluginId }) => [
      "failed",
      pluginId ?? remotePluginId ?? "(a row without an id)"
    ])
  ]
  if (changes.length > 0) yield* printTable(["RESULT", "PLUGIN"], changes)
  const inStep = [outcome.installed, outcome.repaired, outcome.backfilled, outcome.kept]
    .map((names) => names.length)
    .reduce((sum, n) => sum + n)
  yield* Console.log(
    `${count(inStep, "plugin")} in step, ${outcome.failures.length} failed, ${outcome.removed.length} removed`
  )
})

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`

/** One action of a plan as `sync --dry-run --json` prints it. */
const actionJson = (action: SyncPlan.Action) => {
  switch (action._tag) {
    case "Keep":
    case "Backfill":
    case "Install":
      return {
        action: action._tag,
        remotePluginId: action.plugin.remotePluginId,
        pluginId: action.plugin.pluginId,
        version: action.version,
        ...(action._tag === "Install" ? { reason: action.reason } : {})
      }
    case "Reject":
      return { action: action._tag, ...failureOf(action) }
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

const printPlan = (plan: SyncPlan.SyncPlan, json: boolean) => {
  const actions = plan.actions.map(actionJson)
  if (json) return printJson({ actions, removalSkipped: plan.removalSkipped })
  return actions.length === 0
    ? Console.log("nothing is installed and nothing is cached")
    : printTable(
        ["ACTION", "PLUGIN", "WHY"],
        actions.map((action) => [
          action.action.toLowerCase(),
          action.pluginId ?? "(a row that cannot be named)",
          whyOf(action)
        ])
      )
}

const whyOf = (action: ReturnType<typeof actionJson>): string => {
  if ("error" in action) return action.error.message
  if (!("reason" in action) || action.reason === undefined) return ""
  return typeof action.reason === "string" ? action.reason : action.reason._tag
}

export const sync = Command.make(
  "sync",
  {
    codexHome: flags.codexHome,
    json: flags.json,
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Print what a pass would do, and do nothing"),
      Flag.withDefault(false)
    ),
    concurrency: Flag.Int("concurrency").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("How many plugins at a time (as many as the connection is good for)"),
      Flag.filter(
        (n) => n >= 1 && n <= maxConcurrency,
        () => `a number from 1 to ${maxConcurrency}`
      ),
      Flag.withDefault<"adaptive">("adaptive")
    ),
    retain: Flag.String("retain").pipe(
      Flag.withMetavar("DURATION"),
      Flag.withDescription(
        "How long a superseded version stays for the sessions that use it: `30m`, `24h`, `0` (24h)"
      ),
      Flag.filterMap(retention, () => "a duration such as `30m`, `24h` or `0`"),
      Flag.withDefault(PluginSync.defaultRetention)
    )
  },
  Effect.fn("sync")(function* ({ dryRun, json }) {
    const { plan, sync } = yield* PluginSync.PluginSync
    if (dryRun) return yield* printPlan(yield* plan, json)
    const outcome = yield* sync
    yield* json ? printJson(outcomeJson(outcome)) : printOutcome(outcome)
    if (outcome.failures.length > 0) return yield* new SomePluginsFailed()
  })
).pipe(
  Command.withDescription("Bring the cache in step with what the account has installed"),
  Command.provide(({ codexHome, concurrency, retain }) =>
    online(codexHome, { sync: { concurrency, retention: retain } })
  )
)
