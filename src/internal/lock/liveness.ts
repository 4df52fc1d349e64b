/**
 * Tells the processes that still run from those that have ended.
 *
 * Each process keeps a lock on a file of its own in staging, the owner file, as long as it has
 * something there. The system releases that lock when the process ends, however it ends. A frozen
 * process keeps it. Process ids say nothing across containers, and ages say nothing at all.
 */
import { Effect, Exit, type Path, RcMap, Scope } from "effect"
import type * as Disk from "../disk/Disk.ts"
import * as kernelLock from "./kernelLock.ts"
import { hexDigits } from "../cache/randomName.ts"
import { ownerPrefix } from "../cache/staging.ts"

/** A name that no other process has. It fits in a file name and contains no dash. */
export type Owner = string

/** The last digits of an owner's name are its process id, in hexadecimal. It is for messages alone. */
const pidDigits = 8

const ownerDigits = 32

/** The process id in an owner's name. */
export const pidOf = (owner: Owner): number => Number.parseInt(owner.slice(-pidDigits), 16)

/** The registered owners of one staging folder, and a way to see which of them still run. */
export interface Liveness {
  /**
   * Registers this process as an owner in an existing staging folder until the scope closes. The
   * error is the file system's, SQLite's or the runtime's.
   */
  readonly register: (staging: string) => Effect.Effect<Owner, unknown, Scope.Scope>
  /**
   * True if the process of an owner still runs or cannot be examined. The owner file of a process
   * that has ended is removed.
   */
  readonly isAlive: (staging: string, owner: Owner) => Effect.Effect<boolean>
}

const newOwner = Effect.sync(() => {
  return (
    hexDigits(ownerDigits - pidDigits) +
    globalThis.process.pid.toString(16).padStart(pidDigits, "0")
  )
})

const isOwner = (owner: string): boolean => /^[0-9a-f]{32}$/.test(owner)

/** Keeps owners in owner files. The files of this layer are removed with its last registration. */
export const kernel = Effect.fnUntraced(function* (disk: Disk.Disk, path: Path.Path) {
  const fileOf = (staging: string, owner: Owner) => path.join(staging, `${ownerPrefix}${owner}`)

  const exists = (file: string) => Effect.map(disk.lstat(file), (info) => info !== undefined)
  const remove = (file: string) => Effect.ignore(disk.remove(file))

  const create = Effect.fnUntraced(function* (staging: string) {
    const scope = yield* Effect.scope
    while (true) {
      const owner = yield* newOwner
      const file = fileOf(staging, owner)
      const attempt = yield* Scope.fork(scope)
      const acquired = yield* Scope.provide(kernelLock.tryAcquire(file), attempt).pipe(
        Effect.catch((cause) =>
          Effect.flatMap(exists(file), (exists) =>
            exists ? Effect.fail(cause) : Effect.succeed(false)
          )
        )
      )
      // Another process may examine and remove the file before it is locked.
      if (acquired && (yield* exists(file))) {
        // The file is removed before its lock, so that nobody ever finds it without one.
        yield* Scope.addFinalizer(attempt, remove(file))
        return owner
      }
      yield* Scope.close(attempt, Exit.void)
    }
  }, Effect.uninterruptible)

  const owners = yield* RcMap.make({ lookup: create })

  return {
    register: (staging) => RcMap.get(owners, staging),
    isAlive: Effect.fnUntraced(
      function* (staging, owner) {
        const file = fileOf(staging, owner)
        const info = yield* disk.lstat(file)
        if (!isOwner(owner) || info?.type !== "File") return false
        // SQLite grants a lock on a file that it can only read to everybody.
        yield* disk.ensureWritable(file)
        if (!(yield* kernelLock.tryAcquire(file))) return true
        yield* remove(file)
        return false
      },
      Effect.scoped,
      Effect.uninterruptible,
      Effect.orElseSucceed(() => true)
    )
  } satisfies Liveness as Liveness
})

/** Keeps the owner in memory, for file systems that no other process sees. */
export const memory = Effect.map(newOwner, (owner): Liveness => {
  let registrations = 0
  return {
    register: () =>
      Effect.acquireRelease(
        Effect.sync(() => {
          registrations++
          return owner
        }),
        () => Effect.sync(() => registrations--)
      ),
    isAlive: (_, other) => Effect.sync(() => other === owner && registrations > 0)
  }
})
