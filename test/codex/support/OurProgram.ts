/**
 * Our program as it ships: bundled, in a folder of its own.
 */
import { Context, Effect, FileSystem, Layer, Path, Schema } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"

/** The program could not be built. */
export class NotBuilt extends Schema.TaggedError<NotBuilt>()("NotBuilt", {
  exitCode: Schema.Number
}) {
  override get message(): string {
    return `"npm run build:program" ended with ${this.exitCode}`
  }
}

export class OurProgram extends Context.Service<
  OurProgram,
  {
    /** The script that Node runs. */
    readonly path: string
  }
>()("test/codex/OurProgram") {}

const repository = fileURLToPath(new URL("../../../", import.meta.url))

export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "codex-plugins-" })
  const words = ["run", "--silent", "build:program", "--", "--dir", folder]
  const exitCode = yield* spawner.exitCode(
    ChildProcess.make("npm", words, { cwd: repository, stdin: "ignore", stderr: "inherit" })
  )
  if (exitCode !== 0) return yield* new NotBuilt({ exitCode })
  return OurProgram.of({ path: path.join(folder, "codex-plugins.js") })
})

export const layer = Layer.effect(OurProgram, make)
