/**
 * The reasons of the store's errors.
 */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type * as CacheLock from "../../src/CacheLock.ts"
import * as PluginStore from "../../src/PluginStore.ts"

/** The reason of the store's error. */
export const reasonOf = <A, E extends { readonly _tag: string }, R>(
  effect: Effect.Effect<A, E, R>
) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.instanceOf(error, PluginStore.PluginStoreError)
    return error.reason
  })

/** The tag of the reason of the store's error, or of the lock's error. */
export const tagOf = <A, R>(
  effect: Effect.Effect<A, PluginStore.PluginStoreError | CacheLock.CacheLockError, R>
) =>
  Effect.map(Effect.flip(effect), (error) =>
    error._tag === "PluginStoreError" ? error.reason._tag : error._tag
  )
