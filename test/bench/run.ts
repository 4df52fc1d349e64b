/**
 * `npm run bench`: fetches the released Codex programs if they are missing, then measures in a network
 * namespace with nothing but loopback. If that is not possible, it says so and exits with 0.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Exit } from "effect"
import { fileURLToPath } from "node:url"
import * as CodexBinary from "../codex/support/CodexBinary.ts"
import * as Loopback from "../codex/support/Loopback.ts"

const main = fileURLToPath(new URL("main.ts", import.meta.url))

const program = Effect.gen(function* () {
  yield* Effect.forEach(CodexBinary.versions, CodexBinary.fetch)
  return Number(yield* Loopback.run([process.execPath, main, ...process.argv.slice(2)]))
}).pipe(
  Effect.catchTag(["CodexUnavailable", "NoNamespace"], (error) =>
    Effect.as(Console.error(`The benchmark did not run. ${error.message}`), 0)
  ),
  Effect.provide(NodeServices.layer)
)

NodeRuntime.runMain(program, {
  teardown: (exit, leave) => leave(Exit.isSuccess(exit) ? Number(exit.value) : 1)
})
