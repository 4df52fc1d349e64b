import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path } from "effect"
import * as Fs from "node:fs"
import * as Disk from "../../../src/internal/disk/Disk.ts"
import * as Liveness from "../../../src/internal/lock/liveness.ts"
import * as FaultyFileSystem from "../../support/FaultyFileSystem.ts"
import { ownerPrefix } from "../../../src/internal/cache/staging.ts"

const Node = Layer.merge(NodeFileSystem.layer, NodePath.layer)

const inStaging = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const staging = yield* fs.makeTempDirectoryScoped()
  const make = Liveness.kernel(Disk.fromFileSystem(fs), yield* Path.Path)
  return { staging, make, liveness: yield* make }
})

describe("liveness on disk", () => {
  it.live("shows an owner as alive until its last registration ends, and leaves no file", () =>
    Effect.gen(function* () {
      const { liveness, make, staging } = yield* inStaging
      const another = yield* make
      const owner = yield* Effect.scoped(
        Effect.gen(function* () {
          const owner = yield* liveness.register(staging)
          assert.strictEqual(yield* Effect.scoped(liveness.register(staging)), owner)
          assert.deepStrictEqual(Fs.readdirSync(staging), [`${ownerPrefix}${owner}`])
          assert.isTrue(yield* liveness.isAlive(staging, owner))
          assert.isTrue(yield* another.isAlive(staging, owner))
          // An examination in the same process does not break the lock.
          assert.isTrue(yield* another.isAlive(staging, owner))
          return owner
        })
      )
      assert.isFalse(yield* another.isAlive(staging, owner))
      assert.deepStrictEqual(Fs.readdirSync(staging), [])
    }).pipe(Effect.scoped, Effect.provide(Node))
  )

  it.live("does not accept a file outside staging, a link or a folder as an owner", () =>
    Effect.gen(function* () {
      const { liveness, staging } = yield* inStaging
      const owner = "0".repeat(32)
      assert.isFalse(yield* liveness.isAlive(staging, "../x"))
      assert.isFalse(yield* liveness.isAlive(staging, owner))
      assert.deepStrictEqual(Fs.readdirSync(staging), [])
      Fs.writeFileSync(`${staging}/target`, "mine")
      Fs.symlinkSync(`${staging}/target`, `${staging}/${ownerPrefix}${owner}`)
      assert.isFalse(yield* liveness.isAlive(staging, owner))
      assert.strictEqual(Fs.readFileSync(`${staging}/target`, "utf8"), "mine")
    }).pipe(Effect.scoped, Effect.provide(Node))
  )

  it.live("treats an owner whose file it cannot write as alive", () =>
    Effect.gen(function* () {
      const { staging } = yield* inStaging
      const fs = yield* FileSystem.FileSystem
      const owner = "0".repeat(32)
      Fs.writeFileSync(`${staging}/${ownerPrefix}${owner}`, "")
      const readOnly = FaultyFileSystem.make(fs, ({ method, paths: [path = ""] }) =>
        method === "access"
          ? Effect.fail(FaultyFileSystem.errno("EACCES", "access", path))
          : Effect.void
      )
      const liveness = yield* Liveness.kernel(Disk.fromFileSystem(readOnly), yield* Path.Path)
      assert.isTrue(yield* liveness.isAlive(staging, owner))
      assert.deepStrictEqual(Fs.readdirSync(staging), [`${ownerPrefix}${owner}`])
    }).pipe(Effect.scoped, Effect.provide(Node))
  )

  it.live("registers under another name if others remove its first file", () =>
    Effect.gen(function* () {
      const { make, staging } = yield* inStaging
      const examiner = yield* make
      const examine = Effect.suspend(() =>
        Effect.forEach(Fs.readdirSync(staging), (name) =>
          examiner.isAlive(staging, name.slice(ownerPrefix.length))
        )
      )
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(examine, Effect.yieldNow)))
      for (let round = 0; round < 50; round++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const owner = yield* (yield* make).register(staging)
            assert.include(Fs.readdirSync(staging), `${ownerPrefix}${owner}`)
          })
        )
      }
    }).pipe(Effect.scoped, Effect.provide(Node))
  )
})

describe("liveness in memory", () => {
  it.effect("shows an owner as alive while it is registered", () =>
    Effect.gen(function* () {
      const liveness = yield* Liveness.memory
      const owner = yield* Effect.scoped(
        Effect.tap(liveness.register("/staging"), (owner) =>
          Effect.map(liveness.isAlive("/staging", owner), (alive) => assert.isTrue(alive))
        )
      )
      assert.isFalse(yield* liveness.isAlive("/staging", owner))
    })
  )
})
