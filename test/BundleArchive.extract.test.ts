import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem, Layer, Result, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { concurrency } from "../src/internal/disk/Disk.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBundle from "../src/testing/TestBundle.ts"
import * as Archives from "./support/archives.ts"
import { archives, extract, inMemory, nothingIsLeft, root } from "./support/extraction.ts"
import * as FaultyFileSystem from "./support/FaultyFileSystem.ts"
import { settle } from "./support/settle.ts"

const { file, folder, tarGz } = Archives

const sizes = [0, 1, 511, 512, 513, 70_000, 256 * 1024, 256 * 1024 + 1, 400_000] as const

const Node = Schema.Struct({
  parts: Schema.Array(Schema.Literals(["a", "b", "c", "\u00e9", "x y", ".z"])).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(4)
  ),
  size: Schema.Literals(sizes),
  mode: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0o777 }))
})

const bytesOf = (content: string | Uint8Array) =>
  typeof content === "string" ? new TextEncoder().encode(content) : content

const pattern = Uint8Array.from({ length: Math.max(...sizes) }, (_, i) => i ^ (i >> 8))

/** The files among `nodes` whose names do not conflict, by path. */
const filesOf = (nodes: ReadonlyArray<typeof Node.Type>) => {
  const files: Record<string, TestBundle.File> = {}
  const folders = new Set<string>()
  for (const { mode, parts, size } of nodes) {
    const above = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join("/"))
    const path = parts.join("/")
    if (path in files || folders.has(path) || above.some((folder) => folder in files)) continue
    for (const folder of above) folders.add(folder)
    files[path] = { mode, content: pattern.subarray(0, size) }
  }
  return { files, folders }
}

it.effect.prop(
  "BundleArchive extracts what was packed",
  [Schema.Array(Node).check(Schema.isMaxLength(20))],
  Effect.fnUntraced(function* ([nodes]) {
    const { files, folders } = filesOf(nodes)
    const archive = yield* TestBundle.tarGz(files)
    yield* Effect.gen(function* () {
      const sum = yield* extract(Archives.chunked(archive, 1000))
      const snapshot = (yield* MemoryFileSystem.Disk).snapshot(root)
      const contents = Object.entries(files)
      assert.deepStrictEqual(sum, {
        files: contents.length,
        directories: folders.size,
        bytes: contents.reduce((total, [, { content }]) => total + content.length, 0)
      })
      assert.hasAllKeys(snapshot, [
        root,
        ...[...folders, ...Object.keys(files)].map((path) => `${root}/${path}`)
      ])
      for (const [path, { content, mode }] of contents) {
        const node = snapshot[`${root}/${path}`]
        assert.strictEqual(node?.mode, mode)
        assert.isTrue(node?.type === "File" && Buffer.compare(node.bytes, bytesOf(content)) === 0)
      }
    }).pipe(Effect.provide(inMemory()))
  }),
  { arbitrary: { runs: 40 } }
)

describe("BundleArchive.extract in memory", () => {
  const big = new Uint8Array(700_000).fill(0x78)
  const some = tarGz(
    folder("a/"),
    file("a/run", "1", 0o755),
    file("a/open", "2", 0o666),
    file("a/none", "3", 0),
    file("b/c/read", "4", 0o444),
    file("b/c/big", big, 0o640)
  )
  const modes = {
    "": 0o755,
    a: 0o755,
    b: 0o755,
    "b/c": 0o755,
    "a/run": 0o755,
    "a/open": 0o666,
    "a/none": 0,
    "b/c/read": 0o444,
    "b/c/big": 0o640
  }

  it.effect.each([0, 0o002, 0o022, 0o077, 0o777])(
    "sets the exact modes under the umask %o",
    (umask) =>
      Effect.gen(function* () {
        yield* extract(some)
        const disk = yield* MemoryFileSystem.Disk
        for (const [path, mode] of Object.entries(modes)) {
          assert.strictEqual(
            disk.snapshot()[`${root}/${path}`.replace(/\/$/, "")]?.mode,
            mode,
            path
          )
        }
      }).pipe(Effect.provide(inMemory({ umask, uid: 1000, gid: 1000 })))
  )

  it.effect("is durable: a later power loss can remove only the folder's own name", () =>
    Effect.gen(function* () {
      yield* extract(some)
      const { entries, files } = (yield* MemoryFileSystem.Disk).unsynced()
      assert.deepStrictEqual(files, [])
      assert.deepStrictEqual(
        entries.map(({ path }) => path),
        [root]
      )
    }).pipe(Effect.provide(inMemory({ umask: 0o077 })))
  )

  it.effect("leaves a folder that already exists unchanged", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory(root)
      yield* fs.writeFileString(`${root}/mine`, "mine")
      const error = yield* Effect.flip(extract(some))
      assert.isTrue(error._tag === "PlatformError" && error.reason._tag === "AlreadyExists")
      assert.deepStrictEqual(yield* fs.readDirectory(root), ["mine"])
    }).pipe(Effect.provide(inMemory()))
  )

  it.effect("returns the error of whichever call fails and leaves nothing behind", () =>
    Effect.gen(function* () {
      for (let change = 0; ; change++) {
        const disk = yield* MemoryFileSystem.make({ umask: 0o077 })
        const failing = FaultyFileSystem.make(
          disk.fileSystem,
          FaultyFileSystem.failChange(change, "ENOSPC")
        )
        const result = yield* extract(some).pipe(
          Effect.provide(Layer.provide(archives(), Layer.succeed(FileSystem.FileSystem, failing))),
          Effect.result
        )
        if (Result.isSuccess(result)) return assert.isAbove(change, 20)
        assert.strictEqual(result.failure._tag, "PlatformError", `${change}`)
        assert.deepStrictEqual(Object.keys(disk.snapshot()), ["/", "/tmp"], `${change}`)
      }
    })
  )

  it.effect("returns the first error if the removal fails too", () =>
    Effect.gen(function* () {
      const disk = yield* MemoryFileSystem.make()
      const keeping = FaultyFileSystem.make(disk.fileSystem, ({ method }) =>
        method === "remove" ? Effect.fail(FaultyFileSystem.errno("EBUSY", "rm", root)) : Effect.void
      )
      const error = yield* Effect.flip(extract(tarGz(file("../evil")))).pipe(
        Effect.provide(Layer.provide(archives(), Layer.succeed(FileSystem.FileSystem, keeping)))
      )
      assert.strictEqual(error._tag, "BundleArchiveError")
    })
  )

  it.effect("leaves nothing behind when it is interrupted at any point", () =>
    Effect.gen(function* () {
      const chunks = Math.ceil(some.length / 100)
      for (let stopped = 0; stopped <= chunks; stopped++) {
        const reached = yield* Deferred.make<void>()
        const stuck = Stream.concat(
          Archives.chunked(some.subarray(0, stopped * 100), 100),
          Stream.fromEffect(Effect.andThen(Deferred.succeed(reached, undefined), Effect.never))
        )
        const fiber = yield* Effect.forkChild(extract(stuck))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(fiber)
        yield* nothingIsLeft
      }
    }).pipe(Effect.provide(inMemory()))
  )
})

/** A disk in memory whose calls take some time, and the calls that it has received. */
const slowDisk = Effect.gen(function* () {
  const disk = yield* MemoryFileSystem.make()
  const seen = { underWay: 0, most: 0, atRemoval: undefined as number | undefined, late: 0 }
  const fileSystem = FaultyFileSystem.make(
    disk.fileSystem,
    ({ method }) =>
      Effect.suspend(() => {
        if (seen.atRemoval !== undefined) seen.late++
        if (method === "remove") seen.atRemoval = seen.underWay
        seen.most = Math.max(seen.most, ++seen.underWay)
        return Effect.sleep("1 millis")
      }),
    () => Effect.sync(() => seen.underWay--)
  )
  const layer = Layer.provide(archives(), Layer.succeed(FileSystem.FileSystem, fileSystem))
  return { disk, seen, layer }
})

const many = tarGz(
  ...Array.from({ length: 50 }, (_, i) => file(`${i % 5}/${i}`)),
  file("big", pattern)
)

it.effect("BundleArchive runs several calls of the disk at a time, but only a few", () =>
  Effect.gen(function* () {
    const { layer, seen } = yield* slowDisk
    yield* settle(Effect.provide(extract(many), layer))
    assert.strictEqual(seen.most, concurrency)
  })
)

it.effect(
  "BundleArchive removes the folder of a failed extraction only after the last call of the disk",
  () =>
    Effect.gen(function* () {
      let removals = 0
      for (let millis = 2; millis < 40; millis += 2) {
        const { disk, layer, seen } = yield* slowDisk
        const fiber = yield* Effect.forkChild(Effect.provide(extract(many), layer))
        yield* TestClock.adjust(millis)
        yield* settle(Fiber.interrupt(fiber))
        if (seen.atRemoval === undefined) continue
        removals++
        assert.deepStrictEqual([seen.atRemoval, seen.late], [0, 0], `after ${millis} ms`)
        assert.deepStrictEqual(Object.keys(disk.snapshot()), ["/", "/tmp"])
      }
      assert.isAbove(removals, 10)
    })
)
