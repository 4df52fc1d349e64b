import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Latch, Queue, Sink, Stdio, Stream } from "effect"
import type { Cause } from "effect"
import * as AppServer from "../../src/appServer/AppServer.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import {
  alpha,
  alphaId,
  type Ask,
  asked,
  beta,
  betaId,
  cachedVersion,
  client,
  connect,
  install,
  installed,
  type Json,
  program,
  provide,
  read,
  reconcile,
  uninstall,
  when
} from "../support/appServer.ts"

describe("AppServer requests", () => {
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

const line = (id: number, [method, params = {}]: Ask) => JSON.stringify({ id, method, params })

describe("AppServer.run", () => {
  /** Runs a server with these lines on stdin, and returns the lines of stdout after its end. */
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
