import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import { world } from "../support/shell.ts"

const alpha = TestBackend.plugin({ name: "alpha" })

describe("codex-plugins doctor", () => {
  it.live(
    "prints the checks that failed with their remedy, and exits with 1",
    Effect.fnUntraced(function* () {
      const { home, run } = yield* world({ plugins: [alpha] })
      yield* run("sync")
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`${home}/config.toml`, "= broken")
      const { code, stdout } = yield* run("doctor", "--offline")
      assert.strictEqual(code, 1)
      assert.match(stdout, /^ ✗ home\.settings: .*config\.toml/m)
      assert.match(stdout, /^ {3}help: correct it$/m)
      assert.match(stdout, /^\d+ errors? \(\d+ checks\)\n$/m)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "prints the report as JSON",
    Effect.fnUntraced(function* () {
      const { run } = yield* world({ plugins: [alpha] })
      yield* run("sync")
      const report = JSON.parse((yield* run("doctor", "--json")).stdout)
      assert.strictEqual(report.schemaVersion, 1)
      assert.include(["ok", "warning", "error"], report.overallStatus)
      assert.isNotEmpty(Object.keys(report.checks))
    }, Effect.provide(NodeServices.layer))
  )
})
