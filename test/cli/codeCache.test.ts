import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"

const codeCache = new URL("../../src/cli/codeCache.ts", import.meta.url).href

/** A program of one file, started as the built one is. */
const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { string } = yield* ChildProcessSpawner.ChildProcessSpawner
  const root = yield* fs.makeTempDirectoryScoped({ prefix: "code-cache-" })
  const cache = `${root}/cache`
  yield* fs.writeFileString(`${root}/hello.cjs`, 'exports.hello = () => require("node:os").EOL')
  yield* fs.writeFileString(
    `${root}/main.mjs`,
    `import { createRequire } from "node:module"
     import { keepCompiled } from ${JSON.stringify(codeCache)}
     keepCompiled(import.meta.dirname, process.argv[2])
     console.log(JSON.stringify(createRequire(import.meta.url)("./hello.cjs").hello()))`
  )
  const run = (kind: string) =>
    string(
      ChildProcess.make(process.execPath, [`${root}/main.mjs`, kind], {
        env: { NODE_COMPILE_CACHE: cache }
      })
    )
  const kept = Effect.map(fs.readDirectory(cache, { recursive: true }), (files) =>
    files.filter((file) => file.includes("hello")).map((file) => `${cache}/${file}`)
  )
  return { kept, run }
})

describe("the code cache", () => {
  it.live(
    "keeps one file a kind of run, and starts from it",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const { kept, run } = yield* program
      const first = yield* run("list")
      assert.strictEqual(first, '"\\n"\n')
      const [file = "", ...others] = yield* kept
      assert.isEmpty(others)
      assert.match(file, /hello\.cjs\.list$/)
      const { ino } = yield* fs.stat(file)
      assert.strictEqual(yield* run("list"), first)
      assert.deepStrictEqual((yield* fs.stat(file)).ino, ino)
      yield* run("sync")
      assert.lengthOf(yield* kept, 2)
    }, Effect.provide(NodeServices.layer))
  )

  it.live.each([
    { damage: "cut short", inflict: (bytes: Uint8Array) => bytes.subarray(0, 101) },
    { damage: "empty", inflict: () => new Uint8Array() },
    {
      damage: "changed in one bit",
      inflict: (bytes: Uint8Array) => bytes.with(bytes.length >> 2, bytes[bytes.length >> 2]! ^ 1)
    },
    {
      damage: "zero in part",
      inflict: (bytes: Uint8Array) => bytes.slice().fill(0, bytes.length >> 2, bytes.length >> 1)
    }
  ])("writes anew what is $damage", ({ inflict }) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { kept, run } = yield* program
      const first = yield* run("list")
      const [file = ""] = yield* kept
      const whole = yield* fs.readFile(file)
      yield* fs.writeFile(file, inflict(whole))
      assert.strictEqual(yield* run("list"), first)
      const written = yield* fs.readFile(file)
      assert.strictEqual(written.length, whole.length)
      assert.deepStrictEqual(
        written.subarray(0, written.length / 2),
        written.subarray(written.length / 2)
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
