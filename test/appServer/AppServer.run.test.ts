import { assert, describe, it } from "@effect/vitest"
import {
  Deferred,
  Effect,
  Fiber,
  FileSystem,
  Latch,
  Option,
  Queue,
  Sink,
  Stdio,
  Stream
} from "effect"
import type { Cause } from "effect"
import * as AppServer from "../../src/appServer/AppServer.ts"
import * as CodexHome from "../../src/CodexHome.ts"
import * as PluginId from "../../src/PluginId.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../../src/testing/TestReply.ts"

const alpha = TestBackend.plugin({ name: "alpha" })
const beta = TestBackend.plugin({ name: "beta", installed: false })

const alphaId = PluginId.PluginId.make("alpha@openai-curated-remote")
const betaId = PluginId.PluginId.make("beta@openai-curated-remote")

const program = { version: "1.2.3", platformFamily: "unix", platformOs: "linux" }

const provide = (...plugins: ReadonlyArray<ReturnType<typeof TestBackend.plugin>>) =>
  Effect.provide(
    TestCodexPlugins.layerWith({ plugins: plugins.length === 0 ? [alpha, beta] : plugins })
  )

// Answers are not decoded here: a mistake shows in the assertions.
type Json = any

/** A client of a server that has not synced yet. */
const connect = Effect.gen(function* () {
  const server = yield* AppServer.make(program)
  let lastId = 0
  /** The answer to one line; undefined where there is none. */
  const send = (message: object | string): Effect.Effect<Json> =>
    Effect.map(
      server.receive(typeof message === "string" ? message : JSON.stringify(message)),
      Option.match({ onNone: () => undefined, onSome: (line) => JSON.parse(line) })
    )
  const ask = (method: string, params: object = {}) => send({ id: ++lastId, method, params })
  const result = (method: string, params?: object): Effect.Effect<Json> =>
    Effect.map(ask(method, params), (answer) => {
      assert.notProperty(answer, "error")
      return answer.result
    })
  const error = (method: string, params?: object): Effect.Effect<Json> =>
    Effect.map(ask(method, params), (answer) => {
      assert.notProperty(answer, "result")
      return answer.error
    })
  const initialize = result("initialize", { clientInfo: { name: "test", version: "9" } })
  return { ...server, send, ask, result, error, initialize }
})

/** A client that has been let in. */
const client = Effect.tap(connect, ({ initialize }) => initialize)

type Ask = readonly [method: string, params?: object]

const read = (id: string): Ask => ["plugin/read", { pluginName: id, remoteMarketplaceName: "any" }]
const install = (id: string): Ask => [
  "plugin/install",
  { pluginName: id, remoteMarketplaceName: "any" }
]
const uninstall = (id: string): Ask => ["plugin/uninstall", { pluginId: id }]
const installed: Ask = ["plugin/installed"]
const list = (...marketplaceKinds: ReadonlyArray<string>): Ask => [
  "plugin/list",
  marketplaceKinds.length === 0 ? {} : { marketplaceKinds }
]
const reconcile: Ask = ["plugin/reconcile"]

const when = Effect.fnUntraced(function* (
  ...[match, ...behaviours]: Parameters<TestBackend.TestBackend["Service"]["when"]>
) {
  const backend = yield* TestBackend.TestBackend
  yield* backend.when(match, ...behaviours)
})

const asked = Effect.gen(function* () {
  const backend = yield* TestBackend.TestBackend
  return (yield* backend.requests()).map(({ kind }) => kind)
})

const cachedVersion = Effect.fnUntraced(function* (id: PluginId.PluginId) {
  const store = yield* PluginStore.PluginStore
  return Option.getOrNull(yield* store.activeVersion(id)) as string | null
})

const ids = ({ marketplaces }: Json) =>
  marketplaces.map(({ plugins }: Json) => plugins.map(({ id }: Json) => id))

const changed = ({ changedPlugins }: Json) => changedPlugins.map(({ id }: Json) => id)

describe("AppServer", () => {
  it.effect(
    "answers initialize once",
    Effect.fnUntraced(function* () {
      const { error, initialize } = yield* connect
      assert.deepStrictEqual(yield* initialize, {
        userAgent: "test/1.2.3 (linux) codex-plugins (test; 9)",
        codexHome: TestCodexPlugins.root,
        platformFamily: "unix",
        platformOs: "linux"
      })
      assert.deepStrictEqual(
        yield* error("initialize", { clientInfo: { name: "test", version: "9" } }),
        { code: -32600, message: "Already initialized" }
      )
    }, provide())
  )

  it.effect(
    "answers nothing else before initialize, and sends no request",
    Effect.fnUntraced(function* () {
      const { error } = yield* connect
      for (const request of [
        read(alpha.id),
        installed,
        install(alpha.id),
        uninstall(alpha.id),
        reconcile
      ]) {
        assert.deepStrictEqual(yield* error(...request), {
          code: -32600,
          message: "Not initialized"
        })
      }
      assert.include((yield* error("plugin/nope")).message, "unknown variant")
      assert.deepStrictEqual(yield* asked, [])
    }, provide())
  )

  it.effect(
    "answers requests only, with their ids",
    Effect.fnUntraced(function* () {
      const { send } = yield* client
      const answer = yield* send({ id: "seven", method: "plugin/reconcile", params: {} })
      assert.strictEqual(answer.id, "seven")
      assert.isUndefined(yield* send({ method: "initialized" }))
      assert.isUndefined(yield* send({ method: "plugin/installed", params: {} }))
      assert.isUndefined(yield* send("nonsense"))
    }, provide())
  )

  it.effect(
    "answers several requests at once",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      const gate = yield* Latch.make()
      yield* when({ kind: "read", plugin: alpha.id }, TestReply.wait(gate.await))
      const slow = yield* Effect.forkChild(result(...read(alpha.id)))
      const quick = yield* result(...read(beta.id))
      assert.strictEqual(quick.plugin.summary.id, betaId)
      yield* gate.open
      assert.strictEqual((yield* Fiber.join(slow)).plugin.summary.id, alphaId)
    }, provide())
  )

  it.effect(
    "answers an internal failure with an error, and continues",
    Effect.fnUntraced(function* () {
      const { error, result } = yield* client
      yield* when({ kind: "read" }, () => {
        throw new Error("a fault of the test's")
      })
      assert.propertyVal(yield* error(...read(alpha.id)), "code", -32603)
      yield* result(...reconcile)
    }, provide())
  )
})

describe("AppServer: plugin/read", () => {
  it.effect(
    "describes a plugin before and after its installation",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      const before = (yield* result(...read(beta.id))).plugin
      assert.deepInclude(before.summary, {
        id: betaId,
        remotePluginId: beta.id,
        installed: false,
        enabled: false,
        version: "1.0.0",
        localVersion: null
      })
      yield* result(...install(beta.id))
      const after = (yield* result(...read(beta.id))).plugin
      assert.deepInclude(after.summary, { installed: true, enabled: true, localVersion: "1.0.0" })
    }, provide())
  )

  it.effect(
    "gives the cached version, not the latest one",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      yield* result(...reconcile)
      const backend = yield* TestBackend.TestBackend
      yield* backend.update(alpha.id, { version: "2.0.0" })
      const { summary } = (yield* result(...read(alpha.id))).plugin
      assert.deepInclude(summary, { version: "2.0.0", localVersion: "1.0.0" })
    }, provide())
  )

  it.effect.each([
    ["no source", { pluginName: "x" }, "plugin/read requires exactly one of"],
    [
      "two sources",
      { pluginName: "x", remoteMarketplaceName: "y", marketplacePath: "/z" },
      "plugin/read requires exactly one of marketplacePath or remoteMarketplaceName"
    ],
    [
      "a local marketplace",
      { pluginName: "x", marketplacePath: "/z" },
      "plugin/read serves remote marketplaces only"
    ],
    [
      "an id that is none",
      { pluginName: "../x", remoteMarketplaceName: "y" },
      "invalid remote plugin id: only ASCII letters, digits, `_`, `-`, and `~` are allowed"
    ]
  ] as const)("refuses %s without a request", ([, params, message]) =>
    Effect.gen(function* () {
      const { error } = yield* client
      const answer = yield* error("plugin/read", params)
      assert.strictEqual(answer.code, -32600)
      assert.include(answer.message, message)
      assert.include(
        (yield* error("plugin/install", params)).message,
        message.replace("plugin/read", "plugin/install")
      )
      assert.deepStrictEqual(yield* asked, [])
    }).pipe(provide())
  )
})

describe("AppServer: failures", () => {
  it.effect.each([
    ["404", TestReply.status(404), -32600],
    ["403", TestReply.status(403), -32603],
    ["401", TestReply.status(401), -32603],
    ["no JSON", TestReply.body("<html>"), -32603],
    ["a row without a name", TestReply.mapJson((json) => ({ ...json, name: "a b" })), -32603],
    ["another plugin", TestReply.mapJson((json) => ({ ...json, id: "plugins~X" })), -32603]
  ] as const)("names the step that failed: the row is answered with %s", ([, behaviour, code]) =>
    Effect.gen(function* () {
      const { error } = yield* client
      yield* when({ kind: "read" }, behaviour)
      for (const [request, step] of [
        [read(alpha.id), "read remote plugin details: "],
        [install(alpha.id), "read remote plugin details before install: "],
        [uninstall(alpha.id), "resolve remote plugin before uninstall: "]
      ] as const) {
        const answer = yield* error(...request)
        assert.isTrue(answer.message.startsWith(step), answer.message)
        assert.strictEqual(answer.code, code)
      }
    }).pipe(provide())
  )

  it.effect.each([
    ["is not available", { row: { installation_policy: "NOT_AVAILABLE" } }, -32600, ""],
    ["is disabled by admin", { row: { status: "DISABLED_BY_ADMIN" } }, -32600, ""],
    ["version", { release: { version: null } }, -32603, "install remote plugin bundle: "],
    ["version", { release: { version: "a b" } }, -32603, "install remote plugin bundle: "],
    [
      "bundle",
      { release: { bundle_download_url: null } },
      -32603,
      "install remote plugin bundle: "
    ],
    [
      "names the plugin",
      { files: { ".codex-plugin/plugin.json": '{"name":"x"}' } },
      -32603,
      "install remote plugin bundle: "
    ]
  ] as const)("says why a plugin cannot be installed: %s", ([why, options, code, step]) =>
    Effect.gen(function* () {
      const { error } = yield* client
      const answer = yield* error(...install(beta.id))
      assert.strictEqual(answer.code, code)
      assert.include(answer.message, why)
      assert.isTrue(answer.message.startsWith(step))
      assert.isNull(yield* cachedVersion(betaId))
    }).pipe(provide({ ...beta, ...options }))
  )

  it.effect(
    "plugin/install reports a cached bundle that the account does not have, and reconciliation removes it",
    Effect.fnUntraced(function* () {
      const { error, result } = yield* client
      yield* result(...reconcile)
      yield* when({ kind: "install" }, TestReply.status(403))
      const answer = yield* error(...install(beta.id))
      assert.strictEqual(answer.code, -32603)
      assert.match(answer.message, /^install remote plugin: .*; run a sync to resolve this$/)
      assert.strictEqual(yield* cachedVersion(betaId), "1.0.0")
      assert.deepStrictEqual(changed(yield* result(...reconcile)), [betaId])
      assert.isNull(yield* cachedVersion(betaId))
    }, provide())
  )

  it.effect(
    "reports that an uninstall did not change the account, and removes nothing",
    Effect.fnUntraced(function* () {
      const { error, result } = yield* client
      yield* result(...reconcile)
      yield* when({ kind: "uninstall" }, TestReply.status(403))
      const answer = yield* error(...uninstall(alpha.id))
      assert.strictEqual(answer.code, -32603)
      assert.isTrue(answer.message.startsWith("uninstall remote plugin: "))
      assert.strictEqual(yield* cachedVersion(alphaId), "1.0.0")
    }, provide())
  )

  it.effect(
    "asks the client to sign in if nobody is signed in",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* CodexHome.CodexHome
      yield* fs.remove(`${home.root}/auth.json`)
      const { error, result } = yield* client
      for (const request of [read(alpha.id), install(alpha.id), uninstall(alpha.id)]) {
        const answer = yield* error(...request)
        assert.strictEqual(answer.code, -32600)
        assert.include(answer.message, "run `codex login`")
      }
      assert.deepStrictEqual((yield* result(...installed)).marketplaces, [])
      assert.deepStrictEqual(yield* result(...reconcile), {
        changedPlugins: [],
        failedRemotePluginIds: [],
        failedMaterializationRemotePluginIds: []
      })
      assert.deepStrictEqual(yield* asked, [])
    }, provide())
  )
})

describe("AppServer: plugin/uninstall", () => {
  it.effect(
    "uninstalls a plugin on the account and removes it from the cache, also when repeated",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      yield* result(...reconcile)
      assert.deepStrictEqual(yield* result(...uninstall(alpha.id)), {})
      assert.isNull(yield* cachedVersion(alphaId))
      assert.isFalse((yield* result(...read(alpha.id))).plugin.summary.installed)
      assert.deepStrictEqual(yield* result(...uninstall(alpha.id)), {})
    }, provide())
  )

  it.effect(
    "removes PLUGIN@MARKETPLACE from the cache only, and reconciliation restores it",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      yield* result(...reconcile)
      const backend = yield* TestBackend.TestBackend
      yield* backend.forget
      assert.deepStrictEqual(yield* result(...uninstall(alphaId)), {})
      assert.deepStrictEqual(yield* asked, [])
      assert.isNull(yield* cachedVersion(alphaId))
      assert.deepStrictEqual(changed(yield* result(...reconcile)), [alphaId])
      assert.strictEqual(yield* cachedVersion(alphaId), "1.0.0")
    }, provide())
  )

  it.effect(
    "refuses any other id",
    Effect.fnUntraced(function* () {
      const { error } = yield* client
      for (const pluginId of ["", "a/b", "a b@c", "a@b@c"]) {
        assert.deepStrictEqual(yield* error("plugin/uninstall", { pluginId }), {
          code: -32600,
          message: "invalid remote plugin id"
        })
      }
    }, provide())
  )
})

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
    "answers with an empty list if it can neither ask nor remember",
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
    "gives the cached versions, and leaves out what cannot be shown",
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

describe("AppServer: plugin/reconcile", () => {
  const noFlags = { hasMcps: false, hasApps: false, hasHooks: false, hasSkills: false }

  it.effect(
    "reports what was added, changed and removed, each with its capabilities",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      const backend = yield* TestBackend.TestBackend
      assert.deepStrictEqual((yield* result(...reconcile)).changedPlugins, [
        { id: alphaId, ...noFlags, hasSkills: true }
      ])
      assert.deepStrictEqual(changed(yield* result(...reconcile)), [])

      yield* backend.update(alpha.id, {
        version: "2.0.0",
        files: { ".mcp.json": '{"mcpServers":{"a":{"command":"x"}}}' }
      })
      assert.deepStrictEqual((yield* result(...reconcile)).changedPlugins, [
        { id: alphaId, ...noFlags, hasMcps: true, hasSkills: true }
      ])

      yield* backend.update(alpha.id, { enabled: false })
      assert.deepStrictEqual(changed(yield* result(...reconcile)), [alphaId])

      yield* backend.uninstall(alpha.id)
      assert.deepStrictEqual((yield* result(...reconcile)).changedPlugins, [
        { id: alphaId, ...noFlags, hasMcps: true, hasSkills: true }
      ])
    }, provide())
  )

  it.effect(
    "plugin/reconcile reports plugins that its first pass removes",
    Effect.fnUntraced(function* () {
      const backend = yield* TestBackend.TestBackend
      const first = yield* client
      yield* first.result(...reconcile)
      yield* backend.uninstall(alpha.id)
      const second = yield* client
      assert.deepStrictEqual((yield* second.result(...reconcile)).changedPlugins, [
        { id: alphaId, ...noFlags, hasSkills: true }
      ])
    }, provide())
  )

  it.effect(
    "does not report what the client itself installed and uninstalled",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      yield* result(...reconcile)
      yield* result(...install(beta.id))
      assert.deepStrictEqual(changed(yield* result(...reconcile)), [])
      yield* result(...uninstall(beta.id))
      assert.deepStrictEqual(changed(yield* result(...reconcile)), [])
    }, provide())
  )

  it.effect(
    "reports strays that it removed",
    Effect.fnUntraced(function* () {
      const { result } = yield* client
      const fs = yield* FileSystem.FileSystem
      const { cache } = yield* CodexHome.CodexHome
      yield* fs.makeDirectory(`${cache}/openai-curated-remote`, { recursive: true })
      yield* fs.writeFileString(`${cache}/openai-curated-remote/a file`, "")
      assert.deepInclude((yield* result(...reconcile)).changedPlugins, {
        id: "a file@openai-curated-remote",
        ...noFlags
      })
    }, provide())
  )

  it.effect(
    "reports which plugins failed, and whose bundle is missing",
    Effect.fnUntraced(
      function* () {
        const { result } = yield* client
        const store = yield* PluginStore.PluginStore
        const fs = yield* FileSystem.FileSystem
        yield* result(...reconcile)
        yield* fs.writeFileString(
          store.sidecarPath(alphaId),
          '{"schema_version":2,"remote_plugin_id":"x"}'
        )
        assert.deepStrictEqual(yield* result(...reconcile), {
          changedPlugins: [],
          failedRemotePluginIds: [alpha.id, "plugins~Plugin_bad"],
          failedMaterializationRemotePluginIds: ["plugins~Plugin_bad"]
        })
      },
      provide(alpha, TestBackend.plugin({ name: "bad", bundle: new Uint8Array() }))
    )
  )

  it.effect(
    "fails with the pass",
    Effect.fnUntraced(function* () {
      const { error } = yield* client
      yield* when({ kind: "listing" }, TestReply.status(404))
      const answer = yield* error(...reconcile)
      assert.strictEqual(answer.code, -32603)
      assert.isTrue(answer.message.startsWith("failed to reconcile remote installed plugins: "))
    }, provide())
  )

  it.effect(
    "runs a pass that begins after the request",
    Effect.fnUntraced(function* () {
      const { reconcileInBackground, result } = yield* client
      const backend = yield* TestBackend.TestBackend
      const gate = yield* Latch.make()
      yield* when({ kind: "bundle", nth: 1 }, TestReply.wait(gate.await))
      yield* reconcileInBackground
      yield* backend.arrival({ kind: "bundle" })
      yield* backend.install(beta.id)
      const reconciling = yield* Effect.forkChild(result(...reconcile))
      yield* gate.open
      assert.deepStrictEqual(changed(yield* Fiber.join(reconciling)), [betaId])
    }, provide())
  )
})

const line = (id: number, [method, params = {}]: Ask) => JSON.stringify({ id, method, params })

describe("AppServer.run", () => {
  /** Runs a server over these lines of stdin; gives the lines of stdout once it has ended. */
  const serve = Effect.fnUntraced(function* (stdin: Stream.Stream<string>) {
    const lines: Array<Json> = []
    yield* AppServer.run(program).pipe(
      Effect.provide(
        Stdio.layerTest({
          stdin: Stream.encodeText(stdin),
          stdout: () =>
            Sink.forEach((line: string | Uint8Array) => {
              assert.strictEqual(String(line).indexOf("\n"), String(line).length - 1)
              return Effect.sync(() => lines.push(JSON.parse(String(line))))
            })
        })
      )
    )
    return lines
  })

  const hello = JSON.stringify({
    id: 0,
    method: "initialize",
    params: { clientInfo: { name: "test", version: "9" } }
  })
  it.effect(
    "answers requests that arrive together with initialize, and ends after the last answer",
    Effect.fnUntraced(function* () {
      const requests = [
        hello,
        '{"method":"initialized"}',
        line(1, read(alpha.id)),
        line(2, reconcile)
      ]
      const lines = yield* serve(Stream.make(requests.join("\n")))
      assert.sameMembers(
        lines.map(({ id }) => id),
        [0, 1, 2]
      )
      assert.isTrue(lines.every((line) => "result" in line))
      assert.strictEqual(yield* cachedVersion(alphaId), "1.0.0")
    }, provide())
  )

  it.effect(
    "accepts lines that arrive in pieces",
    Effect.fnUntraced(function* () {
      const [first] = yield* serve(Stream.fromIterable(`${hello}\r\n`))
      assert.strictEqual(first.id, 0)
    }, provide())
  )

  it.effect(
    "syncs at the start without being asked",
    Effect.fnUntraced(function* () {
      const backend = yield* TestBackend.TestBackend
      const input = yield* Queue.unbounded<string, Cause.Done>()
      const serving = yield* Effect.forkChild(serve(Stream.fromQueue(input)))
      yield* backend.arrival({ kind: "bundle" })
      yield* Queue.end(input)
      assert.deepStrictEqual(yield* Fiber.join(serving), [])
    }, provide())
  )

  it.effect(
    "continues if the sync at the start fails",
    Effect.fnUntraced(function* () {
      yield* when({ kind: "listing" }, TestReply.status(403))
      const backend = yield* TestBackend.TestBackend
      const arrived = yield* Deferred.make<void>()
      yield* Effect.forkChild(
        Effect.andThen(backend.arrival({ kind: "listing" }), Deferred.succeed(arrived, undefined))
      )
      const lines = yield* serve(
        Stream.concat(
          Stream.fromEffect(Effect.as(Deferred.await(arrived), `${hello}\n`)),
          Stream.make(line(1, read(alpha.id)))
        )
      )
      assert.deepStrictEqual(
        lines.map(({ id }) => id),
        [0, 1]
      )
    }, provide())
  )

  it.effect(
    "drops a line that is too long and answers the next one",
    Effect.fnUntraced(function* () {
      const lines = yield* serve(
        Stream.make(`{"id":7,"x":"`, "x".repeat(AppServer.maxLineLength), `"}\n`, `${hello}\n`)
      )
      assert.deepStrictEqual(
        lines.map(({ id }) => id),
        [0]
      )
    }, provide())
  )

  it.effect(
    "stops reading while the client reads no answers",
    Effect.fnUntraced(function* () {
      yield* when({ kind: "listing" }, TestReply.silence)
      let taken = 0
      const requests = 10_000
      const server = AppServer.run(program).pipe(
        Effect.provide(
          Stdio.layerTest({
            stdin: Stream.encodeText(
              Stream.range(1, requests).pipe(
                Stream.rechunk(1),
                Stream.tap(() => Effect.sync(() => taken++)),
                Stream.map((id) => `{"id":${id},"method":"plugin/none"}\n`)
              )
            ),
            stdout: () => Sink.forEach(() => Effect.never)
          })
        )
      )
      const serving = yield* Effect.forkChild(server)
      for (let turn = 0; turn < 1000; turn++) yield* Effect.yieldNow
      assert.isAbove(taken, 0)
      assert.isBelow(taken, 10 * AppServer.maxOpenRequests)
      yield* Fiber.interrupt(serving)
    }, provide())
  )

  it.effect(
    "ends at once if there is no request",
    Effect.fnUntraced(function* () {
      yield* when({ kind: "listing" }, TestReply.silence)
      assert.deepStrictEqual(yield* serve(Stream.empty), [])
    }, provide())
  )
})

describe("plugin/list", () => {
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
