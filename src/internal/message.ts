/**
 * The parts of an error's message: the cause and then the remedy.
 */

const separator = /; |: /g

/** The beginning of a remedy. */
const imperative =
  /^(?:if your [^,]*, )?(?:allow|check|correct|create|delete|have|install|let|make|point|put|replace|run|set|start|sync|try|update|use)\b/

export interface Parts {
  readonly cause: string
  /** Null if the message has no remedy. */
  readonly remedy: string | null
}

/** Splits a message before its remedy, which is the last part. */
export const split = (message: string): Parts => {
  const remedyAt = Array.from(message.matchAll(separator), ({ index }) => index).findLast(
    (index) => index > 0 && imperative.test(message.slice(index + 2))
  )
  return remedyAt === undefined
    ? { cause: message, remedy: null }
    : { cause: message.slice(0, remedyAt), remedy: message.slice(remedyAt + 2) }
}
