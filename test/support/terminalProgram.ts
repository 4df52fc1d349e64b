/**
 * The program with its own layers, allowed to fetch bundles over plain HTTP from this machine.
 */
import { Effect } from "effect"
import { DownloadOptions } from "../../src/cli/online.ts"
import * as Platform from "../../src/cli/platform.ts"
import { program } from "../../src/cli/program.ts"
import { runMain } from "../../src/cli/process.ts"

runMain(
  program(process.argv.slice(2)).pipe(
    Effect.provideService(DownloadOptions, { allowLoopbackHttp: true }),
    Effect.provide(Platform.layer)
  )
)
