/**
 * A temporary folder for files that do not become a version of the cache.
 */
import { Effect, type FileSystem, type Path, type PlatformError, type Scope } from "effect"

/**
 * Codex and our own passes leave names without our prefix alone for an hour, so a pass that runs
 * meanwhile does not delete it, and a later one does if this process dies.
 */
const prefix = "plugin-check-"

/** Makes an empty folder in staging; it is removed with the scope. */
export const make = (
  fs: FileSystem.FileSystem,
  path: Path.Path,
  staging: string
): Effect.Effect<string, PlatformError.PlatformError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.andThen(
      fs.makeDirectory(staging, { recursive: true }),
      fs.makeTempDirectory({ directory: staging, prefix })
    ),
    (folder) => Effect.ignore(fs.remove(folder, { recursive: true, force: true }))
  ).pipe(Effect.map((folder) => path.resolve(folder)))
