/**
 * A durable copy of a folder.
 */
import { Effect, type Path } from "effect"
import type * as Disk from "./Disk.ts"
import { stagingName } from "./layout.ts"

/** How many files or entries are handled at a time. */
const concurrency = 16

/** The mode of folders in the cache, as Codex makes them. */
export const folderMode = 0o755

/** Copies a folder's files and folders, synced; links and devices are left out. */
export const copyTree = Effect.fnUntraced(function* (
  disk: Disk.Disk,
  path: Path.Path,
  from: string,
  to: string
) {
  const folders = [""]
  const files: Array<string> = []
  // The loop goes on over what it appends.
  for (const folder of folders) {
    yield* disk.makeDirectory(path.join(to, folder))
    yield* disk.chmod(path.join(to, folder), folderMode)
    for (const { name, type } of yield* disk.entries(path.join(from, folder))) {
      // Staging is below the source if that is a whole home; the copy must not contain itself.
      if (type === "Directory" && name !== stagingName) folders.push(path.join(folder, name))
      if (type === "File") files.push(path.join(folder, name))
    }
  }
  yield* Effect.forEach(
    files,
    (file) =>
      Effect.gen(function* () {
        const copy = path.join(to, file)
        yield* disk.copyFile(path.join(from, file), copy)
        const mode = (yield* disk.lstat(copy))?.mode ?? 0
        // No file of the cache runs as its owner, whoever runs it.
        if ((mode & 0o7000) !== 0) yield* disk.chmod(copy, mode & 0o777)
        yield* disk.syncFile(copy)
      }),
    { concurrency, discard: true }
  )
  yield* Effect.forEach(folders, (folder) => disk.syncDirectory(path.join(to, folder)), {
    concurrency,
    discard: true
  })
})
