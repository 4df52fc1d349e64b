/**
 * Runs what needs the released Codex programs, which are fetched where they are not here yet, in a place
 * where nothing but loopback can be reached.
 *
 * Where the platform has no such programs or no such place, it says so and leaves with 0, or, with
 * `CODEX_TESTS=required`, with 1.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Config, Console, Effect, Exit } from "effect"
import * as CodexBinary from "./CodexBinary.ts"
import * as Loopback from "./Loopback.ts"

/** Runs a command there, with this process's arguments after its own, and ends as it does. */
export const runMain = (what: string, words: ReadonlyArray<string>): void => {
  const program = Effect.gen(function* () {
    yield* Effect.forEach(CodexBinary.versions, CodexBinary.fetch)
    return Number(yield* Loopback.run([...words, ...process.argv.slice(2)]))
  }).pipe(
    Effect.catchTag(
      ["CodexUnavailable", "NoNamespace"],
      Effect.fnUntraced(function* (error) {
        const fetchFailed = error._tag === "CodexUnavailable" && error.reason === "FetchFailed"
        const required =
          (yield* Config.String("CODEX_TESTS").pipe(Config.withDefault("optional"))) === "required"
        yield* Console.error(`${what} did not run. ${error.message}`)
        return fetchFailed || required ? 1 : 0
      })
    ),
    Effect.provide(NodeServices.layer)
  )
  NodeRuntime.runMain(program, {
    teardown: (exit, leave) => leave(Exit.isSuccess(exit) ? Number(exit.value) : 1)
  })
}
