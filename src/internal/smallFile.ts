/**
 * Reads files that another program writes, and that should be small: never a FIFO, a device or a
 * file without end.
 */
import { Data, Effect, type FileSystem, type PlatformError } from "effect"

/** The file is no regular file, or larger than the limit. */
export class Refused extends Data.TaggedError("Refused")<{ readonly path: string }> {}

/** The text of a regular file of at most so many bytes. */
export const read = (
  fs: FileSystem.FileSystem,
  path: string,
  limit: number
): Effect.Effect<string, PlatformError.PlatformError | Refused> =>
  Effect.filterOrFail(
    fs.stat(path),
    ({ size, type }) => type === "File" && Number(size) <= limit,
    () => new Refused({ path })
  ).pipe(Effect.andThen(fs.readFileString(path)))
