/**
 * Splits an error into reason, cause and remedy.
 */
import { Predicate } from "effect"
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

/** One cause, without the plugin's name, and the remedy. */
export interface Reason {
  readonly cause: string
  readonly remedy: string | null
}

/** The parts of an error, without the operation if that names an id that is printed beside it. */
export const reasonOf = (
  error: { readonly message: string },
  ids: ReadonlyArray<string | null> = []
): Reason => {
  const explanation = Message.of(error)
  const { remedy, what, why } = explanation
  const isNamed = (id: string | null) => id !== null && what?.includes(id) === true
  const isPrinted = Message.hasOperation(explanation) && ids.some(isNamed)
  return { cause: isPrinted ? why : Message.causeOf(explanation), remedy }
}

/** The same in one line. */
export const reasonText = (
  error: { readonly message: string },
  ids: ReadonlyArray<string | null> = []
): string => {
  const { cause, remedy } = reasonOf(error, ids)
  return Message.format(Message.because(null, cause, remedy))
}
