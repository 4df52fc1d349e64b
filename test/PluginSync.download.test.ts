/**
 * Changes of account, cache and lock while a pass downloads.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Latch, Option, Stream } from "effect"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import * as PluginInstaller from "../src/PluginInstaller.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import { PluginVersion } from "../src/PluginVersion.ts"
import { RemotePluginId } from "../src/RemotePluginId.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import { pluginId } from "./support/pluginWorld.ts"
import { stagingOf } from "./support/homePaths.ts"

const slow = TestBackend.plugin({ name: "slow" })
const other = TestBackend.plugin({ name: "other" })
const backend = TestBackend.TestBackend
const staging = stagingOf(TestCodexPlugins.root)
const curated = `${TestCodexPlugins.root}/plugins/cache/openai-curated-remote`
const version = (text: string) => PluginVersion.make(text)

/** A pass that downloads the plugin `slow` until the gate opens, in a home that has `other`. */
const stalled = Effect.gen(function* () {
  const { arrival, publish, when } = yield* backend
  const { sync } = yield* PluginSync.PluginSync
  yield* sync
  yield* publish(slow)
  const gate = yield* Latch.make()
  yield* when({ kind: "bundle", plugin: slow.id, nth: 1 }, TestReply.wait(gate.await))
  const pass = yield* Effect.forkChild(sync)
  yield* arrival({ kind: "bundle", plugin: slow.id })
  return { gate, pass }
})

/** Fails if the pass has ended, because then a test would show nothing. */
const assertRunning = (pass: Fiber.Fiber<unknown, unknown>) =>
  assert.isUndefined(pass.pollUnsafe(), "the pass is over")

const provide = Effect.provide(TestCodexPlugins.layerWith({ plugins: [other] }))

describe("a pass that downloads one plugin", () => {
  it.effect(
    "blocks neither installs, uninstalls, prunings and leases of other plugins, nor sweeps",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = yield* PluginStore.PluginStore
      const installer = yield* PluginInstaller.PluginInstaller
      const { publish, requests } = yield* backend
      const { gate, pass } = yield* stalled
      const third = TestBackend.plugin({ name: "third", installed: false })
      yield* publish(third)

      yield* Effect.scoped(store.lease(pluginId("other")))
      yield* installer.install(RemotePluginId.make(third.id))
      assert.deepStrictEqual(
        yield* store.activeVersion(pluginId("third")),
        Option.some(version("1.0.0"))
      )
      yield* installer.uninstall(RemotePluginId.make(third.id))
      assert.isTrue(Option.isNone(yield* store.read(pluginId("third"))))

      const source = "/home/tester/own"
      yield* fs.makeDirectory(`${source}/.codex-plugin`, { recursive: true })
      yield* fs.writeFileString(`${source}/.codex-plugin/plugin.json`, '{"name":"own"}')
      yield* store.install({ source, pluginId: pluginId("own") })
      yield* store.uninstall(pluginId("own"))

      yield* fs.makeDirectory(`${curated}/other/0.9.0`)
      assert.isTrue(yield* store.prune(pluginId("other"), version("0.9.0")))
      const before = yield* fs.readDirectory(staging)
      yield* store.sweep
      assert.isNotEmpty(before)
      assert.deepStrictEqual(yield* fs.readDirectory(staging), before)
      assert.isFalse(yield* store.hasLeftovers)

      assertRunning(pass)
      yield* gate.open
      assert.deepStrictEqual((yield* Fiber.join(pass)).installed, [pluginId("slow")])
      assert.lengthOf(yield* requests({ kind: "bundle", plugin: slow.id }), 1)
      assert.deepStrictEqual(yield* fs.readDirectory(staging), [])
    }, provide)
  )

  it.effect(
    "lets a second pass do everything else and wait for that plugin only",
    Effect.fnUntraced(function* () {
      const { publish, requests } = yield* backend
      const store = yield* PluginStore.PluginStore
      const { gate, pass } = yield* stalled
      yield* publish(TestBackend.plugin({ name: "third" }))
      const second = yield* PluginSync.make()
      const tags: Array<string> = []
      yield* second.events.pipe(
        Stream.runForEach((event) =>
          Effect.sync(() => {
            const id = "pluginId" in event ? ` ${event.pluginId}` : ""
            tags.push(event._tag + id)
          })
        ),
        Effect.forkChild({ startImmediately: true })
      )
      const installed = yield* second.events.pipe(
        Stream.filter((event) => event._tag === "Waiting"),
        Stream.runHead,
        Effect.forkChild({ startImmediately: true })
      )
      const waiter = yield* Effect.forkChild(second.sync)
      yield* Fiber.join(installed)
      assert.deepStrictEqual(
        yield* store.activeVersion(pluginId("third")),
        Option.some(version("1.0.0"))
      )
      assertRunning(pass)
      yield* gate.open
      assert.deepStrictEqual((yield* Fiber.join(pass)).installed, [pluginId("slow")])
      const outcome = yield* Fiber.join(waiter)
      assert.deepStrictEqual(outcome.installed, [pluginId("third")])
      assert.deepStrictEqual(outcome.kept, [pluginId("other"), pluginId("slow")])
      yield* Effect.yieldNow
      assert.include(tags, `Waiting ${pluginId("slow")}`)
      assert.lengthOf(yield* requests({ kind: "bundle", plugin: slow.id }), 1)
      assert.lengthOf(yield* requests({ kind: "listing" }), 3)
    }, provide)
  )

  it.effect(
    "does not make a second pass wait that does not need the plugin",
    Effect.fnUntraced(function* () {
      const { remove } = yield* backend
      const { pass } = yield* stalled
      yield* remove(slow.id)
      const second = yield* PluginSync.make()
      assert.deepStrictEqual((yield* second.sync).kept, [pluginId("other")])
      assertRunning(pass)
      yield* Fiber.interrupt(pass)
    }, provide)
  )

  it.effect(
    "does not overwrite a version that somebody else has installed meanwhile",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = yield* PluginStore.PluginStore
      const { requests, update } = yield* backend
      const { gate, pass } = yield* stalled
      // Codex takes no lock and no claim.
      yield* update(slow.id, { version: "2.0.0" })
      yield* fs.makeDirectory(`${curated}/slow/2.0.0/.codex-plugin`, { recursive: true })
      yield* fs.writeFileString(
        `${curated}/slow/2.0.0/.codex-plugin/plugin.json`,
        '{"name":"slow","version":"2.0.0"}'
      )
      yield* fs.writeFileString(
        `${curated}/slow/${InstallMetadata.fileName}`,
        InstallMetadata.encode(RemotePluginId.make(slow.id))
      )
      yield* gate.open
      const outcome = yield* Fiber.join(pass)
      assert.deepStrictEqual(outcome.kept, [pluginId("other"), pluginId("slow")])
      assert.deepStrictEqual(
        Option.map(yield* store.read(pluginId("slow")), ({ versions }) => [...versions]),
        Option.some([version("2.0.0")])
      )
      // The first listing asked for the older version, so there is a second one.
      assert.lengthOf(yield* requests({ kind: "listing" }), 3)
      assert.lengthOf(yield* requests({ kind: "bundle", plugin: slow.id }), 1)
    }, provide)
  )

  it.effect(
    "leaves a plugin to a later pass if others keep changing it",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const { when } = yield* backend
      const { sync } = yield* PluginSync.PluginSync
      let changes = 0
      const change = Effect.suspend(() =>
        Effect.orDie(fs.makeDirectory(`${curated}/other/0.${changes++}.0`, { recursive: true }))
      )
      yield* when({ kind: "bundle" }, TestReply.wait(change))
      const outcome = yield* sync
      assert.deepStrictEqual(outcome.failures, [])
      assert.deepStrictEqual(
        outcome.results.map((result) => [result._tag, "reason" in result && result.reason]),
        [["Deferred", "Changed"]]
      )
      assert.isAbove(changes, 2)
    }, provide)
  )

  it.effect(
    "reports the first bytes even if no more arrive",
    Effect.fnUntraced(function* () {
      const { publish, when } = yield* backend
      const { events, sync } = yield* PluginSync.PluginSync
      yield* publish(slow)
      yield* when({ kind: "bundle", plugin: slow.id, nth: 1 }, TestReply.stall(20))
      const told = yield* events.pipe(
        Stream.filter(PluginSync.SyncEvent.$is("Progress")),
        Stream.filter((event) => event.pluginId === pluginId("slow")),
        Stream.runHead,
        Effect.forkChild({ startImmediately: true })
      )
      const pass = yield* Effect.forkChild(sync)
      const first = Option.getOrThrow(yield* Fiber.join(told))
      assert.strictEqual(first.bytes, 20)
      assert.isAbove(first.total ?? 0, 20)
      assertRunning(pass)
    }, provide)
  )
})
