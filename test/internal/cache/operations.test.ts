/**
 * The number of operations of Effect's runtime in the changes of a pass. Each costs microseconds in a
 * process that has just started, and a pass may install hundreds of plugins. Unlike times, these numbers do
 * not depend on the machine.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, Scheduler } from "effect"
import * as CacheLock from "../../../src/CacheLock.ts"
import * as CodexHome from "../../../src/CodexHome.ts"
import * as PluginStore from "../../../src/PluginStore.ts"
import * as TestCodexPlugins from "../../../src/testing/TestCodexPlugins.ts"
import { pluginId, remoteId, versionOf, build } from "../../support/pluginWorld.ts"

/** Counts the operations of its fibers. */
class CountingScheduler extends Scheduler.MixedScheduler {
  operations = 0

  override shouldYield(...args: Parameters<Scheduler.MixedScheduler["shouldYield"]>) {
    this.operations++
    return super.shouldYield(...args)
  }
}

const count = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const scheduler = new CountingScheduler()
  return effect.pipe(
    Effect.provideService(Scheduler.Scheduler, scheduler),
    Effect.map(() => scheduler.operations)
  )
}

/** The number of operations in the second run of an effect, without those of an empty effect. */
const operationsOf = Effect.fnUntraced(function* <E, R>(effect: Effect.Effect<unknown, E, R>) {
  yield* effect
  return (yield* count(effect)) - (yield* count(Effect.void))
})

describe("the number of runtime operations", () => {
  it.live("of a brief hold in a session is small, also for queued callers", () =>
    Effect.gen(function* () {
      const { internals } = yield* CacheLock.CacheLock
      yield* internals.session
      assert.isAtMost(yield* operationsOf(internals.commit(Effect.void)), 25)
      const holds = Array.from({ length: 10 }, () => internals.commit(Effect.yieldNow))
      const all = Effect.all(holds, { concurrency: "unbounded", discard: true })
      assert.isAtMost(yield* operationsOf(all), 10 * 50)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        CacheLock.layer.pipe(
          Layer.provide(
            Layer.unwrap(
              Effect.map(
                Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped()),
                CodexHome.layerAt
              )
            )
          ),
          Layer.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))
        )
      )
    )
  )

  it.effect("of a first install is small while another claim exists", () =>
    Effect.gen(function* () {
      const { claimed, installStaged } = yield* PluginStore.PluginStore
      const fs = yield* FileSystem.FileSystem
      const expected = Option.none()
      let nth = 0
      const install = Effect.suspend(() => {
        const plugin = build("A", "1.0.0", `plugin-${nth++}`)
        const staged = {
          pluginId: pluginId(plugin.name),
          version: versionOf(plugin),
          remotePluginId: remoteId("A")
        }
        const installed = installStaged(
          (root) => Effect.as(Effect.orDie(fs.makeDirectory(root)), staged),
          { expected }
        )
        return claimed(staged.pluginId, claimed(staged.pluginId, installed, { expected }), {
          expected
        })
      })
      const operations = yield* claimed(pluginId("other"), operationsOf(install))
      assert.isAtMost(operations, 330)
    }).pipe(Effect.provide(TestCodexPlugins.layer))
  )
})
