/**
 * What the file system said.
 */
import { PlatformError, Predicate } from "effect"

/** What can be done about it, by the system's code. */
const advice: Readonly<Record<string, string>> = {
  EACCES: "check its permissions",
  EPERM: "check its permissions",
  EROFS: "make it writable",
  EXDEV: "keep plugins/cache and its staging folder on one file system",
  ENOSPC: "make room and try again",
  EDQUOT: "make room and try again",
  EMFILE: "allow more open files",
  ENFILE: "allow more open files"
}

/** The system's own words where there are any, such as `ENOSPC: no space left on device, write`, and what to do. */
export const describe = (error: unknown): string => {
  if (!PlatformError.isPlatformError(error)) return "the file system refused"
  const { cause, message } = error.reason
  if (!(cause instanceof Error)) return message
  const todo = advice[codeOf(error) ?? ""]
  return todo === undefined ? cause.message : `${cause.message}; ${todo}`
}

/** Nothing stands there, or nothing can. */
export const isAbsent = ({ reason }: PlatformError.PlatformError): boolean =>
  reason._tag === "NotFound" || reason._tag === "BadResource"

/** The system's code, such as `ENOSPC`, where there is one. */
export const codeOf = (error: PlatformError.PlatformError): string | undefined => {
  const { cause } = error.reason
  return Predicate.hasProperty(cause, "code") && typeof cause.code === "string"
    ? cause.code
    : undefined
}
