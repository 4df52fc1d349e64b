/**
 * Changes of a value that must be polled.
 */
import { type Duration, Effect, Equal, Stream } from "effect"

/**
 * Reads the value at an interval and emits when it differs from the last one. The initial value is
 * not emitted.
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
