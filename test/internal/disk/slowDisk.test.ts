/**
 * In a file of its own, because it slows down the functions of `node:fs`, and because a process whose calls
 * were slow makes all of them on threads for a while.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"
import { vi } from "vitest"
import * as Disk from "../../../src/internal/disk/Disk.ts"
import { nodeDisk } from "../../../src/internal/disk/nodeDisk.ts"
import * as MemoryFileSystem from "../../../src/testing/MemoryFileSystem.ts"
import * as CacheContents from "../../support/cacheContents.ts"
import { build, pass, root } from "../../support/pluginWorld.ts"
import * as RealDisk from "../../support/realDisk.ts"

/** Makes each synchronous call of `node:fs` take some time of the thread, while it is switched on. */
const slowness = vi.hoisted(() => {
  const fs = process.getBuiltinModule("node:fs") as unknown as Record<string, any>
  const slowness = { isOn: false, calls: [] as Array<string> }
  const methods =
    "access chmod close copyFile fchmod fstat fsync lstat mkdir mkdtemp open read readFile readdir rename rm rmdir statfs unlink utimes write"
  for (const name of methods.split(" ").map((method) => `${method}Sync`)) {
    const original = fs[name]
    fs[name] = (...args: Array<unknown>) => {
      slowness.calls.push(name)
      if (slowness.isOn) {
        const spent = () => process.threadCpuUsage().user + process.threadCpuUsage().system
        for (const end = spent() + 15_000; spent() < end;);
      }
      return original(...args)
    }
  }
  process.getBuiltinModule("node:module").syncBuiltinESMExports()
  return slowness
})

const slowly = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      slowness.calls = []
      slowness.isOn = true
    }),
    () => effect,
    () => Effect.sync(() => (slowness.isOn = false))
  )

/** The longest time for which the thread worked without a turn of the event loop, in milliseconds. */
const longestTurn = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const now = () => {
      const { system, user } = process.threadCpuUsage()
      return (system + user) / 1000
    }
    let longest = 0
    let last = now()
    const look = () => {
      longest = Math.max(longest, now() - last)
      last = now()
    }
    const timer = setInterval(look, 1)
    yield* Effect.ensuring(
      effect,
      Effect.sync(() => clearInterval(timer))
    )
    look()
    return longest
  })

describe.skipIf(process.platform !== "linux")("on a disk whose calls take 15 ms each", () => {
  // Comes first, because the calls of the next test leave the rest to threads.
  it.live("the first read of a file does not keep the event loop for 50 ms", () =>
    Effect.gen(function* () {
      const file = fileURLToPath(import.meta.url)
      const text = readFileSync(file)
      const read = Effect.map(nodeDisk.readFile(file), (bytes) => assert.deepEqual(bytes, text))
      assert.isAtMost(yield* longestTurn(slowly(read)), 50)
      assert.include(slowness.calls, "openSync")
    })
  )

  it.live("a pass never keeps the event loop for 50 ms, and soon leaves all calls to threads", () =>
    Effect.gen(function* () {
      const disk = yield* RealDisk.make(tmpdir())
      yield* disk.fileSystem.makeDirectory(root)
      const builds = ["a", "b", "c", "d", "e"].map((name) => build("A", "1.0.0", name))
      // Code that runs for the first time is slow, too.
      const inMemory = yield* MemoryFileSystem.make()
      yield* inMemory.fileSystem.makeDirectory(root)
      yield* pass(inMemory, builds)
      assert.isAtMost(yield* longestTurn(slowly(pass(disk, builds))), 50)
      assert.isAtMost(slowness.calls.length, 4)
      assert.deepStrictEqual(yield* CacheContents.differences(disk, builds), [])
    }).pipe(Effect.scoped, Effect.provideService(Disk.Implementation, RealDisk.implementation))
  )

  // Comes last, because it needs a process whose calls were slow.
  it.live(
    "calls are tried at once again after a minute, and given up after the first slow one",
    () =>
      Effect.gen(function* () {
        const file = fileURLToPath(import.meta.url)
        const look = Effect.gen(function* () {
          slowness.calls = []
          for (let nth = 0; nth < 3; nth++) yield* nodeDisk.lstat(file)
          return slowness.calls
        })
        const { hrtime } = process
        const clock = vi.spyOn(process, "hrtime")
        yield* Effect.addFinalizer(() => Effect.sync(() => clock.mockRestore()))
        const start = hrtime()
        const forward = (seconds: number, time: () => [number, number] = () => start) => {
          const advanced = (): [number, number] => {
            const [whole, nanoseconds] = time()
            return [whole + seconds, nanoseconds]
          }
          clock.mockImplementation(advanced as NodeJS.HRTime)
        }
        forward(0)
        assert.deepStrictEqual(yield* look, [])
        forward(61, () => hrtime())
        assert.deepStrictEqual(yield* slowly(look), ["lstatSync"])
        assert.deepStrictEqual(yield* look, [])
        // The clock stands still, so these calls are fast even on a busy machine.
        forward(200)
        assert.deepStrictEqual(yield* look, ["lstatSync", "lstatSync", "lstatSync"])
      }).pipe(Effect.scoped)
  )
})
