import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, FileSystem, Latch, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Credentials from "../src/Credentials.ts"
import * as PluginSync from "../src/PluginSync.ts"
import { PluginVersion } from "../src/PluginVersion.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import { pluginId } from "./support/pluginWorld.ts"
import { settle } from "./support/settle.ts"

const alpha = TestBackend.plugin({ name: "alpha" })
const beta = TestBackend.plugin({ name: "beta" })
const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)
const ensureReady = Effect.flatMap(PluginSync.PluginSync, (service) =>
  service.ensureReady({ deadline: "5 seconds" })
)
const provide = (options: TestCodexPlugins.Options = {}) =>
  Effect.provide(TestCodexPlugins.layerWith({ plugins: [alpha, beta], ...options }))

describe("PluginSync.ensureReady", () => {
  it.effect(
    "returns when every plugin is in place",
    Effect.fnUntraced(function* () {
      const readiness = yield* ensureReady
      assert.deepStrictEqual(readiness, {
        state: "Ready",
        error: null,
        ready: [pluginId("alpha"), pluginId("beta")],
        stale: [],
        missing: []
      })
    }, provide())
  )

  it.effect(
    "lists the plugins that could not be synced, with their errors",
    Effect.fnUntraced(function* () {
      const { update, when } = yield* TestBackend.TestBackend
      yield* when({ kind: "bundle", plugin: beta.id }, TestReply.status(404))
      yield* ensureReady
      yield* update(alpha.id, { version: "2.0.0" })
      yield* when({ kind: "bundle", plugin: alpha.id }, TestReply.status(404))
      const { missing, ready, stale, state } = yield* ensureReady
      assert.strictEqual(state, "Ready")
      assert.deepStrictEqual(ready, [])
      assert.deepStrictEqual(
        [...stale, ...missing].map(({ error, pluginId, version, why }) => [
          pluginId,
          version,
          why,
          error?._tag
        ]),
        [
          [pluginId("alpha"), PluginVersion.make("1.0.0"), "Failed", "RemoteBundleError"],
          [pluginId("beta"), null, "Failed", "RemoteBundleError"]
        ]
      )
    }, provide())
  )

  it.effect(
    "returns at the deadline, and the pass goes on in the background",
    Effect.fnUntraced(function* () {
      const { arrival, when } = yield* TestBackend.TestBackend
      const gate = yield* Latch.make()
      yield* when({ kind: "bundle" }, TestReply.wait(gate.await))
      const waiting = yield* Effect.forkChild(ensureReady)
      yield* arrival({ kind: "bundle", nth: 2 })
      yield* TestClock.adjust("5 seconds")
      const readiness = yield* Fiber.join(waiting)
      assert.strictEqual(readiness.state, "DeadlinePassed")
      assert.deepStrictEqual(
        readiness.missing.map(({ pluginId, why }) => [pluginId, why]),
        [
          [pluginId("alpha"), "Pending"],
          [pluginId("beta"), "Pending"]
        ]
      )
      yield* gate.open
      // This call joins the pass that still runs, or finds its work done.
      const { installed, kept } = yield* sync
      assert.lengthOf([...installed, ...kept], 2)
      const { requests } = yield* TestBackend.TestBackend
      assert.lengthOf(yield* requests({ kind: "bundle" }), 2)
    }, provide())
  )

  it.effect(
    "reports a backend that cannot be reached before the deadline, with the cached plugins as stale",
    Effect.fnUntraced(function* () {
      const { when } = yield* TestBackend.TestBackend
      yield* sync
      yield* when({}, TestReply.drop)
      const readiness = yield* settle(ensureReady, "4750 millis")
      assert.strictEqual(readiness.state, "Unreachable")
      assert.strictEqual(readiness.error?._tag, "RemoteCatalogError")
      assert.deepStrictEqual(
        readiness.stale.map(({ pluginId, version, why }) => [pluginId, version, why]),
        ["alpha", "beta"].map((name) => [pluginId(name), PluginVersion.make("1.0.0"), "Unverified"])
      )
    }, provide())
  )

  it.effect(
    "reports a home that is not signed in",
    Effect.fnUntraced(
      function* () {
        assert.strictEqual((yield* ensureReady).state, "SignedOut")
      },
      provide({ signedOut: true })
    )
  )

  it.effect(
    "reports a refused token",
    Effect.fnUntraced(function* () {
      const { when } = yield* TestBackend.TestBackend
      yield* when({ kind: "listing" }, TestReply.status(401))
      assert.strictEqual((yield* ensureReady).state, "Expired")
    }, provide())
  )

  it.effect(
    "fails for a home whose settings cannot be read",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`${TestCodexPlugins.root}/config.toml`, "= no")
      assert.strictEqual((yield* Effect.flip(ensureReady))._tag, "CodexHomeError")
    }, provide())
  )
})

describe("PluginSync.background", () => {
  const listings = Effect.flatMap(TestBackend.TestBackend, ({ requests }) =>
    Effect.map(requests({ kind: "listing" }), ({ length }) => length)
  )

  /** The first state that a schedule reaches for which this holds. */
  const reached = (
    { changes, state }: PluginSync.Background,
    isReached: (state: PluginSync.BackgroundState) => boolean
  ) =>
    Effect.flatMap(state, (now) =>
      isReached(now)
        ? Effect.succeed(now)
        : Effect.map(
            Stream.runCollect(Stream.take(Stream.filter(changes, isReached), 1)),
            (all) => all[0]!
          )
    )

  const start = (options: PluginSync.BackgroundOptions = {}) =>
    Effect.flatMap(PluginSync.PluginSync, ({ background }) =>
      background({ every: "1 hour", jitter: 0, ...options })
    )
  const isIdle = ({ isRunning, nextAt }: PluginSync.BackgroundState) =>
    !isRunning && nextAt !== null

  it.effect(
    "runs a pass at once, and another one when the last is old enough",
    Effect.fnUntraced(
      function* () {
        const background = yield* start()
        const first = yield* reached(background, isIdle)
        assert.deepStrictEqual(first.outcome?.installed, [pluginId("alpha"), pluginId("beta")])
        assert.strictEqual(first.error, null)
        yield* TestClock.adjust("59 minutes")
        assert.strictEqual(yield* listings, 1)
        yield* TestClock.adjust("1 minute")
        yield* reached(background, ({ outcome }) => outcome?.kept.length === 2)
        assert.strictEqual(yield* listings, 2)
      },
      Effect.scoped,
      provide()
    )
  )

  it.effect(
    "waits for the age of a pass that somebody else ran",
    Effect.fnUntraced(
      function* () {
        yield* sync
        yield* TestClock.adjust("20 minutes")
        const background = yield* start()
        const waiting = yield* reached(background, isIdle)
        assert.strictEqual(waiting.nextAt, (waiting.succeededAt ?? 0) + 3_600_000)
        assert.strictEqual(yield* listings, 1)
      },
      Effect.scoped,
      provide()
    )
  )

  it.effect(
    "retries after a transient failure, with growing waits",
    Effect.fnUntraced(
      function* () {
        const background = yield* start()
        const waits: Array<number> = []
        for (const failures of [1, 2, 3]) {
          const { error, nextAt } = yield* settle(
            Effect.tap(
              reached(background, (state) => isIdle(state) && state.failures === failures),
              ({ nextAt }) =>
                Effect.map(Clock.currentTimeMillis, (now) => waits.push((nextAt ?? 0) - now))
            ),
            "5 seconds"
          )
          assert.strictEqual(error?._tag, "RemoteCatalogError")
          yield* TestClock.setTime(nextAt ?? 0)
        }
        assert.deepStrictEqual(
          waits.map((wait) => Math.round(wait / 30_000)),
          [1, 2, 4]
        )
      },
      Effect.scoped,
      provide({ offline: true })
    )
  )

  it.effect(
    "does not retry a failure that only a person can resolve, until the credentials change",
    Effect.fnUntraced(
      function* () {
        const { writeHome } = yield* TestBackend.TestBackend
        const background = yield* start()
        const { error, nextAt } = yield* reached(background, isIdle)
        assert.strictEqual(error?._tag, "NotSignedIn")
        assert.strictEqual(nextAt, 3_600_000)
        yield* writeHome(TestCodexPlugins.root)
        const { outcome } = yield* settle(
          reached(background, ({ outcome }) => outcome !== null),
          Duration.times(Credentials.pollInterval, 2)
        )
        assert.lengthOf(outcome?.installed ?? [], 2)
      },
      Effect.scoped,
      provide({ signedOut: true })
    )
  )

  it.effect(
    "runs a pass at once when config.toml changes, also to an invalid file and back",
    Effect.fnUntraced(
      function* () {
        const fs = yield* FileSystem.FileSystem
        const background = yield* start()
        yield* reached(background, isIdle)
        const file = `${TestCodexPlugins.root}/config.toml`
        const before = yield* fs.readFileString(file)
        const passes = (text: string, isOver: (state: PluginSync.BackgroundState) => boolean) =>
          Effect.andThen(
            fs.writeFileString(file, text),
            settle(
              reached(background, (state) => isIdle(state) && isOver(state)),
              Duration.times(Credentials.pollInterval, 2)
            )
          )
        yield* passes("[features]\nplugins = false\n", ({ outcome }) => outcome?.skipped !== null)
        const { error } = yield* passes("= broken", ({ failures }) => failures > 0)
        assert.strictEqual(error?._tag, "CodexHomeError")
        yield* passes(
          before,
          ({ failures, outcome }) => failures === 0 && outcome?.skipped === null
        )
        assert.strictEqual(yield* listings, 2)
      },
      Effect.scoped,
      provide()
    )
  )

  it.effect(
    "stops with its scope",
    Effect.fnUntraced(function* () {
      yield* Effect.scoped(Effect.flatMap(start(), (background) => reached(background, isIdle)))
      yield* TestClock.adjust("3 hours")
      assert.strictEqual(yield* listings, 1)
    }, provide())
  )

  it.effect.each([{ every: 0 }, { backoff: 0 }, { jitter: -1 }, { jitter: Number.NaN }])(
    "rejects the invalid options %j",
    (options) =>
      Effect.gen(function* () {
        assert.isTrue(Exit.hasDies(yield* Effect.exit(Effect.scoped(start(options)))))
      }).pipe(provide())
  )
})
