/**
 * Exclusive locks on files, which the operating system releases when their process ends.
 */
import { Effect, Predicate, type Scope } from "effect"

/** SQLite's SQLITE_BUSY. */
const busy = 5

/** The primary error code of SQLite, if there is one. Node gives the extended code. */
export const errcodeOf = (cause: unknown): number | undefined =>
  Predicate.hasProperty(cause, "errcode") && typeof cause.errcode === "number"
    ? cause.errcode & 0xff
    : undefined

/** An open lock file. Both functions throw SQLite's errors. */
interface LockFile {
  /**
   * Locks the file. False if another process, or another open file of this process, holds the lock.
   */
  readonly tryLock: () => boolean
  /** Unlocks the file. False if it was not locked. */
  readonly unlock: () => boolean
}

/**
 * Opens a lock file until the scope closes, and creates it if it is missing. The error is SQLite's
 * or the runtime's.
 *
 * The file must not be opened in any other way: a process loses its POSIX locks on a file when it
 * closes any descriptor of that file. SQLite takes care of its own descriptors. SQLite follows
 * links and waits for the writers of pipes, so the caller checks the file first.
 */
export const open = Effect.fnUntraced(function* (
  file: string
): Effect.fn.Return<LockFile, unknown, Scope.Scope> {
  const database = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        // oxlint-disable-next-line no-restricted-imports -- no platform service locks across processes
        const { DatabaseSync } = await import("node:sqlite")
        return new DatabaseSync(file, { timeout: 0 })
      },
      catch: (cause) => cause
    }),
    (database) => Effect.sync(() => database.close())
  )
  // Nothing is ever written, so no journal is needed on the disk. Only one connection at a time can
  // begin an immediate transaction. An exclusive one would fail even while another process only
  // tries.
  let setting = "PRAGMA journal_mode = MEMORY; "
  let isLocked = false
  return {
    tryLock: () => {
      try {
        database.exec(`${setting}BEGIN IMMEDIATE`)
        setting = ""
        return (isLocked = true)
      } catch (cause) {
        if (errcodeOf(cause) === busy) return false
        throw cause
      }
    },
    unlock: () => {
      if (!isLocked) return false
      isLocked = false
      database.exec("ROLLBACK")
      return true
    }
  }
})

/** Opens a file and locks it until the scope closes; see {@link LockFile}. */
export const tryAcquire = Effect.fnUntraced(function* (
  file: string
): Effect.fn.Return<boolean, unknown, Scope.Scope> {
  const { tryLock, unlock } = yield* open(file)
  yield* Effect.addFinalizer(() => Effect.sync(unlock))
  return yield* Effect.try({ try: tryLock, catch: (cause) => cause })
})
