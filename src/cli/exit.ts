/**
 * The exit codes of the program, and the errors that only commands have.
 */
import { Cause, Console, Data, Duration, Effect, Exit, Option, Runtime } from "effect"
import { CliError } from "effect/cli"
import { display } from "../internal/display.ts"
import { isSignInNeeded, isTransient } from "../ErrorAdvice.ts"
import * as Message from "../internal/message.ts"
import { printJson, schemaVersion } from "./output.ts"
import { printMessage } from "./screen.ts"
import { helpLine, type Style } from "./style.ts"

/** The exit codes, as the help and the manual explain them. */
export const codes = [
  [0, "success"],
  [1, "the command failed"],
  [2, "wrong usage"],
  [3, "some plugins failed, the others are in place"],
  [4, "sign-in needed: run `codex login`"],
  [5, "try again later: network, rate limit, or another process holds the lock"],
  [129, "ended by SIGHUP"],
  [130, "ended by Ctrl-C (SIGINT)"],
  [143, "ended by SIGTERM"]
] as const

/** A command failed for a reason that is not an error of a service. */
export class CommandFailed extends Data.TaggedError("CommandFailed")<{
  readonly why: string
  readonly remedy?: string | undefined
}> {
  override get message(): string {
    return Message.format(this.explanation)
  }
  get explanation(): Message.Explanation {
    return Message.because(null, this.why, this.remedy)
  }
}

/** Arguments that are valid alone but not in combination. */
export class WrongUsage extends Data.TaggedError("WrongUsage")<{
  readonly message: string
}> {
  override readonly [Runtime.errorExitCode] = 2
}

/** The pass took longer than `--timeout` allows. Its completed changes stay. */
export class PassTimedOut extends Data.TaggedError("PassTimedOut")<{
  readonly limit: Duration.Duration
}> {
  override readonly [Runtime.errorExitCode] = 5
  override get message(): string {
    return Message.format(this.explanation)
  }
  get explanation(): Message.Explanation {
    return Message.because(
      null,
      `the pass did not finish within ${Duration.format(this.limit)}`,
      "run `codex-plugins sync` again to continue"
    )
  }
}

/** The command took longer than `--timeout` allows. */
class TimedOut extends Data.TaggedError("TimedOut")<{
  readonly limit: Duration.Duration
}> {
  override readonly [Runtime.errorExitCode] = 5
  override get message(): string {
    return Message.format(this.explanation)
  }
  get explanation(): Message.Explanation {
    return Message.because(
      null,
      `the command did not finish within ${Duration.format(this.limit)}`,
      "try again later, or allow more with --timeout"
    )
  }
}

/** Ends a command with {@link TimedOut} once it takes longer than the limit. */
export const within =
  (limit: Option.Option<Duration.Duration>) =>
  <A, E, R>(command: Effect.Effect<A, E, R>): Effect.Effect<A, E | TimedOut, R> =>
    Option.match(limit, {
      onNone: () => command,
      onSome: (limit) =>
        Effect.timeoutOrElse(command, {
          duration: limit,
          orElse: () => Effect.fail(new TimedOut({ limit }))
        })
    })

/** The user has forbidden the requests that the command needs. */
export class Offline extends Data.TaggedError("Offline")<{}> {
  override get message(): string {
    return Message.format(this.explanation)
  }
  get explanation(): Message.Explanation {
    return Message.because(
      null,
      "the command needs the backend, and CODEX_PLUGINS_OFFLINE is set",
      "unset it"
    )
  }
}

/** `--check` found something to do; it has been printed. */
export class WouldChange extends Data.TaggedError("WouldChange")<{}> {
  override readonly [Runtime.errorExitCode] = 1
}

/** `verify` found plugins that differ from their bundles; they have been printed. */
export class SomePluginsDiffer extends Data.TaggedError("SomePluginsDiffer")<{}> {
  override readonly [Runtime.errorExitCode] = 1
}

/** `doctor` found errors; they have been printed. */
export class ProblemsFound extends Data.TaggedError("ProblemsFound")<{}> {
  override readonly [Runtime.errorExitCode] = 1
}

/** The command that `run` started ended with this code. */
export class CommandExited extends Data.TaggedError("CommandExited")<{
  readonly code: number
}> {
  override get [Runtime.errorExitCode](): number {
    return this.code
  }
}

/** The pass finished, but plugins failed; the failures have been printed. */
export class SomePluginsFailed extends Data.TaggedError("SomePluginsFailed")<{}> {
  override readonly [Runtime.errorExitCode] = 3
}

/** The exit code of a process that a signal has ended. */
export const codeOfSignal = (signal: NodeJS.Signals | undefined): number =>
  signal === "SIGTERM" ? 143 : signal === "SIGHUP" ? 129 : 130

/** The exit code of the process; `signal` is the signal that ended it. */
export const codeOf = (exit: Exit.Exit<unknown, unknown>, signal?: NodeJS.Signals): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.hasInterruptsOnly(exit.cause)) return codeOfSignal(signal)
  const error = Cause.squash(exit.cause)
  if (CliError.isCliError(error)) {
    return error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : 2
  }
  if (isSignInNeeded(error)) return 4
  if (isTransient(error)) return 5
  return Runtime.getErrorExitCode(error)
}

const reported = [SomePluginsFailed, SomePluginsDiffer, ProblemsFound, WouldChange, CommandExited]

const isReported = (error: unknown): boolean =>
  CliError.isCliError(error) || reported.some((kind) => error instanceof kind)

/** On a terminal, the remedy has a separate line. A log has one line for each error. */
const failureLines = (error: Error, style: Style, isTerminal: boolean): ReadonlyArray<string> => {
  const name = style.red("codex-plugins:")
  const explanation = Message.of(error)
  return isTerminal && explanation.remedy !== null
    ? [`${name} ${display(Message.causeOf(explanation))}`, helpLine(explanation.remedy, style)]
    : [`${name} ${display(error.message)}`]
}

const isWrongUsage = (error: unknown): error is CliError.ShowHelp =>
  CliError.isCliError(error) && error._tag === "ShowHelp" && error.errors.length > 0

/** The JSON of invalid arguments. The parser has already reported them for people. */
const usageJson = (errors: CliError.ShowHelp["errors"]) => ({
  schemaVersion,
  error: {
    tag: "WrongUsage",
    reason: errors[0]?._tag ?? null,
    message: errors.map(({ message }) => message).join("; "),
    remedy: null,
    exitCode: 2
  }
})

/** The JSON of a defect of the program. */
const bugJson = (error: unknown) => ({
  schemaVersion,
  error: {
    tag: "Bug",
    reason: null,
    message: error instanceof Error ? error.message : String(error),
    remedy: "report it",
    exitCode: 1
  }
})

/**
 * Prints the error of a command, unless it has already been printed: on stderr, and as JSON if
 * `--json` is given.
 */
export const report =
  (options: { readonly json: boolean }) =>
  (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
    if (Cause.hasInterruptsOnly(cause)) return Effect.void
    const error = Cause.squash(cause)
    if (options.json && isWrongUsage(error)) return printJson(usageJson(error.errors))
    if (isReported(error)) return Effect.void
    const isFailure = Cause.hasFails(cause) && error instanceof Error
    const text = isFailure
      ? printMessage((style, isTerminal) => failureLines(error, style, isTerminal))
      : Console.error(`codex-plugins: this is a bug, please report it: ${Cause.pretty(cause)}`)
    if (!options.json) return text
    if (!isFailure) return Effect.andThen(text, printJson(bugJson(error)))
    const json = Effect.promise(() => import("./errorJson.ts"))
    return Effect.andThen(
      text,
      Effect.flatMap(json, ({ errorJson }) => printJson(errorJson(error)))
    )
  }
