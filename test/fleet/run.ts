/**
 * `npm run test:fleet`: the tests of the fleet, which need PostgreSQL. Arguments go to vitest.
 *
 * Without PostgreSQL it says so and ends with 0, or, with `FLEET_TESTS=required`, with 1.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Config, Console, Effect, Exit } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import * as Postgres from "./support/postgres.ts"

const words = ["run", "--config", "test/fleet/vitest.config.ts", ...process.argv.slice(2)]

const program = Effect.gen(function* () {
  yield* Postgres.programs
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  return Number(
    yield* spawner.exitCode(
      ChildProcess.make("vitest", words, {
        extendEnv: true,
        stdin: "inherit",
        stdout: "inherit",
        stderr: "inherit"
      })
    )
  )
}).pipe(
  Effect.catchTag(
    "PostgresUnavailable",
    Effect.fnUntraced(function* (error) {
      const needs = yield* Config.String("FLEET_TESTS").pipe(Config.withDefault("optional"))
      yield* Console.error(`The tests of the fleet did not run. ${error.message}`)
      return needs === "required" ? 1 : 0
    })
  ),
  Effect.provide(NodeServices.layer)
)

NodeRuntime.runMain(program, {
  teardown: (exit, leave) => leave(Exit.isSuccess(exit) ? Number(exit.value) : 1)
})
