/**
 * Explains errors of the file system.
 */
import { PlatformError, Predicate } from "effect"

/** The remedy, by the system's code. */
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

/**
 * The system's message if there is one, such as `ENOSPC: no space left on device, write`, and the
 * remedy.
 */
export const describe = (error: unknown): string => {
  if (!PlatformError.isPlatformError(error)) return "the file system refused"
  const { cause, message } = error.reason
  if (!(cause instanceof Error)) return message
  const todo = advice[codeOf(error) ?? ""]
  return todo === undefined ? cause.message : `${cause.message}; ${todo}`
}

/** True if the path does not exist, or cannot exist. */
export const isAbsent = ({ reason }: PlatformError.PlatformError): boolean =>
  reason._tag === "NotFound" || reason._tag === "BadResource"

/** The system's code, such as `ENOSPC`, if there is one. */
export const codeOf = (error: PlatformError.PlatformError): string | undefined => {
  const { cause } = error.reason
  return Predicate.hasProperty(cause, "code") && typeof cause.code === "string"
    ? cause.code
    : undefined
}
