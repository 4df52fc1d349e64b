/**
 * Writes the skills of a plugin's commands into the folder that will become its version.
 */
import { Effect, type Path, type PlatformError } from "effect"
import { folderMode } from "../disk/Disk.ts"
import * as StrictUtf8 from "../strictUtf8.ts"
import type { PluginId } from "../../PluginId.ts"
import * as PluginManifest from "../../PluginManifest.ts"
import type { Editable } from "../disk/Disk.ts"
import { isRefusal, maxBytes } from "../smallFile.ts"
import * as CommandSkills from "./commandSkills.ts"
import type { ManifestFile } from "./manifestFile.ts"

const fileMode = 0o644

const encoder = new TextEncoder()

/** A file that holds a command. */
interface CommandFile {
  readonly file: string
  readonly path: string
}

const isCommand = (name: string) =>
  name.endsWith(CommandSkills.extension) && name !== CommandSkills.extension

/** The command files at a path, which may be a file, a folder or missing. */
const filesAt = Effect.fnUntraced(function* (disk: Editable, path: Path.Path, place: string) {
  const info = yield* disk.lstat(place)
  const files: Array<CommandFile> = []
  const add = (file: string, below: string) => {
    if (!isCommand(path.basename(file))) return
    files.push({ file, path: below.slice(0, -CommandSkills.extension.length) })
  }
  if (info?.type === "File") add(place, path.basename(place))
  if (info?.type !== "Directory") return files
  const folders = [""]
  // The loop also visits the folders that it appends.
  for (const folder of folders) {
    for (const { name, type } of yield* disk.entries(path.join(place, folder))) {
      const below = `${folder}${name}`
      if (type === "Directory") folders.push(`${below}/`)
      if (type === "File") add(path.join(place, below), below)
    }
  }
  return files
})

/**
 * Writes the skills, synced, into the folder of a plugin with this manifest. Replaces anything that
 * the bundle has in their place. Agent plugins have no commands.
 */
export const write: (
  disk: Editable,
  path: Path.Path,
  root: string,
  pluginId: PluginId,
  manifest: ManifestFile
) => Effect.Effect<void, PlatformError.PlatformError> = Effect.fnUntraced(
  function* (disk, path, root, pluginId, manifest) {
    if (manifest.relativePath === PluginManifest.agentPluginPath) return
    const target = path.join(root, ...CommandSkills.folder)
    const parent = path.dirname(target)
    if ((yield* disk.lstat(target)) !== undefined) {
      yield* disk.remove(target)
      yield* disk.syncDirectory(parent)
    }

    const places = CommandSkills.places(manifest.json).map((place) => path.join(root, ...place))
    const found = (yield* Effect.forEach(places, (place) => filesAt(disk, path, place))).flat()
    // Paths may overlap. A file counts as one command for each path under which it is found.
    const files = new Map(found.map((each) => [`${each.path}\0${each.file}`, each]))
    const commands: Array<CommandSkills.Command> = []
    for (const each of files.values()) {
      const noSkills = (why: string) =>
        Effect.logWarning(
          `made no skills from the commands of ${pluginId}: ${path.relative(root, each.file)} ${why}`
        )
      const bytes = yield* disk
        .readFile(each.file, maxBytes)
        .pipe(Effect.catchIf(isRefusal, () => Effect.succeed(undefined)))
      if (bytes === undefined) {
        return yield* noSkills(`is no regular file of at most ${maxBytes} bytes`)
      }
      const text = yield* Effect.option(Effect.try(() => StrictUtf8.decoder.decode(bytes)))
      if (text._tag === "None") return yield* noSkills("is not UTF-8")
      commands.push({ path: each.path, text: text.value })
    }
    const skills = CommandSkills.make(commands)
    if (skills.length === 0) return

    const makeFolder = (folder: string) =>
      Effect.andThen(
        disk.makeDirectory(folder, { recursive: true }),
        disk.chmod(folder, folderMode)
      )
    yield* makeFolder(parent)
    yield* makeFolder(target)
    for (const { name, text } of skills) {
      const folder = path.join(target, name)
      yield* makeFolder(folder)
      const file = path.join(folder, CommandSkills.fileName)
      yield* disk.createFile(file, encoder.encode(text), { mode: fileMode })
      yield* disk.syncDirectory(folder)
    }
    for (const folder of [target, parent, root]) yield* disk.syncDirectory(folder)
  }
)
