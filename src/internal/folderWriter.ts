/**
 * A new folder that is written whole and durably, or is not there.
 */
import {
  Effect,
  Exit,
  type FileSystem,
  type Path,
  type PlatformError,
  Semaphore,
  Stream
} from "effect"
import type { Scope } from "effect"
import { syncDirectory } from "./atomicFile.ts"

type Failure = PlatformError.PlatformError

/** Paths are relative to the folder, with `/` between their parts. Everything may run at once. */
export interface FolderWriter {
  /** Its parent must be there. */
  readonly makeDirectory: (path: string) => Effect.Effect<void, Failure>
  readonly writeFile: (
    path: string,
    mode: number,
    content: Uint8Array
  ) => Effect.Effect<void, Failure>
  readonly writeFileStream: <E>(
    path: string,
    mode: number,
    content: Stream.Stream<Uint8Array, E>
  ) => Effect.Effect<void, E | Failure>
  /** Makes every name durable; the files' contents are so already. */
  readonly sync: Effect.Effect<void, Failure>
}

/** How many file-system calls of one folder are under way at once. */
export const concurrency = 8

const directoryMode = 0o755

/**
 * Makes the folder, whose parent must be there and which must not. It is removed again if the scope
 * ends in failure or interruption.
 *
 * Modes hold whatever the umask is.
 */
export const make = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  pathService: Path.Path,
  root: string
): Effect.fn.Return<FolderWriter, Failure, Scope.Scope> {
  const slots = yield* Semaphore.make(concurrency)
  // A call is not taken back once it is made: what waits for it must wait until it is over.
  const call = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    slots.withPermit(Effect.uninterruptible(effect))

  yield* Effect.acquireRelease(fs.makeDirectory(root, { mode: directoryMode }), (_, exit) =>
    Exit.isSuccess(exit)
      ? Effect.void
      : // With all slots taken nothing is under way and nothing can start any more.
        slots.take(concurrency).pipe(
          Effect.andThen(fs.remove(root, { recursive: true, force: true })),
          Effect.ignore({
            log: "Warn",
            message: `could not remove the unfinished folder ${root}`
          })
        )
  )
  const directories = [root]

  // The umask cannot be asked for, but it shows. Bits that no folder of ours has are always in doubt.
  const { mode: rootMode } = yield* call(fs.stat(root))
  const doubtful = (directoryMode & ~rootMode) | (0o777 & ~directoryMode)
  const settleMode = (target: string, mode: number) =>
    mode & doubtful ? fs.chmod(target, mode) : Effect.void

  yield* call(settleMode(root, directoryMode))

  const create = Effect.fnUntraced(function* (target: string, mode: number) {
    const file = yield* fs.open(target, { flag: "wx", mode })
    yield* settleMode(target, mode)
    return file
  })

  return {
    makeDirectory: (path) => {
      const target = pathService.join(root, path)
      directories.push(target)
      return call(
        Effect.andThen(
          fs.makeDirectory(target, { mode: directoryMode }),
          settleMode(target, directoryMode)
        )
      )
    },
    writeFile: Effect.fnUntraced(
      function* (path, mode, content) {
        const file = yield* create(pathService.join(root, path), mode)
        yield* file.writeAll(content)
        yield* file.sync
      },
      Effect.scoped,
      call
    ),
    writeFileStream: Effect.fnUntraced(function* (path, mode, content) {
      const file = yield* call(create(pathService.join(root, path), mode))
      yield* Stream.runForEach(content, (chunk) => call(file.writeAll(chunk)))
      yield* call(file.sync)
    }, Effect.scoped),
    sync: Effect.suspend(() =>
      Effect.forEach(directories, (directory) => call(syncDirectory(fs, directory)), {
        concurrency,
        discard: true
      })
    )
  }
})
