/**
 * Runs `Reads` on `node:fs`, in one synchronous step as long as calls are fast; see `nodeCalls`.
 */
import { Effect, PlatformError } from "effect"
import * as Reads from "./reads.ts"
import { type Failure, failureOf, isFast, type Result, spent } from "./nodeCalls.ts"
import * as EventLoop from "./eventLoop.ts"

/** Reads at once; undefined for a file that takes long. Throws Node's own errors. */
export type ReadNow = (read: Reads.Read) => { readonly answer: unknown } | undefined

/** The number of `Reads` that run at the same time on a slow disk. */
const concurrency = 16

type Step<A> = IteratorResult<Reads.Read, A> | Failure

const isPending = <A>(at: Step<A>): at is IteratorYieldResult<Reads.Read> =>
  !PlatformError.isPlatformError(at) && at.done !== true

/** `Reads` that have been started, and their current step. */
interface Started<A> {
  readonly reads: Reads.Reads<A>
  at: Step<A>
}

const begin = <A>(make: () => Reads.Reads<A>): Started<A> => {
  const reads = make()
  return { reads, at: Reads.step(() => reads.next()) }
}

/** The names of the methods in errors. */
const methods = {
  lstat: "lstat",
  entries: "readDirectoryEntries",
  readFile: "readFile",
  file: "readFile"
} as const

export const make = (readNow: ReadNow, operations: Reads.Operations) => {
  const answered = <A>(reads: Reads.Reads<A>, read: Reads.Read): Step<A> | undefined => {
    let found: { readonly answer: unknown } | undefined
    try {
      found = readNow(read)
    } catch (cause) {
      const failure = failureOf(methods[read.method], read.path, cause as NodeJS.ErrnoException)
      return Reads.step(() => reads.throw(failure))
    }
    const { answer } = found ?? {}
    return found && Reads.step(() => reads.next(answer))
  }

  /**
   * Continues at once. Stops early if calls have become slow, or if the event loop must turn; true
   * in the latter case.
   */
  const resumeNow = <A>(started: Started<A>): boolean => {
    while (isPending(started.at) && isFast()) {
      const before = EventLoop.beginWork()
      const answer = answered(started.reads, started.at.value)
      const isLong = spent(before)
      if (answer === undefined) return false
      started.at = answer
      if (isLong) return true
    }
    return false
  }

  const finish = <A>(started: Started<A>): Result<A> =>
    Effect.suspend(() => {
      if (resumeNow(started)) return Effect.andThen(EventLoop.yieldTurn, finish(started))
      return Reads.resume(operations, started.reads, started.at, (at) => {
        started.at = at
        return finish(started)
      })
    })

  const runReads = <A>(make: () => Reads.Reads<A>): Result<A> =>
    Effect.suspend(() => finish(begin(make)))

  /** Runs one after the other while calls are fast, because concurrency would gain nothing. */
  const runAllReads = <A>(all: ReadonlyArray<() => Reads.Reads<A>>): Result<ReadonlyArray<A>> =>
    Effect.suspend(() => {
      const found: Array<A> = []
      const next = (): Result<ReadonlyArray<A>> => {
        while (found.length < all.length && isFast()) {
          const started = begin(all[found.length]!)
          if (resumeNow(started) || isPending(started.at)) {
            return Effect.flatMap(finish(started), (value) => {
              found.push(value)
              return next()
            })
          }
          if (PlatformError.isPlatformError(started.at)) return Effect.fail(started.at)
          found.push(started.at.value as A)
        }
        return Effect.map(
          Effect.forEach(all.slice(found.length), runReads, { concurrency }),
          (others) => [...found, ...others]
        )
      }
      return next()
    })

  return { runReads, runAllReads }
}
