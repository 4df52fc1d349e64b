import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as CodexHome from "../src/CodexHome.ts"
import * as CodexRefresh from "../src/CodexRefresh.ts"

/** A program in place of Codex, with this answer to the request for the account. */
const refreshWith = Effect.fnUntraced(function* (onAccountRead: string) {
  const fs = yield* FileSystem.FileSystem
  const root = yield* fs.makeTempDirectoryScoped()
  yield* fs.writeFileString(`${root}/auth.json`, "before")
  const program = `${root}/codex`
  yield* fs.writeFileString(
    program,
    `#!${process.execPath}
const fs = require("node:fs")
const home = process.env.CODEX_HOME
const answer = (message) => console.log(JSON.stringify(message))
const renew = () => fs.writeFileSync(home + "/auth.json", "after")
fs.writeFileSync(home + "/arguments", process.argv.slice(2).join(" "))
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line)
  if (method === "initialize") answer({ id, result: {} })
  if (method === "account/read" && params.refreshToken === true) { ${onAccountRead} }
})
`,
    { mode: 0o755 }
  )
  const result = yield* Effect.result(
    Effect.flatMap(CodexRefresh.CodexRefresh, ({ refresh }) => refresh).pipe(
      Effect.provide(CodexRefresh.layerWith({ program })),
      Effect.provide(CodexHome.layerAt(root))
    )
  )
  const started = yield* fs.readFileString(`${root}/arguments`)
  assert.strictEqual(started, "-c features.plugins=false app-server")
  return result._tag === "Failure" ? result.failure : undefined
})

describe("CodexRefresh", () => {
  it.live.each([
    ["an answer", "renew(); answer({ id, result: {} })", undefined],
    ["an error after the renewal", "renew(); answer({ id, error: { code: -32603 } })", undefined],
    ["an error without a renewal", "answer({ id, error: { code: -32603 } })", "Refused"],
    ["an end without an answer", "process.exit(1)", "Ended"]
  ] as const)("starts Codex without plugins, and understands %s", ([, script, expected]) =>
    Effect.gen(function* () {
      const error = yield* refreshWith(script)
      if (expected === undefined) assert.isUndefined(error)
      else {
        assert.instanceOf(error, CodexRefresh.CodexRefreshError)
        assert.strictEqual(error.reason._tag, expected)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("names a program that does not exist", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* fs.makeTempDirectoryScoped()
      const error = yield* Effect.flatMap(CodexRefresh.CodexRefresh, ({ refresh }) => refresh).pipe(
        Effect.provide(CodexRefresh.layerWith({ program: "no-such-codex" })),
        Effect.provide(CodexHome.layerAt(root)),
        Effect.flip
      )
      assert.instanceOf(error, CodexRefresh.CodexRefreshError)
      assert.strictEqual(error.reason._tag, "NotStarted")
      assert.include(error.message, "no-such-codex")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
