/**
 * The queues in which callers of one process wait for each other.
 */
import { Effect, type Scope, Semaphore } from "effect"

/** One caller at a time, in the order of their coming. */
export interface Queue {
  readonly semaphore: Semaphore.Semaphore
  /** Since when one caller has followed another without a pause, in milliseconds. */
  busySince: number
  /** When the last caller left, in milliseconds. */
  leftAt: number
}

/** Gives the queue of a name until the scope closes. Users of the same name share one queue. */
export type Queues = (name: string) => Effect.Effect<Queue, never, Scope.Scope>

export const make = (): Queues => {
  const queues = new Map<string, { readonly queue: Queue; users: number }>()
  return (name) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const entry = queues.get(name) ?? {
            queue: { semaphore: Semaphore.makeUnsafe(1), busySince: 0, leftAt: 0 },
            users: 0
          }
          entry.users++
          queues.set(name, entry)
          return entry
        }),
        (entry) =>
          Effect.sync(() => {
            if (--entry.users === 0) queues.delete(name)
          })
      ),
      ({ queue }) => queue
    )
}

/** The queues of this process. Layers for the same home share them. */
export const ofProcess = make()
