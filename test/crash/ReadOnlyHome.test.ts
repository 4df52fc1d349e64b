/**
 * A home on a read-only file system.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Option } from "effect"
import * as PluginStore from "../../src/PluginStore.ts"
import * as PluginSync from "../../src/PluginSync.ts"
import { attempt, reasonsOf } from "../support/faults.ts"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import { open, pass, pluginId } from "../support/pluginWorld.ts"
import { a1, a2, b2, cached } from "../support/scenarios.ts"

const readOnly: FaultyFileSystem.Hook = ({ change, method, paths }) =>
  change === undefined
    ? Effect.void
    : Effect.fail(FaultyFileSystem.errno("EROFS", method, paths[0] ?? "", paths[1]))

describe("a read-only home", () => {
  it.effect("can be read, and a pass for it can be planned", () =>
    Effect.gen(function* () {
      const disk = FaultyFileSystem.withHook(yield* cached(a1), readOnly)
      const services = yield* open(disk.fileSystem, [a2])
      const store = Context.get(services, PluginStore.PluginStore)
      assert.lengthOf(yield* store.list, 1)
      assert.isTrue(Option.isSome(yield* store.remotePluginId(pluginId("alpha"))))
      const { actions } = yield* Context.get(services, PluginSync.PluginSync).plan
      assert.deepStrictEqual(
        actions.map(({ _tag }) => _tag),
        ["Install"]
      )
    })
  )

  it.effect("needs no change if it is up to date", () =>
    Effect.gen(function* () {
      const disk = FaultyFileSystem.withHook(yield* cached(a1), readOnly)
      assert.lengthOf((yield* pass(disk, [a1])).kept, 1)
    })
  )

  it.effect("fails a pass that must change it, and stays unchanged", () =>
    Effect.gen(function* () {
      const disk = yield* cached(a1, a2)
      const before = disk.snapshot()
      const reasons = reasonsOf(
        yield* attempt(pass(FaultyFileSystem.withHook(disk, readOnly), [b2]))
      )
      assert.deepStrictEqual(
        reasons.map(({ tag }) => tag),
        ["FileSystem"]
      )
      assert.match(
        reasons[0]?.message ?? "",
        /^cannot install alpha@\S+ \(plugins~Plugin_B\): EROFS: read-only file system, mkdir '\S+'; make it writable$/
      )
      assert.deepStrictEqual(disk.snapshot(), before)
    })
  )
})
