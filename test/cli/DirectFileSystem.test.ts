/**
 * The program's file system is held to what Node's is held to, on a real disk.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, type PlatformError, Result } from "effect"
import { tmpdir } from "node:os"
import * as DirectFileSystem from "../../src/cli/DirectFileSystem.ts"
import * as atomicFile from "../../src/internal/cache/atomicFile.ts"
import * as Shortcuts from "../../src/internal/cache/shortcuts.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { fileSystemContract } from "../testing/fileSystemContract.ts"
import { play, script } from "../testing/fileSystemScript.ts"

/** What may be done in one step or by several calls, in a folder that holds a file `taken`. */
interface Step {
  readonly of: string
  readonly step: (
    fs: FileSystem.FileSystem,
    folder: string
  ) => Effect.Effect<unknown, PlatformError.PlatformError>
}

const umask = process.umask()
const uid = process.getuid?.() ?? 0
const gid = process.getgid?.() ?? 0

describe.skipIf(process.platform !== "linux")("the program's file system", () => {
  fileSystemContract(DirectFileSystem.layer, { umask, heldToPermissions: uid !== 0 })

  it.effect(
    "does what the file system in memory does, operation by operation",
    Effect.fnUntraced(function* () {
      const { fileSystem: direct } = DirectFileSystem
      for (let seed = 0; seed < 30; seed++) {
        const operations = yield* script(seed, 40)
        const { fileSystem: memory } = yield* MemoryFileSystem.make({ umask, uid, gid })
        yield* Effect.scoped(
          Effect.gen(function* () {
            const expected = yield* play(
              operations,
              direct,
              yield* direct.makeTempDirectoryScoped()
            )
            const actual = yield* play(operations, memory, yield* memory.makeTempDirectoryScoped())
            assert.deepStrictEqual(actual, expected, `seed ${seed}`)
          })
        )
      }
    }),
    30_000
  )

  it.effect("writes and syncs large and small pieces, on a disk and in memory", () =>
    Effect.gen(function* () {
      const { fileSystem: direct } = DirectFileSystem
      for (const directory of [tmpdir(), "/dev/shm"]) {
        if (!(yield* direct.exists(directory))) continue
        const file = `${yield* direct.makeTempDirectoryScoped({ directory })}/file`
        const pieces = [1, 64 * 1024, 64 * 1024 + 1, 300_000, 0, 7].map((length, index) =>
          new Uint8Array(length).fill(index)
        )
        const open = yield* direct.open(file, { flag: "wx" })
        for (const piece of pieces) {
          yield* open.writeAll(piece)
          yield* open.sync
        }
        assert.deepStrictEqual(Buffer.from(yield* direct.readFile(file)), Buffer.concat(pieces))
      }
    }).pipe(Effect.scoped)
  )

  describe("does in one step what takes others several", () => {
    const { fileSystem: direct } = DirectFileSystem
    const byCalls = FileSystem.make(direct)

    it("and only where the steps are its own", () => {
      assert.isDefined(Shortcuts.of(direct))
      assert.isUndefined(Shortcuts.of(byCalls))
    })

    /** What comes of a step, and of the same by single calls. */
    const both = (step: Step["step"]) =>
      Effect.forEach([direct, byCalls], (fs) =>
        Effect.gen(function* () {
          const folder = yield* fs.makeTempDirectoryScoped()
          yield* fs.writeFileString(`${folder}/taken`, "taken")
          const outcome = yield* Effect.result(step(fs, folder))
          const files = yield* Effect.forEach(yield* fs.readDirectory(folder), (name) =>
            Effect.map(
              Effect.all([fs.stat(`${folder}/${name}`), fs.readFileString(`${folder}/${name}`)]),
              ([{ mode }, text]) => [name, mode, text]
            )
          )
          const shown = (error: unknown) => String(error).replaceAll(folder, "FOLDER")
          return { files, outcome: Result.mapError(outcome, shown) }
        }).pipe(Effect.scoped)
      )

    const text = new TextEncoder().encode("text")

    const steps: ReadonlyArray<Step> = [
      {
        of: "a file is created",
        step: (fs, folder) => atomicFile.create(fs, `${folder}/new`, text, 0o666)
      },
      {
        of: "its mode is left to the umask",
        step: (fs, folder) => atomicFile.create(fs, `${folder}/new`, text, 0o666, false)
      },
      {
        of: "its name is taken",
        step: (fs, folder) => atomicFile.create(fs, `${folder}/taken`, text, 0o644)
      },
      {
        of: "its folder is not there",
        step: (fs, folder) => atomicFile.create(fs, `${folder}/nowhere/new`, text, 0o644)
      },
      { of: "a folder is synced", step: atomicFile.syncDirectory },
      {
        of: "none is there to be synced",
        step: (fs, folder) => atomicFile.syncDirectory(fs, `${folder}/nowhere`)
      },
      {
        of: "nothing stands there",
        step: (fs, folder) => Shortcuts.infoOf(fs, `${folder}/nowhere`)
      },
      {
        of: "nothing can stand there",
        step: (fs, folder) => Shortcuts.infoOf(fs, `${folder}/taken/nowhere`)
      }
    ]

    it.effect.each(steps)("where $of", ({ step }) =>
      Effect.gen(function* () {
        const [atOnce, inTurn] = yield* both(step)
        assert.deepStrictEqual(atOnce, inTurn)
      })
    )
  })
})
