/**
 * The notes of brief holders of a lock, who leave one only if they take long.
 */
import { Duration, Effect, Scope } from "effect"

/** A brief holder leaves its note after this time, so that short holds write no file. */
export const noteAfter = Duration.millis(50)

/**
 * Leaves the notes of holders that follow each other. One timer serves all of them: a holder that is
 * there when it starts and when it ends leaves its note, which takes up to twice {@link noteAfter}.
 */
export const make = (note: Effect.Effect<void, never, Scope.Scope>) => {
  let holder: Scope.Closeable | undefined
  let isWatched = false

  const watch = Effect.gen(function* () {
    for (;;) {
      const seen = holder
      yield* Effect.sleep(noteAfter)
      if (holder === undefined) break
      if (holder !== seen) continue
      // The end of the hold waits until the note is written, and removes it.
      yield* Effect.forkIn(Scope.provide(note, seen), seen)
      break
    }
    isWatched = false
  }).pipe(
    Effect.onInterrupt(() =>
      Effect.sync(() => {
        isWatched = false
      })
    )
  )

  return {
    /**
     * A holder has the lock until its scope closes. Gives the watch, which is to be forked, unless
     * there is one already.
     */
    begin: (scope: Scope.Closeable): Effect.Effect<void> | undefined => {
      holder = scope
      if (isWatched) return undefined
      isWatched = true
      return watch
    },
    end: () => {
      holder = undefined
    }
  }
}
