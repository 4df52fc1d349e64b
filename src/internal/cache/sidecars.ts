/**
 * Changes of sidecars, the files that name the backend plugin of a base root.
 */
import { Effect, Random } from "effect"
import * as InstallMetadata from "../../InstallMetadata.ts"
import type * as PluginId from "../../PluginId.ts"
import type { RemotePluginId } from "../../RemotePluginId.ts"
import type { Context } from "./changes.ts"
import * as Disk from "../disk/Disk.ts"
import type { BaseRoot } from "./baseRoots.ts"
import { prefix } from "./staging.ts"
import type { StagingFolder } from "./stagingFolder.ts"

export const utf8 = new TextEncoder()

export type Sidecars = ReturnType<typeof make>

export const make = (
  { disk, home, path, reader }: Context,
  { ensureFolder }: Pick<StagingFolder, "ensureFolder">
) => {
  const { sidecarOf } = reader

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

  /** Writes a sidecar into a folder in staging, from where {@link placeSidecar} renames it. */
  const prepareSidecar = Effect.fnUntraced(function* (
    folder: string,
    remotePluginId: RemotePluginId
  ) {
    const id = (yield* Random.nextIntBetween(0, 2 ** 32)).toString(36)
    const prepared = path.join(folder, `sidecar-${id}`)
    yield* disk.createFile(prepared, utf8.encode(InstallMetadata.encode(remotePluginId)), {
      mode: InstallMetadata.fileMode
    })
    return prepared
  })

  const placeSidecar = Effect.fnUntraced(function* (prepared: string, baseRoot: string) {
    yield* disk.rename(prepared, sidecarOf(baseRoot))
    yield* disk.syncDirectory(baseRoot)
  })

  /** Reads the sidecar that is about to be overwritten. Fails if a newer Codex wrote it. */
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

  return { writeSidecar, prepareSidecar, placeSidecar, readOverwritable, removeSidecar }
}
