/**
 * The queues in which callers of one process wait for each other.
 */
import { Effect, type Scope, Semaphore } from "effect"

/** Admits one caller at a time, in the order of arrival. */
export interface Queue {
  readonly semaphore: Semaphore.Semaphore
  /** The number of waiting callers. */
  waiting: number
  /** The time since which callers have followed one another without a pause, in milliseconds. */
  busySince: number
  /** The time at which the last caller left, in milliseconds. */
  leftAt: number
}

/** Queues by name. Users of the same name share one queue. */
export interface Queues {
  readonly enter: (name: string) => Queue
  /** Must be called once for each call of `enter`. */
  readonly leave: (name: string) => void
}

export const make = (): Queues => {
  const queues = new Map<string, { readonly queue: Queue; users: number }>()
  return {
    enter: (name) => {
      const entry = queues.get(name) ?? {
        queue: { semaphore: Semaphore.makeUnsafe(1), waiting: 0, busySince: 0, leftAt: 0 },
        users: 0
      }
      entry.users++
      queues.set(name, entry)
      return entry.queue
    },
    leave: (name) => {
      const entry = queues.get(name)
      if (entry !== undefined && --entry.users === 0) queues.delete(name)
    }
  }
}

/** The queue of a name until the scope closes. */
export const scoped = (queues: Queues, name: string): Effect.Effect<Queue, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => queues.enter(name)),
    () => Effect.sync(() => queues.leave(name))
  )

/** The queues of this process. Layers for the same home share them. */
export const ofProcess = make()
