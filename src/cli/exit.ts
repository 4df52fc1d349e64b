/**
 * The codes that the program exits with, and the errors that only commands have.
 */
import { Cause, Console, Data, Effect, Exit, Predicate, Runtime } from "effect"
import { CliError } from "effect/cli"
import { display } from "../internal/display.ts"

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

/** A command that failed for a reason that no service has an error for. */
export class CommandFailed extends Data.TaggedError("CommandFailed")<{
  readonly message: string
}> {}

/** Arguments that are valid alone but not together. */
export class WrongUsage extends Data.TaggedError("WrongUsage")<{
  readonly message: string
}> {
  override readonly [Runtime.errorExitCode] = 2
}

/** `--check` found something to do; it has been printed. */
export class WouldChange extends Data.TaggedError("WouldChange")<{}> {
  override readonly [Runtime.errorExitCode] = 1
}

/** The pass finished, but plugins failed; the failures have been printed. */
export class SomePluginsFailed extends Data.TaggedError("SomePluginsFailed")<{}> {
  override readonly [Runtime.errorExitCode] = 3
}

const reasonOf = (error: unknown): string | undefined =>
  Predicate.hasProperty(error, "reason") &&
  Predicate.hasProperty(error.reason, "_tag") &&
  typeof error.reason._tag === "string"
    ? error.reason._tag
    : undefined

const causeOf = (error: unknown): unknown =>
  Predicate.isTagged(error, "HalfDone") && Predicate.hasProperty(error, "cause")
    ? error.cause
    : error

/** Whether signing in again is what helps. */
export const isSignInNeeded = (error: unknown): boolean => {
  const cause = causeOf(error)
  return (
    Predicate.isTagged(cause, "NotSignedIn") ||
    (Predicate.isTagged(cause, "RemoteCatalogError") && reasonOf(cause) === "Unauthorized")
  )
}

const transientReasons = new Set(["TimedOut", "Stalled", "Unreachable", "Unavailable"])

/** Whether the same command may succeed later: network, rate limit, a lock that is held. */
export const isTransient = (error: unknown): boolean => {
  const cause = causeOf(error)
  return (
    (Predicate.isTagged(cause, "RemoteCatalogError") ||
      Predicate.isTagged(cause, "RemoteBundleError") ||
      Predicate.isTagged(cause, "CacheLockError")) &&
    transientReasons.has(reasonOf(cause) ?? "")
  )
}

/** The code that the process exits with; `signal` is the one that ended it. */
export const codeOf = (exit: Exit.Exit<unknown, unknown>, signal?: NodeJS.Signals): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.hasInterruptsOnly(exit.cause)) {
    return signal === "SIGTERM" ? 143 : signal === "SIGHUP" ? 129 : 130
  }
  const error = Cause.squash(exit.cause)
  if (CliError.isCliError(error)) {
    return error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : 2
  }
  if (isSignInNeeded(error)) return 4
  if (isTransient(error)) return 5
  return Runtime.getErrorExitCode(error)
}

const isReported = (error: unknown): boolean =>
  CliError.isCliError(error) || error instanceof SomePluginsFailed || error instanceof WouldChange

/** Prints on stderr why a command failed, unless it has been printed already. */
export const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Cause.squash(cause)
  if (isReported(error)) return Effect.void
  return Console.error(
    Cause.hasFails(cause) && error instanceof Error
      ? `codex-plugins: ${display(error.message)}`
      : `codex-plugins: this is a bug, please report it: ${Cause.pretty(cause)}`
  )
}
