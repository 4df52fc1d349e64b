/**
 * The results of a pass for people: one line for each change, then failures grouped by cause, and a
 * closing line.
 */
import { Duration, Option } from "effect"
import { count, display } from "../internal/display.ts"
import type * as SyncEvent from "../SyncEvent.ts"
import { outranks, type PluginVersion } from "../PluginVersion.ts"
import * as SyncPlan from "../SyncPlan.ts"
import { type Reason, reasonOf } from "./advice.ts"
import { helpLine, plain, type Style } from "./style.ts"

/** `0.2 s`, `12 s`, `2 min 46 s`. */
export const seconds = (millis: number): string => {
  const s = millis / 1000
  if (s < 10) return `${s.toFixed(1)} s`
  return s < 60 ? `${Math.round(s)} s` : `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`
}

/** `24 h`, `90 min`, `45 s`: a duration as it is written in flags. */
export const durationText = (duration: Duration.Duration): string => {
  const s = Duration.toSeconds(duration)
  if (s >= 3600 && s % 3600 === 0) return `${s / 3600} h`
  return s >= 60 && s % 60 === 0 ? `${s / 60} min` : `${s} s`
}

/** The marks at the start of result lines. A failure needs attention, and a notice may need it. */
export const marks = { failure: "✗", notice: "!", passed: "✓" } as const

/** A change to one plugin that a pass has made or would make. */
interface Change {
  readonly mark: "+" | "~" | "-" | "="
  readonly pluginId: string
  readonly text: string
}

const nameOf = (pluginId: string) => pluginId.slice(0, pluginId.lastIndexOf("@"))

/** The names of plugins, without the marketplace if no other plugin has the same name. */
export const shortNames = (pluginIds: ReadonlyArray<string>) => {
  const seen = new Map<string, Set<string>>()
  for (const id of pluginIds) {
    seen.set(nameOf(id), (seen.get(nameOf(id)) ?? new Set()).add(id))
  }
  return (id: string) => (id.includes("@") && seen.get(nameOf(id))?.size === 1 ? nameOf(id) : id)
}

const upgrade = (from: PluginVersion, to: PluginVersion): string =>
  `${from} → ${to}${outranks(from, to) ? " (downgrade)" : ""}`

const repairs: Readonly<Record<string, string>> = {
  Broken: "repaired",
  IdentityChanged: "replaced: it was another plugin's",
  IdentityInDoubt: "repaired: an install was interrupted",
  IdentityUnreadable: "repaired: its identity was unreadable"
}

const deferrals: Readonly<
  Record<Extract<SyncEvent.SyncResult, { readonly _tag: "Deferred" }>["reason"], string>
> = {
  Changed: "other programs keep changing it; left to a later pass",
  Leased: "in use; left to a later pass",
  SharedCache: "kept: other homes share the cache"
}

const installation = (
  pluginId: string,
  version: PluginVersion,
  reason: SyncPlan.InstallReason
): Change => {
  if (reason._tag === "Missing") return { mark: "+", pluginId, text: version }
  return {
    mark: "~",
    pluginId,
    text:
      reason._tag === "VersionChanged"
        ? upgrade(reason.from, version)
        : `${version} (${repairs[reason._tag] ?? "repaired"})`
  }
}

/** The change that an action makes; none for a plugin that is kept or rejected. */
const changeOf = (action: SyncPlan.Action): Option.Option<Change> => {
  switch (action._tag) {
    case "Keep":
    case "Reject":
      return Option.none()
    case "Backfill":
      return Option.some({
        mark: "~",
        pluginId: action.plugin.pluginId,
        text: `${action.version} (identity added)`
      })
    case "Install":
      return Option.some(installation(action.plugin.pluginId, action.version, action.reason))
    case "Remove":
      return Option.some({
        mark: "-",
        pluginId: SyncPlan.nameOf(action.target),
        text: `(${SyncPlan.removalReasons[action.reason]})`
      })
    case "Defer":
      return Option.some({
        mark: "=",
        pluginId: action.plugin.pluginId,
        text: `(${deferrals[action.reason]})`
      })
    case "Prune":
      return Option.some({
        mark: "-",
        pluginId: action.pluginId,
        text: `${action.version} (superseded)`
      })
  }
}

/** The change that a pass made; none if the plugin is unchanged. */
const changeMade = (result: SyncEvent.SyncResult): Option.Option<Change> => {
  const { from, to } = result
  switch (result._tag) {
    case "Kept":
    case "Unnecessary":
    case "Failed":
      return Option.none()
    case "Deferred":
      return Option.some({
        mark: "=",
        pluginId: result.pluginId,
        text: `(${deferrals[result.reason]})`
      })
    case "Backfilled":
      return Option.some({ mark: "~", pluginId: result.pluginId, text: `${to} (identity added)` })
    case "Installed":
      return Option.map(Option.fromNullishOr(to), (version) =>
        installation(result.pluginId, version, result.reason)
      )
    case "Removed":
      return Option.some({
        mark: "-",
        pluginId: result.pluginId,
        text: `(${SyncPlan.removalReasons[result.reason]})`
      })
    case "Pruned":
      return Option.some({ mark: "-", pluginId: result.pluginId, text: `${from} (superseded)` })
  }
}

/** The number of names of a group that are printed. */
const mostNames = 5

/** Failures grouped by cause, each with its plugins and one remedy. */
const failureLines = (
  failures: ReadonlyArray<SyncEvent.SyncFailure>,
  style: Style = plain
): ReadonlyArray<string> => {
  const groups = new Map<string, { reason: Reason; names: Array<string> }>()
  const short = shortNames(failures.flatMap(({ pluginId }) => pluginId ?? []))
  for (const { error, pluginId, remotePluginId } of failures) {
    const reason = reasonOf(error, [pluginId, remotePluginId])
    const name = short(pluginId ?? remotePluginId ?? "a plugin without an id")
    const key = `${error._tag}\n${reason.cause}\n${reason.remedy}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { reason, names: [name] })
    else group.names.push(name)
  }
  return [...groups.values()].flatMap((group) => groupLines(group, style))
}

const groupLines = (
  {
    names,
    reason: { cause, remedy }
  }: {
    readonly names: ReadonlyArray<string>
    readonly reason: Reason
  },
  style: Style
): ReadonlyArray<string> => {
  const some = names.slice(0, mostNames).map(display).join(", ")
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : ""
  const help = remedy === null ? undefined : helpLine(remedy, style)
  const mark = style.red(marks.failure)
  const lines =
    names.length === 1
      ? [` ${mark} ${style.bold(some)}: ${display(cause)}`, help]
      : [
          ` ${mark} ${style.bold(`${names.length} plugins`)}: ${display(cause)}`,
          style.dim(`   ${some}${more}`),
          help
        ]
  return lines.filter((line) => line !== undefined)
}

const colors = { "+": "green", "~": "yellow", "-": "red", "=": "dim" } as const

/** The lines of changes. */
const changeLines = (
  changes: ReadonlyArray<Change>,
  style: Style = plain
): ReadonlyArray<string> => {
  const short = shortNames(changes.map(({ pluginId }) => pluginId))
  return changes.map(
    ({ mark, pluginId, text }) =>
      ` ${style[colors[mark]](mark)} ${style.bold(display(short(pluginId)))} ${style.dim(display(text))}`
  )
}

const verbs = {
  done: ["installed", "updated", "removed"],
  planned: ["would install", "would update", "would remove"]
} as const

/** The closing line: counts, and the time of a completed pass. */
const closing = (
  changes: ReadonlyArray<Change>,
  counts: { readonly upToDate: number; readonly failed: number },
  kind: keyof typeof verbs,
  millis: number | undefined,
  style: Style
): string => {
  const time = millis === undefined ? [] : [seconds(millis)]
  const { failed, upToDate } = counts
  if (changes.length === 0 && failed === 0) {
    return `Already up to date ${style.dim(`(${[count(upToDate, "plugin"), ...time].join(", ")})`)}`
  }
  const parts = (["+", "~", "-"] as const).flatMap((mark, index) => {
    const n = changes.filter((change) => change.mark === mark).length
    return n === 0 ? [] : [`${verbs[kind][index]} ${n}`]
  })
  const line = [
    ...parts,
    ...(upToDate > 0 ? [`${upToDate} up to date`] : []),
    ...(failed > 0 ? [style.red(`${failed} failed`)] : [])
  ].join(", ")
  return `${line.charAt(0).toUpperCase()}${line.slice(1)}${time.map((t) => ` ${style.dim(`(${t})`)}`).join("")}`
}

/** The whole output about a completed pass. */
export const outcomeLines = (
  outcome: SyncEvent.SyncOutcome,
  millis: number,
  style: Style = plain
): ReadonlyArray<string> => {
  if (outcome.skipped !== null) {
    return ["Skipped: config.toml sets `features.plugins` to false"]
  }
  const changes = outcome.results.flatMap((result) => Option.toArray(changeMade(result)))
  const counts = { upToDate: outcome.kept.length, failed: outcome.failures.length }
  return [
    ...changeLines(changes, style),
    ...failureLines(outcome.failures, style),
    closing(changes, counts, "done", millis, style)
  ]
}

/** The plugins that were up to date. */
export const keptLines = (
  { results }: SyncEvent.SyncOutcome,
  style: Style = plain
): ReadonlyArray<string> =>
  changeLines(
    results.flatMap((result): ReadonlyArray<Change> =>
      result._tag === "Kept"
        ? [{ mark: "=", pluginId: result.pluginId, text: `${result.to} (up to date)` }]
        : []
    ),
    style
  )

/** The maximum number of changes and failures in the line of a pass. */
const mostInLine = 6

/** A completed pass in one line. */
export const outcomeLine = (outcome: SyncEvent.SyncOutcome, millis: number): string => {
  const lines = outcomeLines(outcome, millis).filter((line) => !/^ {2,}/.test(line))
  const details = lines.slice(0, -1).map((line) => line.trim())
  const shown = details.slice(0, mostInLine).join("; ")
  const more = details.length > mostInLine ? `; and ${details.length - mostInLine} more` : ""
  return `${lines.at(-1)}${shown === "" ? "" : `: ${shown}${more}`}`
}

/** The changes of a plan. */
export const plannedChanges = (plan: SyncPlan.SyncPlan): ReadonlyArray<Change> =>
  plan.actions.flatMap((action) => Option.toArray(changeOf(action)))

/** The whole output about a plan: only the changes and failures. */
export const planLines = (plan: SyncPlan.SyncPlan, style: Style): ReadonlyArray<string> => {
  const changes = plannedChanges(plan)
  const failures = plan.actions.filter(SyncPlan.Action.$is("Reject"))
  const upToDate = plan.actions
    .filter(SyncPlan.isForRow)
    .filter(({ _tag }) => _tag === "Keep").length
  return [
    ...changeLines(changes, style),
    ...failureLines(failures, style),
    closing(changes, { upToDate, failed: failures.length }, "planned", undefined, style)
  ]
}
