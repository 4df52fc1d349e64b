/**
 * The contract on a real disk, with which the file system in memory must agree.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { getSystemErrorMap } from "node:util"
import * as Errno from "../../src/testing/internal/errno.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { fileSystemContract } from "./fileSystemContract.ts"
import { play, script } from "./fileSystemScript.ts"

const umask = process.umask()
const uid = process.getuid?.() ?? 0
const gid = process.getgid?.() ?? 0

describe.skipIf(process.platform !== "linux")("Node's file system on Linux", () => {
  fileSystemContract(NodeFileSystem.layer, {
    umask,
    heldToPermissions: uid !== 0
  })

  it.effect(
    "does what the file system in memory does, operation by operation",
    () =>
      Effect.gen(function* () {
        const node = yield* FileSystem.FileSystem
        for (let seed = 0; seed < 30; seed++) {
          const operations = yield* script(seed, 40)
          const { fileSystem: memory } = yield* MemoryFileSystem.make({ umask, uid, gid })
          yield* Effect.scoped(
            Effect.gen(function* () {
              const expected = yield* play(operations, node, yield* node.makeTempDirectoryScoped())
              const actual = yield* play(
                operations,
                memory,
                yield* memory.makeTempDirectoryScoped()
              )
              assert.deepStrictEqual(actual, expected, `seed ${seed}`)
            })
          )
        }
      }).pipe(Effect.provide(NodeFileSystem.layer)),
    // The test makes some thousand operations on a disk that other programs may use.
    30_000
  )

  it("gives each error as the file system in memory does", () => {
    const known = new Map(
      [...getSystemErrorMap()].map(([errno, [code, text]]) => [code, [errno, text]])
    )
    for (const code of Errno.codes) {
      if (code.startsWith("ERR_")) continue
      const { reason } = Errno.platformError({ code, method: "open", pathOrDescriptor: "/x" })
      const [errno, text] = known.get(code) ?? []
      assert.include(reason.cause, { errno, message: `${code}: ${text}, open '/x'` })
    }
  })
})
