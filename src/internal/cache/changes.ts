/**
 * The single steps of which every change of the cache consists.
 */
import { Duration, Effect, type Path, PlatformError, Random, Schedule } from "effect"
import * as InstallMetadata from "../../InstallMetadata.ts"
import type * as PluginId from "../../PluginId.ts"
import * as PluginManifest from "../../PluginManifest.ts"
import type { RemotePluginId } from "../../RemotePluginId.ts"
import * as platformError from "../platformError.ts"
import { folderMode } from "./copyTree.ts"
import * as Disk from "./Disk.ts"
import type * as cacheReader from "./reader.ts"
import type { BaseRoot } from "./reader.ts"
import { doubtPrefix, prefix } from "./staging.ts"
import { fail, heldFilePatience, isHeld } from "./storeError.ts"

/** An empty file of ours gets the mode that the umask leaves. */
export const emptyFile = { mode: 0o666, exactMode: false }

export const utf8 = new TextEncoder()

const heldSchedule = Schedule.spaced(Duration.millis(100)).pipe(
  Schedule.upTo({ duration: heldFilePatience })
)

/** The disk, the places and the reader that the parts of the store share. */
export interface Context {
  readonly disk: Disk.Disk
  readonly path: Path.Path
  /** The paths of the cache and of its staging folder. */
  readonly home: { readonly cache: string; readonly staging: string }
  readonly reader: Effect.Success<typeof cacheReader.make>
}

/** The steps of one home. */
export type Changes = ReturnType<typeof make>

export const make = ({ disk, home, path, reader }: Context) => {
  const { baseRootOf, infoOf, readBaseRoot, sidecarOf } = reader

  const doubtOf = (pluginId: PluginId.PluginId) =>
    path.join(home.staging, `${doubtPrefix}${pluginId}`)

  /** Renames a folder or file into, within or out of the cache. */
  const rename = (from: string, to: string) =>
    Effect.retry(disk.rename(from, to), { schedule: heldSchedule, while: isHeld }).pipe(
      Effect.catchIf(isHeld, (cause) =>
        fail({ _tag: "Held", path: from.startsWith(home.staging) ? to : from, cause })
      )
    )

  /** Sees to a folder of ours, which must not be a link. */
  const ensureFolder = Effect.fnUntraced(function* (folder: string) {
    const found = (yield* infoOf(folder))?.type
    if (found === undefined)
      yield* disk.makeDirectory(folder, { recursive: true, mode: folderMode })
    else if (found !== "Directory") yield* fail({ _tag: "Obstructed", path: folder, found })
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

  const stageFolder = Effect.acquireRelease(
    Effect.andThen(
      ensureFolder(home.staging),
      disk.makeTempDirectory(home.staging, `${prefix}stage-`)
    ),
    // The next pass sweeps a folder that cannot be removed now.
    (folder) => Effect.ignore(disk.remove(folder))
  )

  /** Deletes what no reader looks into, such as an unrecognized entry. */
  const deleteInPlace = Effect.fnUntraced(function* (target: string) {
    yield* disk.remove(target)
    yield* disk.syncDirectory(path.dirname(target))
  })

  /**
   * Deletes a version in place. Its manifest goes first and durably: a version without one counts as
   * broken, so that a pass after an interruption does not trust what is left of it.
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

  /** Deletes a plugin in place. Its identity goes before any of its bytes. */
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
   * Removes a file, link or folder from the cache in one step, by a rename into staging. It is deleted
   * with the scope. Both ends of the rename are synced, or the deletion might outlive it.
   *
   * Overlay file systems refuse to rename a folder that came with the image (EXDEV). There, `inPlace`
   * deletes it where it is, and the result is undefined.
   */
  const discard = Effect.fnUntraced(function* <E, R>(
    target: string,
    inPlace: Effect.Effect<void, E, R>
  ) {
    const discarded = path.join(yield* stageFolder, "discarded")
    yield* syncStaging
    const renamed = yield* rename(target, discarded).pipe(
      Effect.as(true),
      Effect.catchIf(
        (error) => PlatformError.isPlatformError(error) && platformError.codeOf(error) === "EXDEV",
        () => Effect.as(inPlace, false)
      )
    )
    if (!renamed) return undefined
    yield* disk.syncDirectory(path.dirname(target))
    return discarded
  })

  const discardVersion = (root: string) => discard(root, deleteVersionInPlace(root))

  const writeSidecar = Effect.fnUntraced(function* (
    baseRoot: string,
    remotePluginId: RemotePluginId
  ) {
    yield* ensureFolder(home.staging)
    yield* Disk.replaceFile(disk, {
      target: sidecarOf(baseRoot),
      contents: utf8.encode(InstallMetadata.encode(remotePluginId)),
      mode: InstallMetadata.fileMode,
      temporary: path.join(
        home.staging,
        `${prefix}sidecar-${(yield* Random.nextIntBetween(0, 2 ** 32)).toString(36)}`
      )
    })
  })

  /** The sidecar that is to be overwritten. One that a newer Codex has written is not ours to. */
  const readOverwritable = (pluginId: PluginId.PluginId, contents: BaseRoot) =>
    Effect.catchTag(
      reader.readSidecar(pluginId, contents),
      "CorruptInstallMetadata",
      () => Effect.succeedNone
    )

  const removeSidecar = Effect.fnUntraced(function* (baseRoot: string) {
    yield* disk.remove(sidecarOf(baseRoot))
    yield* disk.syncDirectory(baseRoot)
  })

  /**
   * While versions stand without the sidecar that is to name them, their bytes may be the old or
   * the new plugin's. The mark outlives us, so that nobody backfills an identity on a guess.
   */
  const markInDoubt = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    yield* ensureFolder(home.staging)
    yield* disk
      .createFile(doubtOf(pluginId), new Uint8Array(), emptyFile)
      .pipe(Effect.catchReason("PlatformError", "AlreadyExists", () => Effect.void))
    yield* syncStaging
  })

  // A mark that stays is swept by the next pass.
  const unmark = (pluginId: PluginId.PluginId) => Effect.ignore(disk.remove(doubtOf(pluginId)))

  /** Takes the mark away once what ended the doubt is durable. */
  const settleDoubt = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    const baseRoot = baseRootOf(pluginId)
    yield* disk.syncDirectory(baseRoot)
    yield* disk.syncDirectory(path.dirname(baseRoot))
    yield* unmark(pluginId)
  })

  return {
    rename,
    ensureFolder,
    syncStaging,
    stageFolder,
    deleteInPlace,
    deleteVersionInPlace,
    deleteBaseRootInPlace,
    discard,
    discardVersion,
    writeSidecar,
    readOverwritable,
    removeSidecar,
    markInDoubt,
    unmark,
    settleDoubt
  }
}
