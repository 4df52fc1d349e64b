/**
 * The program as an effect: its commands, and the layers that they all share.
 */
import { Console, Effect, Layer, Logger } from "effect"
import { CliConfig, CliOutput, Command, GlobalFlag } from "effect/cli"
import { display } from "../internal/display.ts"
import * as exit from "./exit.ts"
import { id } from "./id.ts"
import { list } from "./list.ts"
import { Screen } from "./screen.ts"
import { seed } from "./seed.ts"
import { wrap } from "./style.ts"
import { version } from "./version.ts"

const root = Command.make("codex-plugins").pipe(
  Command.withDescription("Keep a Codex home's plugins up to date with the account")
)

/** The commands that answer offline and at once. */
const quick = Command.withSubcommands([list, id, seed])

const isQuick = ([first]: ReadonlyArray<string>) =>
  first === "list" || first === "id" || first === "seed" || first === "--version"

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

/** Wrong usage goes to stderr, with the usage of the command. */
const presenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Console.error(
          [
            ...event.errors.map(
              (error) => `codex-plugins: ${error.message.split("\n").map(display).join("\n")}`
            ),
            `usage: ${event.helpDoc.usage}`
          ].join("\n")
        )
      : CliOutput.defaultPresenter.present(event)
})

/** The flags that every command takes. */
const globalFlags = CliConfig.layer({
  builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel]
})

/** The parser takes `-1h` after a flag for the flags `-1` and `-h`; it is the flag's value. */
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

/** True if JSON is asked for; arguments of the command that `run` starts do not count. */
const isJson = (args: ReadonlyArray<string>): boolean => {
  const end = args.indexOf("--")
  return (end === -1 ? args : args.slice(0, end)).includes("--json")
}

/** The end of every help text. */
const footer = [
  "EXIT CODES",
  ...exit.codes.map(([code, meaning]) => `  ${String(code).padEnd(5)}${meaning}`),
  "",
  "ENVIRONMENT",
  ...[
    ["CODEX_HOME", "the Codex home, unless --codex-home names one"],
    [
      "CODEX_PLUGINS_…",
      "defaults of flags: QUIET, CONCURRENCY, REMOVE, RETAIN, TIMEOUT, WAIT, DEADLINE, EVERY"
    ],
    ["CI", "if not empty, progress is printed as lines"],
    ["NO_COLOR", "if not empty, nothing is coloured"]
  ].map(([name = "", meaning]) => `  ${name.padEnd(17)}${meaning}`)
].join("\n")

/** `help COMMAND` is `COMMAND --help`. */
const withoutHelp = (args: ReadonlyArray<string>): ReadonlyArray<string> =>
  args[0] === "help" ? [...args.slice(1), "--help"] : args

/** True if the help of the whole program is asked for. */
const isRootHelp = (args: ReadonlyArray<string>): boolean =>
  args.length === 0 || (args.length === 1 && (args[0] === "--help" || args[0] === "-h"))

/** Runs the command that the arguments name. If it fails, it has printed the reason. */
export const program = Effect.fnUntraced(
  function* (given: ReadonlyArray<string>) {
    const args = withNegativeValues(withoutHelp(given))
    if (isQuick(args)) return yield* Command.runWith(quick(root), { version })(args)
    const { all } = yield* Effect.promise(() => import("./commands.ts"))
    const result = yield* Command.runWith(all(root), { version })(args)
    if (isRootHelp(args)) yield* Console.log(`\n${footer}`)
    return result
  },
  (run, args) => Effect.tapCause(run, exit.report({ json: isJson(args) })),
  Effect.provide(Layer.mergeAll(logger, presenter, globalFlags))
)
