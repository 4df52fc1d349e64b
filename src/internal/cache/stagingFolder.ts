/**
 * The staging folder, in which everything is prepared and into which everything is removed.
 */
import { Effect, PlatformError } from "effect"
import type { Context } from "./changes.ts"
import * as RefCounted from "../lock/refCounted.ts"
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

  /** This process as an owner of entries in staging. */
  const owners = RefCounted.make(
    Effect.andThen(
      ensureFolder(home.staging),
      Effect.mapError(liveness.register(home.staging), (cause) =>
        PlatformError.isPlatformError(cause) ? cause : fileSystemError(home.staging, cause)
      )
    )
  )

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

  /**
   * Makes a new folder for an uninterruptible caller. It names its owner, so that no sweep of a live
   * owner's files removes it.
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
