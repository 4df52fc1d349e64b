/**
 * A client of an app-server over a home in memory, its requests and their answers.
 */
import { assert } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as AppServer from "../../src/appServer/AppServer.ts"
import * as PluginId from "../../src/PluginId.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../../src/testing/TestCodexPlugins.ts"

/** A plugin that the account has installed, and one that it can install. */
export const alpha = TestBackend.plugin({ name: "alpha" })
export const beta = TestBackend.plugin({ name: "beta", installed: false })

export const alphaId = PluginId.PluginId.make("alpha@openai-curated-remote")
export const betaId = PluginId.PluginId.make("beta@openai-curated-remote")

/** The program as a client sees it. */
export const program = { version: "1.2.3", platformFamily: "unix", platformOs: "linux" }

/** A home with an empty cache, and an account with these plugins. */
export const provide = (...plugins: ReadonlyArray<ReturnType<typeof TestBackend.plugin>>) =>
  Effect.provide(
    TestCodexPlugins.layerWith({ plugins: plugins.length === 0 ? [alpha, beta] : plugins })
  )

/** Answers are not decoded here: a mistake shows in the assertions. */
export type Json = any

/** A client of a server that has not synced yet. */
export const connect = Effect.gen(function* () {
  const server = yield* AppServer.make(program)
  let lastId = 0
  /** The answer to one line; undefined if the server does not answer. */
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

/** A client that has initialized its session. */
export const client = Effect.tap(connect, ({ initialize }) => initialize)

/** A request without its id. */
export type Ask = readonly [method: string, params?: object]

export const read = (id: string): Ask => [
  "plugin/read",
  { pluginName: id, remoteMarketplaceName: "any" }
]
export const install = (id: string): Ask => [
  "plugin/install",
  { pluginName: id, remoteMarketplaceName: "any" }
]
export const uninstall = (id: string): Ask => ["plugin/uninstall", { pluginId: id }]
export const installed: Ask = ["plugin/installed"]
export const list = (...marketplaceKinds: ReadonlyArray<string>): Ask => [
  "plugin/list",
  marketplaceKinds.length === 0 ? {} : { marketplaceKinds }
]
export const reconcile: Ask = ["plugin/reconcile"]

/** Sets the behaviour of the backend for matching requests. */
export const when = Effect.fnUntraced(function* (
  ...[match, ...behaviours]: Parameters<TestBackend.TestBackend["Service"]["when"]>
) {
  const backend = yield* TestBackend.TestBackend
  yield* backend.when(match, ...behaviours)
})

/** The kinds of the requests that the backend has received. */
export const asked = Effect.gen(function* () {
  const backend = yield* TestBackend.TestBackend
  return (yield* backend.requests()).map(({ kind }) => kind)
})

/** The version of a plugin that is in the cache, or null. */
export const cachedVersion = Effect.fnUntraced(function* (id: PluginId.PluginId) {
  const store = yield* PluginStore.PluginStore
  return Option.getOrNull(yield* store.activeVersion(id)) as string | null
})

/** The ids of the plugins in a listing, by marketplace. */
export const ids = ({ marketplaces }: Json) =>
  marketplaces.map(({ plugins }: Json) => plugins.map(({ id }: Json) => id))

/** The ids of the plugins that a reconciliation reports. */
export const changed = ({ changedPlugins }: Json) => changedPlugins.map(({ id }: Json) => id)
