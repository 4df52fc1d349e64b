import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, References, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as SharedRun from "../../src/internal/sharedRun.ts"

/** A run of one minute that returns its number and counts its interruptions. */
const counted = Effect.gen(function* () {
  const counts = { started: 0, interrupted: 0 }
  const scope = yield* Scope.make()
  const run = yield* Effect.suspend(() => Effect.succeed(++counts.started)).pipe(
    Effect.delay("1 minute"),
    Effect.onInterrupt(() => Effect.sync(() => counts.interrupted++)),
    SharedRun.make,
    Scope.provide(scope)
  )
  return { counts, run, scope }
})

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(effect, { startImmediately: true })

describe("SharedRun", () => {
  it.effect("gives one result to all callers that come while it runs", () =>
    Effect.gen(function* () {
      const { counts, run } = yield* counted
      const fibers = [yield* fork(run), yield* fork(run), yield* fork(run)]
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.joinAll(fibers), [1, 1, 1])
      assert.strictEqual(counts.started, 1)
    })
  )

  it.effect("is not joined by a caller that continues with its result", () =>
    Effect.gen(function* () {
      const { run } = yield* counted
      const twice = yield* fork(Effect.zip(run, run))
      const once = yield* fork(run)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* Fiber.join(twice), [1, 2])
      assert.strictEqual(yield* Fiber.join(once), 1)
    })
  )

  it.effect("continues until its last caller is interrupted", () =>
    Effect.gen(function* () {
      const { counts, run } = yield* counted
      const [first, second] = [yield* fork(run), yield* fork(run)]
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(first)
      assert.strictEqual(counts.interrupted, 0)
      yield* Fiber.interrupt(second)
      assert.strictEqual(counts.interrupted, 1)
      const third = yield* fork(run)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(third), 1)
    })
  )

  it.effect("ends for its callers when its scope closes", () =>
    Effect.gen(function* () {
      const { counts, run, scope } = yield* counted
      const caller = yield* fork(run)
      yield* TestClock.adjust("1 second")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(counts.interrupted, 1)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(caller)))
    })
  )

  it.effect("keeps the annotations and the parent span of the caller that started it", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const run = yield* SharedRun.make(
        Effect.zip(Effect.currentSpan, References.CurrentLogAnnotations)
      ).pipe(
        Scope.provide(scope),
        Effect.annotateLogs("who", "builder"),
        Effect.withSpan("builder")
      )
      const [span, annotations] = yield* run.pipe(
        Effect.annotateLogs("who", "caller"),
        Effect.withSpan("caller")
      )
      assert.strictEqual(span.name, "caller")
      assert.strictEqual(annotations["who"], "caller")
    })
  )

  it.effect("gives its failure to every caller", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const gate = yield* Deferred.make<void>()
      const run = yield* SharedRun.make(
        Effect.andThen(Deferred.await(gate), Effect.fail("no"))
      ).pipe(Scope.provide(scope))
      const fibers = [yield* fork(Effect.flip(run)), yield* fork(Effect.flip(run))]
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.joinAll(fibers), ["no", "no"])
    })
  )
})
