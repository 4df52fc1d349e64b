/**
 * The behaviour of a file system that the library needs, as cases that run with any layer.
 */
import { assert, it } from "@effect/vitest"
import { ByteSize, Effect, FileSystem, Option, Stream } from "effect"
import type { Layer, PlatformError, Scope } from "effect"

export interface Traits {
  readonly umask: number
  /** True if permissions apply to the caller. They do not apply to root. */
  readonly heldToPermissions: boolean
}

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** The tag, errno and system call of an effect's error. */
const refusal = <A, R>(
  effect: Effect.Effect<A, PlatformError.PlatformError, R>
): Effect.Effect<string, A, R> =>
  Effect.map(Effect.flip(effect), ({ reason }) => {
    if (reason._tag === "BadArgument") return `BadArgument in ${reason.method}`
    const { cause } = reason
    const code = cause instanceof Error && "code" in cause ? cause.code : "no code"
    assert.strictEqual(reason.module, "FileSystem")
    return `${reason._tag} ${code} ${reason.syscall}`
  })

type Body = (
  fs: FileSystem.FileSystem,
  root: string,
  traits: Traits
) => Effect.Effect<void, unknown, Scope.Scope>

/** Runs every case in a fresh temporary folder of the layer's file system. */
export const fileSystemContract = (
  layer: Layer.Layer<FileSystem.FileSystem>,
  traits: Traits
): void => {
  const add = (name: string, body: Body) =>
    it.effect(name, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* body(fs, yield* fs.makeTempDirectoryScoped(), traits)
      }).pipe(Effect.scoped, Effect.provide(layer))
    )
  for (const [name, body] of Object.entries(cases)) add(name, body)
  if (!traits.heldToPermissions) return
  for (const [name, body] of Object.entries(permissionCases)) add(name, body)
}

const modeOf = (fs: FileSystem.FileSystem, path: string) =>
  Effect.map(fs.lstat(path), ({ mode }) => (mode & 0o7777).toString(8))

const cases: Record<string, Body> = {
  // --- whole files

  "a new file gets the mode asked for less the umask, a rewritten one keeps its mode":
    Effect.fnUntraced(function* (fs, root, { umask }) {
      yield* fs.writeFileString(`${root}/plain`, "1")
      yield* fs.writeFileString(`${root}/secret`, "1", { mode: 0o600 })
      yield* fs.writeFileString(`${root}/secret`, "22", { mode: 0o644 })
      assert.strictEqual(yield* modeOf(fs, `${root}/plain`), (0o666 & ~umask).toString(8))
      assert.strictEqual(yield* modeOf(fs, `${root}/secret`), "600")
      assert.strictEqual(yield* fs.readFileString(`${root}/secret`), "22")
    }),

  "each flag of a write does what open(2) does": Effect.fnUntraced(function* (fs, root) {
    const path = `${root}/file`
    assert.strictEqual(
      yield* refusal(fs.writeFileString(path, "x", { flag: "r+" })),
      "NotFound ENOENT open"
    )
    yield* fs.writeFileString(path, "abcdef", { flag: "wx" })
    assert.strictEqual(
      yield* refusal(fs.writeFileString(path, "x", { flag: "wx" })),
      "AlreadyExists EEXIST open"
    )
    assert.strictEqual(
      yield* refusal(fs.writeFileString(path, "x", { flag: "ax" })),
      "AlreadyExists EEXIST open"
    )
    yield* fs.writeFileString(path, "xy", { flag: "r+" })
    assert.strictEqual(yield* fs.readFileString(path), "xycdef")
    yield* fs.writeFileString(path, "!", { flag: "a" })
    assert.strictEqual(yield* fs.readFileString(path), "xycdef!")
    assert.strictEqual(
      yield* refusal(fs.writeFileString(path, "x", { flag: "r" })),
      "Unknown EBADF write"
    )
    yield* fs.writeFileString(path, "")
    assert.strictEqual(yield* fs.readFileString(path), "")
  }),

  "what is written is a copy, and so is what is read": Effect.fnUntraced(function* (fs, root) {
    const data = bytes("abc")
    yield* fs.writeFile(`${root}/file`, data)
    data.fill(0)
    const read = yield* fs.readFile(`${root}/file`)
    read.fill(0)
    assert.strictEqual(yield* fs.readFileString(`${root}/file`), "abc")
  }),

  "a path that leads to no file is refused with its reason": Effect.fnUntraced(
    function* (fs, root) {
      yield* fs.makeDirectory(`${root}/folder`)
      yield* fs.writeFileString(`${root}/file`, "")
      const read = (path: string) => refusal(fs.readFile(path))
      const write = (path: string) => refusal(fs.writeFileString(path, "x"))
      assert.strictEqual(yield* read(`${root}/none`), "NotFound ENOENT open")
      assert.strictEqual(yield* read(""), "NotFound ENOENT open")
      assert.strictEqual(yield* read(`${root}/folder`), "BadResource EISDIR read")
      assert.strictEqual(yield* read(`${root}/file/x`), "BadResource ENOTDIR open")
      assert.strictEqual(yield* read(`${root}/file/`), "BadResource ENOTDIR open")
      assert.strictEqual(yield* read(`${root}/\0`), "BadArgument in readFile")
      assert.strictEqual(yield* write(`${root}/none/x`), "NotFound ENOENT open")
      assert.strictEqual(yield* write(`${root}/folder`), "BadResource EISDIR open")
      assert.strictEqual(yield* write(`${root}/new/`), "BadResource EISDIR open")
      assert.strictEqual(yield* write(`${root}/${"é".repeat(128)}`), "Unknown ENAMETOOLONG open")
      assert.strictEqual(yield* write(`${root}${"/.".repeat(2048)}`), "Unknown ENAMETOOLONG open")
    }
  ),

  "an error names the method and the path, its cause the paths of the system call":
    Effect.fnUntraced(function* (fs, root) {
      const { reason } = yield* Effect.flip(fs.rename(`${root}/none`, `${root}/other`))
      assert(reason._tag === "NotFound")
      assert.strictEqual(reason.method, "rename")
      assert.strictEqual(reason.pathOrDescriptor, `${root}/none`)
      assert.include(reason.cause, {
        errno: -2,
        code: "ENOENT",
        syscall: "rename",
        path: `${root}/none`,
        dest: `${root}/other`,
        message: `ENOENT: no such file or directory, rename '${root}/none' -> '${root}/other'`
      })
    }),

  "truncate cuts off, and fills up with zeros": Effect.fnUntraced(function* (fs, root) {
    const path = `${root}/file`
    yield* fs.writeFileString(path, "abcdef")
    yield* fs.truncate(path, 3)
    yield* fs.truncate(path, 5)
    assert.strictEqual(yield* fs.readFileString(path), "abc\0\0")
    yield* fs.truncate(path)
    assert.strictEqual(yield* fs.readFileString(path), "")
    assert.strictEqual(yield* refusal(fs.truncate(path, 1.5)), "BadArgument in truncate")
    assert.strictEqual(yield* refusal(fs.truncate(root)), "BadResource EISDIR open")
    assert.strictEqual(yield* refusal(fs.truncate(`${root}/none`)), "NotFound ENOENT open")
  }),

  "stat tells type, size, mode and links": Effect.fnUntraced(function* (fs, root) {
    yield* fs.writeFileString(`${root}/file`, "abc", { mode: 0o600 })
    yield* fs.makeDirectory(`${root}/folder/inner`, { recursive: true })
    yield* fs.symlink("file", `${root}/link`)
    const file = yield* fs.stat(`${root}/file`)
    assert.strictEqual(file.type, "File")
    assert.strictEqual(file.mode, 0o100600)
    assert.strictEqual(ByteSize.toBigInt(file.size), 3n)
    assert.deepStrictEqual(file.nlink, Option.some(1n))
    assert.strictEqual((yield* fs.stat(`${root}/folder`)).type, "Directory")
    assert.deepStrictEqual((yield* fs.stat(`${root}/link`)).ino, file.ino)
    const link = yield* fs.lstat(`${root}/link`)
    assert.strictEqual(link.type, "SymbolicLink")
    assert.strictEqual(link.mode, 0o120777)
    assert.strictEqual(ByteSize.toBigInt(link.size), 4n)
    assert.strictEqual(yield* refusal(fs.stat(`${root}/none`)), "NotFound ENOENT stat")
    assert.strictEqual(yield* refusal(fs.lstat(`${root}/none`)), "NotFound ENOENT lstat")
  }),

  "chmod sets permission bits, through a symbolic link too": Effect.fnUntraced(
    function* (fs, root) {
      yield* fs.writeFileString(`${root}/file`, "")
      yield* fs.symlink("file", `${root}/link`)
      yield* fs.chmod(`${root}/link`, 0o4751)
      assert.strictEqual(yield* modeOf(fs, `${root}/file`), "4751")
      assert.strictEqual(yield* refusal(fs.chmod(`${root}/none`, 0o600)), "NotFound ENOENT chmod")
      assert.strictEqual(yield* refusal(fs.chmod(`${root}/file`, -1)), "BadArgument in chmod")
    }
  ),

  "utimes sets times from dates and from seconds": Effect.fnUntraced(function* (fs, root) {
    const path = `${root}/file`
    yield* fs.writeFileString(path, "")
    yield* fs.utimes(path, new Date(1_000), 2.5)
    const { atime, mtime } = yield* fs.stat(path)
    assert.deepStrictEqual(atime, Option.some(new Date(1_000)))
    assert.deepStrictEqual(mtime, Option.some(new Date(2_500)))
    assert.strictEqual(yield* refusal(fs.utimes(path, Number.NaN, 0)), "BadArgument in utime")
    assert.strictEqual(yield* refusal(fs.utimes(`${root}/none`, 0, 0)), "NotFound ENOENT utime")
  }),

  "exists and access ask for the file behind a link": Effect.fnUntraced(function* (fs, root) {
    yield* fs.writeFileString(`${root}/file`, "")
    yield* fs.symlink("none", `${root}/dangling`)
    assert.isTrue(yield* fs.exists(`${root}/file`))
    assert.isFalse(yield* fs.exists(`${root}/none`))
    assert.isFalse(yield* fs.exists(`${root}/dangling`))
    assert.strictEqual(yield* refusal(fs.exists(`${root}/file/x`)), "BadResource ENOTDIR access")
    yield* fs.access(root, { readable: true, writable: true })
    assert.strictEqual(yield* refusal(fs.access(`${root}/none`)), "NotFound ENOENT access")
  }),

  // --- open files

  "an open file keeps its own cursor": Effect.fnUntraced(function* (fs, root) {
    const file = yield* fs.open(`${root}/file`, { flag: "w+" })
    assert.strictEqual(yield* file.write(bytes("hello ")), 6)
    yield* file.writeAll(bytes("world"))
    assert.strictEqual(yield* file.seek(-5n, "current"), 6n)
    assert.deepStrictEqual(Option.map(yield* file.readAlloc(99), text), Option.some("world"))
    assert.isTrue(Option.isNone(yield* file.readAlloc(1)))
    const buffer = new Uint8Array(3)
    assert.strictEqual(yield* file.read(buffer, { position: 4n }), 3)
    assert.deepStrictEqual(buffer, bytes("o w"))
    assert.strictEqual(yield* file.read(buffer, { position: 99n }), 0)
    assert.strictEqual(yield* file.seek(0n, "current"), 11n)
    yield* file.truncate(2)
    assert.strictEqual(yield* file.seek(0n, "current"), 2n)
    yield* file.seek(4n, "start")
    yield* file.writeAll(bytes("!"))
    assert.strictEqual(yield* fs.readFileString(`${root}/file`), "he\0\0!")
    assert.strictEqual(yield* refusal(file.seek(-1n, "start")), "BadArgument in seek")
    assert.strictEqual(yield* refusal(file.read(buffer, { position: -1n })), "BadArgument in read")
    assert.strictEqual(yield* refusal(file.readAlloc(-1)), "BadArgument in readAlloc")
  }),

  "a file opened to append writes at its end and reads from its cursor": Effect.fnUntraced(
    function* (fs, root) {
      const file = yield* fs.open(`${root}/file`, { flag: "a+" })
      yield* file.writeAll(bytes("foo"))
      yield* fs.writeFileString(`${root}/file`, "bar", { flag: "a" })
      yield* file.writeAll(bytes("baz"))
      const read = new Uint8Array(9)
      assert.strictEqual(yield* file.read(read), 9)
      assert.deepStrictEqual(read, bytes("foobarbaz"))
    }
  ),

  "an open file outlives its name": Effect.fnUntraced(function* (fs, root) {
    const path = `${root}/file`
    const file = yield* fs.open(path, { flag: "w+" })
    yield* file.writeAll(bytes("one"))
    yield* fs.rename(path, `${root}/moved`)
    yield* fs.writeFileString(path, "other")
    yield* fs.remove(`${root}/moved`)
    yield* file.writeAll(bytes("two"))
    const read = new Uint8Array(6)
    yield* file.read(read, { position: 0n })
    assert.deepStrictEqual(read, bytes("onetwo"))
    assert.deepStrictEqual((yield* file.stat).nlink, Option.some(0n))
    assert.strictEqual(yield* fs.readFileString(path), "other")
  }),

  "an open file refuses what it was not opened for": Effect.fnUntraced(function* (fs, root) {
    yield* fs.writeFileString(`${root}/file`, "abc")
    const reader = yield* fs.open(`${root}/file`)
    const writer = yield* fs.open(`${root}/file`, { flag: "a" })
    assert.strictEqual(yield* refusal(reader.write(bytes("x"))), "Unknown EBADF write")
    assert.strictEqual(yield* refusal(reader.writeAll(bytes("x"))), "Unknown EBADF write")
    assert.strictEqual(yield* refusal(reader.truncate(1)), "Unknown EINVAL ftruncate")
    assert.strictEqual(yield* refusal(writer.readAlloc(1)), "Unknown EBADF read")
    yield* reader.sync
    yield* writer.sync
    const closed = yield* Effect.scoped(fs.open(`${root}/file`))
    assert.strictEqual(yield* refusal(closed.stat), "Unknown EBADF fstat")
  }),

  "a folder can be opened to be synced, and for nothing else": Effect.fnUntraced(
    function* (fs, root) {
      const folder = yield* fs.open(root)
      yield* folder.sync
      assert.strictEqual((yield* folder.stat).type, "Directory")
      assert.strictEqual(yield* refusal(folder.readAlloc(1)), "BadResource EISDIR read")
      for (const flag of ["r+", "w", "a"] as const)
        assert.strictEqual(yield* refusal(fs.open(root, { flag })), "BadResource EISDIR open")
      assert.strictEqual(yield* refusal(fs.open(root, { flag: "wx" })), "AlreadyExists EEXIST open")
    }
  ),

  "open follows a link unless told not to": Effect.fnUntraced(function* (fs, root) {
    yield* fs.symlink("target", `${root}/link`)
    assert.strictEqual(yield* refusal(fs.open(`${root}/link`)), "NotFound ENOENT open")
    assert.strictEqual(
      yield* refusal(fs.open(`${root}/link`, { flag: "wx" })),
      "AlreadyExists EEXIST open"
    )
    yield* fs.writeFileString(`${root}/link`, "through")
    assert.strictEqual(yield* fs.readFileString(`${root}/target`), "through")
    assert.strictEqual(
      yield* refusal(fs.open(`${root}/link`, { noFollow: true })),
      "BadResource ELOOP open"
    )
    yield* fs.open(`${root}/target`, { noFollow: true })
  }),

  // --- folders

  "makeDirectory makes one folder, or all that are missing": Effect.fnUntraced(function* (
    fs,
    root,
    { umask }
  ) {
    const make = (path: string, recursive = false) =>
      refusal(fs.makeDirectory(root + path, { recursive }))
    yield* fs.makeDirectory(`${root}/a`, { mode: 0o700 })
    yield* fs.makeDirectory(`${root}/a/b/c`, { recursive: true })
    yield* fs.makeDirectory(`${root}/a/b/c/`, { recursive: true })
    assert.strictEqual(yield* modeOf(fs, `${root}/a`), "700")
    assert.strictEqual(yield* modeOf(fs, `${root}/a/b`), (0o777 & ~umask).toString(8))
    assert.strictEqual(yield* make("/a"), "AlreadyExists EEXIST mkdir")
    assert.strictEqual(yield* make("/x/y"), "NotFound ENOENT mkdir")
    yield* fs.writeFileString(`${root}/file`, "")
    assert.strictEqual(yield* make("/file"), "AlreadyExists EEXIST mkdir")
    assert.strictEqual(yield* make("/file", true), "AlreadyExists EEXIST mkdir")
    assert.strictEqual(yield* make("/file/x/y", true), "BadResource ENOTDIR mkdir")
    yield* fs.symlink("a", `${root}/link`)
    yield* fs.makeDirectory(`${root}/link/d`, { recursive: true })
    assert.isTrue(yield* fs.exists(`${root}/a/d`))
    yield* fs.symlink("none", `${root}/dangling`)
    assert.strictEqual(yield* make("/dangling", true), "NotFound ENOENT mkdir")
  }),

  "a folder is listed in order, and down to its leaves if asked": Effect.fnUntraced(
    function* (fs, root) {
      yield* fs.makeDirectory(`${root}/b/c`, { recursive: true })
      yield* fs.writeFileString(`${root}/b/file`, "")
      yield* fs.writeFileString(`${root}/a`, "")
      yield* fs.symlink("b", `${root}/link`)
      assert.deepStrictEqual(yield* fs.readDirectory(root), ["a", "b", "link"])
      assert.deepStrictEqual((yield* fs.readDirectory(root, { recursive: true })).toSorted(), [
        "a",
        "b",
        "b/c",
        "b/file",
        "link",
        "link/c",
        "link/file"
      ])
      assert.deepStrictEqual(
        [...(yield* fs.readDirectoryEntries(root))].toSorted((left, right) =>
          left.name < right.name ? -1 : 1
        ),
        [
          { name: "a", type: "File" },
          { name: "b", type: "Directory" },
          { name: "link", type: "SymbolicLink" }
        ]
      )
      assert.strictEqual(
        yield* refusal(fs.readDirectory(`${root}/none`)),
        "NotFound ENOENT scandir"
      )
      assert.strictEqual(
        yield* refusal(fs.readDirectoryEntries(`${root}/a`)),
        "BadResource ENOTDIR scandir"
      )
    }
  ),

  "remove takes away a file, and a folder only if told to go down": Effect.fnUntraced(
    function* (fs, root) {
      yield* fs.makeDirectory(`${root}/folder/inner`, { recursive: true })
      yield* fs.writeFileString(`${root}/folder/inner/file`, "")
      yield* fs.writeFileString(`${root}/file`, "")
      yield* fs.symlink("folder", `${root}/link`)
      assert.strictEqual(yield* refusal(fs.remove(`${root}/folder`)), "Unknown ERR_FS_EISDIR rm")
      assert.strictEqual(yield* refusal(fs.remove(`${root}/none`)), "NotFound ENOENT lstat")
      yield* fs.remove(`${root}/none`, { force: true })
      assert.strictEqual(
        yield* refusal(fs.remove(`${root}/file/x`, { force: true })),
        "BadResource ENOTDIR lstat"
      )
      yield* fs.remove(`${root}/link`, { recursive: true })
      assert.isTrue(yield* fs.exists(`${root}/folder/inner/file`))
      yield* fs.remove(`${root}/folder`, { recursive: true })
      yield* fs.remove(`${root}/file`)
      assert.deepStrictEqual(yield* fs.readDirectory(root), [])
    }
  ),

  // --- links

  "a symbolic link is followed on the way and at the end of a path": Effect.fnUntraced(
    function* (fs, root) {
      yield* fs.makeDirectory(`${root}/a/b`, { recursive: true })
      yield* fs.writeFileString(`${root}/a/file`, "text")
      yield* fs.symlink("a/b", `${root}/relative`)
      yield* fs.symlink(`${root}/a`, `${root}/absolute`)
      yield* fs.symlink("../file", `${root}/a/b/up`)
      assert.strictEqual(yield* fs.readFileString(`${root}/relative/up`), "text")
      assert.strictEqual(yield* fs.readFileString(`${root}/relative/../file`), "text")
      assert.strictEqual(yield* fs.readFileString(`${root}/absolute/b/../file`), "text")
      assert.strictEqual(yield* fs.readLink(`${root}/relative`), "a/b")
      assert.strictEqual(
        yield* fs.realPath(`${root}/relative/up`),
        `${yield* fs.realPath(root)}/a/file`
      )
      assert.strictEqual(yield* refusal(fs.readLink(`${root}/a`)), "Unknown EINVAL readlink")
      assert.strictEqual(
        yield* refusal(fs.symlink("x", `${root}/relative`)),
        "AlreadyExists EEXIST symlink"
      )
      assert.strictEqual(yield* refusal(fs.symlink("", `${root}/x`)), "NotFound ENOENT symlink")
    }
  ),

  "links in a circle lead nowhere": Effect.fnUntraced(function* (fs, root) {
    yield* fs.symlink("two", `${root}/one`)
    yield* fs.symlink("one", `${root}/two`)
    assert.strictEqual(yield* refusal(fs.stat(`${root}/one`)), "BadResource ELOOP stat")
    assert.strictEqual(yield* refusal(fs.readFile(`${root}/one/x`)), "BadResource ELOOP open")
    assert.strictEqual(yield* refusal(fs.realPath(`${root}/one`)), "BadResource ELOOP stat")
    assert.strictEqual((yield* fs.lstat(`${root}/one`)).type, "SymbolicLink")
    yield* fs.remove(`${root}/one`)
  }),

  "realPath refuses what is not there": Effect.fnUntraced(function* (fs, root) {
    yield* fs.symlink("none", `${root}/dangling`)
    assert.strictEqual(yield* refusal(fs.realPath(`${root}/none/x`)), "NotFound ENOENT lstat")
    assert.strictEqual(yield* refusal(fs.realPath(`${root}/dangling`)), "NotFound ENOENT stat")
  }),

  "hard links are names of one file": Effect.fnUntraced(function* (fs, root) {
    yield* fs.writeFileString(`${root}/one`, "1")
    yield* fs.link(`${root}/one`, `${root}/two`)
    yield* fs.writeFileString(`${root}/two`, "22")
    assert.strictEqual(yield* fs.readFileString(`${root}/one`), "22")
    const [one, two] = [yield* fs.stat(`${root}/one`), yield* fs.stat(`${root}/two`)]
    assert.deepStrictEqual([one.ino, one.nlink], [two.ino, Option.some(2n)])
    yield* fs.rename(`${root}/one`, `${root}/two`)
    assert.isTrue(yield* fs.exists(`${root}/one`))
    yield* fs.remove(`${root}/one`)
    assert.strictEqual(yield* fs.readFileString(`${root}/two`), "22")
    assert.strictEqual(yield* refusal(fs.link(`${root}/two`, root)), "AlreadyExists EEXIST link")
    assert.strictEqual(
      yield* refusal(fs.link(root, `${root}/three`)),
      "PermissionDenied EPERM link"
    )
  }),

  // --- rename

  "rename moves a file over another, and the open one stays readable": Effect.fnUntraced(
    function* (fs, root) {
      yield* fs.writeFileString(`${root}/new`, "new")
      yield* fs.writeFileString(`${root}/old`, "old")
      const { ino } = yield* fs.stat(`${root}/new`)
      const file = yield* fs.open(`${root}/old`)
      yield* fs.rename(`${root}/new`, `${root}/old`)
      assert.strictEqual(yield* fs.readFileString(`${root}/old`), "new")
      assert.deepStrictEqual((yield* fs.stat(`${root}/old`)).ino, ino)
      assert.isFalse(yield* fs.exists(`${root}/new`))
      const read = new Uint8Array(3)
      yield* file.read(read)
      assert.deepStrictEqual(read, bytes("old"))
    }
  ),

  "rename puts a folder onto an empty one only": Effect.fnUntraced(function* (fs, root) {
    yield* fs.makeDirectory(`${root}/from/inner`, { recursive: true })
    yield* fs.makeDirectory(`${root}/full/inner`, { recursive: true })
    yield* fs.makeDirectory(`${root}/empty`)
    assert.strictEqual(
      yield* refusal(fs.rename(`${root}/from`, `${root}/full`)),
      "Unknown ENOTEMPTY rename"
    )
    yield* fs.rename(`${root}/from`, `${root}/empty`)
    assert.deepStrictEqual(yield* fs.readDirectory(`${root}/empty`), ["inner"])
    assert.deepStrictEqual(yield* fs.readDirectory(root), ["empty", "full"])
  }),

  "rename refuses what is neither file onto file nor folder onto folder": Effect.fnUntraced(
    function* (fs, root) {
      yield* fs.makeDirectory(`${root}/folder/inner`, { recursive: true })
      yield* fs.writeFileString(`${root}/file`, "")
      const rename = (from: string, to: string) => refusal(fs.rename(root + from, root + to))
      assert.strictEqual(yield* rename("/folder", "/file"), "BadResource ENOTDIR rename")
      assert.strictEqual(yield* rename("/file", "/folder"), "BadResource EISDIR rename")
      assert.strictEqual(yield* rename("/file", "/new/"), "BadResource ENOTDIR rename")
      assert.strictEqual(yield* rename("/folder", "/folder/inner/x"), "Unknown EINVAL rename")
      assert.strictEqual(yield* rename("/folder/inner", "/folder"), "Unknown ENOTEMPTY rename")
      assert.strictEqual(yield* rename("/none", "/x"), "NotFound ENOENT rename")
      assert.strictEqual(yield* rename("/file", "/none/x"), "NotFound ENOENT rename")
      assert.strictEqual(yield* rename("/file", "/file/x"), "BadResource ENOTDIR rename")
      assert.strictEqual(yield* rename("/folder/.", "/x"), "Busy EBUSY rename")
      yield* fs.rename(`${root}/folder`, `${root}/folder`)
      yield* fs.rename(`${root}/folder/`, `${root}/moved/`)
      assert.deepStrictEqual(yield* fs.readDirectory(root), ["file", "moved"])
    }
  ),

  "rename moves a link, not what it leads to": Effect.fnUntraced(function* (fs, root) {
    yield* fs.writeFileString(`${root}/file`, "text")
    yield* fs.writeFileString(`${root}/other`, "")
    yield* fs.symlink("file", `${root}/link`)
    yield* fs.rename(`${root}/link`, `${root}/other`)
    assert.strictEqual(yield* fs.readLink(`${root}/other`), "file")
    assert.strictEqual(yield* fs.readFileString(`${root}/file`), "text")
  }),

  // --- copies

  "copyFile copies content and mode": Effect.fnUntraced(function* (fs, root) {
    yield* fs.writeFileString(`${root}/from`, "text", { mode: 0o600 })
    yield* fs.writeFileString(`${root}/to`, "something longer", { mode: 0o644 })
    yield* fs.copyFile(`${root}/from`, `${root}/to`)
    assert.strictEqual(yield* fs.readFileString(`${root}/to`), "text")
    assert.strictEqual(yield* modeOf(fs, `${root}/to`), "600")
    const copy = (from: string, to: string) => refusal(fs.copyFile(root + from, root + to))
    assert.strictEqual(yield* copy("/none", "/x"), "NotFound ENOENT copyfile")
    assert.strictEqual(yield* copy("/from", ""), "BadResource EISDIR copyfile")
    assert.strictEqual(yield* copy("", "/x"), "BadResource EISDIR copyfile")
    assert.isFalse(yield* fs.exists(`${root}/x`))
  }),

  "copy copies a tree and merges it into another": Effect.fnUntraced(function* (fs, root) {
    yield* fs.makeDirectory(`${root}/from/inner`, { recursive: true, mode: 0o700 })
    yield* fs.writeFileString(`${root}/from/inner/file`, "new", { mode: 0o600 })
    yield* fs.writeFileString(`${root}/from/file`, "new")
    yield* fs.symlink("file", `${root}/from/link`)
    yield* fs.utimes(`${root}/from/file`, 1, 2)
    yield* fs.copy(`${root}/from`, `${root}/deep/to`, { preserveTimestamps: true })
    assert.deepStrictEqual(yield* fs.readDirectory(`${root}/deep/to`), ["file", "inner", "link"])
    assert.strictEqual(yield* modeOf(fs, `${root}/deep/to/inner`), "700")
    assert.strictEqual(yield* modeOf(fs, `${root}/deep/to/inner/file`), "600")
    assert.strictEqual(yield* fs.readLink(`${root}/deep/to/link`), `${root}/from/file`)
    const { mtime } = yield* fs.stat(`${root}/deep/to/file`)
    assert.deepStrictEqual(mtime, Option.some(new Date(2_000)))

    yield* fs.makeDirectory(`${root}/to`)
    yield* fs.writeFileString(`${root}/to/file`, "old")
    yield* fs.writeFileString(`${root}/to/own`, "own")
    yield* fs.copy(`${root}/from`, `${root}/to`)
    assert.strictEqual(yield* fs.readFileString(`${root}/to/file`), "old")
    yield* fs.copy(`${root}/from/file`, `${root}/to/file`, { overwrite: true })
    assert.strictEqual(yield* fs.readFileString(`${root}/to/file`), "new")
    assert.deepStrictEqual(yield* fs.readDirectory(`${root}/to`), ["file", "inner", "link", "own"])
  }),

  "copy refuses what cannot be": Effect.fnUntraced(function* (fs, root) {
    yield* fs.makeDirectory(`${root}/folder/inner`, { recursive: true })
    yield* fs.writeFileString(`${root}/file`, "")
    const copy = (from: string, to: string) => refusal(fs.copy(root + from, root + to))
    assert.strictEqual(yield* copy("/none", "/x"), "NotFound ENOENT lstat")
    assert.strictEqual(yield* copy("/file", "/file"), "Unknown ERR_FS_CP_EINVAL cp")
    assert.strictEqual(yield* copy("/folder", "/folder/inner/x"), "Unknown ERR_FS_CP_EINVAL cp")
    assert.strictEqual(yield* copy("/folder", "/file"), "Unknown ERR_FS_CP_DIR_TO_NON_DIR cp")
    assert.strictEqual(yield* copy("/file", "/folder"), "Unknown ERR_FS_CP_NON_DIR_TO_DIR cp")
  }),

  // --- temporary files and folders

  "temporary files and folders are new each time and private": Effect.fnUntraced(
    function* (fs, root) {
      const first = yield* fs.makeTempDirectory({ directory: root, prefix: "pre-" })
      const second = yield* fs.makeTempDirectory({ directory: root, prefix: "pre-" })
      assert.notStrictEqual(first, second)
      assert.match(first.slice(root.length), /^\/pre-[\da-zA-Z]{6}$/)
      assert.strictEqual(yield* modeOf(fs, first), "700")
      const file = yield* fs.makeTempFile({ directory: root, suffix: ".txt" })
      assert.match(file.slice(root.length), /^\/[\da-zA-Z]{6}\/\w+\.txt$/)
      assert.strictEqual(yield* fs.readFileString(file), "")
      assert.strictEqual(
        yield* refusal(fs.makeTempDirectory({ directory: `${root}/none` })),
        "NotFound ENOENT mkdtemp"
      )
    }
  ),

  "scoped temporary files and folders go with their scope": Effect.fnUntraced(function* (fs, root) {
    yield* Effect.scoped(
      Effect.gen(function* () {
        const folder = yield* fs.makeTempDirectoryScoped({ directory: root })
        yield* fs.writeFileString(`${folder}/file`, "")
        yield* fs.makeTempFileScoped({ directory: root })
        assert.lengthOf(yield* fs.readDirectory(root), 2)
      })
    )
    assert.deepStrictEqual(yield* fs.readDirectory(root), [])
  }),

  // --- methods that Effect builds from the others

  "streams, sinks and globs work on it": Effect.fnUntraced(function* (fs, root) {
    yield* Stream.make(bytes("hello "), bytes("world")).pipe(Stream.run(fs.sink(`${root}/file`)))
    const read = fs.stream(`${root}/file`, { offset: 6, chunkSize: 2 })
    assert.strictEqual(yield* Stream.mkString(Stream.decodeText(read)), "world")
    yield* fs.makeDirectory(`${root}/a/b`, { recursive: true })
    yield* fs.writeFileString(`${root}/a/b/c.txt`, "")
    assert.deepStrictEqual(yield* fs.glob("**/*.txt", { root }), ["a/b/c.txt"])
  })
}

const permissionCases: Record<string, Body> = {
  "a folder without write permission keeps its names": Effect.fnUntraced(function* (fs, root) {
    yield* fs.makeDirectory(`${root}/folder/inner`, { recursive: true })
    yield* fs.writeFileString(`${root}/folder/file`, "text")
    yield* fs.writeFileString(`${root}/file`, "text")
    yield* fs.chmod(`${root}/folder`, 0o555)
    const folder = `${root}/folder`
    const refused = "PermissionDenied EACCES"
    assert.strictEqual(yield* refusal(fs.writeFileString(`${folder}/x`, "")), `${refused} open`)
    assert.strictEqual(yield* refusal(fs.makeDirectory(`${folder}/x`)), `${refused} mkdir`)
    assert.strictEqual(yield* refusal(fs.symlink("x", `${folder}/x`)), `${refused} symlink`)
    assert.strictEqual(yield* refusal(fs.link(`${root}/file`, `${folder}/x`)), `${refused} link`)
    assert.strictEqual(yield* refusal(fs.remove(`${folder}/file`)), `${refused} unlink`)
    assert.strictEqual(
      yield* refusal(fs.remove(`${folder}/inner`, { recursive: true })),
      `${refused} rmdir`
    )
    assert.strictEqual(
      yield* refusal(fs.rename(`${folder}/file`, `${root}/x`)),
      `${refused} rename`
    )
    assert.strictEqual(
      yield* refusal(fs.rename(`${root}/file`, `${folder}/x`)),
      `${refused} rename`
    )
    assert.strictEqual(
      yield* refusal(fs.makeTempDirectory({ directory: folder })),
      `${refused} mkdtemp`
    )
    assert.strictEqual(yield* refusal(fs.access(folder, { writable: true })), `${refused} access`)
    yield* fs.writeFileString(`${folder}/file`, "changed")
    yield* fs.chmod(folder, 0o755)
  }),

  "a folder without search or read permission is not looked into": Effect.fnUntraced(
    function* (fs, root) {
      yield* fs.makeDirectory(`${root}/folder`)
      yield* fs.writeFileString(`${root}/folder/file`, "text")
      yield* fs.chmod(`${root}/folder`, 0o600)
      const refused = "PermissionDenied EACCES"
      assert.strictEqual(yield* refusal(fs.readFile(`${root}/folder/file`)), `${refused} open`)
      assert.strictEqual(yield* refusal(fs.exists(`${root}/folder/file`)), `${refused} access`)
      assert.deepStrictEqual(yield* fs.readDirectory(`${root}/folder`), ["file"])
      yield* fs.chmod(`${root}/folder`, 0o300)
      assert.strictEqual(yield* refusal(fs.readDirectory(`${root}/folder`)), `${refused} scandir`)
      assert.strictEqual(yield* fs.readFileString(`${root}/folder/file`), "text")
      yield* fs.chmod(`${root}/folder`, 0o755)
    }
  ),

  "a file is opened only as its mode allows": Effect.fnUntraced(function* (fs, root) {
    yield* fs.writeFileString(`${root}/file`, "text")
    yield* fs.chmod(`${root}/file`, 0o400)
    assert.strictEqual(
      yield* refusal(fs.writeFileString(`${root}/file`, "x")),
      "PermissionDenied EACCES open"
    )
    yield* fs.chmod(`${root}/file`, 0o200)
    assert.strictEqual(yield* refusal(fs.readFile(`${root}/file`)), "PermissionDenied EACCES open")
    assert.strictEqual(
      yield* refusal(fs.chown(`${root}/file`, 0, 0)),
      "PermissionDenied EPERM chown"
    )
    yield* fs.remove(`${root}/file`)
  }),

  "a write takes away the rights that the file lends": Effect.fnUntraced(function* (fs, root) {
    yield* fs.writeFileString(`${root}/file`, "text")
    yield* fs.chmod(`${root}/file`, 0o6755)
    yield* fs.writeFileString(`${root}/file`, "x", { flag: "a" })
    assert.strictEqual(yield* modeOf(fs, `${root}/file`), "755")
  }),

  "a folder that is moved must itself be writable": Effect.fnUntraced(function* (fs, root) {
    yield* fs.makeDirectory(`${root}/folder`)
    yield* fs.makeDirectory(`${root}/other`)
    yield* fs.chmod(`${root}/folder`, 0o555)
    assert.strictEqual(
      yield* refusal(fs.rename(`${root}/folder`, `${root}/other/folder`)),
      "PermissionDenied EACCES rename"
    )
    yield* fs.rename(`${root}/folder`, `${root}/renamed`)
  })
}
