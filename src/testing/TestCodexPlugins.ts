/**
 * Every service of one Codex home, with a disk in memory and a backend without sockets, for tests
 * of a host. Nothing leaves the process, and `TestClock` controls the time.
 */
import { Clock, Effect, FileSystem, Layer, Path } from "effect"
import * as CacheLock from "../CacheLock.ts"
import * as CodexHome from "../CodexHome.ts"
import * as CodexPlugins from "../CodexPlugins.ts"
import * as MemoryFileSystem from "./MemoryFileSystem.ts"
import * as TestAccount from "./TestAccount.ts"
import * as TestBackend from "./TestBackend.ts"
import * as TestReply from "./TestReply.ts"

/**
 * The home's folder on the disk in memory.
 *
 * @category constants
 * @since 0.1.0
 */
export const root = "/home/tester/.codex"

/**
 * Options of {@link layerWith}: the options of the backend and the disk, and four conditions that a
 * host must handle. Conditions can be combined.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options extends TestBackend.Options {
  /** Options of the disk in memory, such as `{ caseInsensitive: true }`. */
  readonly disk?: MemoryFileSystem.Options
  /**
   * The home has no `auth.json`. `backend.writeHome(TestCodexPlugins.root)` signs in. Default:
   * false.
   */
  readonly signedOut?: boolean
  /**
   * The home's token has expired, and the backend rejects it. The first account then has an expired
   * token, and the second is the same account with a valid one:
   * `backend.writeHome(TestCodexPlugins.root, { account: backend.accounts[1] })` renews it.
   * Default: false.
   */
  readonly expired?: boolean
  /**
   * The backend resets every connection. `backend.behave` ends that. Default: false.
   */
  readonly offline?: boolean
  /**
   * Each answer begins after 300 ms and then arrives at 20 kB per second. `backend.behave` ends
   * that. Default: false.
   */
  readonly slow?: boolean
  /**
   * Options of the services. Default: none.
   */
  readonly services?: Omit<CodexPlugins.Options, "lock">
}

/** The delay and rate of answers on a slow connection. */
const slowLine = {
  delay: "300 millis",
  piece: { bytes: 2_000, every: "100 millis" }
} as const

const layerHome = (options: Options) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.writeHome(root)
      if (options.signedOut === true) {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        yield* fs.remove(path.join(root, "auth.json"))
      }
      if (options.expired === true) {
        const expired = `Bearer ${backend.accounts[0].accessToken}`
        yield* backend.when(
          { where: ({ headers }) => headers.authorization === expired },
          TestReply.status(401)
        )
      }
      if (options.slow === true) {
        const { bytes, every } = slowLine.piece
        yield* backend.when({}, TestReply.delay(slowLine.delay), TestReply.dribble(bytes, every))
      }
      if (options.offline === true) yield* backend.when({}, TestReply.drop)
      return CodexHome.layerAt(root)
    })
  )

/** With `expired`, the first account appears twice: with an expired token and with a valid one. */
const layerBackend = ({ accounts = [TestAccount.make()], ...options }: Options) =>
  options.expired === true
    ? Layer.unwrap(
        Effect.map(Clock.currentTimeMillis, (now) => {
          const { email, id } = accounts[0]
          const expired = TestAccount.make({ email, expires: Math.floor(now / 1000), id })
          return TestBackend.layerWith({ ...options, accounts: [expired, ...accounts] })
        })
      )
    : TestBackend.layerWith({ ...options, accounts })

/**
 * Provides the same as {@link layer}, with options. Each call returns a layer with a separate disk
 * and backend.
 *
 * @example
 * ```ts
 * import { assert, it } from "@effect/vitest"
 * import { Effect } from "effect"
 * import { PluginSync } from "effect-codex-plugins"
 * import { TestBackend, TestCodexPlugins } from "effect-codex-plugins/testing"
 *
 * const hello = TestBackend.plugin({ name: "hello", version: "1.0.0" })
 *
 * it.effect("a session can start while the account is signed out", () =>
 *   Effect.gen(function* () {
 *     const { ensureReady } = yield* PluginSync.PluginSync
 *     const { state } = yield* ensureReady()
 *     assert.strictEqual(state, "SignedOut")
 *   }).pipe(Effect.provide(TestCodexPlugins.layerWith({ plugins: [hello], signedOut: true })))
 * )
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export const layerWith = (options: Options) =>
  CodexPlugins.layerServicesWith(options.services ?? {}).pipe(
    Layer.provideMerge(Layer.fresh(CacheLock.layerInProcess)),
    Layer.provideMerge(Layer.merge(layerHome(options), Layer.fresh(TestBackend.layerHttpClient))),
    Layer.provideMerge(
      Layer.mergeAll(
        layerBackend(options),
        MemoryFileSystem.layerWith(options.disk ?? {}),
        Path.layer
      )
    )
  )

/**
 * Provides every service of a home that is signed in to a backend without plugins. All uses of the
 * layer in a program share one home; `Layer.fresh` makes a second one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = layerWith({})
