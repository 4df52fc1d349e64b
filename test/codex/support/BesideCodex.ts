/**
 * Runs what needs the released Codex programs, which are fetched where they are not here yet, in a place
 * where nothing but loopback can be reached.
 *
 * Where the platform has no such programs or no such place, it says so and leaves with 0, or, with
 * `CODEX_TESTS=required`, with 1.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Config, Console, Effect, Exit } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import * as CodexBinary from "./CodexBinary.ts"
import * as Loopback from "./Loopback.ts"

const runHere = Effect.fnUntraced(function* ([file = "", ...args]: ReadonlyArray<string>) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const inherited = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const
  return Number(yield* spawner.exitCode(ChildProcess.make(file, args, inherited)))
})

/**
 * Runs a command there, with this process's arguments after its own, and ends as it does. If Codex
 * cannot run here, `orHere` runs the command all the same, in the place where this process is.
 */
export const runMain = (
  what: string,
  words: ReadonlyArray<string>,
  { orHere = false }: { readonly orHere?: boolean } = {}
): void => {
  const command = [...words, ...process.argv.slice(2)]
  const program = Effect.gen(function* () {
    yield* Effect.forEach(CodexBinary.versions, CodexBinary.fetch)
    return Number(yield* Loopback.run(command))
  }).pipe(
    Effect.catchTag(
      ["CodexUnavailable", "NoNamespace"],
      Effect.fnUntraced(function* (error) {
        const fetchFailed = error._tag === "CodexUnavailable" && error.reason === "FetchFailed"
        const required =
          (yield* Config.String("CODEX_TESTS").pipe(Config.withDefault("optional"))) === "required"
        yield* Console.error(`${what} did not run. ${error.message}`)
        if (required) return 1
        return orHere ? yield* runHere(command) : fetchFailed ? 1 : 0
      })
    ),
    Effect.provide(NodeServices.layer)
  )
  NodeRuntime.runMain(program, {
    teardown: (exit, leave) => leave(Exit.isSuccess(exit) ? Number(exit.value) : 1)
  })
}
