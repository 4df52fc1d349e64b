/**
 * The staging folder, in which everything is prepared and into which everything is removed.
 */
import { Effect, PlatformError } from "effect"
import type { Context } from "./changes.ts"
import { folderMode } from "./copyTree.ts"
import { stagePrefix } from "./staging.ts"
import { fail, fileSystemError } from "./storeError.ts"

export type StagingFolder = ReturnType<typeof make>

export const make = ({ disk, home, liveness, path, reader }: Context) => {
  /** Sees to a folder of ours, which must not be a link. */
  const ensureFolder = Effect.fnUntraced(function* (folder: string) {
    const found = (yield* reader.infoOf(folder))?.type
    if (found === undefined)
      yield* disk.makeDirectory(folder, { recursive: true, mode: folderMode })
    else if (found !== "Directory") yield* fail({ _tag: "Obstructed", path: folder, found })
  })

  let owners = 0

  /** Registers this process as an owner of entries in staging until the scope closes. */
  const owner = Effect.gen(function* () {
    if (owners === 0) yield* ensureFolder(home.staging)
    const owner = yield* Effect.mapError(liveness.register(home.staging), (cause) =>
      PlatformError.isPlatformError(cause) ? cause : fileSystemError(home.staging, cause)
    )
    yield* Effect.acquireRelease(
      Effect.sync(() => owners++),
      () => Effect.sync(() => owners--)
    )
    return owner
  })

  /** Makes the names in staging durable, and its own: no other sync lasts that leans on them. */
  const stagingParent = path.dirname(home.staging)
  const syncStaging = Effect.forEach(
    [
      home.staging,
      stagingParent,
      // Staging inside the cache has a folder of its own there.
      ...(stagingParent === path.dirname(home.cache) ? [] : [home.cache])
    ],
    (folder) => disk.syncDirectory(folder),
    { discard: true }
  )

  /** A new folder that names its owner, so that no sweep of a live owner's files removes it. */
  const stageFolder = Effect.flatMap(owner, (owner) =>
    Effect.acquireRelease(
      disk.makeTempDirectory(home.staging, `${stagePrefix}${owner}-`),
      // The next pass sweeps a folder that cannot be removed now.
      (folder) => Effect.ignore(disk.remove(folder))
    )
  )

  return { ensureFolder, owner, syncStaging, stageFolder }
}
