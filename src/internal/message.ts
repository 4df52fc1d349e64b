/**
 * The parts of an error's message: the operation that failed, the cause and the remedy.
 */

/**
 * The parts of an error's message.
 *
 * @category models
 * @since 0.2.0
 */
export interface Explanation {
  /** The operation that failed, with its plugin or path; null if `why` is a complete sentence. */
  readonly what: string | null
  readonly why: string
  /** The remedy for the user; null if none is known. */
  readonly remedy: string | null
}

/** Cause and remedy, without the operation. */
export type Reasoning = Pick<Explanation, "why" | "remedy">

export const reasoning = (why: string, remedy: string | null = null): Reasoning => ({ why, remedy })

/** An explanation without a remedy, or with one. */
export const because = (
  what: string | null,
  why: string,
  remedy: string | null = null
): Explanation => ({ what, why, remedy })

/** The message without its remedy. */
export const causeOf = ({ what, why }: Explanation): string =>
  what === null ? why : `${what}: ${why}`

/** The whole message. */
export const format = (explanation: Explanation): string =>
  explanation.remedy === null
    ? causeOf(explanation)
    : `${causeOf(explanation)}; ${explanation.remedy}`

/** The parts of an error's message. The message of an error of another package is one part. */
export const of = (error: { readonly message: string }): Explanation =>
  "explanation" in error ? (error.explanation as Explanation) : because(null, error.message)

/** True if the explanation names the operation that failed, and not only a wrong state. */
export const hasOperation = ({ what }: Explanation): boolean => what?.startsWith("cannot ") === true

/** The message without the operation, for a line that already names the operation. */
export const withoutOperation = (error: { readonly message: string }): string => {
  const explanation = of(error)
  return format(hasOperation(explanation) ? { ...explanation, what: null } : explanation)
}
