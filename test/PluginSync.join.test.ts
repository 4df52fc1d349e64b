import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Layer, Logger, References, Stream, Tracer } from "effect"
import * as CacheLock from "../src/CacheLock.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import { pluginId } from "./support/pluginWorld.ts"

const alpha = TestBackend.plugin({ name: "alpha" })
const broken = TestBackend.plugin({ name: "broken", release: { version: null } })
const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)
const backend = TestBackend.TestBackend

/** A held download, so that a pass is under way until the gate opens. */
const heldDownload = Effect.gen(function* () {
  const { when } = yield* backend
  const gate = yield* Latch.make()
  yield* when({ kind: "bundle", nth: 1 }, TestReply.wait(gate.await))
  return gate
})

const provide = (options: PluginSync.Options = {}) =>
  Effect.provide(
    TestCodexPlugins.layerWith({ plugins: [alpha, broken], services: { sync: options } })
  )

describe("PluginSync.sync, joined by several callers", () => {
  it.effect(
    "lets a caller that holds the lock run its own pass while another pass waits for the lock",
    Effect.fnUntraced(function* () {
      const lock = yield* CacheLock.CacheLock
      const isHeld = yield* Latch.make()
      const isWaiting = yield* Latch.make()
      const holder = yield* isHeld.open.pipe(
        Effect.andThen(isWaiting.await),
        Effect.andThen(sync),
        lock.hold,
        Effect.forkChild({ startImmediately: true })
      )
      yield* isHeld.await
      const waiter = yield* Effect.forkChild(sync, { startImmediately: true })
      yield* Effect.yieldNow
      yield* isWaiting.open
      assert.deepStrictEqual((yield* Fiber.join(holder)).installed, [pluginId("alpha")])
      assert.deepStrictEqual((yield* Fiber.join(waiter)).kept, [pluginId("alpha")])
    }, provide())
  )

  it.effect(
    "is not joined while its caller holds the lock, so it never outlives that lock",
    Effect.fnUntraced(function* () {
      const { arrival, mostAtOnce, requests } = yield* backend
      const lock = yield* CacheLock.CacheLock
      const gate = yield* heldDownload
      const holder = yield* Effect.forkChild(lock.hold(sync))
      yield* arrival({ kind: "bundle" })
      const other = yield* Effect.forkChild(sync, { startImmediately: true })
      yield* Effect.yieldNow
      yield* Fiber.interrupt(holder)
      yield* gate.open
      assert.deepStrictEqual((yield* Fiber.join(other)).installed, [pluginId("alpha")])
      assert.lengthOf(yield* requests({ kind: "listing" }), 2)
      assert.strictEqual(yield* mostAtOnce("bundle"), 1)
    }, provide())
  )

  it.effect(
    "starts a new pass for a caller that asks again when the joined pass has ended",
    Effect.fnUntraced(function* () {
      const { arrival, requests } = yield* backend
      const gate = yield* heldDownload
      const twice = Effect.all([sync, sync])
      const first = yield* Effect.forkChild(twice)
      yield* arrival({ kind: "bundle" })
      const second = yield* Effect.forkChild(twice, { startImmediately: true })
      yield* gate.open
      for (const fiber of [first, second]) {
        const [before, after] = yield* Fiber.join(fiber)
        assert.deepStrictEqual(before.installed, [pluginId("alpha")])
        assert.deepStrictEqual(after.kept, [pluginId("alpha")])
      }
      assert.isAtLeast((yield* requests({ kind: "listing" })).length, 2)
    }, provide())
  )

  it.effect(
    "runs with the caller's span, annotations and log level",
    Effect.fnUntraced(function* () {
      const logged: Array<unknown> = []
      const parents: Array<[string, string]> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          if (options.parent._tag === "Some" && options.parent.value._tag === "Span") {
            parents.push([options.name, options.parent.value.name])
          }
          return span
        }
      })
      const logger = Logger.make(({ fiber, message }) => {
        logged.push([message, fiber.getRef(References.CurrentLogAnnotations)["caller"]])
      })
      yield* sync.pipe(
        Effect.withSpan("host"),
        Effect.annotateLogs("caller", "mine"),
        Effect.provide(Logger.layer([logger])),
        Effect.withTracer(tracer)
      )
      assert.deepInclude(parents, ["PluginSync.sync", "host"])
      assert.deepInclude(parents, ["PluginSync.pass", "PluginSync.sync"])
      assert.deepStrictEqual(
        logged.map((entry) => (entry as ReadonlyArray<unknown>)[1]),
        ["mine"]
      )
      logged.length = 0
      yield* sync.pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Error")
      )
      assert.deepStrictEqual(logged, [])
    }, provide())
  )

  it.effect(
    "stays usable whenever its callers are interrupted",
    Effect.fnUntraced(function* () {
      for (let moment = 0; moment < 60; moment++) {
        const callers = [
          yield* Effect.forkChild(sync, { startImmediately: true }),
          yield* Effect.forkChild(sync)
        ]
        for (let step = 0; step < moment; step++) yield* Effect.yieldNow
        yield* Fiber.interruptAll(moment % 2 === 0 ? callers : callers.toReversed())
      }
      const outcome = yield* sync
      assert.lengthOf([...outcome.kept, ...outcome.installed], 1)
    }, provide())
  )

  it.effect(
    "ends with one event that says how it ended",
    Effect.fnUntraced(function* () {
      const { arrival, when } = yield* backend
      const { events } = yield* PluginSync.PluginSync
      const last: Array<string> = []
      yield* events.pipe(
        Stream.filter((event) => /^(?:Started|Finished|PassFailed|Interrupted)$/.test(event._tag)),
        Stream.runForEach((event) => Effect.sync(() => last.push(event._tag))),
        Effect.forkChild({ startImmediately: true })
      )
      yield* heldDownload
      const interrupted = yield* Effect.forkChild(sync)
      yield* arrival({ kind: "bundle" })
      yield* Fiber.interrupt(interrupted)
      yield* sync
      yield* when({ kind: "listing" }, TestReply.status(403))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(sync)))
      yield* Effect.yieldNow
      assert.deepStrictEqual(last, [
        "Started",
        "Interrupted",
        "Started",
        "Finished",
        "Started",
        "PassFailed"
      ])
    }, provide())
  )
})

describe("PluginSync.layerWith", () => {
  it.effect.each([
    { concurrency: 0 },
    { concurrency: -1 },
    { concurrency: Number.NaN },
    { concurrency: 1.5 },
    { retention: "-1 seconds" }
  ] as const)("rejects the invalid options %j", (options) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Effect.scoped(Layer.build(TestCodexPlugins.layerWith({ services: { sync: options } })))
      )
      assert.isTrue(Exit.hasDies(exit))
    })
  )
})
