import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, FileSystem, Layer, Logger, Path, Ref } from "effect"
import { TestClock } from "effect/testing"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as CacheLock from "../src/CacheLock.ts"
import * as CodexHome from "../src/CodexHome.ts"
import { prefix } from "../src/internal/cache/staging.ts"
import * as FaultyFileSystem from "../src/testing/FaultyFileSystem.ts"

const Node = Layer.merge(NodeFileSystem.layer, NodePath.layer)

describe("CacheLock in a process", () => {
  it.effect("lets one holder in at a time, in the order of their coming", () =>
    Effect.gen(function* () {
      const lock = yield* CacheLock.CacheLock
      const events = yield* Ref.make<ReadonlyArray<string>>([])
      const note = (event: string) => Ref.update(events, (events) => [...events, event])
      const work = (name: string) =>
        lock.hold(
          note(`${name} in`).pipe(
            Effect.andThen(Effect.sleep("1 second")),
            Effect.andThen(note(`${name} out`))
          )
        )
      const fiber = yield* Effect.forkChild(
        Effect.all([work("a"), work("b")], { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* Ref.get(events), ["a in", "a out", "b in", "b out"])
    }).pipe(Effect.provide(CacheLock.layerInProcess))
  )

  it.effect("lets a holder and what it forks straight in", () =>
    Effect.gen(function* () {
      const lock = yield* CacheLock.CacheLock
      const nested = lock.hold(lock.hold(Effect.succeed("in")))
      const forked = lock.hold(Effect.flatMap(Effect.forkChild(nested), Fiber.join))
      assert.strictEqual(yield* forked, "in")
    }).pipe(Effect.provide(CacheLock.layerInProcess))
  )

  it.effect("frees itself when its holder fails or is interrupted", () =>
    Effect.gen(function* () {
      const lock = yield* CacheLock.CacheLock
      yield* Effect.flip(lock.hold(Effect.fail("oh")))
      const entered = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(
        lock.hold(Effect.andThen(Deferred.succeed(entered, undefined), Effect.never))
      )
      yield* Deferred.await(entered)
      yield* Fiber.interrupt(holder)
      assert.strictEqual(yield* lock.hold(Effect.succeed("in")), "in")
    }).pipe(Effect.provide(CacheLock.layerInProcess))
  )

  it.effect("gives up after the wait limit", () =>
    Effect.gen(function* () {
      const lock = yield* CacheLock.CacheLock
      yield* Effect.forkChild(lock.hold(Effect.never))
      const waiter = yield* Effect.forkChild(
        Effect.flip(lock.hold(Effect.void)).pipe(
          Effect.provideService(CacheLock.WaitLimit, Duration.seconds(5))
        )
      )
      yield* TestClock.adjust("5 seconds")
      const error = yield* Fiber.join(waiter)
      assert.strictEqual(error.reason._tag, "TimedOut")
      assert.include(error.message, "gave up after 5s")
      assert.include(error.message, "if there is no other one, its file system has no locks")
    }).pipe(Effect.provide(CacheLock.layerInProcess))
  )
})

/** Another process that holds the lock of this home. */
const otherHolder = (home: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const script = fileURLToPath(new URL("support/holdLock.ts", import.meta.url))
      const child = spawn(process.execPath, [script, home], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      await new Promise((resolve) => child.stdout.once("data", resolve))
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const inHome = <A, E>(
  test: (
    home: string
  ) => Effect.Effect<A, E, FileSystem.FileSystem | Path.Path | CacheLock.CacheLock>
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const home = yield* fs.makeTempDirectoryScoped()
    return yield* Effect.provide(
      test(home),
      CacheLock.layer.pipe(Layer.provide(CodexHome.layerAt(home)))
    )
  }).pipe(Effect.scoped, Effect.provide(Node))

// The operating system is what frees the lock, so these need a disk and another process.
describe("CacheLock between processes", () => {
  it.live("is freed within a second of its holder's kill -9", () =>
    inHome((home) =>
      Effect.scoped(
        Effect.gen(function* () {
          const lock = yield* CacheLock.CacheLock
          const child = yield* otherHolder(home)
          const waiter = yield* Effect.forkChild(lock.hold(Effect.succeed("in")))
          yield* Effect.sync(() => child.kill("SIGKILL"))
          assert.strictEqual(yield* Effect.timeout(Fiber.join(waiter), "1 second"), "in")
        })
      )
    )
  )

  it.live("tells whom it waits for, and gives up with the holder's pid", () =>
    inHome((home) =>
      Effect.scoped(
        Effect.gen(function* () {
          const lock = yield* CacheLock.CacheLock
          const child = yield* otherHolder(home)
          const lines: Array<string> = []
          const logger = Logger.make(({ message }) => lines.push(String(message)))
          const error = yield* Effect.flip(lock.hold(Effect.void)).pipe(
            Effect.provideService(CacheLock.WaitLimit, Duration.millis(200)),
            Effect.provide(Logger.layer([logger]))
          )
          assert.include(error.message, `held by process ${child.pid} since 20`)
          assert.strictEqual(lines.length, 1)
          assert.include(lines[0], `waiting for process ${child.pid} since 20`)
        })
      )
    )
  )

  it.live("keeps no more than one file open while it waits", () =>
    inHome((home) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const lock = yield* CacheLock.CacheLock
        yield* otherHolder(home)
        const openFiles = Effect.gen(function* () {
          const names = yield* fs.readDirectory("/proc/self/fd")
          const targets = yield* Effect.forEach(names, (name) =>
            Effect.orElseSucceed(fs.readLink(`/proc/self/fd/${name}`), () => "")
          )
          return targets.filter((target) => target.endsWith(CacheLock.fileName))
        })
        const waiter = yield* Effect.forkChild(lock.hold(Effect.void))
        yield* Effect.sleep(Duration.times(CacheLock.pollInterval, 10))
        // Where there is no such folder, nothing is told of open files.
        assert.isAtMost((yield* Effect.orElseSucceed(openFiles, () => [])).length, 1)
        // It sees to the folders of its home as long as it waits.
        yield* Fiber.interrupt(waiter)
      }).pipe(Effect.scoped)
    )
  )

  it.live("leaves nothing but its own file", () =>
    inHome((home) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const lock = yield* CacheLock.CacheLock
        const staging = path.join(home, "plugins", ".remote-plugin-install-staging")
        const during = yield* lock.hold(fs.readDirectory(staging))
        assert.deepStrictEqual(during, [`${prefix}lock-holder`])
        assert.deepStrictEqual(yield* fs.readDirectory(staging), [])
        assert.sameMembers(yield* fs.readDirectory(path.join(home, "plugins")), [
          CacheLock.fileName,
          ".remote-plugin-install-staging"
        ])
      })
    )
  )

  it.live("grants nothing where its file can only be read", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      const readOnly = FaultyFileSystem.make(fs, ({ method, paths: [path = ""] }) =>
        method === "access" && path.endsWith(CacheLock.fileName)
          ? Effect.fail(FaultyFileSystem.errno("EROFS", "access", path))
          : Effect.void
      )
      const error = yield* Effect.gen(function* () {
        const lock = yield* CacheLock.CacheLock
        return yield* Effect.flip(lock.hold(Effect.void))
      }).pipe(
        Effect.provide(CacheLock.layer.pipe(Layer.provide(CodexHome.layerAt(home)))),
        Effect.provideService(FileSystem.FileSystem, readOnly)
      )
      assert.strictEqual(error.reason._tag, "Unavailable")
      assert.include(error.message, "the folder must be writable")
    }).pipe(Effect.scoped, Effect.provide(Node))
  )

  it.live("says so where there can be no lock", () =>
    inHome((home) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const lock = yield* CacheLock.CacheLock
        yield* fs.makeDirectory(path.join(home, "plugins", CacheLock.fileName), {
          recursive: true
        })
        const error = yield* Effect.flip(lock.hold(Effect.void))
        assert.strictEqual(error._tag, "CacheLockError")
        assert.strictEqual(error.reason._tag, "Unavailable")
        assert.include(error.message, "must support locks")
      })
    )
  )
})
