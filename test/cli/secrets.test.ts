import { NodeServices } from "@effect/platform-node"
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import { assertKept, echoOf } from "../support/secrets.ts"
import { world } from "../support/shell.ts"

const signature = "a-signature-that-nobody-may-see"
const echo = echoOf(signature)
const alpha = TestBackend.plugin({ name: "alpha", appManifest: { apps: {} } })
const beta = TestBackend.plugin({ name: "beta" })

const commands = [
  ["sync", "--dry-run", "--json"],
  ["sync", "--dry-run"],
  ["sync", "--json"],
  ["sync"],
  ["list", "--json"],
  ["read", alpha.id, "--json"],
  ["search"],
  ["search", "--json"],
  ["doctor", "--json"],
  ["verify", "--json"]
]

describe("the commands print no token and no signature", () => {
  it.live(
    "if the backend answers with the secrets of the request, in text or in JSON",
    Effect.fnUntraced(
      function* () {
        const { backend, run } = yield* world({ plugins: [alpha, beta], signature })
        const printed: Array<string> = []
        const runAll = Effect.gen(function* () {
          for (const command of commands) {
            const { stderr, stdout } = yield* run(...command)
            printed.push(stdout, stderr)
          }
        })
        yield* backend.when({ kind: "bundle", plugin: alpha.id }, TestReply.status(403))
        yield* backend.when({ kind: "bundle", plugin: beta.id }, echo)
        yield* runAll
        for (const kind of ["listing", "directory", "shared"] as const) {
          yield* backend.when({ kind }, echo)
        }
        yield* runAll
        assertKept(printed.join("\n"), backend.secrets)
      },
      Effect.scoped,
      Effect.provide(NodeServices.layer)
    )
  )
})
