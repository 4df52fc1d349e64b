import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FileSystem, Layer, Option, Path, Redacted, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as CodexHome from "../src/CodexHome.ts"
import * as Credentials from "../src/Credentials.ts"
import * as RemoteCatalog from "../src/RemoteCatalog.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"

const home = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* fs.makeDirectory("/home")
    return CodexHome.layerAt("/home")
  })
).pipe(Layer.provideMerge(Layer.fresh(MemoryFileSystem.layer)), Layer.provideMerge(Path.layer))

const write = (auth: object) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    fs.writeFileString("/home/auth.json", JSON.stringify(auth))
  )

describe("Credentials", () => {
  it.effect("reads auth.json, and emits a change of token, account and sign-in", () =>
    Effect.gen(function* () {
      const credentials = yield* Credentials.Credentials
      yield* write({ tokens: { access_token: "a", account_id: "1" } })
      assert.strictEqual(Redacted.value((yield* credentials.current).accessToken), "a")

      let changes = 0
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(credentials.changes, () => Effect.sync(() => changes++))
      )
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(changes, 0)
      for (const auth of [
        { tokens: { access_token: "b", account_id: "1" } },
        { tokens: { access_token: "b", account_id: "2" } },
        {},
        { tokens: { access_token: "b", account_id: "2" } }
      ]) {
        const before = changes
        yield* write(auth)
        yield* TestClock.adjust(Credentials.pollInterval)
        assert.strictEqual(changes, before + 1)
      }
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(Layer.provideMerge(Credentials.layer, home)))
  )

  it.effect("from a host are sent instead of those in auth.json", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.writeHome("/home")
      yield* write({})
      const [{ accessToken, id }] = backend.accounts
      const layer = RemoteCatalog.layer.pipe(
        Layer.provide(
          Credentials.layerWith({
            current: Effect.succeed({
              accessToken: Redacted.make(accessToken),
              accountId: Option.some(Redacted.make(id)),
              expiresAt: Option.none()
            })
          })
        ),
        Layer.provide(TestBackend.layerHttpClient)
      )
      const { installed } = yield* Effect.provide(RemoteCatalog.RemoteCatalog, layer)
      assert.lengthOf((yield* installed).rows, 0)
      const [request] = yield* backend.requests()
      assert.strictEqual(request?.headers["authorization"], `Bearer ${accessToken}`)
      assert.strictEqual(request?.headers["chatgpt-account-id"], id)
    }).pipe(Effect.provide(Layer.merge(TestBackend.layer, home)))
  )

  it.effect("of a host that would be read without a pause are a defect", () =>
    Effect.gen(function* () {
      const layer = Credentials.layerWith({ current: Effect.never, pollInterval: 0 })
      const exit = yield* Effect.exit(Effect.provide(Credentials.Credentials, layer))
      assert.isTrue(Exit.hasDies(exit))
    })
  )
})
