/**
 * One run of an effect, shared by all callers that come while it runs.
 */
import { Deferred, Effect, Fiber, type Scope } from "effect"

interface Run<A, E> {
  readonly result: Deferred.Deferred<A, E>
  callers: number
  fiber: Fiber.Fiber<A, E> | undefined
}

/**
 * Returns an effect that starts a run or joins the current one. A run keeps the span, annotations
 * and services of the caller that started it. It is interrupted when its last caller is, or when
 * the scope closes. A call after the end of a run starts a new one, even if other callers have not
 * yet received their result. `report` wraps a run. It sees the exit when a further call would
 * already start a new run, but before the callers receive the result.
 */
export const make = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  report: (run: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (run) => run
): Effect.Effect<Effect.Effect<A, E, R>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    let current: Run<A, E> | undefined

    const end = (run: Run<A, E>) => {
      if (current === run) current = undefined
    }

    const start = Effect.fnUntraced(function* (run: Run<A, E>) {
      // The run ends first, so that a caller can start the next one as soon as it has the result.
      run.fiber = yield* Effect.ensuring(
        effect,
        Effect.sync(() => end(run))
      ).pipe(
        report,
        Effect.onExit((exit) => Deferred.done(run.result, exit)),
        Effect.forkIn(scope)
      )
    })

    const leave = (run: Run<A, E>) =>
      Effect.suspend(() => {
        if (--run.callers > 0 || run.fiber === undefined) return Effect.void
        end(run)
        return Fiber.interrupt(run.fiber)
      })

    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const joined = current
        const run = joined ?? { result: Deferred.makeUnsafe<A, E>(), callers: 0, fiber: undefined }
        current = run
        run.callers++
        // The first caller must not be interrupted before the fiber is known.
        return (joined === undefined ? start(run) : Effect.void).pipe(
          Effect.andThen(restore(Deferred.await(run.result))),
          Effect.onInterrupt(() => leave(run))
        )
      })
    )
  })
