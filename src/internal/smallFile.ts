/**
 * Reads files that another program writes and that should be small: never a FIFO, a device or an
 * endless file.
 */
import { Effect, type FileSystem, type PlatformError } from "effect"
import type { Disk } from "./disk/Disk.ts"
import { isTooLarge } from "./platformError.ts"

/** The maximum size of settings, credentials, sidecars, manifests and files that they name, in bytes. */
export const maxBytes = 1024 * 1024

const decoder = new TextDecoder()

/** True if the path does not lead to a regular file, or if the file is larger than the limit. */
export const isRefusal = (error: PlatformError.PlatformError): boolean =>
  error.reason._tag === "BadResource" || isTooLarge(error)

/**
 * Reads the text of a regular file of at most `limit` bytes. Links are followed, because people
 * link the files of their homes; the file itself is checked while it is read.
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
