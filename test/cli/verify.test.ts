import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import { world } from "../support/shell.ts"

const alpha = TestBackend.plugin({ name: "alpha" })
const beta = TestBackend.plugin({ name: "beta" })

describe("codex-plugins verify", () => {
  it.live(
    "exits with 0 when every file matches its bundle",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins: [alpha, beta] })
      yield* run("sync")
      assert.deepStrictEqual(yield* run("verify"), {
        code: 0,
        stdout: "Verified 2 of 2 plugins\n",
        stderr: ""
      })
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "lists the files that differ and exits with 1, and repairs them with --repair",
    Effect.fnUntraced(function* () {
      const { home, run } = yield* world({ plugins: [alpha, beta] })
      yield* run("sync")
      const fs = yield* FileSystem.FileSystem
      const version = `${home}/plugins/cache/openai-curated-remote/alpha/1.0.0`
      yield* fs.writeFileString(`${version}/extra.txt`, "")
      const { code, stdout } = yield* run("verify", "alpha")
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(stdout.split("\n"), [
        " ✗ alpha 1.0.0: differs from the account's bundle",
        "   + extra.txt (added)",
        "Verified 0 of 1 plugin, 1 different",
        "   help: reinstall with `codex-plugins verify --repair`",
        ""
      ])
      const json = yield* run("verify", "--json")
      assert.strictEqual(json.code, 1)
      const report = JSON.parse(json.stdout)
      assert.deepInclude(report, { schemaVersion: 1, isOk: false })
      assert.deepInclude(report.results[0], { state: "different", repaired: false })

      assert.include((yield* run("verify", "--repair")).stdout, " ~ alpha 1.0.0: repaired;")
      assert.strictEqual((yield* run("verify")).code, 0)
      assert.isFalse(yield* fs.exists(`${version}/extra.txt`))
    }, Effect.provide(NodeServices.layer))
  )
})
