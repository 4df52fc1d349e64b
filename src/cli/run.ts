/**
 * The program's root: runs it on Node, and ends the process.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import * as exit from "./exit.ts"
import * as platform from "./platform.ts"
import { program } from "./program.ts"

program(process.argv.slice(2)).pipe(
  Effect.provide(platform.layer),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (result, onExit) => onExit(exit.codeOf(result))
  })
)
