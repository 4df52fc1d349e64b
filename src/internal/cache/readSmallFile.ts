/**
 * Reads files that another user may have prepared.
 */
import { Effect, Option } from "effect"

/**
 * The text of a regular file of at most `limit` bytes; none for everything else. Links are not
 * followed, and a pipe is not waited for: the checks are made on the descriptor that is read.
 */
export const readSmallFile = (file: string, limit: number): Effect.Effect<Option.Option<string>> =>
  Effect.promise(async () => {
    // oxlint-disable-next-line no-restricted-imports -- Effect's FileSystem has no such flags
    const { constants, promises } = await import("node:fs")
    // Windows has neither flag; there they are 0.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
    try {
      const handle = await promises.open(file, flags)
      try {
        const info = await handle.stat()
        if (!info.isFile() || info.size > limit) return Option.none()
        // The file may grow meanwhile, so no more is read than the limit.
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(limit), 0, limit, 0)
        return Option.some(buffer.toString("utf8", 0, bytesRead))
      } finally {
        await handle.close()
      }
    } catch {
      return Option.none()
    }
  })
