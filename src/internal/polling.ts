/**
 * Changes of a value that can only be read.
 */
import { type Duration, Effect, Equal, Stream } from "effect"

/**
 * Reads the value again and again, and emits when it differs from the last one. The value at the start
 * is not emitted.
 */
export const changesOf = <A, E, R>(
  read: Effect.Effect<A, E, R>,
  interval: Duration.Duration
): Stream.Stream<void, E, R> =>
  Stream.unwrap(
    Effect.map(read, (first) => {
      let last = first
      return Stream.tick(interval).pipe(
        Stream.mapEffect(() => read),
        Stream.filter((next) => {
          const isChanged = !Equal.equals(last, next)
          last = next
          return isChanged
        }),
        Stream.map(() => undefined)
      )
    })
  )
