import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import { world } from "../support/shell.ts"
import { examples, plugins } from "./jsonExamples.ts"

/** Replaces numbers that differ between runs by those of the documentation. */
const stable = (stdout: string) =>
  JSON.parse(stdout, (key, value: unknown) => {
    if (typeof value !== "number") return value
    return key === "bytes" ? 8412 : key === "ms" ? 87 : value
  })

describe("the flag --json", () => {
  it.live(
    "prints what the documentation shows, with its keys in the same order",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins })
      for (const { code, command, json } of examples) {
        const result = yield* run(...command.split(" "), "--json")
        assert.strictEqual(result.code, code, command)
        assert.strictEqual(
          JSON.stringify(stable(result.stdout), null, 2),
          JSON.stringify(json, null, 2),
          command
        )
      }
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints the error of every command that asks the backend, with a remedy",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins })
      yield* backend.when({}, TestReply.status(401))
      for (const command of ["sync", "search", "read github", "install github", "verify"]) {
        const { code, stdout } = yield* run(...command.split(" "), "--json")
        assert.strictEqual(code, 4, command)
        const { error, schemaVersion } = JSON.parse(stdout)
        assert.strictEqual(schemaVersion, 1)
        assert.deepInclude(error, {
          tag: "RemoteCatalogError",
          reason: "Unauthorized",
          exitCode: 4
        })
        assert.include(error.remedy, "codex login")
      }
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "of seed and doctor has a schema version, too",
    Effect.fnUntraced(function* () {
      const { home, run } = yield* world({ plugins: [TestBackend.plugin({ name: "alpha" })] })
      yield* run("sync")
      for (const command of [`seed --from ${home}`, "doctor --offline"]) {
        const { stdout } = yield* run(...command.split(" "), "--json")
        assert.strictEqual(JSON.parse(stdout).schemaVersion, 1, command)
      }
    }, Effect.provide(NodeServices.layer))
  )
})
