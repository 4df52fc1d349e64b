import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, FileSystem, Option } from "effect"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import { SyncEvent } from "../src/SyncEvent.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import { type Build, build, open, pluginId, root, stage } from "./support/pluginWorld.ts"

const alpha = pluginId("alpha")

const [a1, a2, a3, b3] = [
  build("A", "1.0.0"),
  build("A", "2.0.0"),
  build("A", "3.0.0"),
  build("B", "3.0.0")
]

/** A pass for an account that has `wanted`, in a home where version 2.0.0 is cached and leased. */
const passBesideLease = Effect.fnUntraced(function* (wanted: ReadonlyArray<Build>) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(root, { recursive: true })
  const services = yield* open(fs, wanted)
  const { sync } = Context.get(services, PluginSync.PluginSync)
  const store = Context.get(services, PluginStore.PluginStore)
  yield* Effect.provideContext(stage(a2), services)
  const { during, versions } = yield* Effect.scoped(
    Effect.gen(function* () {
      yield* store.lease(alpha)
      const during = yield* sync
      const plugin = yield* store.read(alpha)
      return { during, versions: Option.getOrThrow(plugin).versions }
    })
  )
  return { during, versions, after: yield* sync }
})

const tagsOf = ({ results }: PluginSync.SyncOutcome) => results.map(({ _tag }) => _tag)

describe("PluginSync.sync beside a lease", () => {
  it.effect.each([
    { change: "a downgrade", wanted: [a1], action: "Install" as const, later: "Installed" },
    { change: "a change of owner", wanted: [b3], action: "Install" as const, later: "Installed" },
    { change: "a removal", wanted: [], action: "Remove" as const, later: "Removed" }
  ])("defers $change to a pass after the lease, and does not fail", ({ action, later, wanted }) =>
    Effect.gen(function* () {
      const { after, during, versions } = yield* passBesideLease(wanted)
      assert.deepStrictEqual(tagsOf(during), ["Deferred"])
      assert.deepStrictEqual(during.failures, [])
      const result = during.results.find(SyncEvent.$is("Deferred"))
      assert.deepInclude(result, { pluginId: alpha, action, reason: "Leased" })
      assert.sameMembers([...versions] as Array<string>, ["2.0.0"])
      assert.deepStrictEqual(tagsOf(after), [later])
    }).pipe(Effect.scoped, Effect.provide(MemoryFileSystem.layerWith({})))
  )

  it.effect("installs an upgrade and keeps the leased version", () =>
    Effect.gen(function* () {
      const { during, versions } = yield* passBesideLease([a3])
      assert.deepStrictEqual(tagsOf(during), ["Installed"])
      assert.sameMembers([...versions] as Array<string>, ["2.0.0", "3.0.0"])
    }).pipe(Effect.scoped, Effect.provide(MemoryFileSystem.layerWith({})))
  )
})
