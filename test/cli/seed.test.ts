import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import { run, world } from "../support/shell.ts"

const alpha = TestBackend.plugin({ name: "alpha" })

describe("codex-plugins seed", () => {
  it.live(
    "copies the plugins of another home offline, once",
    Effect.fnUntraced(function* () {
      const { home, run: runThere } = yield* world({ plugins: [alpha] })
      yield* runThere("sync")
      const fs = yield* FileSystem.FileSystem
      const session = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      const seed = run(["seed", "--from", home, "--codex-home", session])
      assert.deepStrictEqual(yield* seed, {
        code: 0,
        stdout:
          " + alpha@openai-curated-remote 1.0.0\n1 seeded, 0 already here, 0 skipped, 0 failed\n",
        stderr: ""
      })
      assert.strictEqual((yield* seed).stdout, "Nothing to seed (1 plugin already here)\n")
      const { stdout } = yield* run(["id", "alpha@openai-curated-remote", "--codex-home", session])
      assert.strictEqual(stdout, `${alpha.id}\n`)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "fails for a home that does not exist",
    Effect.fnUntraced(function* () {
      const { run } = yield* world()
      const { code, stderr } = yield* run("seed", "--from", "/nowhere/home")
      assert.strictEqual(code, 1)
      assert.match(stderr, /^codex-plugins: cannot seed from \/nowhere\/home: /)
    }, Effect.provide(NodeServices.layer))
  )
})

describe("codex-plugins sync --seed", () => {
  it.live(
    "downloads nothing that the seed has",
    Effect.fnUntraced(function* () {
      const { backend, home, run: runThere } = yield* world({ plugins: [alpha] })
      yield* runThere("sync")
      const fs = yield* FileSystem.FileSystem
      const session = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      for (const name of ["auth.json", "config.toml"]) {
        yield* fs.copyFile(`${home}/${name}`, `${session}/${name}`)
      }
      const { code } = yield* run(["sync", "--seed", home, "--codex-home", session])
      assert.strictEqual(code, 0)
      assert.lengthOf(yield* backend.requests({ kind: "bundle" }), 1)
      const { stdout } = yield* run(["id", "alpha@openai-curated-remote", "--codex-home", session])
      assert.strictEqual(stdout, `${alpha.id}\n`)
    }, Effect.provide(NodeServices.layer))
  )
})
