import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import {
  alphaRoot,
  checkOut,
  codex,
  downloads,
  filesBelow,
  install,
  provide
} from "./support/remoteBundles.ts"

describe("RemoteBundle.checkOut", () => {
  it.effect("extracts the same files as an install and does not touch the cache", () =>
    Effect.gen(function* () {
      const { snapshot } = yield* MemoryFileSystem.Disk
      const before = snapshot("/home")
      assert.strictEqual(yield* checkOut("/tmp/out"), "1.0.0")
      assert.deepStrictEqual(snapshot("/home"), before)
      yield* install
      assert.deepStrictEqual(yield* filesBelow("/tmp/out"), yield* filesBelow(alphaRoot))
    }).pipe(provide([TestBackend.plugin({ name: "alpha", appManifest: { apps: {} } })]))
  )

  it.effect("rejects a folder that exists and does not touch it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory("/tmp/out")
      yield* fs.writeFileString("/tmp/out/mine", "mine")
      const error = yield* Effect.flip(checkOut("/tmp/out"))
      assert.include(error.message, "/tmp/out")
      assert.deepStrictEqual(yield* filesBelow("/tmp/out"), { mine: ["mine", "644"] })
    }).pipe(provide())
  )

  it.effect.each([
    { reason: "Missing", bundle: { "README.md": "" } },
    { reason: "NotJson", bundle: { [codex]: "{" } },
    { reason: "TooLarge", bundle: { [codex]: " ".repeat(2 ** 20 + 1) } },
    { reason: "NotManifest", bundle: { [codex]: "[]" } },
    { reason: "NotManifest", bundle: { [codex]: '{"name":"alpha","x":"\\ud800"}' } },
    { reason: "NameMismatch", bundle: { [codex]: '{"name":"beta"}' } }
  ])("leaves nothing of a bundle that is not the plugin: $reason", ({ bundle, reason }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(checkOut("/tmp/out"))
      assert.nestedPropertyVal(error, "reason._tag", "InvalidManifest")
      assert.nestedPropertyVal(error, "reason.cause.reason._tag", reason)
      assert.deepStrictEqual(yield* filesBelow("/tmp"), {})
      assert.lengthOf(yield* downloads, 1)
    }).pipe(provide([TestBackend.plugin({ name: "alpha", bundle })]))
  )
})
