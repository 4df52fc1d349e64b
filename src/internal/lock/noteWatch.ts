/**
 * The notes of brief holders of a lock, who leave a note only if they take long.
 */
import { Duration, Effect, type Fiber, Scope } from "effect"

/** A brief holder leaves its note after this time, so that short holds write no file. */
const noteAfter = Duration.millis(50)

export interface Holder {
  /** Closes at the end of the hold; undefined if the holder leaves no note. */
  notes: Scope.Closeable | undefined
}

export type NoteWatch = ReturnType<typeof make>

/**
 * Leaves the notes of consecutive holders. One timer serves all of them: a holder that has the lock
 * when the timer starts and still has it when the timer ends leaves its note. That takes up to
 * twice {@link noteAfter}.
 */
export const make = (note: Effect.Effect<void, never, Scope.Scope>) => {
  let holder: Holder | undefined
  let watcher: Fiber.Fiber<unknown> | undefined

  const watch = Effect.gen(function* () {
    for (;;) {
      const seen = holder
      yield* Effect.sleep(noteAfter)
      if (seen !== undefined && seen === holder) {
        const notes = (seen.notes = Scope.makeUnsafe())
        // The end of the hold waits until the note is written, and then removes it.
        yield* Effect.forkIn(Scope.provide(note, notes), notes)
      } else if (holder !== undefined) continue
      watcher = undefined
      return
    }
  })

  return {
    /**
     * Registers a holder that now has the lock. Returns an effect that starts the timer until the
     * scope closes, unless the timer already runs.
     */
    begin: (next: Holder, scope: Scope.Scope): Effect.Effect<void> | undefined => {
      holder = next
      return watcher === undefined || watcher.pollUnsafe() !== undefined
        ? Effect.map(Effect.forkIn(watch, scope), (fiber) => {
            watcher = fiber
          })
        : undefined
    },
    end: () => {
      holder = undefined
    }
  }
}
