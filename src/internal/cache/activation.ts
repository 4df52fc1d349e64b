/**
 * Makes a staged version the active one. The order of the steps ensures that at every moment the
 * sidecar next to an active version is absent or names the plugin whose bytes that version holds.
 */
import { Effect, type Option } from "effect"
import { folderMode } from "../disk/Disk.ts"
import * as InstallMetadata from "../../InstallMetadata.ts"
import type * as PluginId from "../../PluginId.ts"
import type * as PluginVersion from "../../PluginVersion.ts"
import type { RemotePluginId } from "../../RemotePluginId.ts"
import { provenanceName } from "../fileNames.ts"
import { activationSteps } from "./activationSteps.ts"
import type { Changes, Context } from "./changes.ts"
import * as Leases from "./leases.ts"
import { type BaseRoot, emptyBaseRoot } from "./baseRoots.ts"
import { utf8 } from "./sidecars.ts"
import { fail, isGone, isRace } from "./storeError.ts"

/** The number of times that a change is planned again because the cache has changed meanwhile. */
const raceRetries = 8

/** A staged plugin and its folder, which is renamed into the cache. */
export interface StagedVersion {
  readonly root: string
  readonly pluginId: PluginId.PluginId
  readonly version: PluginVersion.PluginVersion
  readonly remotePluginId: RemotePluginId | null
}

interface Options {
  readonly force?: boolean | undefined
  /** None fails with `Changed` if there is a base root. The caller checks any other value. */
  readonly expected?: Option.Option<unknown> | undefined
}

/** Installs a plugin that has no base root: version and sidecar appear in one rename. */
const baseRootPlacer = ({ disk, path, reader }: Context, { rename, settleDoubt }: Changes) =>
  Effect.fnUntraced(function* (
    staged: StagedVersion,
    { baseRoot, moved }: { readonly baseRoot: string; readonly moved: (root: string) => void }
  ) {
    const folder = { _tag: "Folder" as const, path: baseRoot, mode: folderMode }
    yield* disk.createAll(
      staged.remotePluginId === null
        ? [folder]
        : [
            folder,
            {
              _tag: "File",
              path: reader.sidecarOf(baseRoot),
              mode: InstallMetadata.fileMode,
              contents: utf8.encode(InstallMetadata.encode(staged.remotePluginId))
            }
          ]
    )
    const root = path.join(baseRoot, staged.version)
    yield* rename(staged.root, root)
    moved(root)
    yield* disk.syncDirectory(baseRoot)
    yield* rename(baseRoot, reader.baseRootOf(staged.pluginId))
    if (staged.remotePluginId === null) yield* settleDoubt(staged.pluginId)
  })

/**
 * Installs a version into an existing base root, in the safe order.
 *
 * Everything that enters or leaves the base root is renamed from or into `fence`, the folder of the
 * staged version. If this process was frozen and another one took it for dead, that folder has been
 * swept when it wakes up. Then each of its renames fails, so it cannot undo the other process's
 * changes.
 */
const versionPlacer = ({ disk, path, reader }: Context, changes: Changes, leases: Leases.Leases) =>
  Effect.fnUntraced(function* (
    staged: StagedVersion,
    contents: BaseRoot,
    moved: (root: string) => void,
    { fence, ...options }: Options & { readonly fence: string }
  ) {
    const { pluginId, version } = staged
    const baseRoot = reader.baseRootOf(pluginId)
    const target = path.join(baseRoot, version)
    const identity = yield* reader.identityOf(pluginId, contents, false)
    const sameIdentity =
      identity._tag === "Known" && identity.remotePluginId === staged.remotePluginId
    if (options.force !== true) {
      const changesOwner = identity._tag === "Known" && !sameIdentity
      const leased = yield* leases.leased(pluginId, contents.versions)
      const conflict = Leases.conflict(leased, { version, changesOwner })
      if (conflict !== undefined) yield* fail({ _tag: "Leased", version: conflict })
    }
    const { activatesThird, toRemove } = activationSteps(version, contents)
    const changesIdentity = !sameIdentity || activatesThird

    const sidecar =
      changesIdentity && staged.remotePluginId !== null
        ? yield* changes.prepareSidecar(fence, staged.remotePluginId)
        : undefined

    if (changesIdentity) {
      yield* changes.markInDoubt(pluginId)
      // This also syncs the folder if another process has just removed the sidecar.
      yield* changes.removeSidecar(baseRoot)
    }
    if (
      staged.remotePluginId === null &&
      contents.entries.some(({ name }) => name === provenanceName)
    ) {
      yield* disk.remove(path.join(baseRoot, provenanceName))
    }
    const replaced =
      (yield* reader.infoOf(target)) === undefined
        ? undefined
        : yield* changes.discardVersionInto(fence, target)
    yield* Effect.tapError(changes.rename(staged.root, target), () =>
      replaced === undefined ? Effect.void : Effect.ignore(changes.rename(replaced, target))
    )
    moved(target)

    if (changesIdentity || toRemove.length > 0) yield* disk.syncDirectory(baseRoot)
    yield* Effect.forEach(
      toRemove,
      (other) =>
        Effect.catchIf(
          changes.discardVersionInto(fence, path.join(baseRoot, other)),
          isGone,
          () => Effect.void
        ),
      { discard: true }
    )
    if (!changesIdentity) return
    yield* Effect.gen(function* () {
      if (sidecar !== undefined) yield* changes.placeSidecar(sidecar, baseRoot)
      yield* changes.settleDoubt(pluginId)
    }).pipe(
      // Another program has removed the new version since then; the next pass sweeps the mark.
      Effect.catchIf(isGone, () => Effect.void)
    )
  })

export const make = (context: Context, changes: Changes, leases: Leases.Leases) => {
  const { path, reader } = context
  const { baseRootOf, infoOf, readBaseRoot } = reader
  const { deleteInPlace, discardInto, ensureFolder } = changes
  const placeBaseRoot = baseRootPlacer(context, changes)
  const placeVersion = versionPlacer(context, changes, leases)

  return Effect.fnUntraced(function* <E extends { readonly _tag: string } = never>(
    staged: StagedVersion,
    options?: Options,
    check: (contents: BaseRoot) => Effect.Effect<unknown, E> = () => Effect.void
  ) {
    const baseRoot = baseRootOf(staged.pluginId)
    const fence = path.dirname(staged.root)
    let root = staged.root
    const moved = (to: string) => {
      root = to
    }

    const attempt = Effect.fnUntraced(function* (nth: number) {
      const type = (yield* infoOf(baseRoot))?.type
      if (nth === 0 && type === "Directory" && options?.expected?._tag === "None") {
        yield* fail({ _tag: "Changed" })
      }
      yield* ensureFolder(path.dirname(baseRoot))
      const contents = type === "Directory" ? yield* readBaseRoot(baseRoot) : emptyBaseRoot
      yield* check(contents)
      // A file or link in a plugin's place is removed itself; a link is not followed.
      if (type !== undefined && type !== "Directory") {
        yield* discardInto(fence, baseRoot, deleteInPlace(baseRoot))
      }
      yield* contents.entries.length === 0
        ? placeBaseRoot(
            { ...staged, root },
            { baseRoot: path.join(fence, `base-root-${nth}`), moved }
          )
        : placeVersion({ ...staged, root }, contents, moved, { ...options, fence })
    })

    // Once the version is in place, nothing is planned again; the remaining steps only clean up.
    const isOpen = (error: { readonly _tag: string }) =>
      isRace(error) && root !== path.join(baseRoot, staged.version)
    const attempts = (nth: number): ReturnType<typeof attempt> =>
      nth === raceRetries
        ? attempt(nth)
        : Effect.catchIf(attempt(nth), isOpen, () => attempts(nth + 1))
    yield* attempts(0)
  })
}
