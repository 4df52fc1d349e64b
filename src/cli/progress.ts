/**
 * The progress of a pass.
 */
import { Duration, Effect, Fiber, Stream } from "effect"
import * as SyncPlan from "../SyncPlan.ts"
import { count, display } from "../internal/display.ts"
import * as PluginSync from "../PluginSync.ts"
import type * as SyncEvent from "../SyncEvent.ts"
import * as Message from "../internal/message.ts"
import { elapsedText, showing, spinner } from "./region.ts"
import { durationText, seconds } from "./results.ts"
import { cut, plain, type Style } from "./style.ts"

/** A running download. Sizes are in bytes. */
interface Download {
  readonly bytes: number
  readonly total: number | null
  /** The reason for a retry; null while bytes arrive. */
  readonly retrying: string | null
}

/** The progress of a pass. */
export interface Progress {
  /** The number of plugins in the plan; null until the listing is complete. */
  readonly planned: number | null
  readonly done: number
  readonly inPlace: number
  readonly failed: number
  /** The bytes of completed downloads. */
  readonly bytes: number
  readonly downloads: ReadonlyMap<string, Download>
  /** The reason why the pass waits; null while it works. */
  readonly waiting: string | null
}

/** The progress at the start of a pass. */
export const initial: Progress = {
  planned: null,
  done: 0,
  inPlace: 0,
  failed: 0,
  bytes: 0,
  downloads: new Map(),
  waiting: null
}

const withDownload = (progress: Progress, pluginId: string, download: Download): Progress => ({
  ...progress,
  waiting: null,
  downloads: new Map(progress.downloads).set(pluginId, download)
})

const withResult = (progress: Progress, result: SyncEvent.SyncResult): Progress => {
  const downloads = new Map(progress.downloads)
  if (result.pluginId !== null) downloads.delete(result.pluginId)
  const settled = { ...progress, downloads, waiting: null, bytes: progress.bytes + result.bytes }
  switch (result._tag) {
    case "Removed":
    case "Pruned":
      return settled
    case "Unnecessary":
    case "Deferred":
      return SyncPlan.isForRow({ _tag: result.action })
        ? { ...settled, done: progress.done + 1 }
        : settled
    case "Failed":
      return { ...settled, done: progress.done + 1, failed: progress.failed + 1 }
    default:
      return { ...settled, done: progress.done + 1, inPlace: progress.inPlace + 1 }
  }
}

/**
 * A message about a final failure says that every attempt failed, but this is not the last attempt.
 */
const causeOf = ({ cause }: Extract<SyncEvent.SyncEvent, { _tag: "Retrying" }>) =>
  Message.of(cause).why.replace(/ each time$/, "")

/** The progress after one more event. */
export const next = (progress: Progress, event: SyncEvent.SyncEvent): Progress => {
  switch (event._tag) {
    case "Started":
    case "Listed":
    case "Finished":
    case "PassFailed":
    case "Interrupted":
      return { ...progress, waiting: null }
    case "Waiting":
      return {
        ...progress,
        waiting:
          event.for === "lock"
            ? "Waiting for another process to finish its sync"
            : `Waiting for another process to finish ${event.pluginId ?? "a plugin"}`
      }
    case "Planned": {
      const planned = event.plan.actions.filter(SyncPlan.isForRow).length
      return { ...progress, waiting: null, planned }
    }
    case "Progress":
      return withDownload(progress, event.pluginId, {
        bytes: event.bytes,
        total: event.total,
        retrying: null
      })
    case "Retrying":
      if (event.pluginId === null) {
        const after = durationText(event.delay)
        return { ...progress, waiting: `Retry in ${after}: ${causeOf(event)}` }
      }
      return withDownload(progress, event.pluginId, {
        bytes: 0,
        total: progress.downloads.get(event.pluginId)?.total ?? null,
        retrying: `retry in ${seconds(Duration.toMillis(event.delay))}: ${causeOf(event)}`
      })
    default:
      return withResult(progress, event)
  }
}

/** `512 B`, `81 kB`, `14.2 MB`. */
export const size = (bytes: number): string => {
  if (bytes < 1000) return `${bytes} B`
  return bytes < 1_000_000
    ? `${Math.round(bytes / 1000)} kB`
    : `${(bytes / 1_000_000).toFixed(1)} MB`
}

const receivedBytes = ({ bytes, downloads }: Progress): number =>
  [...downloads.values()].reduce((sum, download) => sum + download.bytes, bytes)

/** The displayed progress at one moment. */
interface Moment {
  readonly progress: Progress
  /** Since the start of the pass, in milliseconds. */
  readonly elapsed: number
  /** In bytes per second. */
  readonly rate: number
}

/** The counters, or the reason for a wait. */
const statusParts = (
  { elapsed, progress, rate }: Moment,
  style: Style
): ReadonlyArray<readonly [text: string, style: (text: string) => string]> => {
  const { failed, planned, waiting } = progress
  const time = [elapsedText(elapsed), style.dim] as const
  if (waiting !== null) return [[display(waiting), style.yellow], time]
  if (planned === null) return [["Reading the account's plugins", style.bold], time]
  const bytes = receivedBytes(progress)
  return [
    [`${progress.done}/${count(planned, "plugin")}`, style.bold],
    [failed > 0 ? `${failed} failed` : "", style.red],
    [bytes > 0 ? size(bytes) : "", style.dim],
    [bytes > 0 ? `${size(Math.round(rate))}/s` : "", style.dim],
    time
  ]
}

/** Joins parts and cuts off the rest that does not fit. */
const joined = (
  parts: ReadonlyArray<readonly [text: string, style: (text: string) => string]>,
  columns: number,
  separator = "  "
): string => {
  let left = columns
  let line = ""
  for (const [text, style] of parts) {
    if (text === "") continue
    const before = line === "" ? "" : separator
    const shown = cut(text, left - before.length)
    if (shown === "") break
    line += before + style(shown)
    left -= before.length + shown.length
  }
  return line
}

/** The minimum width of a terminal with bars, in columns. */
const leastForBars = 60
const barLength = 20

const bar = (bytes: number, total: number, style: Style): string => {
  const filled = Math.min(barLength, Math.floor((bytes / Math.max(1, total)) * barLength))
  return style.green("━".repeat(filled)) + style.dim("─".repeat(barLength - filled))
}

/** The number of downloads in the live region. */
const mostDownloads = 3

/** Retries first, then the largest downloads. Neither order changes while bytes arrive. */
const shownDownloads = ({ downloads }: Progress) =>
  [...downloads]
    .toSorted(
      ([, a], [, b]) =>
        Number(b.retrying !== null) - Number(a.retrying !== null) || (b.total ?? 0) - (a.total ?? 0)
    )
    .slice(0, mostDownloads)

const downloadLines = (
  progress: Progress,
  columns: number,
  style: Style
): ReadonlyArray<string> => {
  const downloads = shownDownloads(progress).map(
    ([pluginId, download]) =>
      [display(pluginId.slice(0, pluginId.lastIndexOf("@"))), download] as const
  )
  const nameLength = Math.min(
    Math.max(0, ...downloads.map(([name]) => name.length)),
    Math.max(8, Math.floor(columns / 2) - 4)
  )
  return downloads.map(([name, { bytes, retrying, total }]) => {
    const label = `  ${cut(name, nameLength).padEnd(nameLength)}  `
    const left = columns - label.length
    if (retrying !== null) return label + style.yellow(cut(display(retrying), left))
    const sizes = total === null ? size(bytes) : `${size(bytes)} of ${size(total)}`
    if (total === null || columns < leastForBars) return label + style.dim(cut(sizes, left))
    return `${label}${bar(bytes, total, style)}  ${style.dim(cut(sizes, left - barLength - 2))}`
  })
}

/** The lines of the live region. The last column stays free, because some terminals wrap there. */
export const regionLines = (
  moment: Moment,
  columns: number,
  style: Style = plain
): ReadonlyArray<string> => [
  `${style.cyan(spinner(moment.elapsed))} ${joined(statusParts(moment, style), columns - 3)}`,
  ...downloadLines(moment.progress, columns - 1, style)
]

/** The rate is measured over this time, in milliseconds. */
const rateTime = 3000

/** Measures a rate from the bytes that have arrived at each moment. */
const makeMeter = () => {
  const samples: Array<readonly [elapsed: number, bytes: number]> = [[0, 0]]
  return (elapsed: number, bytes: number): number => {
    samples.push([elapsed, bytes])
    while (samples.length > 2 && samples[1]![0] <= elapsed - rateTime) samples.shift()
    const [since, before] = samples[0]!
    // The sum decreases when a download starts again.
    return Math.max(0, ((bytes - before) * 1000) / Math.max(1, elapsed - since))
  }
}

const isLast = ({ _tag }: SyncEvent.SyncEvent): boolean =>
  _tag === "Finished" || _tag === "PassFailed" || _tag === "Interrupted"

/**
 * Displays the progress of a pass while the effect runs, and passes on each event. The effect can
 * read the progress.
 */
export const show = Effect.fnUntraced(function* <A, E, R>(
  use: (current: () => Progress) => Effect.Effect<A, E, R>,
  onEvent: (event: SyncEvent.SyncEvent) => Effect.Effect<void>,
  /** `untilLast`: waits for the last event of the pass. Default: true. */
  { untilLast = true }: { readonly untilLast?: boolean } = {}
) {
  const { events } = yield* PluginSync.PluginSync
  const meter = makeMeter()
  let progress = initial
  const momentAt = (elapsed: number): Moment => ({
    progress,
    elapsed,
    rate: meter(elapsed, receivedBytes(progress))
  })
  const listener = events.pipe(
    Stream.takeUntil(isLast),
    Stream.runForEach((event) =>
      Effect.suspend(() => {
        progress = next(progress, event)
        return onEvent(event)
      })
    )
  )
  return yield* Effect.gen(function* () {
    const listening = yield* Effect.forkChild(listener, { startImmediately: true })
    return yield* use(() => progress).pipe(
      // The last event has already been published when the pass ends.
      Effect.tap(() => (untilLast ? Fiber.join(listening) : Effect.void)),
      Effect.tapError(() => Fiber.join(listening).pipe(Effect.timeoutOption("1 second"))),
      Effect.ensuring(Fiber.interrupt(listening))
    )
  }).pipe(
    showing({
      lines: (elapsed, columns, style) => regionLines(momentAt(elapsed), columns, style),
      // The caller adds the time to the line.
      line: (elapsed) => joined(statusParts({ ...momentAt(elapsed), elapsed: 0 }, plain), 200)
    })
  )
})
