/**
 * Handlers for the signals that end the program.
 */
import { Effect } from "effect"

type Handler = (signal: NodeJS.Signals) => void

let handler: Handler | undefined

/** Passes a signal to the handler. False if there is none, so that the program must end. */
export const intercepted = (signal: NodeJS.Signals): boolean => {
  // The handler may remove itself.
  const current = handler
  current?.(signal)
  return current !== undefined
}

/** Handles the program's signals while an effect runs, so that they do not end the program. */
export const withHandler =
  (handle: Handler) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        handler = handle
      }),
      () => effect,
      () =>
        Effect.sync(() => {
          handler = undefined
        })
    )
