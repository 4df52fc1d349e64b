import {
  Clock,
  Config,
  Console,
  DateTime,
  Deferred,
  Duration,
  Effect,
  Layer,
  Option,
  Stream
} from "effect"
import { Command, Flag } from "effect/cli"
import * as ChildProcess from "node:child_process"
import { display } from "../internal/display.ts"
import * as PluginSync from "../PluginSync.ts"
import { reasonOf } from "./advice.ts"
import * as SyncEventJson from "../SyncEventJson.ts"
import { errorJson } from "./errorJson.ts"
import * as Flags from "./flags.ts"
import { printJsonLine, schemaVersion } from "./output.ts"
import { ensureOnline } from "./online.ts"
import { passFlags, passServices } from "./passFlags.ts"
import * as Results from "./results.ts"
import * as Signals from "./signals.ts"
import { quietly } from "./sync.ts"

/** The shortest interval. More frequent passes would burden the backend. */
const leastInterval = Duration.seconds(1)

const defaultInterval = Duration.hours(1)

/** The time limit of `systemd-notify`. */
const notifyLimit = "5 seconds"

/** A completed pass. */
interface Pass {
  readonly state: PluginSync.BackgroundState
  /** Both in milliseconds. */
  readonly at: number
  readonly took: number
  readonly nextAt: number
}

const timeOf = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))

const passJson = ({ at, nextAt, state, took }: Pass) => {
  const { error, outcome } = state
  const result =
    state.failures === 0 && outcome !== null
      ? { event: "finished", ...SyncEventJson.encodeOutcome(outcome) }
      : error === null
        ? { event: "interrupted", schemaVersion }
        : { event: "failed", ...errorJson(error) }
  return { ...result, at: timeOf(at), ms: Math.round(took), nextAt: timeOf(nextAt) }
}

const passLine = ({ at, nextAt, state, took }: Pass): string => {
  const { error, outcome } = state
  const time = timeOf(at).replace(/\.\d+Z$/, "Z")
  if (state.failures === 0 && outcome !== null) {
    return `${time} ${Results.outcomeLine(outcome, took)}`
  }
  const { cause, remedy } =
    error === null ? { cause: "it was interrupted", remedy: null } : reasonOf(error)
  const help = remedy === null ? "" : `; ${display(remedy)}`
  return `${time} Failed: ${display(cause)}${help}; next pass in ${Results.seconds(nextAt - at)}`
}

/** Tells systemd that the service is ready. Does nothing without a socket or the program. */
const notifyReady = Effect.gen(function* () {
  const socket = yield* Config.option(Config.String("NOTIFY_SOCKET"))
  if (Option.isNone(socket)) return
  yield* Effect.callback<void>((resume) => {
    const child = ChildProcess.spawn("systemd-notify", ["--ready"], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, NOTIFY_SOCKET: socket.value }
    })
    child.on("error", () => resume(Effect.void))
    child.on("exit", () => resume(Effect.void))
    return Effect.sync(() => child.kill())
  }).pipe(Effect.timeoutOption(notifyLimit))
}).pipe(Effect.ignore)

/** Returns at the first signal. A second one ends the program as usual. */
const signalled = Effect.flatMap(Deferred.make<void>(), (stop) =>
  Signals.withHandler(() => Deferred.doneUnsafe(stop, Effect.void))(Deferred.await(stop))
)

/** Returns when the reader of the output has closed it. */
const outputClosed = Effect.callback<void>((resume) => {
  const close = () => resume(Effect.void)
  process.stdout.once("error", close)
  return Effect.sync(() => process.stdout.off("error", close))
})

/** Calls the function with every completed pass of the schedule. */
const eachPass = Effect.fnUntraced(function* (
  every: Duration.Duration,
  onPass: (pass: Pass) => Effect.Effect<void>
) {
  const { background } = yield* PluginSync.PluginSync
  let startedAt = yield* Clock.currentTimeMillis
  let endedAt = startedAt
  const { changes } = yield* background({ every })
  yield* Stream.runForEach(
    changes,
    Effect.fnUntraced(function* (state) {
      const now = yield* Clock.currentTimeMillis
      if (state.isRunning) startedAt = now
      else if (state.nextAt === null) endedAt = now
      // The time of the next pass is known only after the schedule has processed the last one.
      else if (state.outcome !== null || state.failures > 0) {
        const took = Math.max(0, endedAt - startedAt)
        yield* onPass({ state, at: now, took, nextAt: state.nextAt })
      }
    })
  )
})

export const watch = Command.make(
  "watch",
  {
    ...passFlags,
    every: Flags.duration("every").pipe(
      Flag.withDescription("How often a pass starts: `15m`, `1h` (default: 1h)"),
      Flag.filter(
        (every) => Duration.isGreaterThanOrEqualTo(every, leastInterval),
        () => "a duration of at least 1s"
      ),
      Flag.withDefault(defaultInterval)
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print a line of JSON for each pass"),
      Flag.withDefault(false)
    )
  },
  Effect.fn("watch")(function* ({ every, json }) {
    let isReady = false
    const passes = eachPass(every, (pass) =>
      Effect.gen(function* () {
        yield* json ? printJsonLine(passJson(pass)) : Console.log(passLine(pass))
        if (isReady) return
        isReady = true
        yield* notifyReady
      })
    )
    yield* Effect.raceAllFirst([quietly(passes), signalled, outputClosed]).pipe(Effect.scoped)
  })
).pipe(
  Command.withDescription(
    "Sync on a schedule and whenever auth.json or config.toml changes, until a signal ends it; prints one line per pass and notifies systemd after the first one"
  ),
  Command.withExamples([
    { command: "codex-plugins watch --every 15m", description: "Four passes an hour" },
    {
      command: "codex-plugins watch --json",
      description: "As a service of systemd: Type=notify, NotifyAccess=all"
    }
  ]),
  Command.provide((options) => Layer.unwrap(Effect.as(ensureOnline, passServices(options))))
)
