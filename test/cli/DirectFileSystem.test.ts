/**
 * The program's file system is held to what Node's is held to, on a real disk.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { tmpdir } from "node:os"
import * as DirectFileSystem from "../../src/cli/DirectFileSystem.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { fileSystemContract } from "../testing/fileSystemContract.ts"
import { play, script } from "../testing/fileSystemScript.ts"

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
})
