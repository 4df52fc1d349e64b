/**
 * Distinguishes processes that still run from those that have ended.
 *
 * Each process holds a lock on its own file in staging, the owner file, as long as it has entries
 * there. The system releases that lock whenever and however the process ends. A frozen process
 * keeps it. Process ids mean nothing across containers, and ages mean nothing at all.
 */
import { Effect, Exit, type Path, RcMap, Scope } from "effect"
import type * as Disk from "../disk/Disk.ts"
import * as KernelLock from "./kernelLock.ts"
import { hexDigits } from "../cache/randomName.ts"
import { ownerPrefix } from "../cache/staging.ts"

/** A unique name of a process. It fits in a file name and contains no dash. */
export type Owner = string

/**
 * The last digits of an owner's name are its process id, in hexadecimal. It is only for messages.
 */
const pidDigits = 8

const ownerDigits = 32

/** The process id in an owner's name. */
export const pidOf = (owner: Owner): number => Number.parseInt(owner.slice(-pidDigits), 16)

/** The registered owners of one staging folder, and a check whether they still run. */
export interface Liveness {
  /**
   * Registers this process as an owner in an existing staging folder until the scope closes. The
   * error is the file system's, SQLite's or the runtime's.
   */
  readonly register: (staging: string) => Effect.Effect<Owner, unknown, Scope.Scope>
  /**
   * True if the process of an owner still runs or cannot be examined. Removes the owner file of a
   * process that has ended.
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

/** Keeps owners in owner files. A process's owner file is removed with its last registration. */
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
      const acquired = yield* Scope.provide(KernelLock.tryAcquire(file), attempt).pipe(
        Effect.catch((cause) =>
          Effect.flatMap(exists(file), (exists) =>
            exists ? Effect.fail(cause) : Effect.succeed(false)
          )
        )
      )
      // Another process may have examined and removed the file before it was locked.
      if (acquired && (yield* exists(file))) {
        // The file is removed before its lock is released, so that nobody finds it unlocked.
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
        // SQLite grants everybody a lock on a file that it can only read.
        yield* disk.ensureWritable(file)
        if (!(yield* KernelLock.tryAcquire(file))) return true
        yield* remove(file)
        return false
      },
      Effect.scoped,
      Effect.uninterruptible,
      Effect.orElseSucceed(() => true)
    )
  } satisfies Liveness as Liveness
})

/** Keeps the owner in memory, for file systems that no other process uses. */
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
