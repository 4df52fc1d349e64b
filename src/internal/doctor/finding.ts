/**
 * The result of one check.
 */
import * as Message from "../message.ts"

/** `warning` and `error` are only for problems that the user must act on. */
export const statuses = ["ok", "warning", "error"] as const
export type Status = (typeof statuses)[number]

export interface Finding {
  readonly status: Status
  /** One line. */
  readonly summary: string
  readonly details: Readonly<Record<string, string>>
  /** The remedy, in one line; null if there is nothing to do. */
  readonly remediation: string | null
}

type Details = Finding["details"]

export const ok = (summary: string, details: Details = {}): Finding => ({
  status: "ok",
  summary,
  details,
  remediation: null
})

export const warning = (summary: string, remediation: string, details: Details = {}): Finding => ({
  status: "warning",
  summary,
  details,
  remediation
})

export const error = (summary: string, remediation: string, details: Details = {}): Finding => ({
  status: "error",
  summary,
  details,
  remediation
})

/** The finding for an error of a service. `otherwise` is the remedy if the error has none. */
export const failure = (
  failed: { readonly message: string },
  otherwise: string,
  details: Details = {}
): Finding => {
  const explanation = Message.of(failed)
  return error(Message.causeOf(explanation), explanation.remedy ?? otherwise, details)
}

/** The number of names that a detail lists before it only counts the rest. */
const maxNames = 10

/** The names in a detail, such as `a, b and 3 more`. */
export const names = (all: ReadonlyArray<string>): string =>
  all.length <= maxNames
    ? all.join(", ")
    : `${all.slice(0, maxNames).join(", ")} and ${all.length - maxNames} more`
