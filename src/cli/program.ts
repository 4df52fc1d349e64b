/**
 * The program as an effect: its commands, and the layers that they all share.
 */
import { Console, Effect, Layer, Logger, Option } from "effect"
import { completionMarker, manMarker } from "./markers.ts"
import { CliConfig, type CliError, CliOutput, Command, GlobalFlag } from "effect/cli"
import { display } from "../internal/display.ts"
import { separateCommands } from "./separateCommands.ts"
import * as CliExit from "./exit.ts"
import { printMessage, Screen } from "./screen.ts"
import { helpLine, wrap } from "./style.ts"
import { version } from "./version.ts"

const root = Command.make("codex-plugins").pipe(
  Command.withDescription("Keep a Codex home's plugins up to date with the account")
)

const isSeparate = (name: string): name is keyof typeof separateCommands =>
  Object.hasOwn(separateCommands, name)

const levels: Readonly<Record<string, readonly [name: string, color?: "yellow" | "red"]>> = {
  Warn: ["warning", "yellow"],
  Error: ["error", "red"],
  Fatal: ["fatal", "red"]
}

/** Results go to stdout, so everything else goes to stderr. */
const logger = Logger.layer([
  Logger.withConsoleError(
    Logger.make(({ fiber, logLevel, message }) => {
      const { messageColumns, messages } = fiber.getRef(Screen)
      const [name, color] = levels[logLevel] ?? [logLevel.toLowerCase()]
      const label = color === undefined ? `${name}:` : messages[color](`${name}:`)
      const text = (Array.isArray(message) ? message : [message]).join(" ")
      return wrap(`${label} ${display(text)}`, messageColumns)
    })
  )
])

/** The message, with the name of the variable if one is invalid. */
const messageOf = (error: CliError.NonShowHelpErrors): string => {
  const [, expected = "", variable] =
    error._tag === "InvalidValue" && error.value === "config"
      ? (/^SchemaError\((.*)\n\s+at \["(\w+)"\]\)$/s.exec(error.expected) ?? [])
      : []
  return variable === undefined ? error.message : `invalid value of ${variable}: ${expected}`
}

/** True if a flag of the command that `run` starts was taken for a flag of `run`. */
const isForgottenSeparator = ({ commandPath, errors }: CliOutput.Presenter.InvalidInvocation) =>
  commandPath.at(-1) === "run" && errors.some(({ _tag }) => _tag === "UnrecognizedOption")

/** Usage errors go to stderr, with the usage of the command; help has the width of the terminal. */
const presenter = CliOutput.layerPresenter({
  present: (event) => {
    switch (event._tag) {
      case "InvalidInvocation":
        return printMessage((style) => [
          ...event.errors.flatMap((error) => {
            const [first = "", ...rest] = messageOf(error).split("\n").map(display)
            return [`${style.red("codex-plugins:")} ${first}`, ...rest]
          }),
          `usage: ${event.helpDoc.usage}`,
          ...(isForgottenSeparator(event) ? [helpLine("put `--` before the command", style)] : [])
        ])
      case "Help":
        return Effect.gen(function* () {
          const help = yield* Effect.promise(() => import("./help.ts"))
          const { output: style, outputColumns: columns = 80 } = yield* Screen
          yield* Console.log(help.format(event.helpDoc, { columns, style }))
        })
      default:
        return CliOutput.defaultPresenter.present(event)
    }
  }
})

/** `--completions SHELL`. The script for PowerShell is Effect's own and completes no plugins. */
const completions = GlobalFlag.Action({
  flag: GlobalFlag.Completions.flag,
  run: Effect.fnUntraced(function* (shell, context) {
    if (Option.isNone(shell)) return
    if (shell.value === "powershell") return yield* GlobalFlag.Completions.run(shell, context)
    const { scripts } = yield* Effect.promise(() => import("./completionScripts.ts"))
    yield* Console.log(scripts[shell.value])
  })
})

/** The flags of every command. */
const globalFlags = CliConfig.layer({
  builtIns: [GlobalFlag.Help, GlobalFlag.Version, completions, GlobalFlag.LogLevel]
})

/** Joins a value such as `-1h` to its flag. The parser would read it as the flags `-1` and `-h`. */
const withNegativeValues = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const joined: Array<string> = []
  const operands = args.indexOf("--") === -1 ? [] : args.slice(args.indexOf("--"))
  for (const arg of args.slice(0, args.length - operands.length)) {
    const previous = joined.at(-1)
    if (/^-\d/.test(arg) && previous?.startsWith("--") && !previous.includes("=")) {
      joined[joined.length - 1] = `${previous}=${arg}`
    } else joined.push(arg)
  }
  return [...joined, ...operands]
}

/** True if JSON output is requested; arguments of the command that `run` starts do not count. */
const isJson = (args: ReadonlyArray<string>): boolean => {
  const end = args.indexOf("--")
  return (end === -1 ? args : args.slice(0, end)).includes("--json")
}

/** Replaces `help COMMAND` by `COMMAND --help`, and `-V` by `--version`. */
const withoutHelp = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [first, ...rest] = args
  if (first === "-V") return ["--version", ...rest]
  return first === "help" ? [...rest.filter((word) => word !== "help"), "--help"] : args
}

/** The parser would print the help of the whole program for an unknown command. */
const withoutUnknown = (
  args: ReadonlyArray<string>,
  { subcommands }: Command.Command.Any
): ReadonlyArray<string> => {
  const [first = ""] = args
  const isKnown = subcommands.some(({ commands }) => commands.some(({ name }) => name === first))
  return isKnown || first.startsWith("-") ? args : args.slice(0, 1)
}

/** Runs the command that the arguments name. If it fails, it has printed the reason. */
export const program = Effect.fnUntraced(
  function* (given: ReadonlyArray<string>) {
    const [first, separator, ...words] = given
    if (first === completionMarker && separator === "--") {
      const [{ complete }, { all }] = yield* Effect.promise(() =>
        Promise.all([import("./complete.ts"), import("./commands.ts")])
      )
      return yield* complete(all(root), words)
    }
    if (first === manMarker) {
      const [{ printMan }, { all }] = yield* Effect.promise(() =>
        Promise.all([import("./man.ts"), import("./commands.ts")])
      )
      return yield* printMan(all(root))
    }
    const args = withNegativeValues(withoutHelp(given))
    const [name = ""] = args
    if (isSeparate(name)) {
      const withCommand = yield* Effect.promise(separateCommands[name])
      return yield* Command.runWith(withCommand(root), { version })(args)
    }
    const { all } = yield* Effect.promise(() => import("./commands.ts"))
    const program = all(root)
    return yield* Command.runWith(program, { version })(withoutUnknown(args, program))
  },
  (run, args) => Effect.tapCause(run, CliExit.report({ json: isJson(args) })),
  Effect.provide(Layer.mergeAll(logger, presenter, globalFlags))
)
