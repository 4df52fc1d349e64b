/**
 * A plugin's manifest on disk.
 */
import { Effect, type Path, type PlatformError } from "effect"
import * as PluginManifest from "../../PluginManifest.ts"
import { isAbsent } from "../platformError.ts"
import type { Editable } from "../cache/Disk.ts"

/** A manifest of more bytes is not read. */
export const maxBytes = 1024 * 1024

export interface ManifestFile {
  readonly path: string
  /** One of {@link PluginManifest.paths}. */
  readonly relativePath: string
  readonly bytes: Uint8Array
  readonly json: unknown
}

/** The operations that find and read a manifest. */
type Readable = Pick<Editable, "lstat" | "entries" | "readFile">

/** Treats an entry at another path or of another kind as absent. */
const orNothing = <A>(effect: Effect.Effect<A, PlatformError.PlatformError>) =>
  Effect.catchIf(effect, isAbsent, () => Effect.succeed(undefined))

/** The entries of a folder; none if there is no folder. */
const typesIn = (disk: Readable, folder: string) =>
  Effect.map(
    orNothing(disk.entries(folder)),
    (entries = []) => new Map(entries.map(({ name, type }) => [name, type]))
  )

/** The first of the candidates that counts as a manifest. It alone decides, sound or not. */
export const find: (
  disk: Readable,
  path: Path.Path,
  root: string,
  candidates?: ReadonlyArray<string>
) => Effect.Effect<ManifestFile, PluginManifest.InvalidManifest | PlatformError.PlatformError> =
  Effect.fnUntraced(function* (disk, path, root, candidates = PluginManifest.paths) {
    const standing = yield* typesIn(disk, root)
    for (const relativePath of candidates) {
      const [first = relativePath, second] = relativePath.split("/")
      // A link is none: it may lead out of the plugin.
      if (standing.get(first) !== (second === undefined ? "File" : "Directory")) continue
      const file = path.join(root, relativePath)
      if (second !== undefined && (yield* disk.lstat(file))?.type !== "File") continue
      const bytes = yield* orNothing(disk.readFile(file, maxBytes))
      if (bytes === undefined) continue
      const parsed = PluginManifest.parseJson(bytes, file)
      if (relativePath !== PluginManifest.agentPluginPath) {
        return { path: file, relativePath, bytes, json: yield* parsed }
      }
      const json = yield* Effect.orElseSucceed(parsed, () => undefined)
      if (PluginManifest.isAgentPlugin(json)) return { path: file, relativePath, bytes, json }
    }
    return yield* new PluginManifest.InvalidManifest({ path: root, reason: { _tag: "Missing" } })
  })

/** Decodes a manifest, which must be that of the plugin of this name. */
export const check: (
  file: ManifestFile,
  expectedName: string
) => Effect.Effect<PluginManifest.PluginManifest, PluginManifest.InvalidManifest> =
  Effect.fnUntraced(function* (file, expectedName) {
    const manifest = yield* PluginManifest.decode(file.json, file.path, file.relativePath)
    yield* PluginManifest.checkName(manifest, expectedName, file.path)
    return manifest
  })

/** Reads and checks the manifest of the plugin in a folder. */
export const read: (
  disk: Readable,
  path: Path.Path,
  root: string,
  expectedName: string
) => Effect.Effect<
  ManifestFile & { readonly manifest: PluginManifest.PluginManifest },
  PluginManifest.InvalidManifest | PlatformError.PlatformError
> = Effect.fnUntraced(function* (disk, path, root, expectedName) {
  const file = yield* find(disk, path, root)
  return { ...file, manifest: yield* check(file, expectedName) }
})
