/**
 * A new folder that is written whole and durably, or is not there.
 */
import { Effect, Exit, type Path, type PlatformError, type Scope, Semaphore } from "effect"
import type { Disk } from "../cache/Disk.ts"

type Failure = PlatformError.PlatformError

/** A file whose content comes in parts. */
export interface OpenFile {
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, Failure>
  readonly sync: Effect.Effect<void, Failure>
}

/** Paths are relative to the folder, with `/` between their parts. */
export interface FolderWriter {
  /** Its parent must be there. */
  readonly makeDirectory: (path: string) => Effect.Effect<void, Failure>
  /**
   * Ends as soon as the write has begun, beside a few others. If the write fails, a later one or
   * {@link FolderWriter.sync} fails with its error.
   */
  readonly writeFile: (
    path: string,
    mode: number,
    content: Uint8Array
  ) => Effect.Effect<void, Failure>
  /** Begins a new file, which is closed with the scope. */
  readonly openFile: (path: string, mode: number) => Effect.Effect<OpenFile, Failure, Scope.Scope>
  /** Ends when all is written and durable. */
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
  disk: Disk,
  pathService: Path.Path,
  root: string
): Effect.fn.Return<FolderWriter, Failure, Scope.Scope> {
  const slots = yield* Semaphore.make(concurrency)
  // A call that was made cannot be taken back, so its caller waits until it is over.
  const call = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    disk.isSynchronous() ? effect : slots.withPermit(Effect.uninterruptible(effect))

  let failed: Exit.Exit<void, Failure> | undefined
  /** Runs the calls in the background, unless the disk is synchronous. */
  const launch = (calls: Effect.Effect<void, Failure>): Effect.Effect<void, Failure> =>
    disk.isSynchronous()
      ? calls
      : Effect.uninterruptibleMask((restore) =>
          Effect.andThen(restore(slots.take(1)), () => {
            if (failed !== undefined) return Effect.andThen(slots.release(1), failed)
            const settled = Effect.onExit(calls, (exit) => {
              if (Exit.isFailure(exit)) failed ??= exit
              return slots.release(1)
            })
            return Effect.forkDetach(settled, { startImmediately: true })
          })
        )
  const launched = Effect.andThen(
    slots.withPermits(concurrency)(Effect.void),
    Effect.suspend(() => failed ?? Effect.void)
  )

  yield* Effect.acquireRelease(disk.makeDirectory(root, { mode: directoryMode }), (_, exit) =>
    Exit.isSuccess(exit)
      ? Effect.void
      : // With all slots taken, no call is under way and none can start.
        slots.take(concurrency).pipe(
          Effect.andThen(disk.remove(root)),
          Effect.ignore({
            log: "Warn",
            message: `could not remove the unfinished folder ${root}`
          })
        )
  )
  const directories = [root]

  // The umask cannot be read, but it shows in the folder. Bits that no folder of ours has stay in doubt.
  const rootMode = (yield* call(disk.lstat(root)))?.mode ?? 0
  const doubtful = (directoryMode & ~rootMode) | (0o777 & ~directoryMode)
  const isDoubtful = (mode: number) => (mode & doubtful) !== 0

  if (isDoubtful(directoryMode)) yield* call(disk.chmod(root, directoryMode))

  return {
    makeDirectory: (path) => {
      const target = pathService.join(root, path)
      directories.push(target)
      const made = disk.makeDirectory(target, { mode: directoryMode })
      return call(
        isDoubtful(directoryMode) ? Effect.andThen(made, disk.chmod(target, directoryMode)) : made
      )
    },
    writeFile: (path, mode, content) =>
      launch(
        disk.createFile(pathService.join(root, path), content, {
          mode,
          exactMode: isDoubtful(mode)
        })
      ),
    openFile: Effect.fnUntraced(function* (path, mode) {
      const target = pathService.join(root, path)
      const file = yield* call(disk.openNew(target, mode))
      if (isDoubtful(mode)) yield* call(file.chmod(mode))
      return { write: (bytes) => call(file.write(bytes)), sync: call(file.sync) }
    }),
    sync: Effect.andThen(launched, () =>
      Effect.forEach(directories, (directory) => call(disk.syncDirectory(directory)), {
        concurrency: disk.isSynchronous() ? 1 : concurrency,
        discard: true
      })
    )
  }
})
