/**
 * A separate file, because a process whose calls were slow makes further calls on threads for a while.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type FileSystem } from "effect"
import * as Reads from "../../../src/internal/disk/reads.ts"
import * as NodeReads from "../../../src/internal/disk/nodeReads.ts"

const entry = (name: string): FileSystem.DirectoryEntry => ({ name, type: "File" })

function* threeFolders(): Reads.Reads<ReadonlyArray<string>> {
  const names: Array<string> = []
  for (const folder of ["a", "b", "c"]) {
    for (const { name } of yield* Reads.entries(folder)) names.push(name)
  }
  return names
}

describe("NodeReads", () => {
  it.live("do not block the event loop once calls prove slow", () =>
    Effect.gen(function* () {
      const now: Array<string> = []
      const later: Array<string> = []
      let underWay = 0
      let most = 0
      const { runReads, runAllReads } = NodeReads.make(
        ({ path }) => {
          now.push(path)
          // This is longer than all calls together may take.
          for (const end = performance.now() + 30; performance.now() < end;);
          return { answer: [entry(`${path} now`)] }
        },
        {
          lstat: () => Effect.die("no read needs it"),
          readFile: () => Effect.die("no read needs it"),
          entries: (folder) =>
            Effect.gen(function* () {
              later.push(folder)
              most = Math.max(most, ++underWay)
              yield* Effect.sleep(1)
              underWay--
              return [entry(`${folder} later`)]
            })
        }
      )
      assert.deepStrictEqual(yield* runReads(threeFolders), ["a now", "b later", "c later"])
      assert.deepStrictEqual([now, later], [["a"], ["b", "c"]])
      const all = yield* runAllReads(Array.from({ length: 40 }, () => threeFolders))
      assert.deepStrictEqual(all[39], ["a later", "b later", "c later"])
      assert.lengthOf(all, 40)
      assert.deepStrictEqual(now, ["a"])
      assert.isAbove(most, 1)
      assert.isAtMost(most, 16)
    })
  )
})
