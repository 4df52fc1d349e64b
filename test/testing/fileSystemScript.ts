/**
 * Random programs of file-system operations. Their results are plain values, which can be compared between
 * two file systems.
 */
import { Effect, Exit, Option, Random, Result } from "effect"
import type { FileSystem, PlatformError, Scope } from "effect"

/** The text of an error or a result, without the parts that differ between file systems. */
const describeError = (error: PlatformError.PlatformError, root: string) => {
  const { reason } = error
  if (reason._tag === "BadArgument") return { tag: reason._tag, method: reason.method }
  const { cause } = reason
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : cause
  const at = reason.pathOrDescriptor
  return {
    tag: reason._tag,
    method: reason.method,
    // Releases of Node differ in how they walk a tree that they copy.
    syscall: reason.method === "copy" ? undefined : reason.syscall,
    code,
    at: typeof at === "number" ? "descriptor" : at?.replace(root, "")
  }
}

const describeInfo = (info: FileSystem.File.Info) => ({
  type: info.type,
  mode: info.mode.toString(8),
  nlink: Option.getOrThrow(info.nlink),
  // The size of a folder depends on the file system, that of a link on the path of the tree.
  size: info.type === "File" ? info.size : undefined
})

const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes)

type Described = ReturnType<typeof describeInfo> | ReturnType<typeof describeError>

/** Every path below `root` with its entry, or with the error of reading it. */
const tree = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, root: string) {
  const found: Array<readonly [string, Described, unknown]> = []
  const visit = (path: string): Effect.Effect<void> =>
    Effect.gen(function* () {
      const info = yield* fs.lstat(path)
      const content: Effect.Effect<string | ReadonlyArray<string>, PlatformError.PlatformError> =
        info.type === "File"
          ? Effect.map(fs.readFile(path), text)
          : info.type === "Directory"
            ? fs.readDirectory(path)
            : // Releases of Node differ in the closing slash of a link that they copied.
              Effect.map(fs.readLink(path), (to) => to.replace(root, "").replace(/\/$/, ""))
      const result = yield* Effect.result(content)
      found.push([
        path.replace(root, ""),
        describeInfo(info),
        Result.isSuccess(result) ? result.success : describeError(result.failure, root)
      ])
      if (Result.isSuccess(result) && typeof result.success !== "string")
        for (const name of result.success) yield* visit(`${path}/${name}`)
    }).pipe(
      Effect.catch((error) =>
        Effect.sync(
          () => void found.push([path.replace(root, ""), describeError(error, root), undefined])
        )
      )
    )
  yield* visit(root)
  return found
})

/** The number of symbolic links below `root`. */
const links = (fs: FileSystem.FileSystem, root: string) =>
  Effect.map(
    tree(fs, root),
    (found) => found.filter(([, info]) => "type" in info && info.type === "SymbolicLink").length
  )

/** Makes all folders accessible, so that the tree can be read and removed. */
const unlock = (
  fs: FileSystem.FileSystem,
  path: string
): Effect.Effect<void, PlatformError.PlatformError> =>
  Effect.gen(function* () {
    yield* fs.chmod(path, 0o755)
    for (const { name, type } of yield* fs.readDirectoryEntries(path))
      if (type === "Directory") yield* unlock(fs, `${path}/${name}`)
  })

const names = ["a", "b", "c"]
const flags: ReadonlyArray<FileSystem.OpenFlag> = [
  "r",
  "r+",
  "w",
  "wx",
  "w+",
  "wx+",
  "a",
  "ax",
  "a+",
  "ax+"
]

const pick = <A>(from: ReadonlyArray<A>) =>
  Effect.map(Random.nextIntBetween(0, from.length - 1), (index) => from[index] as A)

const chance = (percent: number) =>
  Effect.map(Random.nextIntBetween(1, 100), (drawn) => drawn <= percent)

const plainPath = Effect.gen(function* () {
  let path = ""
  const depth = yield* pick([1, 1, 1, 2, 2, 2, 3])
  for (let level = 0; level < depth; level++) path += `/${yield* pick(names)}`
  return path
})

const somePath = Effect.gen(function* () {
  const path = yield* plainPath
  return (yield* chance(4)) ? path + (yield* pick(["/", "/.", "/..", "//", "/../b"])) : path
})

const someBytes = Effect.map(pick([0, 1, 3, 10, 5000]), (length) =>
  new Uint8Array(length).fill(length % 251)
)

/** One operation. It is drawn before it runs, so that both file systems get the same one. */
interface Operation {
  readonly name: string
  readonly run: (
    fs: FileSystem.FileSystem,
    root: string,
    open: Array<FileSystem.File>
  ) => Effect.Effect<unknown, PlatformError.PlatformError, Scope.Scope>
}

const onOpen = (
  slot: number,
  f: (file: FileSystem.File) => Effect.Effect<unknown, PlatformError.PlatformError>
): Operation["run"] => {
  return (_fs, _root, open) => {
    const file = open[slot % Math.max(1, open.length)]
    return file === undefined ? Effect.void : f(file)
  }
}

const someOperation = Effect.gen(function* (): Effect.fn.Return<Operation> {
  const path = yield* somePath
  const other = yield* somePath
  const data = yield* someBytes
  const flag = yield* pick(flags)
  const mode = yield* pick([0o600, 0o644, 0o755, 0o777, 0o4711])
  const yes = yield* chance(50)
  const slot = yield* Random.nextIntBetween(0, 7)
  const count = yield* pick([0, 1, 4, 12, 6000])
  // No target goes up, because a chain of such links would lead out of the folder.
  const target = yield* pick(["a", "b/c", ".", "c/", "a/b/c", yield* plainPath])
  const on = (method: string, run: Operation["run"], ...rest: ReadonlyArray<unknown>) => ({
    name: [method, path, ...rest].join(" "),
    run
  })
  const kinds: ReadonlyArray<() => Operation> = [
    () => on("access", (fs, root) => fs.access(root + path, { writable: yes })),
    () => on("chmod", (fs, root) => fs.chmod(root + path, mode), mode),
    () =>
      on(
        "copy",
        // Node's first error is random if both ends are missing or if two trees do not fit together.
        (fs, root) =>
          Effect.gen(function* () {
            const source = yield* fs.lstat(root + path)
            const target = yield* Effect.option(fs.lstat(root + other))
            const isClear = Option.isNone(target) && (yield* links(fs, root)) === 0
            if (source.type !== "Directory" || isClear)
              yield* fs.copy(root + path, root + other, { overwrite: yes })
          }),
        other,
        yes
      ),
    () => on("copyFile", (fs, root) => fs.copyFile(root + path, root + other), other),
    () => on("exists", (fs, root) => fs.exists(root + path)),
    () => on("link", (fs, root) => fs.link(root + path, root + other), other),
    () => on("lstat", (fs, root) => Effect.map(fs.lstat(root + path), describeInfo)),
    () =>
      on(
        "makeDirectory",
        (fs, root) => Effect.asVoid(fs.makeDirectory(root + path, { mode })),
        mode
      ),
    () =>
      on(
        "makeDirectory",
        (fs, root) => Effect.asVoid(fs.makeDirectory(root + path, { recursive: true })),
        "recursive"
      ),
    () => on("readDirectory", (fs, root) => fs.readDirectory(root + path)),
    () =>
      on(
        "readDirectory",
        (fs, root) =>
          Effect.gen(function* () {
            // Two links to a parent would make the listing almost endless.
            return (yield* links(fs, root)) > 1
              ? undefined
              : (yield* fs.readDirectory(root + path, { recursive: true })).toSorted()
          }),
        "recursive"
      ),
    () => on("readDirectoryEntries", (fs, root) => fs.readDirectoryEntries(root + path)),
    () => on("readFile", (fs, root) => Effect.map(fs.readFile(root + path), text)),
    () =>
      on("readLink", (fs, root) =>
        Effect.map(fs.readLink(root + path), (found) => found.replace(root, ""))
      ),
    () =>
      on("realPath", (fs, root) =>
        Effect.map(fs.realPath(root + path), (found) => found.replace(root, ""))
      ),
    () => on("remove", (fs, root) => fs.remove(root + path, { force: yes }), yes),
    () =>
      on(
        "remove",
        // It is random whether `a/../b` is found while Node removes `a` at the same time.
        (fs, root) => fs.remove(root + path, { recursive: !path.includes(".."), force: yes }),
        "recursive",
        yes
      ),
    () => on("rename", (fs, root) => fs.rename(root + path, root + other), other),
    () => on("stat", (fs, root) => Effect.map(fs.stat(root + path), describeInfo)),
    () =>
      on(
        "symlink",
        (fs, root) => fs.symlink(target.startsWith("/") ? root + target : target, root + path),
        target
      ),
    () => on("truncate", (fs, root) => fs.truncate(root + path, count), count),
    () =>
      on(
        "writeFile",
        (fs, root) => fs.writeFile(root + path, data, { flag, mode }),
        data.length,
        flag,
        mode
      ),
    () => on("writeFile", (fs, root) => fs.writeFile(root + path, data), data.length),
    () =>
      on(
        "open",
        (fs, root, open) =>
          Effect.map(
            fs.open(root + path, { flag, mode, noFollow: yes && slot === 0 }),
            (file) => void open.push(file)
          ),
        flag,
        mode,
        yes && slot === 0
      ),
    () =>
      on(
        "File.stat",
        onOpen(slot, (file) => Effect.map(file.stat, describeInfo)),
        slot
      ),
    () =>
      on(
        "File.seek",
        onOpen(slot, (file) => file.seek(BigInt(count) - 1n, "current")),
        slot
      ),
    () =>
      on(
        "File.readAlloc",
        onOpen(slot, (file) => Effect.map(file.readAlloc(count), Option.map(text))),
        slot,
        count
      ),
    () =>
      on(
        "File.read",
        onOpen(slot, (file) => file.read(new Uint8Array(count), { position: 2n })),
        slot,
        count
      ),
    () =>
      on(
        "File.write",
        onOpen(slot, (file) => file.write(data)),
        slot,
        data.length
      ),
    () =>
      on(
        "File.writeAll",
        onOpen(slot, (file) => file.writeAll(data)),
        slot,
        data.length
      ),
    () =>
      on(
        "File.truncate",
        onOpen(slot, (file) => file.truncate(count)),
        slot,
        count
      ),
    () =>
      on(
        "File.sync",
        onOpen(slot, (file) => file.sync),
        slot
      )
  ]
  return (yield* pick(kinds))()
})

/** The program of a seed. */
export const script = (seed: number, length: number): Effect.Effect<ReadonlyArray<Operation>> =>
  Effect.replicateEffect(someOperation, length).pipe(Random.withSeed(seed))

/** The result of each operation of a script in a folder below `root`, and the tree that it leaves. */
export const play = Effect.fnUntraced(function* (
  operations: ReadonlyArray<Operation>,
  fs: FileSystem.FileSystem,
  root: string
) {
  // Deep enough for the few steps up that `..` behind a link to `.` can make.
  const folder = `${root}/1/2/3/4/5/6/7/8`
  yield* fs.makeDirectory(folder, { recursive: true })
  const open: Array<FileSystem.File> = []
  const results: Array<unknown> = []
  for (const { name, run } of operations) {
    const exit = yield* Effect.exit(run(fs, folder, open))
    results.push([
      name,
      Exit.isSuccess(exit)
        ? exit.value
        : Exit.findErrorOption(exit).pipe(
            Option.map((error) => describeError(error, root)),
            Option.getOrElse(() => exit.cause)
          )
    ])
  }
  const locked = yield* tree(fs, root)
  yield* unlock(fs, root)
  return { results, locked, tree: yield* tree(fs, root) }
})
