import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import { world } from "../support/shell.ts"
import * as Terminal from "../support/terminal.ts"

const plugins = ["alpha", "beta", "gamma"].map((name) => TestBackend.plugin({ name }))

const slowWorld = Effect.fnUntraced(function* () {
  const made = yield* world({ plugins })
  yield* made.backend.when({ kind: "bundle" }, TestReply.delay("700 millis"))
  return made
})

const frames = /^\* (?:Reading the account's plugins|\d\/3 plugins).*N s$/

// A terminal shows what pipes do not: what is drawn, how it wraps, and what remains of it.
describe.skipIf(!Terminal.isAvailable)("on a terminal", () => {
  it.live.each([80, 40])(
    "sync shows its progress in %d columns and leaves only its results",
    (columns) =>
      Effect.gen(function* () {
        const { home } = yield* slowWorld()
        const seen = new Set<string>()
        const { code, output, screen } = yield* Terminal.run(["sync", "--codex-home", home], {
          columns,
          onOutput: (output) => {
            const [first = ""] = Terminal.screenOf(output)
            if (first !== "") seen.add(Terminal.withoutTimes(first))
            for (const line of Terminal.screenOf(output)) assert.isAtMost(line.length, columns)
          }
        })
        assert.strictEqual(code, 0, output)
        assert.isNotEmpty([...seen].filter((line) => frames.test(line)))
        assert.deepStrictEqual(screen.slice(0, 3).toSorted(), [
          " + alpha 1.0.0",
          " + beta 1.0.0",
          " + gamma 1.0.0"
        ])
        assert.deepStrictEqual(screen.slice(3), ["Installed 3 (N s)", ""])
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("sync draws nothing over lines with CI set or TERM=dumb", () =>
    Effect.gen(function* () {
      for (const env of [{ CI: "true" }, { TERM: "dumb" }] as const) {
        const { home } = yield* slowWorld()
        const { output } = yield* Terminal.run(["sync", "--codex-home", home], { columns: 80, env })
        assert.notInclude(output, "\u001b")
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("sync says after Ctrl-C what is in place, and exits with 130", () =>
    Effect.gen(function* () {
      const { home } = yield* slowWorld()
      const { code, screen } = yield* Terminal.run(["sync", "--codex-home", home], {
        columns: 80,
        type: { after: "/3 plugins", text: "\u0003" }
      })
      assert.strictEqual(code, 130)
      assert.match(
        screen.join("\n"),
        /^(?:\^C)?interrupted: 0 of 3 plugins in place; run `codex-plugins sync` again to continue$/m
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("sync prints one line when nothing changed", () =>
    Effect.gen(function* () {
      const { home, run } = yield* world({ plugins })
      yield* run("sync")
      const { screen } = yield* Terminal.run(["sync", "--codex-home", home], { columns: 80 })
      assert.deepStrictEqual(screen, ["Already up to date (3 plugins, N s)", ""])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live.each([80, 40])("list fits %d columns with ids of real length", (columns) =>
    Effect.gen(function* () {
      const real = TestBackend.plugin({
        name: "kubernetes-ops",
        id: "plugins~Plugin_4a801f4b45ac106fee1221b820cd852b"
      })
      const { home, run } = yield* world({ plugins: [real] })
      yield* run("sync")
      const { screen } = yield* Terminal.run(["list", "--codex-home", home], { columns })
      assert.deepStrictEqual(
        screen,
        columns === 80
          ? [
              "PLUGIN                                VERSION  SOURCE",
              "kubernetes-ops@openai-curated-remote  1.0.0    account",
              ""
            ]
          : ["kubernetes-ops@openai-curated-remote", "  1.0.0  account", ""]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
