/**
 * Looks on `node:fs`: in one synchronous step as long as calls are fast; see `nodeCalls`.
 */
import { Effect, PlatformError } from "effect"
import * as Looks from "./looks.ts"
import { type Failure, failureOf, isFast, type Result, spent } from "./nodeCalls.ts"
import * as Turns from "./turns.ts"

/** Reads at once; undefined for a file that takes long. The refusal is Node's own. */
export type ReadNow = (read: Looks.Read) => { readonly answer: unknown } | undefined

/** How many looks go on side by side on a slow disk. */
const concurrency = 16

type Step<A> = IteratorResult<Looks.Read, A> | Failure

const isPending = <A>(at: Step<A>): at is IteratorYieldResult<Looks.Read> =>
  !PlatformError.isPlatformError(at) && at.done !== true

/** A look that was begun, and the step at which it is. */
interface Begun<A> {
  readonly look: Looks.Look<A>
  at: Step<A>
}

const begin = <A>(make: () => Looks.Look<A>): Begun<A> => {
  const look = make()
  return { look, at: Looks.step(() => look.next()) }
}

/** The methods that errors name. */
const methods = {
  lstat: "lstat",
  entries: "readDirectoryEntries",
  readFile: "readFile",
  file: "readFile"
} as const

export const make = (readNow: ReadNow, operations: Looks.Operations) => {
  const answered = <A>(look: Looks.Look<A>, read: Looks.Read): Step<A> | undefined => {
    let found: { readonly answer: unknown } | undefined
    try {
      found = readNow(read)
    } catch (cause) {
      const failure = failureOf(methods[read.method], read.path, cause as NodeJS.ErrnoException)
      return Looks.step(() => look.throw(failure))
    }
    const { answer } = found ?? {}
    return found && Looks.step(() => look.next(answer))
  }

  /**
   * Goes on with a look at once. Stops early if calls have become slow, or if the event loop has to
   * turn; true in the latter case.
   */
  const goOn = <A>(begun: Begun<A>): boolean => {
    while (isPending(begun.at) && isFast()) {
      const before = Turns.begin()
      const next = answered(begun.look, begun.at.value)
      const isLong = spent(before)
      if (next === undefined) return false
      begun.at = next
      if (isLong) return true
    }
    return false
  }

  const finish = <A>(begun: Begun<A>): Result<A> =>
    Effect.suspend(() => {
      if (goOn(begun)) return Effect.andThen(Turns.take, finish(begun))
      return Looks.proceed(operations, begun.look, begun.at, (at) => {
        begun.at = at
        return finish(begun)
      })
    })

  const look = <A>(make: () => Looks.Look<A>): Result<A> =>
    Effect.suspend(() => finish(begin(make)))

  /** One after the other while calls are fast, because then nothing is gained side by side. */
  const lookAll = <A>(looks: ReadonlyArray<() => Looks.Look<A>>): Result<ReadonlyArray<A>> =>
    Effect.suspend(() => {
      const found: Array<A> = []
      const proceed = (): Result<ReadonlyArray<A>> => {
        while (found.length < looks.length && isFast()) {
          const begun = begin(looks[found.length]!)
          if (goOn(begun) || isPending(begun.at)) {
            return Effect.flatMap(finish(begun), (value) => {
              found.push(value)
              return proceed()
            })
          }
          if (PlatformError.isPlatformError(begun.at)) return Effect.fail(begun.at)
          found.push(begun.at.value as A)
        }
        return Effect.map(
          Effect.forEach(looks.slice(found.length), look, { concurrency }),
          (others) => [...found, ...others]
        )
      }
      return proceed()
    })

  return { look, lookAll }
}
