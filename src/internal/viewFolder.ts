/**
 * A temporary folder for files that will not become a cached version.
 */
import { Effect, type Path, type PlatformError, type Scope } from "effect"
import type * as Disk from "./disk/Disk.ts"

/**
 * Codex and our own passes keep entries without our prefix for an hour. So a pass that runs
 * meanwhile does not delete the folder, and a later one does if this process dies.
 */
const prefix = "plugin-check-"

/** Makes an empty folder in staging; it is removed with the scope. */
export const make = (
  disk: Disk.Disk,
  path: Path.Path,
  staging: string
): Effect.Effect<string, PlatformError.PlatformError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.andThen(
      disk.makeDirectory(staging, { recursive: true, mode: 0o755 }),
      disk.makeTempDirectory(staging, prefix)
    ),
    (folder) => Effect.ignore(disk.remove(folder))
  ).pipe(Effect.map((folder) => path.resolve(folder)))
