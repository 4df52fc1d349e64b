/**
 * Calls of `node:fs`: at once, at a fraction of the cost of a thread, or on one of Node's threads.
 *
 * No disk blocks the event loop for long. While calls prove slow, all of them go to Node's threads,
 * and so does every sync except on `tmpfs`, where it is immediate. Fast calls share the turns of
 * the event loop; see `eventLoop`.
 *
 * The process has one event loop, which all disks block together, so the state here belongs to the
 * process and not to a layer. A home on a slow disk makes another home's calls slower, never wrong.
 */
import { Effect, PlatformError } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as EventLoop from "./eventLoop.ts"

export type Failure = PlatformError.PlatformError
export type Result<A = void> = Effect.Effect<A, Failure>
export type Done<A> = (error: NodeJS.ErrnoException | null, value?: A) => void

export const toCreate = Fs.constants.O_WRONLY | Fs.constants.O_CREAT | Fs.constants.O_EXCL

/**
 * The maximum size of a write that is made at once, in bytes. Larger ones go to one of Node's
 * threads.
 */
export const largeWrite = 64 * 1024

/**
 * The time that calls may take, in milliseconds: the total, and the average of each call, by which
 * the total recovers. Once it is used up, all calls of the process go to threads for a while.
 */
const allowance = { most: 20, each: 0.1 }

const tags: Readonly<Record<string, PlatformError.SystemErrorTag>> = {
  EACCES: "PermissionDenied",
  EBUSY: "Busy",
  EEXIST: "AlreadyExists",
  EISDIR: "BadResource",
  ELOOP: "BadResource",
  ENOENT: "NotFound",
  ENOTDIR: "BadResource",
  EPERM: "PermissionDenied"
}

/** The error that Effect's Node layer makes from an error of Node. */
export const failureOf = (method: string, path: string, cause: NodeJS.ErrnoException): Failure =>
  PlatformError.isPlatformError(cause)
    ? cause
    : cause.code?.startsWith("ERR_INVALID_ARG") === true || cause.code === "ERR_OUT_OF_RANGE"
      ? PlatformError.badArgument({ module: "FileSystem", method, description: cause.message })
      : PlatformError.systemError({
          _tag: tags[cause.code ?? ""] ?? "Unknown",
          module: "FileSystem",
          method,
          pathOrDescriptor: path,
          syscall: cause.syscall,
          cause
        })

/**
 * Calls are tried at once again after this time, because a disk or a busy machine may have been slow
 * for a moment only. In milliseconds.
 */
const retryAfter = 60_000

/** The allowance of such a try, in milliseconds. One slow call uses it up. */
const retryAllowance = 5

/** The rest of the {@link allowance}. */
let budget = allowance.most

/** The time at which the budget was used up. */
let slowSince = 0

export const isFast = () => {
  if (budget > 0) return true
  if (EventLoop.now() - slowSince < retryAfter) return false
  budget = retryAllowance
  return true
}

export const onThread = <A>(
  method: string,
  path: string,
  call: (done: Done<A>) => void
): Result<A> =>
  Effect.callback<A, Failure>((resume) => {
    const done: Done<A> = (error, value) =>
      resume(
        error === null ? Effect.succeed(value as A) : Effect.fail(failureOf(method, path, error))
      )
    try {
      call(done)
    } catch (cause) {
      done(cause as NodeJS.ErrnoException)
    }
  }).pipe(
    // A call on a thread cannot be cancelled, so the caller must wait until it is done.
    Effect.uninterruptible
  )

/**
 * Records the time of one or more calls that began at `before`. True if the event loop should turn.
 */
export const spent = (before: number, calls = 1): boolean => {
  const now = EventLoop.now()
  budget = Math.min(allowance.most, budget + calls * allowance.each - (now - before))
  if (budget <= 0) slowSince = now
  return EventLoop.isTurnOver(now)
}

/** Makes a call now. The effect is an exit, unless the event loop should turn first. */
export const now = <A>(method: string, path: string, call: () => A): Result<A> => {
  const before = EventLoop.beginWork()
  let result: Result<A>
  try {
    result = Effect.succeed(call())
  } catch (cause) {
    result = Effect.fail(failureOf(method, path, cause as NodeJS.ErrnoException))
  }
  return spent(before) ? Effect.andThen(EventLoop.yieldTurn, result) : result
}

/** Makes a call at once. */
export const atOnce = <A>(method: string, path: string, call: () => A): Result<A> =>
  Effect.suspend(() => now(method, path, call))

/** Makes a call at once as long as calls are fast, else on a thread. */
export const call = <A>(
  method: string,
  path: string,
  make: () => A,
  later: (done: Done<A>) => void
): Result<A> =>
  Effect.suspend(() => (isFast() ? now(method, path, make) : onThread(method, path, later)))

const tmpfs = new Set([0x01021994, 0x858458f6])

/** The last folder that was examined, and whether it is in memory. */
const inMemory = { folder: "", answer: false }

/** True if a path is in memory. False once calls are slow, because then all of them go to threads. */
export const isInMemory = (path: string): boolean => {
  if (!isFast()) return false
  const folder = Path.dirname(path)
  if (inMemory.folder !== folder) {
    inMemory.folder = folder
    const before = EventLoop.beginWork()
    try {
      inMemory.answer = tmpfs.has(Fs.statfsSync(folder).type)
    } catch {
      inMemory.answer = false
    }
    spent(before)
  }
  return inMemory.answer
}
