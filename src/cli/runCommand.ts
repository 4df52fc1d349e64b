import { Cause, Console, Duration, Effect, Option, type Scope } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as ChildProcess from "node:child_process"
import * as Os from "node:os"
import { count, display } from "../internal/display.ts"
import * as PluginStore from "../PluginStore.ts"
import * as PluginSync from "../PluginSync.ts"
import { CommandExited } from "./exit.ts"
import * as Flags from "./flags.ts"
import { passFlags, passServices } from "./passFlags.ts"
import * as Progress from "./progress.ts"
import * as Signals from "./signals.ts"
import { quietly } from "./sync.ts"

/** The default of `--deadline`, the time for which the command waits for its plugins. */
const defaultDeadline = Duration.seconds(5)

const warn = (message: string) => Console.error(`codex-plugins: ${display(message)}`)

/** Brings the plugins up to date. A failure is only a line on stderr. */
const prepare = Effect.fnUntraced(function* (deadline: Duration.Duration) {
  const { ensureReady } = yield* PluginSync.PluginSync
  const { error, missing, stale, state } = yield* Progress.show(
    () => quietly(ensureReady({ deadline })),
    () => Effect.void,
    { untilLast: false }
  )
  if (state === "DeadlinePassed") {
    return yield* warn(
      `the plugins are not up to date after ${Duration.format(deadline)}; starting the command`
    )
  }
  if (error !== null) return yield* warn(`${error.message}; starting the command`)
  const failed = missing.length + stale.length
  if (failed > 0) yield* warn(`${count(failed, "plugin")} not up to date; starting the command`)
})

/**
 * Leases every active version until the scope closes, so that no process of this library removes
 * it.
 */
const leaseAll: Effect.Effect<void, never, PluginStore.PluginStore | Scope.Scope> = Effect.gen(
  function* () {
    const store = yield* PluginStore.PluginStore
    const plugins = yield* store.list
    yield* Effect.forEach(
      plugins.filter(({ active }) => Option.isSome(active)),
      ({ pluginId }) => Effect.ignore(store.lease(pluginId)),
      { discard: true }
    )
  }
).pipe(Effect.catch((error) => warn(error.message)))

/** The code that shells use for a command that could not be started. */
const startCode = ({ code }: NodeJS.ErrnoException): number => (code === "ENOENT" ? 127 : 126)

/** Runs the command on this terminal and returns the exit code that a shell would. */
const execute = (
  [command = "", ...args]: ReadonlyArray<string>,
  codexHome: Option.Option<string>
): Effect.Effect<number> =>
  Effect.suspend(() => {
    let child: ChildProcess.ChildProcess | undefined
    // The terminal itself sends SIGINT to the command as well.
    const forward = (signal: NodeJS.Signals) => {
      if (signal !== "SIGINT") child?.kill(signal)
    }
    return Effect.callback<number>((resume) => {
      child = ChildProcess.spawn(command, args, {
        stdio: "inherit",
        env: Option.match(codexHome, {
          onNone: () => process.env,
          onSome: (home) => ({ ...process.env, CODEX_HOME: home })
        })
      })
      child.on("error", (error) =>
        resume(Effect.as(warn(`cannot start ${command}: ${error.message}`), startCode(error)))
      )
      child.on("exit", (code, signal) =>
        resume(Effect.succeed(code ?? 128 + (signal === null ? 0 : Os.constants.signals[signal])))
      )
    }).pipe(Signals.withHandler(forward))
  })

export const run = Command.make(
  "run",
  {
    ...passFlags,
    deadline: Flags.duration("deadline").pipe(
      Flag.withDescription("How long the command waits for its plugins (default: 5s)"),
      Flag.withDefault(defaultDeadline)
    ),
    offline: Flags.offline("Do not ask the backend: start the command at once"),
    command: Argument.String("COMMAND").pipe(
      Argument.withDescription("The command and its arguments, after `--`"),
      Argument.variadic({ min: 1 })
    )
  },
  Effect.fn("run")(function* ({ command, deadline, offline, ...options }) {
    let started = false
    const start = Effect.suspend(() => {
      started = true
      return execute(command, options.codexHome)
    })
    const prepared = (offline ? Effect.void : prepare(deadline)).pipe(
      Effect.catchCause((cause) =>
        Cause.hasInterrupts(cause)
          ? Effect.failCause(cause as Cause.Cause<never>)
          : warn(`${messageOf(cause)}; starting the command`)
      ),
      Effect.andThen(leaseAll),
      Effect.andThen(start),
      Effect.scoped,
      Effect.provide(passServices(options))
    )
    // The layer fails if the home does not exist or its settings cannot be read.
    const code = yield* Effect.catchCause(prepared, (cause) =>
      started || Cause.hasInterrupts(cause)
        ? Effect.failCause(cause)
        : Effect.andThen(warn(`${messageOf(cause)}; starting the command`), start)
    )
    if (code !== 0) return yield* new CommandExited({ code })
  })
).pipe(
  Command.withDescription("Bring the plugins up to date, then start a command that uses them"),
  Command.withExamples([
    { command: "codex-plugins run -- codex", description: "Start Codex with its plugins in place" },
    {
      command: "codex-plugins run --deadline 2s -- codex exec hello",
      description: "Wait 2 seconds"
    }
  ])
)

const messageOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}
