/**
 * The progress of a pass on stderr: a live region on a terminal, a line now and then elsewhere.
 */
import { Clock, Console, Duration, Effect, Fiber, Stream } from "effect"
import { display } from "../internal/display.ts"
import * as PluginSync from "../PluginSync.ts"
import type * as SyncEvent from "../SyncEvent.ts"
import { reasonOf } from "./advice.ts"
import { count, seconds } from "./results.ts"
import { Screen } from "./screen.ts"

/** One download that runs, in bytes. */
interface Download {
  readonly bytes: number
  readonly total: number | null
  /** Why it is retried; null while bytes arrive. */
  readonly retrying: string | null
}

/** How far a pass has come. */
export interface Progress {
  /** Plugins of the plan; null until the listing is there. */
  readonly planned: number | null
  readonly done: number
  readonly inPlace: number
  readonly failed: number
  /** Bytes of the downloads that are finished. */
  readonly bytes: number
  readonly downloads: ReadonlyMap<string, Download>
  /** Why the pass waits; null while it works. */
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

const isForRow = (tag: string): boolean => tag !== "Prune" && tag !== "Remove"

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
      return isForRow(result.action) ? { ...settled, done: progress.done + 1 } : settled
    case "Failed":
      return { ...settled, done: progress.done + 1, failed: progress.failed + 1 }
    default:
      return { ...settled, done: progress.done + 1, inPlace: progress.inPlace + 1 }
  }
}

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
      const planned = event.plan.actions.filter(({ _tag }) => isForRow(_tag)).length
      return { ...progress, waiting: null, planned }
    }
    case "Progress":
      return withDownload(progress, event.pluginId, {
        bytes: event.bytes,
        total: event.total,
        retrying: null
      })
    case "Retrying":
      return withDownload(progress, event.pluginId, {
        bytes: 0,
        total: progress.downloads.get(event.pluginId)?.total ?? null,
        retrying: `retry in ${seconds(Duration.toMillis(event.delay))}: ${reasonOf(event.cause, [event.pluginId]).cause}`
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

/** Cuts a line so that it never wraps. The last column stays free: some terminals wrap there. */
const fit = (line: string, columns: number): string =>
  line.length < columns ? line : `${line.slice(0, Math.max(0, columns - 2))}…`

const receivedBytes = ({ bytes, downloads }: Progress): number =>
  [...downloads.values()].reduce((sum, download) => sum + download.bytes, bytes)

const statusText = (progress: Progress, elapsed: number): string => {
  const { done, failed, planned, waiting } = progress
  if (waiting !== null) return display(waiting)
  if (planned === null) return "Reading the account's plugins"
  const bytes = receivedBytes(progress)
  return [
    `${done}/${count(planned, "plugin")}`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(bytes > 0
      ? [size(bytes), `${size(Math.round((bytes * 1000) / Math.max(1, elapsed)))}/s`]
      : [])
  ].join("  ")
}

const downloadText = ([pluginId, { bytes, retrying, total }]: readonly [
  string,
  Download
]): string => {
  const state = retrying ?? (total === null ? size(bytes) : `${size(bytes)} of ${size(total)}`)
  return `  ${display(pluginId.slice(0, pluginId.lastIndexOf("@")))}  ${display(state)}`
}

/** How many downloads the region shows. */
const mostDownloads = 3

/** The bytes to come. A download that is retried has no end in sight. */
const rest = ({ bytes, retrying, total }: Download): number =>
  retrying === null ? (total ?? bytes) - bytes : Number.POSITIVE_INFINITY

/** Retries first, then the downloads with the most bytes to come. */
const largest = ({ downloads }: Progress) =>
  [...downloads]
    .toSorted(([, a], [, b]) => (rest(b) === rest(a) ? 0 : rest(b) - rest(a)))
    .slice(0, mostDownloads)

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]

/** The lines of the live region. */
export const regionLines = (
  progress: Progress,
  elapsed: number,
  columns: number
): ReadonlyArray<string> => {
  const frame = frames[Math.floor(elapsed / 100) % frames.length]
  return [
    `${frame} ${statusText(progress, elapsed)}  ${seconds(elapsed)}`,
    ...largest(progress).map(downloadText)
  ].map((line) => fit(line, columns))
}

/** The first frame comes after this time: a pass with nothing to do draws nothing. */
const firstFrame = "120 millis"
const frameTime = "100 millis"
/** Where lines are only appended, a short pass stays silent and a long one shows that it lives. */
const firstLine = "2 seconds"
const lineTime = "10 seconds"

/** Erases the lines that were drawn and leaves the cursor where they began. */
const erase = (lines: number): string =>
  lines === 0 ? "" : `\r${lines > 1 ? `\u001b[${lines - 1}A` : ""}\u001b[J`

const isLast = ({ _tag }: SyncEvent.SyncEvent): boolean =>
  _tag === "Finished" || _tag === "PassFailed" || _tag === "Interrupted"

/**
 * Shows the progress of a pass while the effect runs, and hands on each event. The effect can look at
 * the progress. The live region is gone when the effect ends.
 */
export const show = Effect.fnUntraced(function* <A, E, R>(
  use: (current: () => Progress) => Effect.Effect<A, E, R>,
  onEvent: (event: SyncEvent.SyncEvent) => Effect.Effect<void>,
  /** `untilLast`: waits for the last event of the pass. Default: true. */
  { untilLast = true }: { readonly untilLast?: boolean } = {}
) {
  const { events } = yield* PluginSync.PluginSync
  const screen = yield* Screen
  const console = yield* Console.Console
  const startedAt = yield* Clock.currentTimeMillis
  let progress = initial
  let drawn = 0

  const clear = () => {
    if (drawn > 0) screen.write(erase(drawn))
    drawn = 0
  }
  const elapsed = Effect.map(Clock.currentTimeMillis, (now) => now - startedAt)
  const draw = Effect.map(elapsed, (elapsed) => {
    const lines = regionLines(progress, elapsed, screen.columns())
    screen.write(erase(drawn) + lines.join("\n"))
    drawn = lines.length
  })
  const append = Effect.flatMap(elapsed, (elapsed) =>
    Console.error(`${statusText(progress, elapsed)} (${seconds(elapsed)})`)
  )

  const [first, pause, tick] = screen.isLive
    ? ([firstFrame, frameTime, draw] as const)
    : ([firstLine, lineTime, append] as const)
  const painter = Effect.andThen(
    Effect.sleep(first),
    Effect.forever(Effect.andThen(tick, Effect.sleep(pause)))
  )
  const listener = events.pipe(
    Stream.takeUntil(isLast),
    Stream.runForEach((event) =>
      Effect.suspend(() => {
        progress = next(progress, event)
        return onEvent(event)
      })
    )
  )

  // Whatever else is printed meanwhile goes above the region.
  const above: Console.Console = Object.assign(Object.create(console), {
    log: (...args: ReadonlyArray<unknown>) => (clear(), console.log(...args)),
    error: (...args: ReadonlyArray<unknown>) => (clear(), console.error(...args))
  })

  return yield* Effect.gen(function* () {
    const listening = yield* Effect.forkChild(listener, { startImmediately: true })
    const painting = yield* Effect.forkChild(painter, { startImmediately: true })
    return yield* use(() => progress).pipe(
      // The last event has been published when the pass ends.
      Effect.tap(() => (untilLast ? Fiber.join(listening) : Effect.void)),
      Effect.tapError(() => Fiber.join(listening).pipe(Effect.timeoutOption("1 second"))),
      Effect.ensuring(Fiber.interruptAll([listening, painting])),
      Effect.ensuring(Effect.sync(clear))
    )
  }).pipe(Effect.provideService(Console.Console, above))
})
