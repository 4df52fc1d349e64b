import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Duration, Effect, Fiber, FileSystem, Latch, Option, Stream } from "effect"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import * as PluginId from "../src/PluginId.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as SyncPlan from "../src/SyncPlan.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import * as CacheContents from "./support/cacheContents.ts"
import * as FaultyFileSystem from "./support/FaultyFileSystem.ts"
import {
  backend,
  cache,
  curated,
  plan,
  plugin,
  provide,
  staging,
  sync
} from "./support/pluginSyncs.ts"
import { build, pass, root, pluginId } from "./support/pluginWorld.ts"

/** A pass and its events. */
const syncWithEvents = Effect.gen(function* () {
  const { events } = yield* PluginSync.PluginSync
  const heard = yield* events.pipe(
    Stream.takeUntil(PluginSync.SyncEvent.$is("Finished")),
    Stream.runCollect,
    Effect.forkChild({ startImmediately: true })
  )
  const outcome = yield* sync
  return { outcome, events: yield* Fiber.join(heard) }
})

/** An event as a line of text. */
const line = (event: PluginSync.SyncEvent): string => {
  switch (event._tag) {
    case "Kept":
    case "Backfilled":
      return `${event._tag} ${event.pluginId} ${event.to}`
    case "Pruned":
      return `Pruned ${event.pluginId} ${event.from}`
    case "Installed":
      return `Installed ${event.pluginId} ${event.to}: ${event.reason._tag}`
    case "Removed":
      return `Removed ${event.pluginId}: ${event.reason}`
    case "Failed":
      return `Failed ${event.pluginId ?? event.remotePluginId}: ${event.failure.error._tag}`
    default:
      return event._tag
  }
}

/** A home in which a pass makes a change of each kind. */
const mixture = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { publish, remove, uninstall, update } = yield* backend
  const names = ["kept", "unnamed", "broken", "unread", "renamed", "raised", "gone"]
  for (const name of names) yield* publish(plugin({ name }))
  yield* publish(plugin({ name: "doubtful" }))
  yield* publish(plugin({ name: "mine", scope: "USER" }))
  yield* sync
  yield* fs.remove(`${curated}/unnamed/${InstallMetadata.fileName}`)
  yield* fs.remove(`${curated}/broken/1.0.0/.codex-plugin/plugin.json`)
  yield* fs.writeFileString(`${curated}/unread/${InstallMetadata.fileName}`, "{")
  yield* fs.remove(`${curated}/doubtful/${InstallMetadata.fileName}`)
  yield* fs.writeFileString(`${staging}/codex-plugins-in-doubt-doubtful@openai-curated-remote`, "")
  yield* fs.writeFileString(`${curated}/a file`, "")
  yield* fs.makeDirectory(`${cache}/workspace-shared-with-me-private/old/1.0.0`, {
    recursive: true
  })
  yield* fs.makeDirectory(`${cache}/my-own/mine/1.0.0`, { recursive: true })
  const renamed = plugin({ name: "renamed" })
  yield* remove(renamed.id)
  yield* publish({ ...renamed, id: "plugins~Plugin_other" })
  yield* update(plugin({ name: "raised" }).id, { version: "2.0.0" })
  yield* uninstall(plugin({ name: "gone" }).id)
  yield* uninstall(plugin({ name: "mine", scope: "USER" }).id)
  yield* publish(plugin({ name: "new" }))
  yield* publish(plugin({ name: "versionless", release: { version: null } }))
  yield* publish(plugin({ name: "torn", bundle: new Uint8Array([0x1f, 0x8b, 0]) }))
})

describe("PluginSync.sync", () => {
  it.effect(
    "reports every kind of change",
    Effect.fnUntraced(function* () {
      yield* mixture
      const outcome = yield* sync
      assert.deepStrictEqual(outcome.kept, [pluginId("kept")])
      assert.deepStrictEqual(outcome.backfilled, [pluginId("unnamed")])
      assert.deepStrictEqual(outcome.installed, [pluginId("raised"), pluginId("new")])
      assert.deepStrictEqual(outcome.repaired.toSorted(), [
        pluginId("broken"),
        pluginId("doubtful"),
        pluginId("renamed"),
        pluginId("unread")
      ])
      assert.deepStrictEqual(outcome.removed, [
        "gone@openai-curated-remote",
        "mine@created-by-me-remote",
        "old@workspace-shared-with-me-private",
        "a file@openai-curated-remote"
      ])
      assert.deepStrictEqual(outcome.pruned, [])
      assert.deepStrictEqual(
        outcome.failures.map(({ error, pluginId, remotePluginId }) => [
          remotePluginId,
          pluginId,
          error._tag
        ]),
        [
          ["plugins~Plugin_versionless", pluginId("versionless"), "InvalidRemotePlugin"],
          ["plugins~Plugin_torn", pluginId("torn"), "RemoteBundleError"]
        ]
      )
      assert.isNull(outcome.removalSkipped)
      const store = yield* PluginStore.PluginStore
      const list = yield* store.list
      assert.deepStrictEqual(
        list.filter(({ pluginId }) => pluginId.endsWith("-remote")).map(({ pluginId }) => pluginId),
        ["broken", "doubtful", "kept", "new", "raised", "renamed", "unnamed", "unread"].map(
          pluginId
        )
      )
      assert.isTrue(list.some(({ pluginId }) => pluginId === PluginId.PluginId.make("mine@my-own")))
      const fs = yield* FileSystem.FileSystem
      assert.deepStrictEqual(yield* fs.readDirectory(staging), [])
    }, provide())
  )

  it.effect(
    "carries out the plan, and sends the plan and then an event for each action",
    Effect.fnUntraced(
      function* () {
        yield* mixture
        const planned = yield* plan
        const { events: all, outcome } = yield* syncWithEvents
        const progress = all.filter(PluginSync.SyncEvent.$is("Progress"))
        const events = all.filter((event) => event._tag !== "Progress")
        const [started, listed, first, ...others] = events
        for (const { bytes, pluginId } of events.filter(PluginSync.SyncEvent.$is("Installed"))) {
          const last = progress.findLast((event) => event.pluginId === pluginId)
          assert.deepStrictEqual([last?.bytes, last?.total], [bytes, bytes])
          assert.isAbove(bytes, 100)
        }
        assert.deepStrictEqual(started, PluginSync.SyncEvent.Started())
        assert.deepStrictEqual(
          listed,
          PluginSync.SyncEvent.Listed({ rows: 10, duration: Duration.zero })
        )
        assert.deepStrictEqual(first, PluginSync.SyncEvent.Planned({ plan: planned }))
        assert.deepStrictEqual(
          others.at(-1),
          PluginSync.SyncEvent.Finished({ outcome, duration: Duration.zero })
        )
        assert.deepStrictEqual<unknown>(
          outcome.results.toSorted((a, b) => line(a).localeCompare(line(b))),
          others.slice(0, -1).toSorted((a, b) => line(a).localeCompare(line(b)))
        )
        const expected = planned.actions.map((action): string => {
          switch (action._tag) {
            case "Keep":
              return `Kept ${action.plugin.pluginId} ${action.version}`
            case "Backfill":
              return `Backfilled ${action.plugin.pluginId} ${action.version}`
            case "Install":
              return action.plugin.pluginId === pluginId("torn")
                ? `Failed ${action.plugin.pluginId}: RemoteBundleError`
                : `Installed ${action.plugin.pluginId} ${action.version}: ${action.reason._tag}`
            case "Defer":
              return `Deferred ${action.plugin.pluginId}: ${action.reason}`
            case "Reject":
              return `Failed ${pluginId("versionless")}: InvalidRemotePlugin`
            case "Prune":
              return `Pruned ${action.pluginId} ${action.version}`
            case "Remove":
              return `Removed ${SyncPlan.nameOf(action.target)}: ${action.reason}`
          }
        })
        const sent = others.slice(0, -1).map(line)
        assert.deepStrictEqual(sent.toSorted(), expected.toSorted())
        assert.include(sent, `Pruned ${pluginId("raised")} 1.0.0`)
        const isForRow = (text: string) => !/^(?:Pruned|Removed) /.test(text)
        assert.deepStrictEqual(sent, [
          ...sent.filter(isForRow),
          ...sent.filter((text) => !isForRow(text))
        ])
      },
      provide({ retention: Duration.zero })
    )
  )

  it.effect(
    "plans without changing anything",
    Effect.fnUntraced(function* () {
      yield* mixture
      const disk = yield* MemoryFileSystem.Disk
      const steps = disk.steps()
      yield* plan
      assert.strictEqual(disk.steps(), steps)
    }, provide())
  )

  it.effect("changes nothing on disk if nothing is to be done", () =>
    Effect.gen(function* () {
      const disk = yield* MemoryFileSystem.make()
      yield* disk.fileSystem.makeDirectory(root)
      const wanted = ["one", "two", "three"].map((name) => build("A", "1.0.0", name))
      yield* pass(disk, wanted)
      yield* disk.fileSystem.makeDirectory(`${CacheContents.stagingRoot}/plugin-install-of-codex`)
      const changes: Array<FaultyFileSystem.Operation> = []
      const counted = FaultyFileSystem.make(disk.fileSystem, (operation) =>
        Effect.sync(() => {
          if (operation.change !== undefined) changes.push(operation)
        })
      )
      const outcome = yield* pass({ ...disk, fileSystem: counted }, wanted)
      assert.lengthOf(outcome.kept, 3)
      assert.deepStrictEqual(changes, [])
    })
  )
})

describe("PluginSync.sync, with several plugins", () => {
  const plugins = Arr.makeBy(20, (n) => plugin({ name: `plugin-${n}` }))

  it.effect.each([1, 3])(
    "works on as many plugins at a time as the option says: %d",
    Effect.fnUntraced(function* (concurrency) {
      yield* Effect.gen(function* () {
        const { arrival, mostAtOnce, when } = yield* backend
        const gate = yield* Latch.make()
        yield* when({ kind: "bundle" }, TestReply.wait(gate.await))
        const fiber = yield* Effect.forkChild(sync)
        yield* arrival({ kind: "bundle", nth: concurrency })
        yield* gate.open
        assert.lengthOf((yield* Fiber.join(fiber)).installed, 20)
        assert.strictEqual(yield* mostAtOnce("bundle"), concurrency)
      }).pipe(provide({ plugins, concurrency }))
    })
  )

  it.effect(
    "works on sixteen plugins at a time by default",
    Effect.fnUntraced(function* () {
      const { arrival, mostAtOnce, when } = yield* backend
      const gate = yield* Latch.make()
      yield* when({ kind: "bundle" }, TestReply.wait(gate.await))
      const fiber = yield* Effect.forkChild(sync)
      yield* arrival({ kind: "bundle", nth: 16 })
      yield* gate.open
      assert.lengthOf((yield* Fiber.join(fiber)).installed, 20)
      assert.strictEqual(yield* mostAtOnce("bundle"), 16)
    }, provide({ plugins }))
  )

  it.effect(
    "continues if some plugins fail, and leaves only those as they were",
    Effect.fnUntraced(function* () {
      const { update, when } = yield* backend
      yield* sync
      const store = yield* PluginStore.PluginStore
      for (const { id } of plugins) yield* update(id, { version: "2.0.0" })
      const [missing, broken] = [plugins[3]!, plugins[11]!]
      yield* update(broken.id, { bundle: { "nothing.txt": "no manifest" } })
      yield* when({ kind: "bundle", plugin: missing.id }, TestReply.status(404))
      const { failures, installed } = yield* sync
      assert.deepStrictEqual(
        failures.map(({ error, pluginId, remotePluginId }) => [
          remotePluginId,
          pluginId,
          error._tag
        ]),
        [
          [missing.id, pluginId(missing.name), "RemoteBundleError"],
          [broken.id, pluginId(broken.name), "RemoteBundleError"]
        ]
      )
      assert.lengthOf(installed, 18)
      for (const { id, name } of plugins) {
        const isAsBefore = id === missing.id || id === broken.id
        assert.isTrue(
          Option.contains<string>(
            yield* store.activeVersion(pluginId(name)),
            isAsBefore ? "1.0.0" : "2.0.0"
          )
        )
      }
    }, provide({ plugins }))
  )
})
