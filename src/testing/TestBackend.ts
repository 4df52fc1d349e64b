/**
 * A ChatGPT plugins backend inside the process, for tests, the demo, measurements, and real
 * programs that are configured to use loopback.
 *
 * The same state is served by an `HttpClient` without sockets and by any number of HTTP and HTTPS
 * ports. Its content can change while it runs, it records each request, and any answer can be made
 * to fail; see {@link TestReply}.
 */
import { Clock, Context, DateTime, Effect, FileSystem, Layer, Path } from "effect"
import type { Duration, PlatformError, Scope } from "effect"
import { HttpClient } from "effect/http"
import type { HttpServerError } from "effect/http"
import type * as Exchange from "./internal/exchange.ts"
import * as Inventory from "./internal/inventory.ts"
import * as Journal from "./internal/journal.ts"
import * as ReplyClient from "./internal/replyClient.ts"
import * as ReplyServer from "./internal/replyServer.ts"
import * as Route from "./internal/route.ts"
import * as TestAccount from "./TestAccount.ts"
import * as TestPlugin from "./TestPlugin.ts"
import * as TestReply from "./TestReply.ts"
import * as TestRequest from "./TestRequest.ts"

/**
 * Describes a plugin; see `TestPlugin.make`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plugin = TestPlugin.make
/**
 * Describes an account; see `TestAccount.make`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const account = TestAccount.make

/**
 * The options of a backend.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Default: none. */
  readonly plugins?: ReadonlyArray<TestPlugin.Plugin>
  /** Methods use the first one if none is named. Default: one account. */
  readonly accounts?: readonly [TestAccount.Account, ...ReadonlyArray<TestAccount.Account>]
  /** Default: "/backend-api". */
  readonly basePath?: string
  /** Passes before each answer. Default: none. */
  readonly latency?: Duration.Input
  /** Most rows of a page, whatever limit is asked for. Default: 200. */
  readonly pageSize?: number
  /** The ids that the backend recommends, such as `hello@openai-curated-remote`. Default: none. */
  readonly featured?: ReadonlyArray<string>
  /** The secret in each bundle's URL. Default: a made-up one. */
  readonly signature?: string
}

/**
 * The ports on which {@link TestBackend} listens.
 *
 * @category options
 * @since 0.1.0
 */
export interface ServeOptions {
  /** Default: a free one. */
  readonly port?: number
  /** Serves bundles over HTTPS on a port of their own. Default: they come from the API's port. */
  readonly bundles?: {
    /** PEM. */
    readonly key: string
    /** PEM. */
    readonly cert: string
    /** As the URLs name it. Default: "127.0.0.1". */
    readonly host?: string
    /** Default: a free one. */
    readonly port?: number
  }
}

/**
 * The URLs of a served backend.
 *
 * @category models
 * @since 0.1.0
 */
export interface Served {
  /** For `chatgpt_base_url`. */
  readonly baseUrl: string
  /** The origin of bundles, such as `https://127.0.0.1:8443`. */
  readonly bundleOrigin: string
}

/**
 * A backend inside the process: its plugins, accounts, requests and answers.
 *
 * @example
 * ```ts
 * import { assert, it } from "@effect/vitest"
 * import { Effect, Fiber } from "effect"
 * import { TestClock } from "effect/testing"
 * import { PluginSync } from "effect-codex-plugins"
 * import { TestBackend, TestCodexPlugins, TestReply } from "effect-codex-plugins/testing"
 *
 * const hello = TestBackend.plugin({ name: "hello", version: "1.0.0" })
 *
 * it.effect("a download that breaks off is tried again", () =>
 *   Effect.gen(function* () {
 *     const backend = yield* TestBackend.TestBackend
 *     yield* backend.when({ kind: "bundle", nth: 1 }, TestReply.cut(100))
 *     const { sync } = yield* PluginSync.PluginSync
 *     const pass = yield* Effect.forkChild(sync)
 *     yield* TestClock.adjust("1 minute")
 *     yield* Fiber.join(pass)
 *     assert.lengthOf(yield* backend.requests({ kind: "bundle", plugin: hello.id }), 2)
 *   }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: [hello] })))
 * )
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class TestBackend extends Context.Service<
  TestBackend,
  {
    /** Adds the plugin, or replaces the one with its id. Earlier bundle URLs stay valid. */
    readonly publish: (plugin: TestPlugin.Plugin) => Effect.Effect<void>
    /** Publishes the plugin again with these changes. It stays installed for its accounts. */
    readonly update: (id: string, changes: Partial<TestPlugin.Options>) => Effect.Effect<void>
    /** Removes the plugin for all accounts. Earlier bundle URLs stay valid. */
    readonly remove: (id: string) => Effect.Effect<void>
    /** Installs the plugin for the account; for the first one by default. */
    readonly install: (id: string, account?: TestAccount.Account) => Effect.Effect<void>
    /** Uninstalls the plugin for the account. */
    readonly uninstall: (id: string, account?: TestAccount.Account) => Effect.Effect<void>
    /** True if the account has the plugin installed. */
    readonly isInstalled: (id: string, account?: TestAccount.Account) => Effect.Effect<boolean>

    /** Makes the answers to matching requests behave like this. Adds to earlier calls. */
    readonly when: (
      match: TestRequest.Match,
      ...behaviours: ReadonlyArray<TestReply.Behaviour>
    ) => Effect.Effect<void>
    /** Removes every behaviour that {@link when} has added. */
    readonly behave: Effect.Effect<void>

    /** The requests since the start, or since {@link forget}, in order. */
    readonly requests: (
      match?: TestRequest.Match
    ) => Effect.Effect<ReadonlyArray<TestRequest.Request>>
    /** Waits for a matching request, unless there has already been one. */
    readonly arrival: (match: TestRequest.Match) => Effect.Effect<TestRequest.Request>
    /** The largest number of requests of a kind that were open at the same time. */
    readonly mostAtOnce: (kind: TestRequest.Kind) => Effect.Effect<number>
    /** Forgets the requests so far. */
    readonly forget: Effect.Effect<void>

    /** The accounts that the backend knows. */
    readonly accounts: readonly [TestAccount.Account, ...ReadonlyArray<TestAccount.Account>]
    /** Texts that no log, error or file may contain: tokens, and the signature of bundle URLs. */
    readonly secrets: ReadonlyArray<string>
    /** The base URL of {@link httpClient}. */
    readonly baseUrl: string
    /**
     * Answers without sockets. It uses the clock of the requesting fiber, so `TestClock` controls
     * its time.
     */
    readonly httpClient: HttpClient.HttpClient
    /** Answers on ports of 127.0.0.1 until the scope closes. Each call opens other ports. */
    readonly serve: (
      options?: ServeOptions
    ) => Effect.Effect<Served, HttpServerError.ServeError, Scope.Scope>
    /**
     * Writes the settings and credentials of a Codex home that uses this backend: through {@link
     * httpClient}, or at the given URL.
     */
    readonly writeHome: (
      home: string,
      options?: { readonly baseUrl?: string; readonly account?: TestAccount.Account }
    ) => Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path>
  }
>()("effect-codex-plugins/testing/TestBackend") {}

/** The hosts of the client without sockets. Their top-level domain is reserved for tests. */
const apiOrigin = "https://backend.test"
const bundleOrigin = "https://bundles.test"

/** Opens the ports of a backend. */
const serveOn = Effect.fnUntraced(function* (
  receive: Exchange.Receive,
  basePath: string,
  { bundles, port = 0 }: ServeOptions
) {
  let bundleOrigin = ""
  const listen = (port: number, tls?: { readonly key: string; readonly cert: string }) =>
    ReplyServer.listen({ receive, bundleOrigin: () => bundleOrigin, port, tls })
  const apiOrigin = `http://127.0.0.1:${yield* listen(port)}`
  bundleOrigin =
    bundles === undefined
      ? apiOrigin
      : `https://${bundles.host ?? "127.0.0.1"}:${yield* listen(bundles.port ?? 0, bundles)}`
  return { baseUrl: `${apiOrigin}${basePath}`, bundleOrigin }
})

/** Writes the settings and credentials of a home. */
const writeHomeFor = Effect.fnUntraced(function* (
  home: string,
  baseUrl: string,
  account: TestAccount.Account
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const now = DateTime.formatIso(yield* DateTime.now)
  yield* fs.makeDirectory(home, { recursive: true })
  yield* fs.writeFileString(path.join(home, "config.toml"), configToml(baseUrl))
  yield* fs.writeFileString(path.join(home, "auth.json"), TestAccount.authJson(account, now), {
    mode: 0o600
  })
})

/**
 * Makes a backend. A bundle that cannot be packed and an unknown plugin or account are defects.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const {
    accounts = [account()],
    basePath = "/backend-api",
    featured = [],
    latency,
    pageSize = 200,
    signature = "made-up-signature-of-a-bundle-url"
  } = options
  const clock = yield* Clock.Clock
  const inventory = Inventory.make({ accounts, featured, pageSize, signature })
  const journal = Journal.make()
  const rules: Array<{
    readonly applies: (request: TestRequest.Request) => boolean
    readonly behaviours: ReadonlyArray<TestReply.Behaviour>
  }> = []
  const always = latency === undefined ? [] : [TestReply.delay(latency)]

  const receive: Exchange.Receive = ({ bundleOrigin, headers, method, url }) => {
    const request: TestRequest.Request = {
      ...Route.classify(basePath, method, url.pathname),
      method,
      url,
      headers,
      time: clock.currentTimeMillisUnsafe(),
      status: 0,
      outcome: "open"
    }
    const { commit, reply: right } = inventory.answer(request, bundleOrigin)
    const behaviours = rules.flatMap((rule) => (rule.applies(request) ? rule.behaviours : []))
    const reply = [...always, ...behaviours].reduce(
      (reply, behaviour) => behaviour(reply, request),
      right
    )
    if (reply.status < 300) commit?.()
    return { reply, finish: journal.open({ ...request, status: reply.status }) }
  }

  const publish = Effect.fnUntraced(function* (plugin: TestPlugin.Plugin) {
    yield* inventory.put(plugin)
    inventory.setInstalled(plugin.id, plugin.installed ?? true)
  })

  const update = Effect.fnUntraced(function* (id: string, changes: Partial<TestPlugin.Options>) {
    yield* inventory.put({ ...(yield* inventory.find(id)), ...changes, id })
    if (changes.installed !== undefined) inventory.setInstalled(id, changes.installed)
  })

  const baseUrl = `${apiOrigin}${basePath}`

  for (const plugin of options.plugins ?? []) yield* publish(plugin)

  return TestBackend.of({
    publish,
    update,
    remove: (id) => Effect.map(inventory.find(id), () => inventory.remove(id)),
    install: (id, account = accounts[0]) =>
      Effect.map(inventory.find(id), () => inventory.setInstalled(id, true, account)),
    uninstall: (id, account = accounts[0]) =>
      Effect.map(inventory.find(id), () => inventory.setInstalled(id, false, account)),
    isInstalled: (id, account = accounts[0]) =>
      Effect.sync(() => inventory.isInstalled(id, account)),
    when: (match, ...behaviours) =>
      Effect.sync(() => {
        rules.push({ applies: TestRequest.matcher(match), behaviours })
      }),
    behave: Effect.sync(() => {
      rules.length = 0
    }),
    requests: journal.requests,
    arrival: journal.arrival,
    mostAtOnce: journal.mostAtOnce,
    forget: journal.forget,
    accounts,
    secrets: [
      signature,
      ...accounts.flatMap((account) => [account.idToken, account.accessToken, account.refreshToken])
    ],
    baseUrl,
    httpClient: ReplyClient.make(receive, bundleOrigin),
    serve: (options = {}) => serveOn(receive, basePath, options),
    writeHome: (home, options = {}) =>
      writeHomeFor(home, options.baseUrl ?? baseUrl, options.account ?? accounts[0])
  })
})

/**
 * Provides the same as {@link layer}, with options. Each call returns a layer with a separate backend.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerWith = (options: Options): Layer.Layer<TestBackend> =>
  Layer.effect(TestBackend, make(options))

/**
 * Provides a backend with one account and no plugins.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<TestBackend> = layerWith({})

/**
 * Provides the backend as the `HttpClient` of the program under test.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHttpClient: Layer.Layer<HttpClient.HttpClient, never, TestBackend> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(TestBackend, ({ httpClient }) => httpClient)
)

const configToml = (baseUrl: string): string => `chatgpt_base_url = ${JSON.stringify(baseUrl)}
check_for_update_on_startup = false

[features]
plugins = true
remote_plugin = true
apps = false

[analytics]
enabled = false
`
