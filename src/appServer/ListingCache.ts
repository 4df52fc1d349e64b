/**
 * The account's listing, kept until the account may have changed.
 */
import { Effect, FiberHandle, Option, Ref } from "effect"
import * as RemoteCatalog from "../RemoteCatalog.ts"
import type { InstalledSnapshot } from "../RemotePlugin.ts"

/** Its background requests end with the scope. */
export const make = Effect.gen(function* () {
  const catalog = yield* RemoteCatalog.RemoteCatalog
  /** `age` counts the changes of the account. */
  const state = yield* Ref.make({ age: 0, snapshot: Option.none<InstalledSnapshot>() })
  const refreshing = yield* FiberHandle.make()

  const age = Effect.map(Ref.get(state), ({ age }) => age)

  /** Keeps a listing that was requested at this age, unless the account has changed since. */
  const remember = (requestedAt: number, snapshot: InstalledSnapshot) =>
    Ref.update(state, (known) =>
      known.age === requestedAt ? { ...known, snapshot: Option.some(snapshot) } : known
    )

  /** Requests a new listing. */
  const renew = Effect.gen(function* () {
    const requestedAt = yield* age
    const fresh = yield* catalog.installed
    yield* remember(requestedAt, fresh)
    return fresh
  })

  /** The kept listing, or a new one. */
  const get = Effect.flatMap(Ref.get(state), ({ snapshot }) =>
    Option.match(snapshot, { onNone: () => renew, onSome: Effect.succeed })
  )

  /** Drops the listing after a change of the account, and requests a new one in the background. */
  const refresh = Effect.andThen(
    Ref.update(state, ({ age }) => ({ age: age + 1, snapshot: Option.none<InstalledSnapshot>() })),
    FiberHandle.run(refreshing, Effect.ignore(get))
  )

  return { age, remember, get, renew, refresh }
})
