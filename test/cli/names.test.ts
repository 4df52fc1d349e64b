import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import { world } from "../support/shell.ts"

const curated = TestBackend.plugin({ name: "notes" })
const own = TestBackend.plugin({ name: "notes", scope: "USER" })
const curatedId = "notes@openai-curated-remote"
const ownId = "notes@created-by-me-remote"

const message = `codex-plugins: notes is ambiguous; use one of ${ownId}, ${curatedId}\n`

describe("the name of a plugin", () => {
  it.live.each(["id", "list", "read", "install", "uninstall", "verify"])(
    "is rejected by %s if two plugins have it, with a list of both",
    (command) =>
      Effect.gen(function* () {
        const { backend, run } = yield* world({ plugins: [curated, own] })
        yield* run("sync")
        assert.deepStrictEqual(yield* run(command, "notes"), {
          code: 1,
          stdout: "",
          stderr: message
        })
        assert.deepStrictEqual(yield* backend.requests({ method: "POST" }), [])
      }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live.each([[["read"]], [["verify", "--json"]], [["list", "--json"]], [["id"]]] as const)(
    "is unique with its marketplace or as a remote id: %j",
    ([command]) =>
      Effect.gen(function* () {
        const { run } = yield* world({ plugins: [curated, own] })
        yield* run("sync")
        const byId = yield* run(...command, ownId)
        assert.deepStrictEqual([byId.code, byId.stderr], [0, ""])
        assert.deepStrictEqual(yield* run(...command, own.id), byId)
        assert.notDeepEqual(yield* run(...command, curatedId), byId)
      }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live(
    "is looked up among the account's plugins if the cache has none of this name",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins: [curated, own] })
      for (const name of [ownId, own.id]) {
        assert.include((yield* run("read", name)).stdout, ownId)
      }
      assert.include((yield* run("read", "notes")).stderr, "is ambiguous")
      assert.deepStrictEqual(yield* backend.requests({ kind: "directory" }), [])
    }, Effect.provide(NodeServices.layer))
  )
})
