/**
 * Files on the file system that a test runs on.
 */
import { Effect, FileSystem, Path } from "effect"

/** Makes a folder, with these files below it. */
export const writeFiles = Effect.fnUntraced(function* (
  root: string,
  files: Readonly<Record<string, string | Uint8Array>>
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* fs.makeDirectory(root)
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name)
    yield* fs.makeDirectory(path.dirname(file), { recursive: true })
    yield* typeof content === "string"
      ? fs.writeFileString(file, content)
      : fs.writeFile(file, content)
  }
})
