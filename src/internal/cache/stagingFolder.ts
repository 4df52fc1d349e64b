/**
 * The staging folder, in which new files are prepared and into which removed ones are moved.
 */
import { Effect } from "effect"
import { folderMode } from "../disk/Disk.ts"
import type { Context } from "./changes.ts"
import * as RefCounted from "../lock/refCounted.ts"
import { stagePrefix } from "./staging.ts"
import { fail, fileSystemError } from "./storeError.ts"

export type StagingFolder = ReturnType<typeof make>

export const make = ({ disk, home, liveness, path, reader }: Context) => {
  /** Creates the folder if needed. Fails if it is a link. */
  const ensureFolder = Effect.fnUntraced(function* (folder: string) {
    const found = (yield* reader.infoOf(folder))?.type
    if (found === undefined)
      yield* disk.makeDirectory(folder, { recursive: true, mode: folderMode })
    else if (found !== "Directory") yield* fail({ _tag: "Obstructed", path: folder, found })
  })

  /** This process as an owner of entries in staging. */
  const owners = RefCounted.make(
    Effect.andThen(
      ensureFolder(home.staging),
      Effect.mapError(liveness.register(home.staging), (cause) =>
        fileSystemError("lock", home.staging, cause)
      )
    )
  )

  /**
   * Syncs staging and the folders above it. Otherwise a power loss could lose renames from and into
   * staging although they were synced.
   */
  const stagingParent = path.dirname(home.staging)
  const syncStaging = Effect.forEach(
    [
      home.staging,
      stagingParent,
      // Staging inside the cache has one more folder above it.
      ...(stagingParent === path.dirname(home.cache) ? [] : [home.cache])
    ],
    (folder) => disk.syncDirectory(folder),
    { discard: true }
  )

  /**
   * Makes a new folder for an uninterruptible caller. Its name contains its owner, so that no sweep
   * removes it while the owner runs.
   */
  const makeStageFolder = Effect.gen(function* () {
    const owner = owners.join() ?? (yield* owners.enter)
    const path = yield* Effect.onError(
      disk.makeTempDirectory(home.staging, `${stagePrefix}${owner.value}-`),
      () => owners.leave(owner)
    )
    // The next pass sweeps a folder that cannot be removed now.
    const remove = Effect.andThen(Effect.ignore(disk.remove(path)), owners.leave(owner))
    return { path, remove }
  })

  const stageFolder = Effect.map(
    Effect.acquireRelease(makeStageFolder, ({ remove }) => remove),
    ({ path }) => path
  )

  return { ensureFolder, owner: owners.scoped, syncStaging, makeStageFolder, stageFolder }
}
