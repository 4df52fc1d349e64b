/**
 * Runs a command that needs the released Codex programs, in a network namespace with nothing but loopback.
 * Fetches the programs if they are missing.
 *
 * If this platform has no such programs or no such namespace, it says so and exits with 0, or with 1 if
 * `CODEX_TESTS=required` is set.
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
 * Runs a command in the namespace, with the arguments of this process after its own, and exits with its
 * code. If Codex cannot run here, `orHere` runs the command without a namespace.
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
