/**
 * The program with its own layers, allowed to fetch bundles over plain HTTP from this machine.
 */
import { Effect } from "effect"
import * as platform from "../../src/cli/platform.ts"
import { program } from "../../src/cli/program.ts"
import { runMain } from "../../src/cli/process.ts"
import * as RemoteBundle from "../../src/RemoteBundle.ts"

runMain(
  program(process.argv.slice(2)).pipe(
    Effect.provideService(RemoteBundle.AllowLoopbackHttp, true),
    Effect.provide(platform.layer)
  )
)
