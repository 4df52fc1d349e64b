import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Latch } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import {
  alpha,
  alphaId,
  asked,
  beta,
  betaId,
  client,
  ids,
  install,
  installed,
  type Json,
  list,
  provide,
  reconcile,
  uninstall,
  when
} from "../support/appServer.ts"

describe("AppServer: plugin/installed", () => {
  it.effect(
    "asks the backend the first time, then answers from memory and syncs in the background",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      const backend = yield* TestBackend.TestBackend
      assert.deepStrictEqual(ids(yield* result(...installed)), [[alphaId]])
      yield* backend.arrival({ kind: "bundle" })
      yield* when({ kind: "listing" }, TestReply.status(403))
      assert.deepStrictEqual(ids(yield* result(...installed)), [[alphaId]])
    }, provide())
  )

  it.effect(
    "answers with an empty list if the backend cannot be reached and no listing is in memory",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      yield* when({ kind: "listing" }, TestReply.status(403))
      assert.deepStrictEqual(yield* result(...installed), {
        marketplaces: [],
        marketplaceLoadErrors: []
      })
    }, provide())
  )

  it.effect(
    "shows installs and uninstalls at once",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      yield* result(...reconcile)
      yield* result(...install(beta.id))
      assert.deepStrictEqual(ids(yield* result(...installed)), [[alphaId, betaId]])
      yield* result(...uninstall(alpha.id))
      assert.deepStrictEqual(ids(yield* result(...installed)), [[betaId]])
    }, provide())
  )

  it.effect(
    "does not use a listing that was requested before an install",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      const gate = yield* Latch.make()
      yield* when({ kind: "listing", nth: 1 }, TestReply.wait(gate.await))
      const early = yield* Effect.forkChild(result(...installed))
      const backend = yield* TestBackend.TestBackend
      yield* backend.arrival({ kind: "listing" })
      yield* result(...install(beta.id))
      yield* gate.open
      yield* Fiber.join(early)
      assert.deepStrictEqual(ids(yield* result(...installed)), [[alphaId, betaId]])
    }, provide())
  )

  it.effect(
    "sorts by marketplace in Codex's order, and then by display name",
    Effect.fnUntraced(
      function* () {
        const { result } = yield* client
        const { marketplaces } = yield* result(...installed)
        assert.deepStrictEqual(
          marketplaces.map(({ interface: { displayName }, plugins }: Json) => [
            displayName,
            plugins.map(({ name }: Json) => name).join()
          ]),
          [
            ["OpenAI Curated Remote", "a,C,d,e,b,g,f"],
            ["Created by me", "mine"],
            ["Workspace Directory", "ours"],
            ["Shared with me", "theirs"]
          ]
        )
      },
      provide(
        TestBackend.plugin({ name: "theirs", scope: "WORKSPACE", discoverability: "UNLISTED" }),
        TestBackend.plugin({ name: "ours", scope: "WORKSPACE" }),
        TestBackend.plugin({ name: "mine", scope: "USER" }),
        ...Object.entries({
          b: "zeta",
          a: "Alpha",
          C: "alpha",
          d: "  beta ",
          e: "",
          f: "Éa",
          g: "zeta"
        }).map(([name, display_name]) => TestBackend.plugin({ name, release: { display_name } }))
      )
    )
  )

  it.effect(
    "lists the cached versions, and leaves out rows that cannot be displayed",
    Effect.fnUntraced(
      function* () {
        const { result } = yield* client
        yield* result(...reconcile)
        const { marketplaces } = yield* result(...installed)
        assert.deepStrictEqual(
          marketplaces.flatMap(({ plugins }: Json) =>
            plugins.map(({ localVersion, name }: Json) => [name, localVersion])
          ),
          [["alpha", "1.0.0"]]
        )
      },
      provide(
        alpha,
        TestBackend.plugin({ name: "odd", release: { description: 5 } }),
        TestBackend.plugin({ name: "not a name" })
      )
    )
  )
})

describe("AppServer: plugin/list", () => {
  const own = TestBackend.plugin({ name: "own", scope: "USER", installed: false })

  it.effect(
    "lists the curated plugins, installed or not",
    Effect.fnUntraced(
      function* () {
        const { result } = yield* client
        const answer = yield* result(...list())
        assert.deepStrictEqual(ids(answer), [[alphaId, betaId]])
        assert.deepStrictEqual(
          answer.marketplaces[0].plugins.map(({ installed }: Json) => installed),
          [true, false]
        )
        assert.deepStrictEqual(answer.marketplaceLoadErrors, [])
      },
      provide(alpha, beta, own)
    )
  )

  it.effect(
    "lists the kinds that the client names, and asks the backend for no others",
    Effect.fnUntraced(
      function* () {
        const { result } = yield* client
        const answer = yield* result(...list("local", "created-by-me-remote"))
        assert.deepStrictEqual(ids(answer), [["own@created-by-me-remote"]])
        assert.deepInclude(answer.marketplaces[0].plugins[0], {
          localVersion: null,
          enabled: false
        })
        assert.lengthOf(
          (yield* asked).filter((kind) => kind === "directory"),
          1
        )
      },
      provide(alpha, own)
    )
  )

  it.effect(
    "lists nothing if `features.plugins` is false",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${TestCodexPlugins.root}/config.toml`
      const settings = yield* fs.readFileString(file)
      yield* fs.writeFileString(file, settings.replace("plugins = true", "plugins = false"))
      const { result } = yield* client
      assert.deepStrictEqual((yield* result(...list())).marketplaces, [])
      assert.notInclude(yield* asked, "directory")
    }, provide())
  )

  it.effect(
    "leaves out the curated plugins if the backend does not list them, and logs why",
    Effect.fnUntraced(function* () {
      yield* when({ kind: "directory" }, TestReply.status(403))
      const { error, result } = yield* client
      assert.deepStrictEqual((yield* result(...list())).marketplaces, [])
      assert.deepInclude(yield* error(...list("created-by-me-remote")), { code: -32603 })
    }, provide())
  )
})
