/**
 * Any disk with a hook before each of its operations, which can fail, stop the process there, or let
 * another writer act. A hook also gets control in the middle of the operations that make several
 * changes, and before each read of several.
 */
import { Effect, PlatformError } from "effect"
import type * as Disk from "../../src/internal/disk/Disk.ts"
import type * as Reads from "../../src/internal/disk/reads.ts"
import { Stopped } from "../../src/testing/internal/stopped.ts"

type Failure = PlatformError.PlatformError

/** Changes each of some reads before it is made. A `PlatformError` that is thrown is its answer. */
export function* intercept<A>(
  make: () => Reads.Reads<A>,
  before: (read: Reads.Read) => Reads.Read
): Reads.Reads<A> {
  const reads = make()
  let at = reads.next()
  while (at.done !== true) {
    let answer: unknown
    try {
      answer = yield before(at.value)
    } catch (error) {
      if (!PlatformError.isPlatformError(error)) throw error
      at = reads.throw(error)
      continue
    }
    at = reads.next(answer)
  }
  return at.value
}

/** An operation that is about to be made. */
export interface Operation {
  /** The number of operations before it. */
  readonly index: number
  /** The name of the disk's method, or of one of several reads. */
  readonly method: string
  readonly paths: ReadonlyArray<string>
  /** The number of changes before it, if it is a change. A sync is one. */
  readonly change: number | undefined
  /** True for the second half of an operation whose first half has been made. */
  readonly isHalf: boolean
}

/** Gives the failure of an operation, or {@link Stopped}. It acts at once, because several reads may be one step. */
export type Hook = (operation: Operation) => Failure | Stopped | undefined

const half = (bytes: Uint8Array) => bytes.subarray(0, Math.floor(bytes.length / 2))

const ended = (end: Failure | Stopped): Effect.Effect<never, Failure> =>
  end instanceof Stopped ? Effect.die(end) : Effect.fail(end)

const counted = (hook: Hook) => {
  let operations = 0
  let changes = 0
  const ask = (method: string, paths: ReadonlyArray<string>, isChange: boolean, isHalf = false) =>
    hook({ index: operations++, method, paths, isHalf, change: isChange ? changes++ : undefined })

  const read = <A, R>(
    method: string,
    paths: ReadonlyArray<string>,
    made: Effect.Effect<A, Failure, R>
  ) =>
    Effect.suspend(() => {
      const end = ask(method, paths, false)
      return end === undefined ? made : ended(end)
    })

  const change = <A, R>(
    method: string,
    paths: ReadonlyArray<string>,
    whole: Effect.Effect<A, Failure, R>,
    firstHalf?: Effect.Effect<unknown, Failure>
  ): Effect.Effect<A, Failure, R> =>
    Effect.suspend(() => {
      const end = ask(method, paths, true)
      if (end !== undefined) return ended(end)
      if (firstHalf === undefined) return whole
      const halfway = ask(method, paths, true, true)
      return halfway === undefined ? whole : Effect.andThen(firstHalf, ended(halfway))
    })

  const watched =
    <A>(make: () => Reads.Reads<A>) =>
    () =>
      intercept(make, (next) => {
        const end = ask(next.method, [next.path], false)
        if (end !== undefined) throw end
        return next
      })

  return { read, change, watched }
}

/** Removes half of the entries of a folder. */
const removeHalf = (disk: Disk.Disk, path: string) =>
  Effect.gen(function* () {
    if ((yield* disk.lstat(path))?.type !== "Directory") return
    const names = [...(yield* disk.names(path))].toSorted()
    for (const name of names.slice(0, Math.ceil(names.length / 2))) {
      yield* disk.remove(`${path}/${name}`)
    }
  })

/** The folders, half of the files, and the first half of the next one. */
const createHalf = (disk: Disk.Disk, entries: ReadonlyArray<Disk.NewEntry>) => {
  const folders = entries.filter(({ _tag }) => _tag === "Folder")
  const files = entries.filter((entry) => entry._tag === "File")
  const middle = Math.floor(files.length / 2)
  const next = files[middle]
  const begun = next === undefined ? [] : [{ ...next, contents: half(next.contents) }]
  return disk.createAll([...folders, ...files.slice(0, middle), ...begun])
}

/** Puts a hook before every operation of a disk. */
export const make = (disk: Disk.Disk, hook: Hook): Disk.Disk => {
  const { change, read, watched } = counted(hook)
  return {
    yieldTurn: disk.yieldTurn,
    lstat: (path) => read("lstat", [path], disk.lstat(path)),
    entries: (folder) => read("entries", [folder], disk.entries(folder)),
    names: (folder) => read("names", [folder], disk.names(folder)),
    readFile: (path, limit) => read("readFile", [path], disk.readFile(path, limit)),
    ensureWritable: (path) => read("ensureWritable", [path], disk.ensureWritable(path)),
    realPath: (path) => read("realPath", [path], disk.realPath(path)),
    runReads: (make) => disk.runReads(watched(make)),
    runAllReads: (all) => disk.runAllReads(all.map((make) => watched(make))),
    createFile: (path, contents, options) =>
      change(
        "createFile",
        [path],
        disk.createFile(path, contents, options),
        disk.createFile(path, half(contents), options)
      ),
    createAll: (entries) =>
      change(
        "createAll",
        entries.map(({ path }) => path),
        disk.createAll(entries),
        createHalf(disk, entries)
      ),
    openNew: (path, mode) =>
      Effect.map(change("openNew", [path], disk.openNew(path, mode)), (file) => ({
        write: (piece) => change("write", [path], file.write(piece), file.write(half(piece))),
        chmod: (mode) => change("chmod", [path], file.chmod(mode)),
        sync: change("sync", [path], file.sync)
      })),
    copyFile: (from, to) => change("copyFile", [from, to], disk.copyFile(from, to)),
    makeDirectory: (path, options) =>
      change("makeDirectory", [path], disk.makeDirectory(path, options)),
    makeTempDirectory: (directory, prefix) =>
      change("makeTempDirectory", [directory], disk.makeTempDirectory(directory, prefix)),
    chmod: (path, mode) => change("chmod", [path], disk.chmod(path, mode)),
    touch: (path, time) => change("touch", [path], disk.touch(path, time)),
    rename: (from, to) => change("rename", [from, to], disk.rename(from, to)),
    remove: (path) => change("remove", [path], disk.remove(path), removeHalf(disk, path)),
    syncFile: (path) => change("sync", [path], disk.syncFile(path)),
    syncDirectory: (path) => change("sync", [path], disk.syncDirectory(path)),
    syncDirectories: (paths) => change("sync", paths, disk.syncDirectories(paths))
  }
}
