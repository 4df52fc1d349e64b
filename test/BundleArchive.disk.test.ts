import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Layer, Path, Stream } from "effect"
import * as Archives from "./support/archives.ts"
import { archives, extract } from "./support/extraction.ts"

const { file, tarGz } = Archives

const pattern = Uint8Array.from({ length: 400_000 }, (_, i) => i ^ (i >> 8))

const onDisk = Layer.mergeAll(archives(), Path.layer).pipe(Layer.provideMerge(NodeFileSystem.layer))

const temporaryDirectory = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  fs.makeTempDirectoryScoped({ prefix: "bundle-archive-" })
)

// Calls are under way for real on a real disk only; in memory each is done at once.
it.live(
  "BundleArchive leaves nothing on a real disk when it is interrupted, and no call is still running",
  () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = `${yield* temporaryDirectory}/x`
      const some = tarGz(
        ...Array.from({ length: 40 }, (_, i) =>
          file(`${i % 7}/${i}`, pattern.subarray(0, i * 100))
        ),
        file("big", pattern)
      )
      for (const bytes of [500, 5_000, 15_000, 20_000, some.length]) {
        const reached = yield* Deferred.make<void>()
        const stuck = Stream.concat(
          Archives.chunked(some.subarray(0, bytes), 1000),
          Stream.fromEffect(Effect.andThen(Deferred.succeed(reached, undefined), Effect.never))
        )
        const fiber = yield* Effect.forkChild(extract(stuck, directory))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(fiber)
        assert.isFalse(yield* fs.exists(directory))
        yield* Effect.sleep("5 millis")
        assert.isFalse(yield* fs.exists(directory))
      }
      yield* extract(some, directory)
      assert.deepStrictEqual(yield* fs.readFile(`${directory}/big`), pattern)
    }).pipe(Effect.scoped, Effect.provide(onDisk))
)
