/**
 * The removal of files, versions and base roots from the cache.
 */
import { Effect, PlatformError, Random } from "effect"
import type * as PluginId from "../../PluginId.ts"
import * as PluginManifest from "../../PluginManifest.ts"
import * as PlatformErrors from "../platformError.ts"
import type { Context, Rename } from "./changes.ts"
import type { Doubts } from "./doubts.ts"
import type { Sidecars } from "./sidecars.ts"
import type { StagingFolder } from "./stagingFolder.ts"

export const make = (
  { disk, path, reader }: Context,
  { stageFolder, syncStaging }: StagingFolder,
  { markInDoubt }: Doubts,
  { removeSidecar }: Sidecars,
  rename: Rename
) => {
  const { baseRootOf, infoOf, readBaseRoot } = reader

  /** Deletes an entry that no reader uses, such as an unrecognized one. */
  const deleteInPlace = Effect.fnUntraced(function* (target: string) {
    yield* disk.remove(target)
    yield* disk.syncDirectory(path.dirname(target))
  })

  /**
   * Deletes a version in place. Its manifest is removed first and durably: a version without one
   * counts as broken, so a pass after an interruption does not trust the rest of it.
   */
  const deleteVersionInPlace = Effect.fnUntraced(function* (root: string) {
    for (const relativePath of PluginManifest.paths) {
      const manifest = path.join(root, relativePath)
      if ((yield* infoOf(manifest)) === undefined) continue
      yield* disk.remove(manifest)
      yield* disk.syncDirectory(path.dirname(manifest))
    }
    yield* deleteInPlace(root)
  })

  /** Deletes a plugin in place, its sidecar before any of its versions. */
  const deleteBaseRootInPlace = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    const baseRoot = baseRootOf(pluginId)
    if ((yield* infoOf(baseRoot))?.type === "Directory") {
      yield* markInDoubt(pluginId)
      yield* removeSidecar(baseRoot)
      for (const version of (yield* readBaseRoot(baseRoot)).versions) {
        yield* deleteVersionInPlace(path.join(baseRoot, version))
      }
    }
    yield* deleteInPlace(baseRoot)
  })

  /**
   * Removes a file, link or folder from the cache in one step, by a rename into a folder in staging
   * that is deleted later. Both ends of the rename are synced; otherwise a power loss could keep
   * the deletion and lose the rename. If another process has swept the folder because it took this
   * one for dead, nothing is removed and it fails with `NotFound`.
   *
   * An overlay file system cannot rename a folder of a lower layer (EXDEV). There, `inPlace`
   * deletes it where it is, and the result is undefined.
   */
  const discardInto = Effect.fnUntraced(function* <E, R>(
    folder: string,
    target: string,
    inPlace: Effect.Effect<void, E, R>
  ) {
    const id = (yield* Random.nextIntBetween(0, 2 ** 32)).toString(36)
    // Directly in `folder`, because a sweep makes the entries of such a folder durable before it
    // deletes them.
    const discarded = path.join(folder, `discarded-${id}`)
    yield* syncStaging
    const renamed = yield* rename(target, discarded).pipe(
      Effect.as(true),
      Effect.catchIf(
        (error) => PlatformError.isPlatformError(error) && PlatformErrors.codeOf(error) === "EXDEV",
        () => Effect.as(inPlace, false)
      )
    )
    if (!renamed) return undefined
    yield* disk.syncDirectory(path.dirname(target))
    return discarded
  })

  /** Does the same with a new folder that is deleted with the scope. */
  const discard = <E, R>(target: string, inPlace: Effect.Effect<void, E, R>) =>
    Effect.flatMap(stageFolder, (folder) => discardInto(folder, target, inPlace))

  const discardVersion = (root: string) => discard(root, deleteVersionInPlace(root))
  const discardVersionInto = (folder: string, root: string) =>
    discardInto(folder, root, deleteVersionInPlace(root))

  return {
    deleteInPlace,
    deleteBaseRootInPlace,
    discard,
    discardInto,
    discardVersion,
    discardVersionInto
  }
}
