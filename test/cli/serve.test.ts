import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Sink, Stdio, Stream } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import { run, world } from "../support/shell.ts"

const alpha = TestBackend.plugin({ name: "alpha" })

const lines = (...messages: ReadonlyArray<object>): string =>
  messages.map((message) => `${JSON.stringify(message)}\n`).join("")

const initialize = {
  id: 0,
  method: "initialize",
  params: { clientInfo: { name: "test", version: "9" } }
}

/** Runs `serve` with this stdin, and returns its result and its stdout. */
const serve = Effect.fnUntraced(function* (
  home: string,
  stdin: string,
  {
    args = [],
    env = {}
  }: { readonly args?: Array<string>; readonly env?: Record<string, string> } = {}
) {
  let answers = ""
  const ended = yield* run(["serve", "--stdio", "--codex-home", home, ...args], {
    env,
    stdio: Stdio.layerTest({
      stdin: Stream.encodeText(Stream.make(stdin)),
      stdout: () =>
        Sink.forEach((text: string | Uint8Array) =>
          Effect.sync(() => {
            answers += String(text)
          })
        )
    })
  })
  return {
    ...ended,
    answers: answers
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
  }
})

describe("codex-plugins serve --stdio", () => {
  it.live(
    "answers each request in a line, and ends when stdin ends",
    Effect.fnUntraced(function* () {
      const { home } = yield* world({ plugins: [alpha] })
      const { answers, code, stdout } = yield* serve(
        home,
        lines(
          initialize,
          { method: "initialized" },
          { id: "reconcile", method: "plugin/reconcile", params: {} },
          { id: "odd", method: "plugin/read" }
        )
      )
      assert.deepStrictEqual([code, stdout], [0, ""])
      const byId = new Map(answers.map((answer) => [answer.id, answer]))
      assert.strictEqual(byId.size, 3)
      assert.strictEqual(byId.get(0).result.codexHome, home)
      assert.deepStrictEqual(byId.get("reconcile").result.failedRemotePluginIds, [])
      assert.strictEqual(byId.get("odd").error.code, -32600)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "syncs with the options of a pass, from flags and from variables",
    Effect.fnUntraced(function* () {
      const plugins = ["a", "b", "c"].map((name) => TestBackend.plugin({ name }))
      const { backend, home } = yield* world({ plugins })
      yield* backend.when({ kind: "bundle" }, TestReply.delay("20 millis"))
      const reconcile = lines(initialize, { id: 1, method: "plugin/reconcile", params: {} })
      yield* serve(home, reconcile, { env: { CODEX_PLUGINS_CONCURRENCY: "1" } })
      assert.lengthOf(yield* backend.requests({ kind: "bundle" }), 3)
      assert.strictEqual(yield* backend.mostAtOnce("bundle"), 1)
      yield* backend.uninstall(plugins[0]!.id)
      yield* serve(home, reconcile, { args: ["--remove", "never"] })
      const fs = yield* FileSystem.FileSystem
      assert.isTrue(yield* fs.exists(`${home}/plugins/cache/openai-curated-remote/a/1.0.0`))
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "logs its background sync on stderr",
    Effect.fnUntraced(function* () {
      const { home } = yield* world({ plugins: [alpha] })
      const fs = yield* FileSystem.FileSystem
      yield* fs.remove(`${home}/auth.json`)
      const { code, stderr } = yield* serve(
        home,
        lines(initialize, { id: 1, method: "plugin/reconcile", params: {} })
      )
      assert.strictEqual(code, 0)
      assert.match(stderr, /^warning: could not sync the plugins: not signed in/)
    }, Effect.provide(NodeServices.layer))
  )
})
