import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Layer, Path, Stream } from "effect"
import * as Disk from "../src/internal/disk/Disk.ts"
import { nodeDisk } from "../src/internal/disk/nodeDisk.ts"
import * as Archives from "./support/archives.ts"
import { eventually } from "./support/eventually.ts"
import { archives, extract } from "./support/extraction.ts"

const { file, tarGz } = Archives

const pattern = Uint8Array.from({ length: 400_000 }, (_, i) => i ^ (i >> 8))

const some = tarGz(
  ...Array.from({ length: 40 }, (_, i) => file(`${i % 7}/${i}`, pattern.subarray(0, i * 100))),
  file("big", pattern)
)

const implementations = {
  "Effect's file system": Disk.fromFileSystem,
  "node:fs": () => nodeDisk
}

const on = (implementation: (fs: FileSystem.FileSystem) => Disk.Disk) =>
  Layer.mergeAll(archives(), Path.layer).pipe(
    Layer.provideMerge(NodeFileSystem.layer),
    Layer.provideMerge(Layer.succeed(Disk.Implementation, implementation))
  )

const temporaryDirectory = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  fs.makeTempDirectoryScoped({ prefix: "bundle-archive-" })
)

/** The calls of `node:fs` that Node's threads have not finished. */
const callsUnderWay = () =>
  process.getActiveResourcesInfo().filter((name) => name === "FSReqCallback")

const allCallsEnd = eventually(Effect.sync(() => callsUnderWay().length === 0))

const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

// These tests need a real disk, because calls in memory complete immediately.
describe.each(Object.entries(implementations))(
  "an interrupted extraction by BundleArchive over %s",
  (_, implementation) => {
    it.live("leaves nothing on a real disk if a part of the archive has arrived", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const directory = `${yield* temporaryDirectory}/x`
        for (const bytes of [500, 5_000, 15_000, 20_000, some.length]) {
          const reached = yield* Deferred.make<void>()
          const stuck = Stream.concat(
            Archives.chunked(some.subarray(0, bytes), 1000),
            Stream.fromEffect(Effect.andThen(Deferred.succeed(reached, undefined), Effect.never))
          )
          const fiber = yield* Effect.forkChild(extract(stuck, directory))
          yield* Deferred.await(reached)
          yield* Fiber.interrupt(fiber)
          yield* allCallsEnd
          assert.isFalse(yield* fs.exists(directory))
        }
        yield* extract(some, directory)
        assert.deepStrictEqual(yield* fs.readFile(`${directory}/big`), pattern)
      }).pipe(Effect.scoped, Effect.provide(on(implementation)))
    )

    it.live(
      "leaves nothing on a real disk while calls are under way, not even when these have ended",
      () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          const directory = `${yield* temporaryDirectory}/x`
          let interruptedCalls = 0
          for (let turns = 0; ; turns += Math.ceil((turns + 1) / 2)) {
            const fiber = yield* Effect.forkChild(extract(some, directory), {
              startImmediately: true
            })
            for (let nth = 0; nth < turns; nth++) yield* turn
            if (fiber.pollUnsafe() !== undefined) break
            interruptedCalls += callsUnderWay().length
            yield* Fiber.interrupt(fiber)
            yield* allCallsEnd
            assert.isFalse(yield* fs.exists(directory), `after ${turns} turns`)
          }
          assert.isAbove(interruptedCalls, 0)
        }).pipe(Effect.scoped, Effect.provide(on(implementation)))
    )
  }
)
