import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import {
  Context,
  Deferred,
  Effect,
  Exit,
  Fiber,
  FileSystem,
  Layer,
  Logger,
  Path,
  Scope
} from "effect"
import { execFileSync, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as CacheLock from "../src/CacheLock.ts"
import * as CodexHome from "../src/CodexHome.ts"
import * as KernelLock from "../src/internal/lock/kernelLock.ts"
import { prefix } from "../src/internal/cache/staging.ts"
import { helper } from "./support/builtPrograms.ts"
import * as FaultyFileSystem from "./support/FaultyFileSystem.ts"
import { eventually } from "./support/eventually.ts"
import { stagingOf } from "./support/homePaths.ts"

const Node = Layer.merge(NodeFileSystem.layer, NodePath.layer)

/** Another process that holds the lock of this home, or takes it repeatedly. */
const otherHolder = (home: string, program: "busyLock" | "holdLock" = "holdLock") =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, [await helper(program), home], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      await new Promise((resolve) => child.stdout.once("data", resolve))
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Starts an effect and continues when it has logged that it waits for another process. */
const startWaiting = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const isWaiting = yield* Deferred.make<void>()
  const logger = Logger.make(() => Deferred.doneUnsafe(isWaiting, Exit.void))
  const fiber = yield* Effect.forkChild(Effect.provide(effect, Logger.layer([logger])))
  yield* Deferred.await(isWaiting)
  return fiber
})

const inHome = <A, E>(
  test: (
    home: string
  ) => Effect.Effect<A, E, FileSystem.FileSystem | Path.Path | CacheLock.CacheLock>,
  options: CacheLock.Options = {}
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const home = yield* fs.makeTempDirectoryScoped()
    return yield* Effect.provide(
      test(home),
      CacheLock.layerWith(options).pipe(Layer.provide(CodexHome.layerAt(home)))
    )
  }).pipe(Effect.scoped, Effect.provide(Node))

// These tests need a disk and another process, because the operating system frees the lock.
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

  it.live("is granted in turn beside a process that keeps taking the lock", () =>
    inHome((home) =>
      Effect.gen(function* () {
        const lock = yield* CacheLock.CacheLock
        yield* otherHolder(home, "busyLock")
        for (let turn = 0; turn < 3; turn++) {
          yield* Effect.timeout(lock.hold(Effect.void), "5 seconds")
        }
      }).pipe(Effect.scoped)
    )
  )

  it.live("says whom it waits for, and gives up with the holder's process id", () =>
    inHome(
      Effect.fnUntraced(function* (home) {
        const lock = yield* CacheLock.CacheLock
        const child = yield* otherHolder(home)
        const lines: Array<string> = []
        const logger = Logger.make(({ message }) => lines.push(String(message)))
        const error = yield* Effect.flip(lock.hold(Effect.void)).pipe(
          Effect.provide(Logger.layer([logger]))
        )
        assert.include(error.message, `held by process ${child.pid} since 20`)
        assert.strictEqual(lines.length, 1)
        assert.include(lines[0], `waiting for process ${child.pid} since 20`)
      }, Effect.scoped),
      { waitLimit: "200 millis" }
    )
  )

  it.live.each([
    { content: "a link", make: (note: string) => Fs.symlinkSync("/etc/passwd", note) },
    { content: "a pipe", make: (note: string) => execFileSync("mkfifo", [note]) },
    { content: "a large file", make: (note: string) => Fs.writeFileSync(note, "9".repeat(1e6)) }
  ])("does not read $content in place of the holder's note", ({ make }) =>
    inHome(
      Effect.fnUntraced(function* (home) {
        const lock = yield* CacheLock.CacheLock
        yield* otherHolder(home)
        const note = `${stagingOf(home)}/${prefix}lock-holder`
        Fs.rmSync(note)
        make(note)
        const error = yield* Effect.flip(lock.hold(Effect.void))
        assert.include(error.message, "held by another process")
      }, Effect.scoped),
      { waitLimit: "100 millis" }
    )
  )

  it.live("replaces a link in place of the holder's note and leaves its target alone", () =>
    inHome(
      Effect.fnUntraced(function* (home) {
        const lock = yield* CacheLock.CacheLock
        const staging = stagingOf(home)
        Fs.mkdirSync(staging, { recursive: true })
        Fs.writeFileSync(`${home}/mine`, "mine")
        Fs.symlinkSync(`${home}/mine`, `${staging}/${prefix}lock-holder`)
        yield* lock.hold(Effect.void)
        assert.strictEqual(Fs.readFileSync(`${home}/mine`, "utf8"), "mine")
        assert.deepStrictEqual(Fs.readdirSync(staging), [])
      })
    )
  )

  it.live.each([
    { length: "short", content: "hi\n" },
    { length: "long", content: "not a lock".repeat(1000) }
  ])("names a lock file with other, $length content, and the remedy", ({ content }) =>
    inHome(
      Effect.fnUntraced(function* (home) {
        const lock = yield* CacheLock.CacheLock
        Fs.mkdirSync(`${home}/plugins`)
        Fs.writeFileSync(`${home}/plugins/${CacheLock.fileName}`, content)
        const error = yield* Effect.flip(lock.hold(Effect.void))
        assert.strictEqual(error.reason._tag, "Corrupt")
        assert.include(error.message, "delete it while no other codex-plugins process runs")
      })
    )
  )

  it.live("rejects a pipe in place of the lock file without waiting for its writer", () =>
    inHome(
      Effect.fnUntraced(function* (home) {
        const lock = yield* CacheLock.CacheLock
        Fs.mkdirSync(`${home}/plugins`)
        execFileSync("mkfifo", [`${home}/plugins/${CacheLock.fileName}`])
        const error = yield* Effect.flip(lock.hold(Effect.void))
        assert.strictEqual(error.reason._tag, "Unavailable")
      })
    )
  )

  it.live("is one lock for two layers on the same home, also through a link", () =>
    inHome(
      Effect.fnUntraced(function* (home) {
        const lock = yield* CacheLock.CacheLock
        Fs.symlinkSync(home, `${home}-link`)
        yield* Effect.addFinalizer(() => Effect.sync(() => Fs.unlinkSync(`${home}-link`)))
        const second = yield* Layer.build(
          CacheLock.layer.pipe(Layer.provide(CodexHome.layerAt(`${home}-link`)), Layer.fresh)
        ).pipe(Effect.map(Context.get(CacheLock.CacheLock)))
        assert.strictEqual(yield* lock.hold(second.hold(Effect.succeed("in"))), "in")
        const entered = yield* Deferred.make<void>()
        const leave = yield* Deferred.make<void>()
        const events: Array<string> = []
        yield* Effect.forkChild(
          lock.hold(
            Effect.gen(function* () {
              yield* Deferred.succeed(entered, undefined)
              yield* Deferred.await(leave)
              events.push("the first leaves")
            })
          )
        )
        yield* Deferred.await(entered)
        const waiter = yield* Effect.forkChild(
          second.hold(Effect.sync(() => events.push("the second enters"))),
          { startImmediately: true }
        )
        yield* Deferred.succeed(leave, undefined)
        yield* Fiber.join(waiter)
        assert.deepStrictEqual(events, ["the first leaves", "the second enters"])
      }, Effect.scoped),
      { waitLimit: 0 }
    )
  )

  it.live("is independent of the lock of another home", () =>
    inHome(
      Effect.fnUntraced(function* (home) {
        const lock = yield* CacheLock.CacheLock
        Fs.mkdirSync(`${home}/other`)
        const other = yield* Layer.build(
          CacheLock.layer.pipe(Layer.provide(CodexHome.layerAt(`${home}/other`)), Layer.fresh)
        ).pipe(Effect.map(Context.get(CacheLock.CacheLock)))
        const isHeld = yield* lock.hold(other.hold(Effect.zip(lock.isHeld, other.isHeld)))
        assert.deepStrictEqual(isHeld, [true, true])
        assert.isFalse(yield* lock.hold(other.isHeld))
      }, Effect.scoped)
    )
  )

  it.live.skipIf(process.platform !== "linux")(
    "keeps no more files open while waiting than while holding the lock",
    () =>
      inHome((home) =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          const lock = yield* CacheLock.CacheLock
          const openFiles = Effect.gen(function* () {
            const names = yield* fs.readDirectory("/proc/self/fd")
            const targets = yield* Effect.forEach(names, (name) =>
              Effect.orElseSucceed(fs.readLink(`/proc/self/fd/${name}`), () => "")
            )
            return targets.filter((target) => target.endsWith(CacheLock.fileName))
          })
          const whileHeld = (yield* lock.hold(openFiles)).length
          assert.isAbove(whileHeld, 0)
          yield* otherHolder(home)
          const waiter = yield* startWaiting(lock.hold(Effect.void))
          assert.isAtMost((yield* openFiles).length, whileHeld)
          // It sees to the folders of its home as long as it waits.
          yield* Fiber.interrupt(waiter)
        }).pipe(Effect.scoped)
      )
  )

  it.live.each([
    { kind: "of a session", session: true },
    { kind: "without a session", session: false }
  ])("says who holds it after a while, also for brief holders $kind", ({ session }) =>
    inHome((home) =>
      Effect.gen(function* () {
        const { internals } = yield* CacheLock.CacheLock
        if (session) yield* internals.session
        const notes = Effect.sync(() => Fs.readdirSync(stagingOf(home)))
        assert.deepStrictEqual(yield* internals.commit(notes), [])
        const noted = eventually(notes, (names) => names.length > 0)
        assert.deepStrictEqual(yield* internals.commit(noted), [`${prefix}lock-holder`])
        assert.deepStrictEqual(yield* notes, [])
        assert.deepStrictEqual(yield* internals.commit(notes), [])
      }).pipe(Effect.scoped)
    )
  )

  it.live("stays with a brief holder whose session ends", () =>
    inHome((home) =>
      Effect.gen(function* () {
        const { internals } = yield* CacheLock.CacheLock
        const isFree = Effect.scoped(KernelLock.tryAcquire(`${home}/plugins/${CacheLock.fileName}`))
        const session = yield* Scope.make()
        yield* Scope.provide(internals.session, session)
        yield* internals.commit(
          Effect.gen(function* () {
            yield* Scope.close(session, Exit.void)
            assert.isFalse(yield* isFree)
          })
        )
        assert.isTrue(yield* isFree)
      })
    )
  )

  it.live("admits brief holders of a session in the order in which they came", () =>
    inHome(() =>
      Effect.gen(function* () {
        const { internals } = yield* CacheLock.CacheLock
        yield* internals.session
        const events: Array<string> = []
        const goOn = yield* Deferred.make<void>()
        const start = (name: string) =>
          internals
            .commit(
              Effect.gen(function* () {
                events.push(`${name} in`)
                yield* Deferred.await(goOn)
                events.push(`${name} out`)
              })
            )
            .pipe(Effect.forkChild({ startImmediately: true }))
        const first = yield* Effect.forEach(["a", "b", "c", "d"], start)
        yield* Deferred.succeed(goOn, undefined)
        // The lock is free for a moment before the next one enters, and this one does not take it.
        yield* Fiber.join(first[0]!)
        const late = yield* start("late")
        yield* Effect.forEach([...first, late], Fiber.join)
        assert.deepStrictEqual(
          events,
          ["a", "b", "c", "d", "late"].flatMap((name) => [`${name} in`, `${name} out`])
        )
      }).pipe(Effect.scoped)
    )
  )

  it.live("lets an interrupted instant holder finish its steps, but not wait", () =>
    inHome(() =>
      Effect.gen(function* () {
        const { internals } = yield* CacheLock.CacheLock
        yield* internals.session
        const events: Array<string> = []
        const goOn = yield* Deferred.make<void>()
        const start = (name: string) =>
          internals
            .instantly(
              Effect.gen(function* () {
                events.push(`${name} in`)
                yield* Deferred.await(goOn)
                events.push(`${name} out`)
              })
            )
            .pipe(Effect.forkChild({ startImmediately: true }))
        const first = yield* start("first")
        const second = yield* start("second")
        yield* Fiber.interrupt(second)
        const interruption = yield* Effect.forkChild(Fiber.interrupt(first), {
          startImmediately: true
        })
        yield* Deferred.succeed(goOn, undefined)
        yield* Fiber.join(interruption)
        yield* Fiber.join(yield* start("third"))
        assert.deepStrictEqual(events, ["first in", "first out", "third in", "third out"])
      }).pipe(Effect.scoped)
    )
  )

  it.live(
    "lets a brief holder of a session wait for another process, then continue or give up",
    () =>
      inHome((home) =>
        Effect.gen(function* () {
          const { internals } = yield* CacheLock.CacheLock
          yield* internals.session
          const child = yield* otherHolder(home)
          const interrupted = yield* startWaiting(internals.commit(Effect.succeed("in")))
          yield* Fiber.interrupt(interrupted)
          const waiter = yield* startWaiting(internals.commit(Effect.succeed("in")))
          assert.isUndefined(waiter.pollUnsafe())
          child.kill("SIGKILL")
          assert.strictEqual(yield* Effect.timeout(Fiber.join(waiter), "2 seconds"), "in")
          assert.strictEqual(yield* internals.commit(Effect.succeed("in")), "in")
        }).pipe(Effect.scoped)
      )
  )

  it.live("leaves only its own file behind", () =>
    inHome((home) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const lock = yield* CacheLock.CacheLock
        const staging = stagingOf(home)
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

  it.live("is refused if its file is read-only", () =>
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
      assert.include(error.message, "make the folder writable")
    }).pipe(Effect.scoped, Effect.provide(Node))
  )

  it.live("says so if the file system supports no locks", () =>
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
        assert.include(error.message, "that supports locks")
      })
    )
  )
})
