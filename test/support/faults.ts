/**
 * Changes of a cache on a disk that fails.
 */
import { Cause, Effect, Exit } from "effect"
import { assert } from "@effect/vitest"
import * as PluginStore from "../../src/PluginStore.ts"
import type * as PluginSync from "../../src/PluginSync.ts"
import { settle } from "./settle.ts"

/** The exit of an effect and the time that it took. */
export const attempt = <A, E>(effect: Effect.Effect<A, E>) =>
  settle(Effect.exit(Effect.timed(effect)), "1 minute")

type Attempt = Exit.Exit<readonly [unknown, unknown], { readonly _tag: string }>

/** The errors of a change. A defect counts as an error with the tag "a defect". */
export const errorsOf = (exit: Attempt) => {
  if (Exit.isFailure(exit)) {
    return exit.cause.reasons.map((reason) =>
      Cause.isFailReason(reason) ? reason.error : { _tag: "a defect" }
    )
  }
  const [, outcome] = exit.value
  return typeof outcome === "object" && outcome !== null && "failures" in outcome
    ? (outcome as PluginSync.SyncOutcome).failures.map(({ error }) => error)
    : []
}

/** The reasons and messages of the errors of a change, which must be errors of the store. */
export const reasonsOf = (exit: Attempt) =>
  errorsOf(exit).map((error) => {
    assert.instanceOf(error, PluginStore.PluginStoreError)
    const { message, reason } = error
    return { tag: reason._tag, path: "path" in reason ? reason.path : undefined, message }
  })
