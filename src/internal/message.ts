/**
 * The parts of an error's message, which says what happened and then what to do.
 */

const separator = /; |: /g

/** The beginning of a part that says what to do. */
const imperative =
  /^(?:if your [^,]*, )?(?:allow|check|correct|create|delete|have|install|let|make|point|put|replace|run|set|start|sync|try|update|use)\b/

export interface Parts {
  readonly cause: string
  /** What to do; null if the message does not say it. */
  readonly remedy: string | null
}

/** Splits a message before the last part that says what to do. */
export const split = (message: string): Parts => {
  const remedyAt = Array.from(message.matchAll(separator), ({ index }) => index).findLast(
    (index) => index > 0 && imperative.test(message.slice(index + 2))
  )
  return remedyAt === undefined
    ? { cause: message, remedy: null }
    : { cause: message.slice(0, remedyAt), remedy: message.slice(remedyAt + 2) }
}
