import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, FileSystem, Layer, Path } from "effect"
import { execFileSync } from "node:child_process"
import { archives, extracted } from "./support/extraction.ts"

const onDisk = Layer.mergeAll(archives(), Path.layer).pipe(Layer.provideMerge(NodeFileSystem.layer))

const temporaryDirectory = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  fs.makeTempDirectoryScoped({ prefix: "bundle-archive-" })
)

const filesIn = (archive: Uint8Array) =>
  Effect.map(extracted(archive), (nodes) =>
    Object.fromEntries(Object.entries(nodes).filter(([, node]) => typeof node === "object"))
  )

// These programs read from a real disk.
describe("BundleArchive", () => {
  const long = `${"long-".repeat(12)}/${"name-".repeat(12)}`
  const source: Record<string, [mode: number, content: string]> = {
    "plugin.json": [0o644, "{}"],
    "bin/run": [0o755, "#!/bin/sh\n"],
    "bin/secret": [0o600, "s"],
    "docs/\u00e9t\u00e9 2026.md": [0o644, "x".repeat(100_000)],
    [`${long}/a`]: [0o444, ""],
    ".hidden/-rf": [0o640, "h"]
  }

  const planted = Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* temporaryDirectory
    for (const [path, [mode, content]] of Object.entries(source)) {
      const target = `${directory}/${path}`
      yield* fs.makeDirectory(target.slice(0, target.lastIndexOf("/")), { recursive: true })
      yield* fs.writeFileString(target, content)
      yield* fs.chmod(target, mode)
    }
    return directory
  })

  it.effect.each(["gnu", "oldgnu", "pax", "ustar"])(
    "extracts an archive of tar --format=%s",
    (format) =>
      Effect.gen(function* () {
        const directory = yield* planted
        const archive = execFileSync("tar", [
          "czf",
          "-",
          `--format=${format}`,
          "-C",
          directory,
          "."
        ])
        assert.deepStrictEqual(yield* filesIn(archive), source)
      }).pipe(Effect.scoped, Effect.provide(onDisk))
  )

  it.effect("extracts an archive of git archive", () =>
    Effect.gen(function* () {
      const directory = yield* planted
      const git = (...args: ReadonlyArray<string>) =>
        execFileSync("git", ["-C", directory, "-c", "user.name=a", "-c", "user.email=a@b", ...args])
      git("init", "--quiet")
      git("add", ".")
      git("commit", "--quiet", "--message=all")
      const files = yield* filesIn(git("archive", "--format=tar.gz", "HEAD"))
      assert.deepStrictEqual(
        files,
        // Git knows only whether a file can be run.
        Object.fromEntries(
          Object.entries(source).map(([path, [mode, content]]) => [
            path,
            [mode & 0o100 ? 0o775 : 0o664, content]
          ])
        )
      )
    }).pipe(Effect.scoped, Effect.provide(onDisk))
  )
})
