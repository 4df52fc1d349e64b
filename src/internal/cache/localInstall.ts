/**
 * The installation of a plugin from a local folder.
 */
import { Effect } from "effect"
import { folderMode } from "../disk/Disk.ts"
import * as PluginId from "../../PluginId.ts"
import * as PluginManifest from "../../PluginManifest.ts"
import type * as PluginVersion from "../../PluginVersion.ts"
import * as CommandSkillFiles from "../bundle/commandSkillFiles.ts"
import * as ManifestFile from "../bundle/manifestFile.ts"
import type { StagedVersion } from "./activation.ts"
import type { Context } from "./changes.ts"
import { copyTree } from "./copyTree.ts"
import { stagingName } from "../fileNames.ts"

interface Options {
  readonly source: string
  readonly pluginId: PluginId.PluginId
  readonly version?: PluginVersion.PluginVersion | undefined
}

/** Stages a copy of a folder until the scope closes. Needs no lock. */
export const make = <E, R>(
  { disk, path }: Pick<Context, "disk" | "path">,
  { stageFolder }: { readonly stageFolder: Effect.Effect<string, E, R> }
) =>
  Effect.fnUntraced(function* (options: Options) {
    const { pluginId, source } = options
    const read = (root: string) => ManifestFile.read(disk, path, root, PluginId.name(pluginId))
    const { manifest, path: manifestPath } = yield* read(source)
    const version = options.version ?? (yield* PluginManifest.localVersion(manifest, manifestPath))
    const root = path.join(yield* stageFolder, "version")
    // If the source is a whole home, staging is below it, and the copy must not contain itself.
    yield* copyTree(disk, path, source, root, { folderMode, without: stagingName })
    // The source may have changed during the copy.
    const copied = yield* read(root).pipe(
      Effect.catchTag("InvalidManifest", (error) =>
        // The copy is removed before anybody can read the error.
        Effect.fail(
          new PluginManifest.InvalidManifest({
            path: path.join(source, path.relative(root, error.path)),
            reason: error.reason
          })
        )
      )
    )
    yield* CommandSkillFiles.write(disk, path, root, pluginId, copied)
    const staged: StagedVersion = { root, pluginId, version, remotePluginId: null }
    return staged
  })
