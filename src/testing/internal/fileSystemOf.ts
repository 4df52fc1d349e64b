/**
 * Effect's `FileSystem` on the disk in memory.
 */
import { posix } from "node:path"
import { Effect, FileSystem, Scope, Stream } from "effect"
import { badArgument, type Calls, checkInteger, make as makeCalls } from "./calls.ts"
import type * as Linux from "./linuxDisk.ts"
import * as Node from "./nodeMethods.ts"
import * as OpenFile from "./openFile.ts"

interface TemporaryOptions {
  readonly directory?: string | undefined
  readonly prefix?: string | undefined
  readonly suffix?: string | undefined
}

const millisecondsOf = (time: Date | number, now: number) => {
  const milliseconds = typeof time === "number" ? time * 1000 : time.getTime()
  return typeof time === "number" && time < 0 ? now : milliseconds
}

const writeFile =
  ({ disk, onPath }: Calls): FileSystem.FileSystem["writeFile"] =>
  (path, data, options) =>
    onPath("writeFile", [path], () =>
      Node.writeWhole(disk, path, data, options?.flag ?? "w", options?.mode ?? 0o666)
    )

/** Temporary files and folders. */
const temporary = (calls: Calls) => {
  const { disk, onPath } = calls
  const makeTemporary = (method: string, options: TemporaryOptions | undefined) => {
    const prefix = posix.join(options?.directory ?? "/tmp", options?.prefix || "./")
    return onPath(method, [prefix], () => {
      for (;;) {
        const path = `${prefix}${disk.nextTemporary()}`
        const taken = Node.attempt(
          () => disk.mkdir(path, 0o700, "mkdtemp"),
          (failure) => {
            if (failure.code !== "EEXIST") throw failure
            return true
          }
        )
        if (!taken) return path
      }
    })
  }
  const makeTemporaryFile = (method: string, options: TemporaryOptions | undefined) =>
    Effect.flatMap(makeTemporary(method, options), (directory) => {
      const path = posix.join(directory, `file${options?.suffix ?? ""}`)
      return Effect.as(writeFile(calls)(path, new Uint8Array(0)), path)
    })
  const removeTemporary = (method: string, path: string) =>
    Effect.orDie(onPath(method, [path], () => Node.remove(disk, path, true, true)))

  return {
    makeTempDirectory: (options?: TemporaryOptions) => makeTemporary("makeTempDirectory", options),
    makeTempDirectoryScoped: (options?: TemporaryOptions) =>
      Effect.acquireRelease(makeTemporary("makeTempDirectoryScoped", options), (path) =>
        removeTemporary("makeTempDirectoryScoped", path)
      ),
    makeTempFile: (options?: TemporaryOptions) => makeTemporaryFile("makeTempFile", options),
    makeTempFileScoped: (options?: TemporaryOptions) =>
      Effect.acquireRelease(makeTemporaryFile("makeTempFileScoped", options), (path) =>
        removeTemporary("makeTempFileScoped", posix.dirname(path))
      )
  } satisfies Partial<FileSystem.FileSystem>
}

/** The methods that only read. */
const reads = ({ disk, onPath }: Calls) =>
  ({
    access: (path, options) =>
      onPath("access", [path], () =>
        disk.access(path, {
          readable: options?.readable ?? false,
          writable: options?.writable ?? false
        })
      ),
    lstat: (path) => onPath("lstat", [path], () => OpenFile.infoOf(disk.lstat(path))),
    readDirectory: (path, options) =>
      onPath("readDirectory", [path], () =>
        Node.readDirectory(disk, path, options?.recursive ?? false)
      ),
    readDirectoryEntries: (path) =>
      onPath("readDirectoryEntries", [path], () =>
        disk
          .readdir(path)
          .sorted()
          .map(([name, { type }]) => ({ name, type }))
      ),
    readFile: (path) => onPath("readFile", [path], () => Node.readWhole(disk, path)),
    readLink: (path) => onPath("readLink", [path], () => disk.readlink(path)),
    realPath: (path) => onPath("realPath", [path], () => Node.realPath(disk, path)),
    stat: (path) => onPath("stat", [path], () => OpenFile.infoOf(disk.stat(path))),
    watch: (path) =>
      Stream.fromEffect(
        Effect.andThen(
          onPath("stat", [path], () => disk.stat(path)),
          Effect.fail(badArgument("watch", "a file system in memory cannot be watched"))
        )
      )
  }) satisfies Partial<FileSystem.FileSystem>

/** The methods that change what a path names. */
const changes = ({ disk, onPath }: Calls) =>
  ({
    chmod: (path, mode) =>
      onPath("chmod", [path], () => {
        checkInteger("chmod", "mode", mode, 0, 2 ** 32 - 1)
        disk.chmod(path, mode)
      }),
    chown: (path, uid, gid) =>
      onPath("chown", [path], () => {
        checkInteger("chown", "uid", uid, -1, 2 ** 32 - 1)
        checkInteger("chown", "gid", gid, -1, 2 ** 32 - 1)
        disk.chown(path, uid, gid)
      }),
    copy: (from, to, options) =>
      onPath("copy", [from, to], () =>
        Node.copy(disk, from, to, {
          overwrite: options?.overwrite ?? false,
          preserveTimestamps: options?.preserveTimestamps ?? false
        })
      ),
    copyFile: (from, to) => onPath("copyFile", [from, to], () => Node.copyFile(disk, from, to)),
    link: (from, to) => onPath("link", [from, to], () => disk.link(from, to)),
    makeDirectory: (path, options) =>
      onPath("makeDirectory", [path], () => {
        const mode = options?.mode ?? 0o777
        checkInteger("makeDirectory", "mode", mode, 0, 2 ** 32 - 1)
        if (options?.recursive) Node.makeDirectories(disk, path, mode)
        else disk.mkdir(path, mode)
      }),
    remove: (path, options) =>
      onPath("remove", [path], () =>
        Node.remove(disk, path, options?.recursive ?? false, options?.force ?? false)
      ),
    rename: (from, to) => onPath("rename", [from, to], () => disk.rename(from, to)),
    symlink: (target, path) => onPath("symlink", [target, path], () => disk.symlink(target, path)),
    truncate: (path, length = 0) =>
      onPath("truncate", [path], () => {
        const handle = disk.open(path, Node.accessOf("r+"), 0)
        try {
          OpenFile.truncate(disk, "truncate", handle, length)
        } finally {
          disk.close(handle)
        }
      }),
    utimes: (path, atime, mtime) =>
      onPath("utime", [path], () => {
        const [accessed, modified] = [
          millisecondsOf(atime, disk.now),
          millisecondsOf(mtime, disk.now)
        ]
        if (!Number.isFinite(accessed) || !Number.isFinite(modified))
          throw badArgument("utime", "a time must be a valid date or a number of seconds")
        disk.utimes(path, accessed, modified)
      })
  }) satisfies Partial<FileSystem.FileSystem>

const open =
  (calls: Calls): FileSystem.FileSystem["open"] =>
  (path, options) =>
    // As `acquireRelease` does it, in fewer steps: tests open files very often.
    Effect.uninterruptible(
      Effect.flatMap(Effect.scope, (scope) =>
        Effect.flatMap(
          calls.onPath("open", [path], () =>
            calls.disk.open(
              path,
              Node.accessOf(options?.flag ?? "r", options?.noFollow),
              options?.mode ?? 0o666
            )
          ),
          (handle) =>
            Effect.as(
              Scope.addFinalizer(
                scope,
                Effect.sync(() => calls.disk.close(handle))
              ),
              OpenFile.make(calls, handle)
            )
        )
      )
    )

export const make = (disk: Linux.Disk): FileSystem.FileSystem => {
  const calls = makeCalls(disk)
  return FileSystem.make({
    ...reads(calls),
    ...changes(calls),
    ...temporary(calls),
    open: open(calls),
    writeFile: writeFile(calls)
  })
}
