import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, PlatformError, Stream } from "effect"
import type { FileSystem } from "effect"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

/** A program that calls every method once, including those of an open file, without a failure. */
const everything = Effect.fnUntraced(function* (fs: FileSystem.FileSystem) {
  yield* fs.makeDirectory("/d")
  yield* fs.writeFile("/d/a", bytes("text"))
  yield* fs.writeFileString("/d/b", "text")
  yield* fs.access("/d/a")
  yield* fs.exists("/d/a")
  yield* fs.chmod("/d/a", 0o600)
  yield* fs.chown("/d/a", 0, 0)
  yield* fs.utimes("/d/a", 0, 0)
  yield* fs.truncate("/d/a", 2)
  yield* fs.copy("/d/a", "/d/c")
  yield* fs.copyFile("/d/a", "/d/e")
  yield* fs.link("/d/a", "/d/hard")
  yield* fs.symlink("a", "/d/soft")
  yield* fs.readLink("/d/soft")
  yield* fs.realPath("/d/soft")
  yield* fs.stat("/d/a")
  yield* fs.lstat("/d/a")
  yield* fs.readFile("/d/a")
  yield* fs.readFileString("/d/a")
  yield* fs.readDirectory("/d")
  yield* fs.readDirectoryEntries("/d")
  yield* fs.rename("/d/e", "/d/f")
  yield* fs.makeTempFile({ directory: "/d" })
  yield* fs.makeTempDirectory()
  yield* Effect.scoped(fs.makeTempFileScoped({ directory: "/d" }))
  yield* Effect.scoped(fs.makeTempDirectoryScoped())
  yield* Effect.scoped(
    Effect.gen(function* () {
      const file = yield* fs.open("/d/a", { flag: "r+" })
      yield* file.stat
      yield* file.seek(0n, "start")
      yield* file.read(new Uint8Array(1))
      yield* file.readAlloc(1)
      yield* file.write(bytes("x"))
      yield* file.writeAll(bytes("x"))
      yield* file.truncate(1)
      yield* file.sync
    })
  )
  yield* Stream.make(bytes("x")).pipe(Stream.run(fs.sink("/d/g")))
  yield* Stream.runDrain(fs.stream("/d/g"))
  yield* Effect.exit(Stream.runDrain(fs.watch("/d")))
  yield* fs.remove("/d", { recursive: true })
})

/** The operations of a program, as a hook receives them. */
const told = Effect.fnUntraced(function* (
  program: (fs: FileSystem.FileSystem) => Effect.Effect<unknown, unknown>
) {
  const operations: Array<FaultyFileSystem.Operation> = []
  const { fileSystem } = yield* MemoryFileSystem.make()
  const tell: FaultyFileSystem.Hook = (operation) =>
    Effect.sync(() => void operations.push(operation))
  yield* program(FaultyFileSystem.make(fileSystem, tell))
  return operations
})

describe("the hook of FaultyFileSystem", () => {
  it.effect("receives each operation with its paths and its position", () =>
    Effect.gen(function* () {
      const operations = yield* told(everything)
      assert.deepStrictEqual(
        operations.map(({ index }) => index),
        operations.map((_, index) => index)
      )
      const changes = operations.flatMap(({ change }) => (change === undefined ? [] : [change]))
      assert.deepStrictEqual(
        changes,
        changes.map((_, index) => index)
      )
      assert.deepStrictEqual(
        operations.map(
          ({ change, file, method, paths }) =>
            `${change === undefined ? "" : "! "}${file ? "File." : ""}${method} ${paths.join(" ")}`
        ),
        [
          "! makeDirectory /d",
          "! writeFile /d/a",
          "! writeFile /d/b",
          "access /d/a",
          "access /d/a",
          "! chmod /d/a",
          "! chown /d/a",
          "! utimes /d/a",
          "! truncate /d/a",
          "! copy /d/a /d/c",
          "! copyFile /d/a /d/e",
          "! link /d/a /d/hard",
          "! symlink a /d/soft",
          "readLink /d/soft",
          "realPath /d/soft",
          "stat /d/a",
          "lstat /d/a",
          "readFile /d/a",
          "readFile /d/a",
          "readDirectory /d",
          "readDirectoryEntries /d",
          "! rename /d/e /d/f",
          "! makeTempFile /d",
          "! makeTempDirectory ",
          "! makeTempFileScoped /d",
          "! remove /d/000002/file",
          "! makeTempDirectoryScoped ",
          "! remove /tmp/000003",
          "open /d/a",
          "File.stat /d/a",
          "File.seek /d/a",
          "File.read /d/a",
          "File.readAlloc /d/a",
          "! File.write /d/a",
          "! File.writeAll /d/a",
          "! File.truncate /d/a",
          "! File.sync /d/a",
          "! open /d/g",
          "! File.writeAll /d/g",
          "open /d/g",
          "File.readAlloc /d/g",
          "File.readAlloc /d/g",
          "watch /d",
          "! remove /d"
        ]
      )
    })
  )

  it.effect("marks the operations that change the disk, and no others", () =>
    Effect.gen(function* () {
      const disk = yield* MemoryFileSystem.make()
      let steps = 0
      const fs = FaultyFileSystem.make(
        disk.fileSystem,
        () =>
          Effect.sync(() => {
            steps = disk.steps()
          }),
        ({ change, method }) =>
          Effect.sync(() => assert.strictEqual(disk.steps() > steps, change !== undefined, method))
      )
      yield* everything(fs)
    })
  )
})

describe("an errno of FaultyFileSystem", () => {
  it.effect("replaces the operation, which does not happen", () =>
    Effect.gen(function* () {
      const disk = yield* MemoryFileSystem.make()
      const fs = FaultyFileSystem.make(disk.fileSystem, FaultyFileSystem.failChange(1, "ENOSPC"))
      yield* fs.makeDirectory("/d")
      const before = disk.snapshot()
      const { reason } = yield* Effect.flip(fs.writeFileString("/d/a", "x"))
      assert.deepInclude(reason, { _tag: "Unknown", method: "writeFile", pathOrDescriptor: "/d/a" })
      assert.include(reason.cause, { code: "ENOSPC" })
      assert.deepStrictEqual(disk.snapshot(), before)
      yield* fs.writeFileString("/d/a", "x")
      assert.strictEqual(yield* fs.readFileString("/d/a"), "x")
    })
  )

  it.effect("can replace any change, also in finalizers", () =>
    Effect.gen(function* () {
      const operations = (yield* told(everything)).filter(({ change }) => change !== undefined)
      for (const { change, method } of operations) {
        const { fileSystem } = yield* MemoryFileSystem.make()
        const fail = FaultyFileSystem.failChange(change ?? 0, "EBUSY")
        const exit = yield* Effect.exit(everything(FaultyFileSystem.make(fileSystem, fail)))
        assert(Exit.isFailure(exit), method)
        const error = Cause.squash(exit.cause)
        assert(PlatformError.isPlatformError(error))
        assert.deepInclude(error.reason, { _tag: "Busy", method })
      }
    })
  )

  it("is the error that Node's layer would return", () => {
    const { reason } = FaultyFileSystem.errno("ENOTEMPTY", "rename", "/a", "/b")
    assert(reason._tag === "Unknown")
    assert.deepInclude(reason, {
      module: "FileSystem",
      method: "rename",
      pathOrDescriptor: "/a",
      syscall: "rename"
    })
    assert.include(reason.cause, {
      code: "ENOTEMPTY",
      message: "ENOTEMPTY: directory not empty, rename '/a' -> '/b'"
    })
    const tags = (["ENOENT", "EEXIST", "EISDIR", "EPERM", "EBUSY", "EXDEV"] as const).map(
      (code) => FaultyFileSystem.errno(code, "open", "/a").reason._tag
    )
    assert.deepStrictEqual(tags, [
      "NotFound",
      "AlreadyExists",
      "BadResource",
      "PermissionDenied",
      "Busy",
      "Unknown"
    ])
  })
})
