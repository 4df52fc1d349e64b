/**
 * A file system that runs a hook before and after each operation, for example to make the k-th one
 * fail with an errno.
 */
import { Cause, Effect, Exit, FileSystem, Scope, Stream } from "effect"
import type { PlatformError } from "effect"
import * as Errno from "../../src/testing/internal/errno.ts"
import { Stopped } from "../../src/testing/internal/stopped.ts"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"

/** An errno or a code of Node, such as `ERR_FS_EISDIR`. */
export type Code = Errno.Code

/** The error of Effect's Node layer when the system call of `method` on `path` fails. */
export const errno = (
  code: Code,
  method: string,
  path: string,
  dest?: string
): PlatformError.PlatformError =>
  Errno.platformError({ code, method, pathOrDescriptor: path, dest })

/** One operation, before it is made on the file system below. */
export interface Operation {
  /** The number of operations before this one. */
  readonly index: number
  /**
   * The method's name in Effect's errors. `exists`, `glob`, `readFileString`, `stream`, `sink` and
   * `writeFileString` count as the methods that they call, and a scoped temporary file or folder is
   * removed by a `remove`.
   */
  readonly method: string
  /** The paths of the method; for an open file, the path with which it was opened. */
  readonly paths: ReadonlyArray<string>
  /** True if the method belongs to an open file. */
  readonly file: boolean
  /**
   * How many operations that change the disk were made before, if this is one of them. `sync`
   * counts: it changes what a power loss leaves.
   */
  readonly change: number | undefined
}

/**
 * Runs around each operation. A failure of `before` is the operation's result, and nothing happens on
 * the file system below. A failure of `after` replaces the operation's result.
 */
export type Hook = (operation: Operation) => Effect.Effect<void, PlatformError.PlatformError>

/** True if the effect ended because its file system stopped. */
export const isStopped = <A, E>(exit: Exit.Exit<A, E>): boolean =>
  Exit.isFailure(exit) &&
  exit.cause.reasons.some((reason) => Cause.isDieReason(reason) && reason.defect instanceof Stopped)

const parent = (options: { readonly directory?: string | undefined } | undefined) =>
  options?.directory === undefined ? [] : [options.directory]

/** Runs `before` and `after` around every operation of `inner` and of its open files. */
export const make = (
  inner: FileSystem.FileSystem,
  before: Hook,
  after?: Hook
): FileSystem.FileSystem => {
  let operations = 0
  let changes = 0

  const around = <A, R>(
    method: string,
    kind: { readonly changes: boolean; readonly file: boolean },
    paths: ReadonlyArray<string>,
    effect: Effect.Effect<A, PlatformError.PlatformError, R>
  ): Effect.Effect<A, PlatformError.PlatformError, R> =>
    Effect.suspend(() => {
      const operation = {
        index: operations++,
        method,
        paths,
        file: kind.file,
        change: kind.changes ? changes++ : undefined
      }
      const asked = before(operation)
      const made = asked === Effect.void ? effect : Effect.andThen(asked, effect)
      return after === undefined ? made : Effect.tap(made, () => after(operation))
    })

  type Around = <A, R>(
    method: string,
    paths: ReadonlyArray<string>,
    effect: Effect.Effect<A, PlatformError.PlatformError, R>
  ) => Effect.Effect<A, PlatformError.PlatformError, R>
  const read: Around = (method, paths, effect) =>
    around(method, { changes: false, file: false }, paths, effect)
  const change: Around = (method, paths, effect) =>
    around(method, { changes: true, file: false }, paths, effect)
  const readFile: Around = (method, paths, effect) =>
    around(method, { changes: false, file: true }, paths, effect)
  const changeFile: Around = (method, paths, effect) =>
    around(method, { changes: true, file: true }, paths, effect)

  const opened = (path: string, file: FileSystem.File): FileSystem.File => ({
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: readFile("stat", [path], file.stat),
    seek: (offset, from) => readFile("seek", [path], file.seek(offset, from)),
    sync: changeFile("sync", [path], file.sync),
    read: (buffer, options) => readFile("read", [path], file.read(buffer, options)),
    readAlloc: (size, options) => readFile("readAlloc", [path], file.readAlloc(size, options)),
    truncate: (length) => changeFile("truncate", [path], file.truncate(length)),
    write: (buffer) => changeFile("write", [path], file.write(buffer)),
    writeAll: (buffer) => changeFile("writeAll", [path], file.writeAll(buffer))
  })

  // The temporary path has a scope of its own, so that the hooks also run for its removal.
  const temporary = (
    method: string,
    paths: ReadonlyArray<string>,
    effect: Effect.Effect<string, PlatformError.PlatformError, Scope.Scope>
  ) =>
    Effect.suspend(() => {
      const scope = Scope.makeUnsafe()
      return Effect.acquireRelease(
        change(method, paths, Scope.provide(effect, scope)),
        (path, exit) => Effect.orDie(change("remove", [path], Scope.close(scope, exit)))
      )
    })

  return FileSystem.make({
    access: (path, options) => read("access", [path], inner.access(path, options)),
    chmod: (path, mode) => change("chmod", [path], inner.chmod(path, mode)),
    chown: (path, uid, gid) => change("chown", [path], inner.chown(path, uid, gid)),
    copy: (from, to, options) => change("copy", [from, to], inner.copy(from, to, options)),
    copyFile: (from, to) => change("copyFile", [from, to], inner.copyFile(from, to)),
    link: (from, to) => change("link", [from, to], inner.link(from, to)),
    lstat: (path) => read("lstat", [path], inner.lstat(path)),
    makeDirectory: (path, options) =>
      change("makeDirectory", [path], inner.makeDirectory(path, options)),
    makeTempDirectory: (options) =>
      change("makeTempDirectory", parent(options), inner.makeTempDirectory(options)),
    makeTempDirectoryScoped: (options) =>
      temporary("makeTempDirectoryScoped", parent(options), inner.makeTempDirectoryScoped(options)),
    makeTempFile: (options) => change("makeTempFile", parent(options), inner.makeTempFile(options)),
    makeTempFileScoped: (options) =>
      temporary("makeTempFileScoped", parent(options), inner.makeTempFileScoped(options)),
    open: (path, options) => {
      const changes = options?.flag !== undefined && !options.flag.startsWith("r")
      return Effect.map(
        (changes ? change : read)("open", [path], inner.open(path, options)),
        (file) => opened(path, file)
      )
    },
    readDirectory: (path, options) =>
      read("readDirectory", [path], inner.readDirectory(path, options)),
    readDirectoryEntries: (path) =>
      read("readDirectoryEntries", [path], inner.readDirectoryEntries(path)),
    readFile: (path) => read("readFile", [path], inner.readFile(path)),
    readLink: (path) => read("readLink", [path], inner.readLink(path)),
    realPath: (path) => read("realPath", [path], inner.realPath(path)),
    remove: (path, options) => change("remove", [path], inner.remove(path, options)),
    rename: (from, to) => change("rename", [from, to], inner.rename(from, to)),
    stat: (path) => read("stat", [path], inner.stat(path)),
    symlink: (target, path) => change("symlink", [target, path], inner.symlink(target, path)),
    truncate: (path, length) => change("truncate", [path], inner.truncate(path, length)),
    utimes: (path, atime, mtime) => change("utimes", [path], inner.utimes(path, atime, mtime)),
    watch: (path, options) =>
      Stream.unwrap(
        read(
          "watch",
          [path],
          Effect.sync(() => inner.watch(path, options))
        )
      ),
    writeFile: (path, data, options) =>
      change("writeFile", [path], inner.writeFile(path, data, options))
  })
}

/** A disk in memory with a hook before each operation. */
export const withHook = (
  disk: MemoryFileSystem.MemoryDisk,
  before: Hook
): MemoryFileSystem.MemoryDisk => ({ ...disk, fileSystem: make(disk.fileSystem, before) })

/** A {@link Hook} under which the `change`-th operation that changes the disk fails with `code`. */
export const failChange =
  (change: number, code: Code): Hook =>
  (operation) =>
    operation.change === change
      ? Effect.fail(errno(code, operation.method, operation.paths[0] ?? "", operation.paths[1]))
      : Effect.void
