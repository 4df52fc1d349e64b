import { assert, describe, it } from "@effect/vitest"
import {
  Array as Arr,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  FileSystem,
  Latch,
  Option,
  Stream
} from "effect"
import { TestClock } from "effect/testing"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import * as PluginId from "../src/PluginId.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as SyncPlan from "../src/SyncPlan.ts"
import * as FaultyFileSystem from "./support/FaultyFileSystem.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import * as CacheTruth from "./support/cacheTruth.ts"
import { fingerprint } from "./support/fingerprints.ts"
import { overhear } from "./support/overhear.ts"
import { build, pass, pluginId, root } from "./support/pluginWorld.ts"

const cache = `${TestCodexPlugins.root}/plugins/cache`
const curated = `${cache}/openai-curated-remote`
const staging = `${TestCodexPlugins.root}/plugins/.remote-plugin-install-staging`

interface Options extends TestBackend.Options {
  readonly concurrency?: number
  readonly retention?: Duration.Duration
}

const provide = ({
  concurrency = PluginSync.defaultConcurrency,
  retention = PluginSync.defaultRetention,
  ...options
}: Options = {}) =>
  Effect.provide(
    TestCodexPlugins.layerWith({ ...options, services: { sync: { concurrency, retention } } })
  )

const plugin = TestBackend.plugin
const idOf = (name: string) => pluginId(name)
const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)
const plan = Effect.flatMap(PluginSync.PluginSync, ({ plan }) => plan)
const backend = TestBackend.TestBackend

/** Everything below `plugins/`, times included. */
const lookAtPlugins = Effect.map(MemoryFileSystem.Disk, ({ snapshot }) =>
  snapshot(`${TestCodexPlugins.root}/plugins`)
)

/** A pass, and the events it sends. */
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

/** An event as a line. */
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

/** A home in which a pass has each kind of thing to do. */
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
      assert.deepStrictEqual(outcome.kept, [idOf("kept")])
      assert.deepStrictEqual(outcome.backfilled, [idOf("unnamed")])
      assert.deepStrictEqual(outcome.installed, [idOf("raised"), idOf("new")])
      assert.deepStrictEqual(outcome.repaired.toSorted(), [
        idOf("broken"),
        idOf("doubtful"),
        idOf("renamed"),
        idOf("unread")
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
          ["plugins~Plugin_versionless", idOf("versionless"), "InvalidRemotePlugin"],
          ["plugins~Plugin_torn", idOf("torn"), "BundleArchiveError"]
        ]
      )
      assert.isNull(outcome.removalSkipped)
      const store = yield* PluginStore.PluginStore
      const list = yield* store.list
      assert.deepStrictEqual(
        list.filter(({ pluginId }) => pluginId.endsWith("-remote")).map(({ pluginId }) => pluginId),
        ["broken", "doubtful", "kept", "new", "raised", "renamed", "unnamed", "unread"].map(idOf)
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
              return action.plugin.pluginId === idOf("torn")
                ? `Failed ${action.plugin.pluginId}: BundleArchiveError`
                : `Installed ${action.plugin.pluginId} ${action.version}: ${action.reason._tag}`
            case "Defer":
              return `Deferred ${action.plugin.pluginId}: ${action.reason}`
            case "Reject":
              return `Failed ${idOf("versionless")}: InvalidRemotePlugin`
            case "Prune":
              return `Pruned ${action.pluginId} ${action.version}`
            case "Remove":
              return `Removed ${SyncPlan.nameOf(action.target)}: ${action.reason}`
          }
        })
        const sent = others.slice(0, -1).map(line)
        assert.deepStrictEqual(sent.toSorted(), expected.toSorted())
        assert.include(sent, `Pruned ${idOf("raised")} 1.0.0`)
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
      yield* disk.fileSystem.makeDirectory(`${CacheTruth.stagingRoot}/plugin-install-of-codex`)
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
          [missing.id, idOf(missing.name), "RemoteBundleError"],
          [broken.id, idOf(broken.name), "InvalidManifest"]
        ]
      )
      assert.lengthOf(installed, 18)
      for (const { id, name } of plugins) {
        const isAsBefore = id === missing.id || id === broken.id
        assert.isTrue(
          Option.contains<string>(
            yield* store.activeVersion(idOf(name)),
            isAsBefore ? "1.0.0" : "2.0.0"
          )
        )
      }
    }, provide({ plugins }))
  )
})

describe("PluginSync.sync, called while it runs", () => {
  const alpha = plugin({ name: "alpha" })

  /** Holds the bundle back until the gate is opened. */
  const begun = Effect.gen(function* () {
    const { arrival, when } = yield* backend
    const gate = yield* Latch.make()
    yield* when({ kind: "bundle", nth: 1 }, TestReply.wait(gate.await))
    const first = yield* Effect.forkChild(sync)
    yield* arrival({ kind: "bundle" })
    const second = yield* Effect.forkChild(sync, { startImmediately: true })
    return { gate, first, second }
  })

  it.effect(
    "is joined by the second caller",
    Effect.fnUntraced(
      function* () {
        const { first, gate, second } = yield* begun
        yield* gate.open
        const outcomes = yield* Fiber.joinAll([first, second])
        assert.deepStrictEqual(outcomes[0]?.installed, [idOf("alpha")])
        assert.strictEqual(outcomes[0], outcomes[1])
        const { requests } = yield* backend
        assert.lengthOf(yield* requests({ kind: "listing" }), 1)
        assert.deepStrictEqual((yield* sync).kept, [idOf("alpha")])
        assert.lengthOf(yield* requests({ kind: "listing" }), 2)
      },
      provide({ plugins: [alpha] })
    )
  )

  for (const interrupted of ["first", "second"] as const) {
    it.effect(
      `continues when its ${interrupted} caller is interrupted`,
      Effect.fnUntraced(
        function* () {
          const { gate, ...callers } = yield* begun
          yield* Fiber.interrupt(callers[interrupted])
          yield* gate.open
          const other = interrupted === "first" ? callers.second : callers.first
          assert.deepStrictEqual((yield* Fiber.join(other)).installed, [idOf("alpha")])
        },
        provide({ plugins: [alpha] })
      )
    )
  }

  it.effect(
    "ends when every caller is interrupted, and can be called again",
    Effect.fnUntraced(
      function* () {
        const { first, second } = yield* begun
        yield* Fiber.interruptAll([first, second])
        const { requests } = yield* backend
        const [request] = yield* requests({ kind: "bundle" })
        assert.strictEqual(request?.outcome, "aborted")
        const fs = yield* FileSystem.FileSystem
        assert.deepStrictEqual(yield* fs.readDirectory(staging), [])
        assert.isFalse(yield* fs.exists(cache))
        assert.deepStrictEqual((yield* sync).installed, [idOf("alpha")])
      },
      provide({ plugins: [alpha] })
    )
  )

  it.effect(
    "leaves an intact cache and no leftovers when it is interrupted before any change",
    () =>
      Effect.gen(function* () {
        const start = yield* MemoryFileSystem.make()
        yield* start.fileSystem.makeDirectory(root)
        yield* pass(start, [build("A", "1.0.0", "one"), build("A", "2.0.0", "two")])
        const wanted = [build("B", "1.0.0", "one"), build("A", "1.0.0", "two")]
        const mended = new Set<string>()
        let isOver = false
        for (let moment = 0; !isOver; moment++) {
          const disk = start.clone()
          const reached = yield* Deferred.make<void>()
          const fs = FaultyFileSystem.make(disk.fileSystem, ({ change }) =>
            change === moment
              ? Effect.andThen(Deferred.succeed(reached, undefined), Effect.yieldNow)
              : Effect.void
          )
          const fiber = yield* Effect.forkChild(pass({ ...disk, fileSystem: fs }, wanted))
          isOver = yield* Effect.raceFirst(
            Effect.as(Deferred.await(reached), false),
            Effect.as(Fiber.await(fiber), true)
          )
          yield* Fiber.interrupt(fiber)
          const truth = CacheTruth.read(disk)
          assert.deepStrictEqual(CacheTruth.violations(truth), [], `at ${moment}`)
          assert.deepStrictEqual(truth.staged, [], `at ${moment}`)
          const known = fingerprint(disk)
          if (mended.has(known)) continue
          mended.add(known)
          yield* pass(disk, wanted)
          assert.deepStrictEqual(yield* CacheTruth.differences(disk, wanted), [], `at ${moment}`)
        }
        assert.isAbove(mended.size, 2)
      }),
    30_000
  )
})

describe("PluginSync.sync, with an uncertain listing", () => {
  const stale = plugin({ name: "stale" })
  const cached = Effect.gen(function* () {
    const { install, uninstall } = yield* backend
    yield* install(stale.id)
    yield* sync
    yield* uninstall(stale.id)
  })

  const doubts: Readonly<Record<string, TestReply.Behaviour>> = {
    "is refused": TestReply.status(403),
    "is no JSON": TestReply.body("<html>"),
    "has another shape": TestReply.body('{"plugins":{}}'),
    "names the same page twice": TestReply.nextPage("cursor-0"),
    "redirects elsewhere": TestReply.redirect("https://elsewhere.test/")
  }
  for (const [name, behaviour] of Object.entries(doubts)) {
    it.effect(
      `changes nothing if the listing ${name}`,
      Effect.fnUntraced(
        function* () {
          yield* cached
          const { when } = yield* backend
          const before = yield* lookAtPlugins
          yield* when({ kind: "listing" }, behaviour)
          const error = yield* Effect.flip(sync)
          assert.strictEqual(error._tag, "RemoteCatalogError")
          assert.deepStrictEqual(yield* lookAtPlugins, before)
        },
        provide({ plugins: [stale] })
      )
    )
  }

  it.effect(
    "removes nothing if a row has no valid name, and does everything else",
    Effect.fnUntraced(
      function* () {
        yield* cached
        const { install, publish } = yield* backend
        yield* publish(plugin({ name: "nameless", row: { name: "no name" } }))
        yield* install(plugin({ name: "new" }).id)
        const { failures, installed, removalSkipped, removed } = yield* sync
        assert.deepStrictEqual([installed, removed], [[idOf("new")], []])
        assert.deepStrictEqual(
          failures.map(({ error, remotePluginId }) => [remotePluginId, error._tag]),
          [["plugins~Plugin_nameless", "InvalidRemotePlugin"]]
        )
        assert.include(removalSkipped, "have no valid name")
        const fs = yield* FileSystem.FileSystem
        assert.isTrue(yield* fs.exists(`${curated}/stale/1.0.0`))
      },
      provide({ plugins: [stale, plugin({ name: "new", installed: false })] })
    )
  )

  it.effect("keeps a plugin that changes while the pass runs, and says so", () =>
    Effect.gen(function* () {
      const disk = yield* MemoryFileSystem.make()
      yield* disk.fileSystem.makeDirectory(root)
      yield* pass(disk, [build("A", "1.0.0")])
      const baseRoot = `${CacheTruth.cacheRoot}/openai-curated-remote/alpha`
      // Another program is at it in the very last moment, when it was looked at already.
      const fs = FaultyFileSystem.make(disk.fileSystem, ({ method, paths }) =>
        method === "rename" && paths[0] === baseRoot
          ? disk.fileSystem.makeDirectory(`${baseRoot}/2.0.0`)
          : Effect.void
      )
      const { text, exit } = yield* overhear(pass({ ...disk, fileSystem: fs }, []))
      assert.deepStrictEqual(Exit.isSuccess(exit) ? exit.value.removed : exit, [])
      assert.include(
        text,
        "kept alpha@openai-curated-remote in the cache: it changed during this pass"
      )
      assert.deepStrictEqual((yield* disk.fileSystem.readDirectory(baseRoot)).toSorted(), [
        InstallMetadata.fileName,
        "1.0.0",
        "2.0.0"
      ])
    })
  )

  it.effect("gives the reason for each removal", () =>
    Effect.gen(function* () {
      const disk = yield* MemoryFileSystem.make()
      yield* disk.fileSystem.makeDirectory(root)
      yield* pass(disk, [build("A", "1.0.0")])
      yield* disk.fileSystem.writeFileString(`${CacheTruth.cacheRoot}/openai-curated-remote/x`, "")
      const { text } = yield* overhear(pass(disk, []))
      assert.include(
        text,
        "removed alpha@openai-curated-remote from the cache: the account does not have it installed"
      )
      assert.include(text, "removed x@openai-curated-remote from the cache: it is not a plugin")
    })
  )
})

describe("PluginSync.sync, for superseded versions", () => {
  const alpha = plugin({ name: "alpha" })
  const standing = Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const names = yield* fs.readDirectory(`${curated}/alpha`)
    return names.filter((name) => name !== InstallMetadata.fileName).toSorted()
  })
  const release = (version: string) =>
    Effect.gen(function* () {
      const { update } = yield* backend
      yield* update(alpha.id, { version })
      return yield* sync
    })

  it.effect(
    "keeps them for a day unless told otherwise",
    Effect.fnUntraced(
      function* () {
        yield* sync
        yield* TestClock.adjust("1 hour")
        yield* release("2.0.0")
        yield* TestClock.adjust(Duration.subtract(PluginSync.defaultRetention, Duration.millis(1)))
        assert.deepStrictEqual((yield* sync).pruned, [])
        assert.deepStrictEqual(yield* standing, ["1.0.0", "2.0.0"])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual<unknown>((yield* sync).pruned, [
          { pluginId: idOf("alpha"), version: "1.0.0" }
        ])
        assert.deepStrictEqual(yield* standing, ["2.0.0"])
      },
      provide({ plugins: [alpha] })
    )
  )

  it.effect(
    "keeps each version for a day from the time it was superseded",
    Effect.fnUntraced(
      function* () {
        yield* sync
        yield* release("2.0.0")
        yield* TestClock.adjust("25 hours")
        const { pruned } = yield* release("3.0.0")
        assert.lengthOf(pruned, 1)
        assert.deepStrictEqual(yield* standing, ["2.0.0", "3.0.0"])
      },
      provide({ plugins: [alpha] })
    )
  )

  it.effect(
    "keeps them as long as the option says",
    Effect.fnUntraced(
      function* () {
        yield* sync
        yield* release("2.0.0")
        yield* TestClock.adjust("59 seconds")
        assert.deepStrictEqual((yield* sync).pruned, [])
        yield* TestClock.adjust("1 seconds")
        assert.lengthOf((yield* sync).pruned, 1)
      },
      provide({ plugins: [alpha], retention: Duration.minutes(1) })
    )
  )

  it.effect(
    "prunes them in the pass that supersedes them if the retention is zero",
    Effect.fnUntraced(
      function* () {
        yield* sync
        const { installed, pruned } = yield* release("2.0.0")
        assert.deepStrictEqual(installed, [idOf("alpha")])
        assert.deepStrictEqual<unknown>(pruned, [{ pluginId: idOf("alpha"), version: "1.0.0" }])
        assert.deepStrictEqual(yield* standing, ["2.0.0"])
        assert.deepStrictEqual((yield* release("1.5.0")).pruned, [])
        assert.deepStrictEqual(yield* standing, ["1.5.0"])
      },
      provide({ plugins: [alpha], retention: Duration.zero })
    )
  )

  it.effect(
    "keeps the active version if the retention is zero and the new one fails",
    Effect.fnUntraced(
      function* () {
        yield* sync
        const { when } = yield* backend
        yield* when({ kind: "bundle" }, TestReply.status(404))
        const { failures, pruned } = yield* release("2.0.0")
        assert.lengthOf(failures, 1)
        assert.deepStrictEqual(pruned, [])
        assert.deepStrictEqual(yield* standing, ["1.0.0"])
      },
      provide({ plugins: [alpha], retention: Duration.zero })
    )
  )
})
