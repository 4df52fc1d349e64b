/**
 * How a command ends: 0 all well; 1 it could not be carried out; 2 wrong usage; 3 it was carried
 * out, but some plugins failed.
 */
import { Cause, Console, Data, Effect, Exit, Runtime } from "effect"
import { CliError } from "effect/cli"

/** A command that could not be carried out, where no service has an error for it. */
export class CommandFailed extends Data.TaggedError("CommandFailed")<{
  readonly message: string
}> {}

/** Arguments that do not go together; each by itself was told by the parser. */
export class WrongUsage extends Data.TaggedError("WrongUsage")<{
  readonly message: string
}> {
  override readonly [Runtime.errorExitCode] = 2
}

/** A pass that was carried out; what failed has been printed already. */
export class SomePluginsFailed extends Data.TaggedError("SomePluginsFailed")<{}> {
  override readonly [Runtime.errorExitCode] = 3
}

/** The code a process ends with. */
export const codeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.hasInterruptsOnly(exit.cause)) return 130
  const error = Cause.squash(exit.cause)
  if (CliError.isCliError(error)) {
    return error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : 2
  }
  return Runtime.getErrorExitCode(error)
}

/** Tells a person on stderr why a command failed; wrong usage was told by the parser. */
export const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const error = Cause.squash(cause)
  if (
    Cause.hasInterruptsOnly(cause) ||
    CliError.isCliError(error) ||
    error instanceof SomePluginsFailed
  ) {
    return Effect.void
  }
  return Console.error(
    Cause.hasFails(cause) && error instanceof Error
      ? `codex-plugins: ${error.message}`
      : `codex-plugins: this is a bug, please report it: ${Cause.pretty(cause)}`
  )
}
