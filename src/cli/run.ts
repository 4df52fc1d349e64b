/**
 * The program's root: its commands, its layers, how it ends.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Layer, Logger } from "effect"
import { CliOutput, Command } from "effect/cli"
import { demo } from "./demo.ts"
import * as exit from "./exit.ts"
import { id } from "./id.ts"
import { list } from "./list.ts"
import { sync } from "./sync.ts"
import { version } from "./version.ts"

const codexPlugins = Command.make("codex-plugins").pipe(
  Command.withDescription("Keep a Codex home's remote plugins in step with their account"),
  Command.withSubcommands([sync, list, id, demo])
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

codexPlugins.pipe(
  Command.run({ version }),
  Effect.tapCause(exit.report),
  Effect.provide(Layer.mergeAll(NodeServices.layer, logger, presenter)),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (result, onExit) => onExit(exit.codeOf(result))
  })
)
