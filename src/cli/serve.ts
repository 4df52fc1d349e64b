import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { WrongUsage } from "./exit.ts"
import { online } from "./online.ts"
import { passFlags, serviceOptions } from "./passFlags.ts"
import { version } from "./version.ts"

/** Codex's own names of operating systems. */
const codexNames: Readonly<Record<string, string>> = { darwin: "macos", win32: "windows" }

const program = {
  version,
  platformFamily: process.platform === "win32" ? "windows" : "unix",
  platformOs: codexNames[process.platform] ?? process.platform
}

export const serve = Command.make(
  "serve",
  {
    ...passFlags,
    stdio: Flag.Boolean("stdio").pipe(
      Flag.withDescription("Take requests on stdin, answer on stdout, one JSON message a line"),
      Flag.withDefault(false)
    )
  },
  Effect.fn("serve")(function* ({ stdio, ...options }) {
    if (!stdio) {
      return yield* new WrongUsage({
        message: "serve needs --stdio: it answers on standard input and output only"
      })
    }
    const { run } = yield* Effect.promise(() => import("../appServer/AppServer.ts"))
    yield* Effect.provide(run(program), online(options.codexHome, serviceOptions(options)))
  })
).pipe(
  Command.withDescription("Answer the plugin requests of Codex's app-server protocol"),
  Command.withExamples([
    { command: "codex-plugins serve --stdio", description: "For a client that starts it" }
  ])
)
