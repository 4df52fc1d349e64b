/**
 * The JSON of errors.
 */
import { Exit } from "effect"
import * as SyncEventJson from "../SyncEventJson.ts"
import { codeOf } from "./exit.ts"
import { schemaVersion } from "./output.ts"

/** The JSON of an error that a command failed with. */
export const errorJson = (error: Error) => ({
  schemaVersion,
  error: { ...SyncEventJson.encodeError(error), exitCode: codeOf(Exit.fail(error)) }
})
