/**
 * The program's root.
 */
import { Effect } from "effect"
import * as Platform from "./platform.ts"
import { runMain } from "./process.ts"
import { program } from "./program.ts"

runMain(Effect.provide(program(process.argv.slice(2)), Platform.layer))
