/**
 * The program as an effect: its commands, and the layers that they all share.
 */
import { Console, Effect, Layer, Logger } from "effect"
import { CliConfig, CliOutput, Command, GlobalFlag } from "effect/cli"
import * as exit from "./exit.ts"
import { id } from "./id.ts"
import { list } from "./list.ts"
import { version } from "./version.ts"

const root = Command.make("codex-plugins").pipe(
  Command.withDescription("Keep a Codex home's remote plugins in step with their account")
)

/** What answers offline and at once. */
const quick = Command.withSubcommands([list, id])

const isQuick = ([first]: ReadonlyArray<string>) =>
  first === "list" || first === "id" || first === "--version"

/** Results go to stdout, so everything else goes to stderr. */
const logger = Logger.layer([
  Logger.withConsoleError(
    Logger.make(({ logLevel, message }) =>
      [`${logLevel.toLowerCase()}:`, ...(Array.isArray(message) ? message : [message])].join(" ")
    )
  )
])

/** Wrong usage is told on stderr, in as many lines as it takes to mend it. */
const presenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Console.error(
          [
            ...event.errors.map((error) => `codex-plugins: ${error.message}`),
            `usage: ${event.helpDoc.usage}`
          ].join("\n")
        )
      : CliOutput.defaultPresenter.present(event)
})

/** The flags that every command takes. */
const globalFlags = CliConfig.layer({
  builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel]
})

/** Runs the command that the arguments name; why it failed has been told when it ends. */
export const program = Effect.fnUntraced(
  function* (args: ReadonlyArray<string>) {
    if (isQuick(args)) return yield* Command.runWith(quick(root), { version })(args)
    const { all } = yield* Effect.promise(() => import("./commands.ts"))
    return yield* Command.runWith(all(root), { version })(args)
  },
  Effect.tapCause(exit.report),
  Effect.provide(Layer.mergeAll(logger, presenter, globalFlags))
)
