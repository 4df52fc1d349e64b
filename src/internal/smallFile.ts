/**
 * Reads files that another program writes, and that should be small: never a FIFO, a device or a
 * file without end.
 */
import { Effect, type FileSystem, type PlatformError } from "effect"
import type { Disk } from "./disk/Disk.ts"
import { codeOf } from "./platformError.ts"

/** The size of `config.toml`, `auth.json` and files that a manifest names that is still read, in bytes. */
export const maxBytes = 1024 * 1024

const decoder = new TextDecoder()

/** The path does not lead to a regular file, or the file is larger than the limit. */
export const isRefusal = (error: PlatformError.PlatformError): boolean =>
  error.reason._tag === "BadResource" || codeOf(error) === "EFBIG"

/**
 * The text of a regular file of at most `limit` bytes. A link is followed, because people link the
 * files of their homes; the file behind it is checked as it is read.
 */
export const read = (
  fs: FileSystem.FileSystem,
  disk: Disk,
  path: string,
  limit: number
): Effect.Effect<string, PlatformError.PlatformError> =>
  disk.readFile(path, limit).pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "BadResource",
      (error) =>
        Effect.flatMap(fs.realPath(path), (real) =>
          real === path ? Effect.fail(error) : disk.readFile(real, limit)
        )
    ),
    Effect.map((bytes) => decoder.decode(bytes))
  )
