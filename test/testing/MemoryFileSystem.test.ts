import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, Random, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { fileSystemContract } from "./fileSystemContract.ts"

describe("MemoryFileSystem for root", () => {
  fileSystemContract(MemoryFileSystem.layer, { umask: 0o022, heldToPermissions: false })
})

describe("MemoryFileSystem that is case-insensitive", () => {
  fileSystemContract(MemoryFileSystem.layerWith({ caseInsensitive: true }), {
    umask: 0o022,
    heldToPermissions: false
  })
})

describe("MemoryFileSystem for other users", () => {
  fileSystemContract(MemoryFileSystem.layerWith({ uid: 1000, gid: 1000, umask: 0o077 }), {
    umask: 0o077,
    heldToPermissions: true
  })
})

const bytes = (text: string) => new TextEncoder().encode(text)

/** The tree below `/d` as `path: content`, and `path/` for folders. */
const listing = (disk: MemoryFileSystem.MemoryDisk) =>
  Object.entries(disk.snapshot("/d"))
    .filter(([path]) => path !== "/d")
    .map(([path, entry]) => {
      const name = path.slice("/d/".length)
      if (entry.type === "Directory") return `${name}/`
      if (entry.type === "SymbolicLink") return `${name} -> ${entry.target}`
      return `${name}: ${new TextDecoder().decode(entry.bytes).replaceAll("\0", "0")}`
    })

/** A disk with an empty, durable folder `/d`. */
const makeDisk = Effect.fnUntraced(function* (options?: MemoryFileSystem.Options) {
  const disk = yield* MemoryFileSystem.make(options)
  yield* disk.fileSystem.makeDirectory("/d")
  disk.sync()
  return disk
})

const modeOfFile = (disk: MemoryFileSystem.MemoryDisk) => disk.snapshot()["/d/file"]?.mode

const syncPath = (fs: FileSystem.FileSystem, path: string) =>
  Effect.scoped(Effect.flatMap(fs.open(path), (file) => file.sync))

describe("the disk of MemoryFileSystem.layer", () => {
  it.effect("is new for each program, and shared by all uses of the layer in it", () =>
    Effect.gen(function* () {
      const { layer } = MemoryFileSystem
      const write = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.writeFileString("/file", "x"))
      const look = Effect.map(MemoryFileSystem.Disk, (disk) => disk.snapshot("/file"))
      const within = Effect.andThen(write, Effect.provide(look, layer))
      assert.hasAllKeys(yield* Effect.provide(within, layer), ["/file"])
      assert.deepStrictEqual(yield* Effect.provide(look, layer), {})
      const apart = Effect.andThen(write, Effect.provide(look, Layer.fresh(layer)))
      assert.deepStrictEqual(yield* Effect.provide(apart, layer), {})
    })
  )

  it.effect("contains an empty /tmp, and behaves the same each time", () =>
    Effect.gen(function* () {
      const one = yield* MemoryFileSystem.make()
      const two = yield* MemoryFileSystem.make()
      assert.hasAllKeys(one.snapshot(), ["/", "/tmp"])
      assert.strictEqual(
        yield* one.fileSystem.makeTempFile({ prefix: "x-" }),
        yield* two.fileSystem.makeTempFile({ prefix: "x-" })
      )
      assert.deepStrictEqual(one.snapshot(), two.snapshot())
    })
  )

  it.effect("takes its times from the clock", () =>
    Effect.gen(function* () {
      const { fileSystem: fs } = yield* MemoryFileSystem.make()
      yield* TestClock.setTime(1_000)
      yield* fs.makeDirectory("/d")
      yield* fs.writeFileString("/d/file", "x")
      yield* TestClock.setTime(2_000)
      yield* fs.writeFileString("/d/file", "y")
      yield* fs.chmod("/d/file", 0o600)
      const { birthtime, mtime } = yield* fs.stat("/d/file")
      assert.deepStrictEqual(birthtime, Option.some(new Date(1_000)))
      assert.deepStrictEqual(mtime, Option.some(new Date(2_000)))
      assert.deepStrictEqual((yield* fs.stat("/d")).mtime, Option.some(new Date(1_000)))
      yield* fs.remove("/d/file")
      assert.deepStrictEqual((yield* fs.stat("/d")).mtime, Option.some(new Date(2_000)))
    })
  )

  it.effect("can be converted to a plain value and back", () =>
    Effect.gen(function* () {
      const { fileSystem: fs, snapshot } = yield* MemoryFileSystem.make()
      yield* TestClock.setTime(5_000)
      yield* fs.makeDirectory("/d", { mode: 0o500 })
      yield* fs.writeFileString("/d/file", "text", { mode: 0o600 })
      yield* fs.symlink("file", "/d/link")
      assert.deepStrictEqual(snapshot("/d"), {
        "/d": { type: "Directory", mode: 0o500, mtime: 5_000 },
        "/d/file": { type: "File", mode: 0o600, mtime: 5_000, bytes: bytes("text") },
        "/d/link": { type: "SymbolicLink", mode: 0o777, mtime: 5_000, target: "file" }
      })
      yield* TestClock.setTime(9_000)
      const again = yield* MemoryFileSystem.make({ uid: 1000, tree: snapshot() })
      assert.deepStrictEqual(again.snapshot(), snapshot())
      assert.deepStrictEqual(again.unsynced(), { entries: [], files: [] })
      const partial = yield* MemoryFileSystem.make({ tree: snapshot("/d/file") })
      assert.hasAllKeys(partial.snapshot(), ["/", "/d", "/d/file"])
    })
  )

  it.effect("is cloned with its hard links, and is independent from then on", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk()
      yield* disk.fileSystem.writeFileString("/d/one", "1")
      yield* disk.fileSystem.link("/d/one", "/d/two")
      const clone = disk.clone()
      assert.deepStrictEqual(clone.snapshot(), disk.snapshot())
      yield* disk.fileSystem.writeFileString("/d/two", "3", { flag: "r+" })
      yield* disk.fileSystem.writeFileString("/d/three", "4")
      assert.deepStrictEqual(listing(clone), ["one: 1", "two: 1"])
      yield* clone.fileSystem.writeFileString("/d/one", "2", { flag: "r+" })
      assert.deepStrictEqual(listing(clone), ["one: 2", "two: 2"])
      assert.deepStrictEqual(listing(disk), ["one: 3", "three: 4", "two: 3"])
      assert.deepStrictEqual(listing(clone.crash(MemoryFileSystem.loseUnsynced)), [])
    })
  )

  it.effect("is full when its files reach its capacity", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk({ capacity: 10 })
      const { fileSystem: fs } = disk
      yield* fs.writeFileString("/d/one", "123456")
      const { reason } = yield* Effect.flip(fs.writeFileString("/d/two", "123456"))
      assert(reason._tag === "Unknown")
      assert.include(reason.cause, { code: "ENOSPC", syscall: "write" })
      assert.deepStrictEqual(listing(disk), ["one: 123456", "two: 1234"])
      yield* Effect.scoped(
        Effect.gen(function* () {
          const one = yield* fs.open("/d/one", { flag: "a" })
          yield* fs.remove("/d/one")
          assert.strictEqual((yield* Effect.flip(one.write(bytes("7")))).reason._tag, "Unknown")
        })
      )
      yield* fs.writeFileString("/d/one", "654321")
      yield* fs.writeFileString("/d/one", "123456", { flag: "r+" })
      assert.deepStrictEqual(listing(disk), ["one: 123456", "two: 1234"])
      yield* fs.truncate("/d/one", 2)
      yield* fs.writeFileString("/d/two", "5678", { flag: "a" })
      assert.deepStrictEqual(listing(disk.clone({ capacity: 0 })), ["one: 12", "two: 12345678"])
    })
  )

  it.effect("cannot be watched, and says so", () =>
    Effect.gen(function* () {
      const { fileSystem: fs } = yield* MemoryFileSystem.make()
      const watch = (path: string) => Effect.flip(Stream.runDrain(fs.watch(path)))
      assert.strictEqual((yield* watch("/none")).reason._tag, "NotFound")
      assert.strictEqual((yield* watch("/tmp")).reason._tag, "BadArgument")
    })
  )
})

describe("a case-insensitive disk of MemoryFileSystem", () => {
  const make = makeDisk({ caseInsensitive: true })

  it.effect("treats names that differ in case or Unicode form as one", () =>
    Effect.gen(function* () {
      const disk = yield* make
      const { fileSystem: fs } = disk
      yield* fs.makeDirectory("/d/Caf\u00e9")
      yield* fs.writeFileString("/D/cafe\u0301/One.txt", "1")
      assert.strictEqual(yield* fs.readFileString("/d/CAF\u00c9/ONE.TXT"), "1")
      const again = yield* Effect.flip(fs.makeDirectory("/d/CAFE\u0301"))
      assert.strictEqual(again.reason._tag, "AlreadyExists")
      yield* fs.writeFileString("/d/caf\u00e9/one.TXT", "2")
      assert.deepStrictEqual(listing(disk), ["Caf\u00e9/", "Caf\u00e9/One.txt: 2"])
      yield* fs.remove("/d/CAF\u00c9", { recursive: true })
      assert.deepStrictEqual(listing(disk), [])
    })
  )

  it.effect(
    "keeps a name's spelling when a file replaces it, and changes it when it is renamed",
    () =>
      Effect.gen(function* () {
        const disk = yield* make
        const { fileSystem: fs } = disk
        yield* fs.writeFileString("/d/Name", "old")
        yield* fs.writeFileString("/d/other", "new")
        yield* fs.rename("/d/OTHER", "/d/nAME")
        assert.deepStrictEqual(listing(disk), ["Name: new"])
        yield* fs.rename("/d/name", "/d/NAME")
        assert.deepStrictEqual(listing(disk), ["NAME: new"])
        disk.sync()
        assert.deepStrictEqual(listing(disk.crash(MemoryFileSystem.loseUnsynced)), ["NAME: new"])
        assert.deepStrictEqual(listing(disk.clone()), ["NAME: new"])
        assert.isTrue(yield* disk.clone().fileSystem.exists("/d/name"))
      })
  )
})

describe("onStep of MemoryFileSystem", () => {
  /** A program with an operation of each kind that takes many steps. */
  const program = Effect.fnUntraced(function* (fs: FileSystem.FileSystem) {
    yield* fs.makeDirectory("/d/a/b", { recursive: true })
    yield* fs.writeFile("/d/a/b/file", new Uint8Array(10_000))
    yield* fs.writeFileString("/d/a/b/file", "x")
    yield* fs.copy("/d/a", "/d/c")
    yield* Effect.scoped(fs.makeTempDirectoryScoped({ directory: "/d" }))
    yield* fs.remove("/d/a", { recursive: true })
    yield* syncPath(fs, "/d")
  })

  it.effect("receives each single change", () =>
    Effect.gen(function* () {
      const steps: Array<string> = []
      const disk = (yield* makeDisk()).clone({
        onStep: ({ path, syscall }) => {
          steps.push(`${syscall} ${path}`)
          return undefined
        }
      })
      yield* program(disk.fileSystem)
      assert.strictEqual(disk.steps(), steps.length)
      assert.deepStrictEqual(steps, [
        "mkdir /d/a",
        "mkdir /d/a/b",
        "open /d/a/b/file",
        "write /d/a/b/file",
        "write /d/a/b/file",
        "open /d/a/b/file",
        "write /d/a/b/file",
        "mkdir /d/c",
        "mkdir /d/c/b",
        "open /d/c/b/file",
        "ftruncate /d/c/b/file",
        "chmod /d/c/b/file",
        "write /d/c/b/file",
        "chmod /d/c/b/file",
        "chmod /d/c/b",
        "chmod /d/c",
        "mkdtemp /d/000000",
        "rmdir /d/000000",
        "unlink /d/a/b/file",
        "rmdir /d/a/b",
        "rmdir /d/a",
        "fsync /d"
      ])
    })
  )

  it.effect("stops everything before any step, and nothing changes afterwards", () =>
    Effect.gen(function* () {
      const base = yield* makeDisk()
      let previous: MemoryFileSystem.Snapshot = base.snapshot()
      let different = 0
      for (let at = 0; ; at++) {
        const disk = base.clone({ onStep: ({ index }) => (index === at ? "Stop" : undefined) })
        const exit = yield* Effect.exit(
          program(disk.fileSystem).pipe(
            Effect.ensuring(Effect.ignore(disk.fileSystem.remove("/d", { recursive: true })))
          )
        )
        if (!disk.isStopped()) break
        assert.isTrue(FaultyFileSystem.isStopped(exit))
        assert.strictEqual(disk.steps(), at + 1)
        assert.isTrue(FaultyFileSystem.isStopped(yield* Effect.exit(disk.fileSystem.exists("/d"))))
        const stopped = disk.snapshot("/d")
        assert.isTrue(yield* disk.clone().fileSystem.exists("/d"))
        if (JSON.stringify(stopped) !== JSON.stringify(previous)) different++
        previous = stopped
      }
      assert.isAbove(different, 15)
    })
  )

  it.effect("makes a single system call fail, also within an operation", () =>
    Effect.gen(function* () {
      const base = yield* makeDisk()
      yield* base.fileSystem.makeDirectory("/d/a")
      for (const name of ["1", "2", "3"]) yield* base.fileSystem.writeFileString(`/d/a/${name}`, "")
      const disk = base.clone({ onStep: ({ path }) => (path === "/d/a/2" ? "EIO" : undefined) })
      const { reason } = yield* Effect.flip(disk.fileSystem.remove("/d/a", { recursive: true }))
      assert(reason._tag === "Unknown")
      assert.deepInclude(reason, { method: "remove", pathOrDescriptor: "/d/a", syscall: "unlink" })
      assert.include(reason.cause, { code: "EIO", path: "/d/a/2" })
      assert.deepStrictEqual(listing(disk), ["a/", "a/2: ", "a/3: "])
    })
  )
})

/** The possible trees after a program and a power loss that keeps any subset of its changes. */
const outcomes = Effect.fnUntraced(function* (
  program: (fs: FileSystem.FileSystem) => Effect.Effect<void, unknown>
) {
  const disk = yield* makeDisk()
  yield* disk.fileSystem.makeDirectory("/d/a")
  yield* disk.fileSystem.makeDirectory("/d/b")
  yield* disk.fileSystem.writeFileString("/d/file", "")
  disk.sync()
  yield* program(disk.fileSystem)
  const changes = disk.unsynced().entries.length
  const found = new Set<string>()
  for (let subset = 0; subset < 2 ** changes; subset++) {
    let asked = 0
    const entry = () => (subset & (2 ** asked++)) !== 0
    found.add(listing(disk.crash({ ...MemoryFileSystem.loseNothing, entry })).join(" "))
  }
  return [...found].toSorted()
})

describe("after a power loss in MemoryFileSystem", () => {
  const { loseNothing, loseSome, loseUnsynced } = MemoryFileSystem

  it.effect("contents exist only if the file was synced, and names only if the folder was", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk()
      const { fileSystem: fs } = disk
      yield* fs.writeFileString("/d/named", "text", { mode: 0o600 })
      yield* syncPath(fs, "/d")
      yield* fs.writeFileString("/d/whole", "text")
      yield* syncPath(fs, "/d/named")
      yield* fs.writeFileString("/d/named", "T", { flag: "r+" })
      yield* fs.writeFileString("/d/named", "later", { flag: "a" })
      yield* syncPath(fs, "/d/whole")
      assert.deepStrictEqual(disk.unsynced(), {
        entries: [{ operation: "create", path: "/d/whole", to: undefined }],
        files: ["/d/named"]
      })
      assert.deepStrictEqual(listing(disk.crash(loseNothing)), ["named: Textlater", "whole: text"])
      const left = disk.crash(loseUnsynced)
      assert.deepStrictEqual(listing(left), ["named: text"])
      assert.include(left.snapshot()["/d/named"], { mode: 0o600 })
      assert.deepStrictEqual(left.unsynced(), { entries: [], files: [] })
      assert.deepStrictEqual(listing(disk), ["named: Textlater", "whole: text"])
    })
  )

  it.effect("a file may have all, some or none of its contents", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk()
      const { fileSystem: fs } = disk
      yield* fs.writeFileString("/d/file", "old!")
      disk.sync()
      yield* fs.writeFileString("/d/file", "newer")
      yield* fs.writeFileString("/d/new", "newer")
      yield* syncPath(fs, "/d")
      const seen = new Set<string>()
      for (let seed = 0; seed < 200; seed++)
        for (const line of listing(disk.crash(loseSome(seed)))) seen.add(line)
      const possible = ["old!", "newer", "", "new", "new00", "newe0", "00000"]
      assert.includeMembers(
        [...seen],
        [
          ...possible.map((content) => `file: ${content}`),
          "file: nld!0",
          ...possible.slice(1).map((content) => `new: ${content}`)
        ]
      )
      assert.notInclude([...seen], "new: old!")
    })
  )

  it.effect("a change of mode that was not synced may be undone", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk()
      const { fileSystem: fs } = disk
      yield* fs.writeFileString("/d/file", "", { mode: 0o644 })
      disk.sync()
      yield* fs.chmod("/d/file", 0o600)
      assert.strictEqual(modeOfFile(disk.crash(loseNothing)), 0o600)
      assert.strictEqual(modeOfFile(disk.crash(loseUnsynced)), 0o644)
      yield* syncPath(fs, "/d/file")
      assert.strictEqual(modeOfFile(disk.crash(loseUnsynced)), 0o600)
    })
  )

  it.effect("a rename onto a file leaves the old or the new file, which may be empty", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk()
      const { fileSystem: fs } = disk
      yield* fs.writeFileString("/d/file", "old")
      disk.sync()
      yield* fs.writeFileString("/d/temporary", "new")
      yield* fs.rename("/d/temporary", "/d/file")
      const without = disk.clone()
      assert.deepStrictEqual(listing(without.crash(loseUnsynced)), ["file: old"])
      yield* syncPath(without.fileSystem, "/d")
      assert.deepStrictEqual(listing(without.crash(loseUnsynced)), ["file: "])
      yield* syncPath(fs, "/d/file")
      assert.deepStrictEqual(listing(disk.crash(loseUnsynced)), ["file: old"])
      yield* syncPath(fs, "/d")
      assert.deepStrictEqual(listing(disk.crash(loseUnsynced)), ["file: new"])
    })
  )

  it.effect("a rename between folders is durable when either of them is synced", () =>
    Effect.gen(function* () {
      for (const synced of ["/d/a", "/d/b"]) {
        const disk = yield* makeDisk()
        const { fileSystem: fs } = disk
        yield* fs.makeDirectory("/d/a")
        yield* fs.makeDirectory("/d/b")
        yield* fs.writeFileString("/d/a/file", "x")
        disk.sync()
        yield* fs.rename("/d/a/file", "/d/b/file")
        assert.deepStrictEqual(listing(disk.crash(loseUnsynced)), ["a/", "a/file: x", "b/"])
        yield* syncPath(fs, synced)
        assert.deepStrictEqual(listing(disk.crash(loseUnsynced)), ["a/", "b/", "b/file: x"])
      }
    })
  )

  it.effect("a synced rename into a folder whose own name is lost is undone", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk()
      const { fileSystem: fs } = disk
      yield* fs.makeDirectory("/d/a")
      yield* fs.writeFileString("/d/a/file", "x")
      disk.sync()
      yield* fs.makeDirectory("/d/new")
      yield* fs.rename("/d/a/file", "/d/new/file")
      yield* syncPath(fs, "/d/a")
      yield* syncPath(fs, "/d/new")
      assert.deepStrictEqual(listing(disk.crash(loseUnsynced)), ["a/", "a/file: x"])
      const isThere = disk.crash({ ...loseUnsynced, entry: ({ path }) => path === "/d/new" })
      assert.deepStrictEqual(listing(isThere), ["a/", "new/", "new/file: x"])
      yield* syncPath(fs, "/d")
      assert.deepStrictEqual(listing(disk.crash(loseUnsynced)), ["a/", "new/", "new/file: x"])
    })
  )

  it.effect("a removal without a sync may be undone, with all contents", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk()
      const { fileSystem: fs } = disk
      yield* fs.makeDirectory("/d/a")
      yield* fs.writeFileString("/d/a/one", "1")
      yield* fs.writeFileString("/d/a/two", "2")
      disk.sync()
      yield* fs.remove("/d/a", { recursive: true })
      assert.deepStrictEqual(listing(disk), [])
      assert.deepStrictEqual(listing(disk.crash(loseUnsynced)), ["a/", "a/one: 1", "a/two: 2"])
      const left = disk.crash({ ...loseUnsynced, entry: ({ path }) => path === "/d/a/two" })
      assert.deepStrictEqual(listing(left), ["a/", "a/one: 1"])
      const folderFirst = disk.crash({ ...loseUnsynced, entry: ({ path }) => path === "/d/a" })
      assert.deepStrictEqual(listing(folderFirst), ["a/", "a/one: 1", "a/two: 2"])
      yield* syncPath(fs, "/d")
      assert.deepStrictEqual(listing(disk.crash(loseUnsynced)), [])
    })
  )

  it.effect("changes of different names survive in any combination", () =>
    Effect.gen(function* () {
      const disk = yield* makeDisk()
      for (const name of ["1", "2", "3"]) yield* disk.fileSystem.makeDirectory(`/d/${name}`)
      const seen = new Set<string>()
      for (let seed = 0; seed < 200; seed++) seen.add(listing(disk.crash(loseSome(seed))).join(""))
      assert.sameMembers([...seen], ["", "1/", "2/", "3/", "1/2/", "1/3/", "2/3/", "1/2/3/"])
      assert.deepStrictEqual(disk.crash(loseSome(7)).snapshot(), disk.crash(loseSome(7)).snapshot())
    })
  )

  it.effect("required orders of changes hold, whichever changes are chosen to survive", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* outcomes((fs) =>
          Effect.andThen(fs.link("/d/file", "/d/name"), fs.remove("/d/file"))
        ),
        ["a/ b/ file: ", "a/ b/ file:  name: ", "a/ b/ name: "]
      )
      const turned = Effect.fnUntraced(function* (fs: FileSystem.FileSystem) {
        yield* fs.rename("/d/a", "/d/b/a")
        yield* fs.rename("/d/b/a", "/d/a")
        yield* fs.rename("/d/b", "/d/a/b")
      })
      assert.deepStrictEqual(yield* outcomes(turned), [
        "a/ a/b/ file: ",
        "a/ b/ file: ",
        "b/ b/a/ file: "
      ])
    })
  )

  it.effect("files and folders that were only moved are neither lost nor duplicated", () =>
    Effect.gen(function* () {
      const folders = ["/d/a", "/d/b", "/d/c", "/d/a/x", "/d/b/y"]
      const base = yield* makeDisk()
      for (const folder of folders) {
        yield* base.fileSystem.makeDirectory(folder)
        yield* base.fileSystem.writeFileString(`${folder}/file`, folder)
      }
      base.sync()
      const names = ["a", "b", "c", "x", "y", "file", "new"]
      const pick = Effect.map(Random.nextIntBetween(0, names.length - 1), (at) => names[at])
      const path = Effect.map(
        Effect.all([pick, pick, pick, Random.nextIntBetween(1, 3)]),
        ([one, two, three, depth]) => ["/d", one, two, three].slice(0, depth + 1).join("/")
      )
      for (let seed = 0; seed < 60; seed++) {
        const disk = base.clone()
        const { fileSystem: fs } = disk
        const move = Effect.gen(function* () {
          const drawn = yield* Random.nextIntBetween(1, 10)
          if (drawn === 1) yield* fs.makeDirectory(yield* path)
          else if (drawn === 2) yield* syncPath(fs, yield* path)
          else {
            const [from, to] = [yield* path, yield* path]
            if (!(yield* fs.exists(to))) yield* fs.rename(from, to)
          }
        })
        yield* Effect.replicateEffect(Effect.ignore(move), 60).pipe(Random.withSeed(seed))
        for (const powerLoss of [loseUnsynced, loseSome(seed), loseNothing]) {
          const left = disk.crash(powerLoss)
          const contents = listing(left).filter((line) => line.includes(": "))
          assert.sameMembers(
            contents.map((line) => line.slice(line.indexOf(": ") + 2)),
            folders,
            `seed ${seed}`
          )
        }
      }
    })
  )
})
