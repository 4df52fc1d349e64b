/**
 * Explains errors of the file system.
 */
import { PlatformError, Predicate } from "effect"
import { stagingName } from "./fileNames.ts"
import type * as Message from "./message.ts"

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
export const explain = (error: PlatformError.PlatformError): Message.Reasoning => ({
  why: messageOf(error),
  remedy: advice[codeOf(error) ?? ""] ?? null
})

/** Entries of the staging folder, which are removed before anybody can read of them. */
const staged = new RegExp(`([.]${stagingName.slice(1)})[/\\\\][^'"]*`, "g")

/** The system's message if there is one. It names the staging folder in place of what is in it. */
export const messageOf = (error: Error): string => {
  const { cause, message } = PlatformError.isPlatformError(error)
    ? error.reason
    : { cause: error, message: "" }
  return (cause instanceof Error ? cause.message : message).replace(staged, "$1")
}

/** True if the path does not exist. */
export const isNotFound = ({ reason }: PlatformError.PlatformError): boolean =>
  reason._tag === "NotFound"

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

/** True if a file has more bytes than a read allows. */
export const isTooLarge = (error: PlatformError.PlatformError): boolean => codeOf(error) === "EFBIG"
