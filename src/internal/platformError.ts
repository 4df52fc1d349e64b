/**
 * What the file system said.
 */
import { PlatformError } from "effect"

/** The system's own words where there are any, such as `ENOSPC: no space left on device, write`. */
export const describe = (error: unknown): string => {
  if (!PlatformError.isPlatformError(error)) return "the file system refused"
  const { cause, message } = error.reason
  return cause instanceof Error ? cause.message : message
}
