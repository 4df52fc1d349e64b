/**
 * Splits an error into reason, cause and remedy.
 */
import { Predicate } from "effect"
import { isSignInNeeded, isTransient } from "../../ErrorAdvice.ts"
import * as Message from "../message.ts"

/** The tag of an error's reason. */
export const reasonTag = (error: unknown): string | undefined => {
  if (!Predicate.hasProperty(error, "reason")) return undefined
  const { reason } = error
  if (typeof reason === "string") return reason
  return Predicate.hasProperty(reason, "_tag") && typeof reason._tag === "string"
    ? reason._tag
    : undefined
}

/** A cause, without the plugin's name, and its remedy. */
export interface Reason {
  readonly cause: string
  readonly remedy: string | null
}

/** The remedy for an error whose message has none. */
const remedyOf = (error: unknown): string | null => {
  if (isSignInNeeded(error)) return "run `codex login`"
  return isTransient(error) ? "run `codex-plugins sync` again later" : null
}

/** Splits a message into cause and remedy, and removes the ids that are printed next to it. */
export const reasonOf = (
  error: { readonly message: string },
  ids: ReadonlyArray<string | null> = []
): Reason => {
  let cause = error.message
  const start = cause.indexOf(": ")
  const isNamed = (id: string | null) => id !== null && cause.slice(0, start).includes(id)
  if (start > 0 && cause.startsWith("cannot ") && ids.some(isNamed)) {
    cause = cause.slice(start + 2)
  }
  const parts = Message.split(cause)
  return { cause: parts.cause, remedy: parts.remedy ?? remedyOf(error) }
}
