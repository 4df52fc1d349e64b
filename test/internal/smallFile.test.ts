import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { execFileSync } from "node:child_process"
import * as Disk from "../../src/internal/disk/Disk.ts"
import { nodeDisk } from "../../src/internal/disk/nodeDisk.ts"
import * as SmallFile from "../../src/internal/smallFile.ts"

const disks = [
  { name: "Effect's file system", of: Disk.fromFileSystem },
  { name: "Node's", of: () => nodeDisk }
]

const limit = 10

describe.each(disks)("a small file on $name", ({ of }) => {
  const read = Effect.fnUntraced(function* (
    make: (folder: string) => Effect.Effect<string, unknown, FileSystem.FileSystem>
  ) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Effect.orDie(make(yield* fs.makeTempDirectoryScoped()))
    return yield* SmallFile.read(fs, of(fs), path, limit)
  }, Effect.provide(NodeFileSystem.layer))

  it.live("is read up to the limit", () =>
    Effect.gen(function* () {
      const text = yield* read((folder) =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* fs.writeFileString(`${folder}/file`, "0123456789")
          return `${folder}/file`
        })
      )
      assert.strictEqual(text, "0123456789")
    })
  )

  it.live("is read through a link", () =>
    Effect.gen(function* () {
      const text = yield* read((folder) =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* fs.writeFileString(`${folder}/file`, "text")
          yield* fs.symlink(`${folder}/file`, `${folder}/link`)
          return `${folder}/link`
        })
      )
      assert.strictEqual(text, "text")
    })
  )

  const refused: ReadonlyArray<
    readonly [string, (folder: string) => Effect.Effect<string, unknown, FileSystem.FileSystem>]
  > = [
    [
      "a larger file",
      (folder) =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* fs.writeFileString(`${folder}/file`, "0123456789a")
          return `${folder}/file`
        })
    ],
    [
      "a link to a larger file",
      (folder) =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* fs.writeFileString(`${folder}/file`, "0123456789a")
          yield* fs.symlink(`${folder}/file`, `${folder}/link`)
          return `${folder}/link`
        })
    ],
    ["a folder", (folder) => Effect.succeed(folder)],
    [
      "a pipe that nobody writes to",
      (folder) =>
        Effect.sync(() => {
          execFileSync("mkfifo", [`${folder}/pipe`])
          return `${folder}/pipe`
        })
    ],
    [
      "a link to a device without end",
      (folder) =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* fs.symlink("/dev/zero", `${folder}/link`)
          return `${folder}/link`
        })
    ]
  ]
  it.live.each(refused)("is not %s", ([, make]) =>
    Effect.gen(function* () {
      assert.isTrue(SmallFile.isRefusal(yield* Effect.flip(read(make))))
    })
  )

  it.live("is absent if it does not exist", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read((folder) => Effect.succeed(`${folder}/none`)))
      assert.strictEqual(error.reason._tag, "NotFound")
      assert.isFalse(SmallFile.isRefusal(error))
    })
  )
})
