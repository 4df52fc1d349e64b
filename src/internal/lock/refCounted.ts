/**
 * A resource that its first user acquires and its last user releases.
 *
 * Effect's `RcRef` does the same with effects only. A user of this one can join the others in a
 * synchronous step, which matters for resources that each plugin of a pass uses.
 */
import { Effect, Exit, Scope, Semaphore } from "effect"

/** The resource that the current users share. */
export interface Use<A> {
  readonly value: A
  users: number
  readonly scope: Scope.Closeable
}

export interface RefCounted<A, E> {
  /** Makes the caller a user if there is another one. The caller must call `leave` later. */
  readonly join: () => Use<A> | undefined
  /**
   * Makes the caller a user. The caller must be uninterruptible until it has arranged to call
   * `leave`.
   */
  readonly enter: Effect.Effect<Use<A>, E>
  readonly leave: (use: Use<A>) => Effect.Effect<void>
  /**
   * Lets a user leave that is not the last one. Returns false and does nothing for the last one.
   */
  readonly leaveToOthers: (use: Use<A>) => boolean
  /** Makes the caller a user until the scope closes. */
  readonly scoped: Effect.Effect<A, E, Scope.Scope>
}

export const make = <A, E>(acquire: Effect.Effect<A, E, Scope.Scope>): RefCounted<A, E> => {
  const acquiring = Semaphore.makeUnsafe(1)
  let current: Use<A> | undefined

  const join = () => {
    if (current !== undefined) current.users++
    return current
  }

  const joinOr = (others: Effect.Effect<Use<A>, E>) =>
    Effect.suspend(() => {
      const use = join()
      return use === undefined ? others : Effect.succeed(use)
    })

  const first = Effect.suspend(() => {
    const scope = Scope.makeUnsafe()
    return Scope.provide(acquire, scope).pipe(
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
      Effect.map((value) => (current = { value, users: 1, scope }))
    )
  })
  const enter = Effect.uninterruptible(joinOr(acquiring.withPermit(joinOr(first))))

  const leaveToOthers = (use: Use<A>) => {
    if (use.users === 1) return false
    use.users--
    return true
  }

  const leave = (use: Use<A>) =>
    Effect.suspend(() => {
      if (leaveToOthers(use)) return Effect.void
      use.users = 0
      current = undefined
      return Scope.close(use.scope, Exit.void)
    })

  return {
    join,
    enter,
    leave,
    leaveToOthers,
    scoped: Effect.map(Effect.acquireRelease(enter, leave), ({ value }) => value)
  }
}
