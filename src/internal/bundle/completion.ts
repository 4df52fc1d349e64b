/**
 * Completes and checks a downloaded bundle before its activation: curated bundles get the version
 * and the app manifest of their row, and the manifest is checked.
 */
import { Effect, Option, type Path } from "effect"
import * as PluginId from "../../PluginId.ts"
import * as PluginManifest from "../../PluginManifest.ts"
import type { PluginVersion } from "../../PluginVersion.ts"
import * as RemotePlugin from "../../RemotePlugin.ts"
import type { Editable } from "../disk/Disk.ts"
import * as CuratedManifest from "./curatedManifest.ts"
import * as ManifestFile from "./manifestFile.ts"

/** The mode of a file that is added to a bundle. Source: Codex. */
const addedFileMode = 0o644

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Completes bundles on a disk or in a draft. */
export const make = (disk: Editable, path: Path.Path) => {
  /** Replaces a file and keeps its mode, or adds a file. The name in its folder is not synced. */
  const overwrite = Effect.fnUntraced(function* (target: string, contents: Uint8Array) {
    const replaced = yield* disk.lstat(target)
    if (replaced?.type === "File") yield* disk.remove(target)
    const mode = replaced === undefined ? addedFileMode : replaced.mode & 0o777
    yield* disk.createFile(target, contents, { mode })
  })

  /**
   * Adds the version and the app manifest of its row to a curated bundle, as Codex does, and
   * returns the resulting manifest.
   */
  const materialize = Effect.fnUntraced(function* (
    plugin: RemotePlugin.RemotePlugin,
    version: PluginVersion,
    root: string
  ) {
    let manifest = yield* ManifestFile.find(disk, path, root)
    // Codex does not change an agent plugin's manifest, and reads `apps` from the other kinds.
    const isAgentPlugin = manifest.relativePath === PluginManifest.agentPluginPath
    if (!isAgentPlugin) {
      const text = CuratedManifest.withVersion(decoder.decode(manifest.bytes), version)
      if (Option.isNone(text)) {
        return yield* new PluginManifest.InvalidManifest({
          path: manifest.path,
          reason: { _tag: "NotManifest", at: "" }
        })
      }
      const bytes = encoder.encode(text.value)
      yield* overwrite(manifest.path, bytes)
      yield* disk.syncDirectory(path.dirname(manifest.path))
      const json = yield* PluginManifest.parseJson(bytes, manifest.path)
      manifest = { ...manifest, bytes, json }
    }
    if (Option.isNone(plugin.appManifest)) return manifest
    const naming = isAgentPlugin
      ? yield* ManifestFile.find(disk, path, root, PluginManifest.paths.slice(1)).pipe(
          Effect.catchTag("InvalidManifest", () => Effect.succeed(undefined))
        )
      : manifest
    const segments = CuratedManifest.appManifestPath(naming?.json)
    const target = path.join(root, ...segments)
    const folders = segments.map((_, depth) => path.join(root, ...segments.slice(0, depth)))
    if (folders.length > 1) yield* disk.makeDirectory(folders.at(-1)!, { recursive: true })
    yield* overwrite(target, encoder.encode(plugin.appManifest.value))
    yield* disk.syncDirectories(folders)
    // The app manifest may have been written to a path at which a manifest is looked for.
    return yield* ManifestFile.find(disk, path, root)
  })

  /** Completes the bundle in a folder, and checks and returns its manifest. */
  return Effect.fnUntraced(function* (
    plugin: RemotePlugin.RemotePlugin,
    version: PluginVersion,
    root: string
  ) {
    const { pluginId } = plugin
    const manifest =
      PluginId.marketplace(pluginId) === RemotePlugin.marketplaces.curated
        ? yield* materialize(plugin, version, root)
        : yield* ManifestFile.find(disk, path, root)
    yield* ManifestFile.check(manifest, PluginId.name(pluginId))
    return manifest
  })
}
