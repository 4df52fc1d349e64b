/**
 * Homes that hold a local plugin.
 */
import { Effect, FileSystem, Path } from "effect"

/** A home with a cached local plugin of this name. */
export const make = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
  const version = path.join(home, "plugins/cache/local", name, "1.0.0/.codex-plugin")
  yield* fs.makeDirectory(version, { recursive: true })
  yield* fs.writeFileString(path.join(version, "plugin.json"), JSON.stringify({ name }))
  return home
})
