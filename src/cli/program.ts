/**
 * The program as an effect: its commands, and the layers that they all share.
 */
import { Console, Effect, Layer, Logger } from "effect"
import { CliConfig, CliOutput, Command, GlobalFlag } from "effect/cli"
import { demo } from "./demo.ts"
import * as exit from "./exit.ts"
import { id } from "./id.ts"
import { install } from "./install.ts"
import { list } from "./list.ts"
import { read } from "./read.ts"
import { serve } from "./serve.ts"
import { sync } from "./sync.ts"
import { uninstall } from "./uninstall.ts"
import { version } from "./version.ts"

const codexPlugins = Command.make("codex-plugins").pipe(
  Command.withDescription("Keep a Codex home's remote plugins in step with their account"),
  Command.withSubcommands([sync, list, id, read, install, uninstall, serve, demo])
)

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
export const program = (args: ReadonlyArray<string>) =>
  Command.runWith(codexPlugins, { version })(args).pipe(
    Effect.tapCause(exit.report),
    Effect.provide(Layer.mergeAll(logger, presenter, globalFlags))
  )
