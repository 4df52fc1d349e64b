/**
 * The two disks, over Effect's file system and on `node:fs`, behave alike on a real file system.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Path, Result } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as ManifestFile from "../../../src/internal/bundle/manifestFile.ts"
import * as Disk from "../../../src/internal/disk/Disk.ts"
import { nodeDisk } from "../../../src/internal/disk/nodeDisk.ts"
import * as Reads from "../../../src/internal/disk/reads.ts"
import { implementations, platform, temporaryFolder } from "../../support/disks.ts"

const text = new TextEncoder().encode("text")

/** An operation in a folder that holds a file, a folder that is not empty, a link and a pipe. */
interface Case {
  readonly name: string
  readonly run: (disk: Disk.Disk, folder: string) => Effect.Effect<unknown, unknown>
}

const cases: ReadonlyArray<Case> = [
  {
    name: "lstat describes a file, a folder, a link and a pipe",
    run: (disk, folder) =>
      Effect.forEach(["file", "tree", "link", "pipe"], (name) =>
        Effect.map(disk.lstat(`${folder}/${name}`), (info) => [info?.type, info?.mode])
      )
  },
  { name: "lstat finds nothing", run: (disk, folder) => disk.lstat(`${folder}/none`) },
  {
    name: "lstat finds nothing below a file",
    run: (disk, folder) => disk.lstat(`${folder}/file/x`)
  },
  {
    name: "entries lists names and types",
    run: (disk, folder) =>
      Effect.map(disk.entries(folder), (entries) =>
        entries.map(({ name, type }) => `${name} ${type}`).toSorted()
      )
  },
  {
    name: "entries rejects a missing folder",
    run: (disk, folder) => disk.entries(`${folder}/none`)
  },
  {
    name: "names lists names",
    run: (disk, folder) => Effect.map(disk.names(folder), (names) => names.toSorted())
  },
  { name: "names rejects a missing folder", run: (disk, folder) => disk.names(`${folder}/none`) },
  { name: "names rejects a file", run: (disk, folder) => disk.names(`${folder}/file`) },
  { name: "entries rejects a file", run: (disk, folder) => disk.entries(`${folder}/file`) },
  {
    name: "readFile reads a file up to its limit",
    run: (disk, folder) =>
      Effect.map(disk.readFile(`${folder}/file`, 5), (bytes) => Buffer.from(bytes).toString())
  },
  {
    name: "readFile rejects a missing file",
    run: (disk, folder) => disk.readFile(`${folder}/none`)
  },
  {
    name: "realPath follows links",
    run: (disk, folder) =>
      Effect.map(disk.realPath(`${folder}/link`), (real) => real.endsWith("/file"))
  },
  ...["none", "file/x"].map((name) => ({
    name: `realPath rejects ${name}`,
    run: (disk: Disk.Disk, folder: string) =>
      Effect.mapError(disk.realPath(`${folder}/${name}`), ({ reason }) => reason._tag)
  })),
  {
    name: "runReads runs reads that depend on one another",
    run: (disk, folder) =>
      disk.runReads(function* () {
        const entries = [...(yield* Reads.entries(folder))].toSorted((a, b) =>
          a.name < b.name ? -1 : 1
        )
        const found: Array<unknown> = [yield* Reads.lstat(`${folder}/none`)]
        for (const { name, type } of entries) {
          const info = yield* Reads.lstat(`${folder}/${name}`)
          found.push([name, type, info?.type, info?.mode])
          if (type === "File") found.push([...(yield* Reads.readFile(`${folder}/${name}`, 5))])
        }
        return found
      })
  },
  {
    name: "runReads reads a large file",
    run: (disk, folder) => {
      Fs.writeFileSync(`${folder}/large`, new Uint8Array(300_000).fill(7))
      return disk.runReads(function* () {
        const { length } = yield* Reads.readFile(`${folder}/large`)
        return [length, (yield* Reads.readFile(`${folder}/file`)).length]
      })
    }
  },
  {
    name: "runReads finds nothing below a file",
    run: (disk, folder) => disk.runReads(() => Reads.lstat(`${folder}/file/x`))
  },
  ...["none", "file"].map((name) => ({
    name: `look rejects to list ${name}`,
    run: (disk: Disk.Disk, folder: string) =>
      disk.runReads(() => Reads.entries(`${folder}/${name}`))
  })),
  {
    name: "runReads recovers from an expected error and continues",
    run: (disk, folder) =>
      disk.runReads(function* () {
        const none = Reads.entries(`${folder}/none`)
        const instead = yield* Reads.recover(none, ({ reason }) => reason._tag === "NotFound", [])
        return [instead, (yield* Reads.readFile(`${folder}/file`)).length]
      })
  },
  {
    name: "runReads fails with an unexpected error",
    run: (disk, folder) =>
      disk.runReads(() => Reads.recover(Reads.readFile(`${folder}/none`), () => false, null))
  },
  {
    name: "runAllReads gives the values in their order",
    run: (disk, folder) =>
      Effect.map(
        disk.runAllReads(
          Array.from({ length: 50 }, (_, nth) => () => {
            const name = nth % 2 === 0 ? "file" : `none-${nth}`
            return Reads.lstat(`${folder}/${name}`)
          })
        ),
        (infos) => infos.map((info) => info?.type)
      )
  },
  { name: "runAllReads accepts that there is nothing to do", run: (disk) => disk.runAllReads([]) },
  {
    name: "runAllReads fails with the error of a read",
    run: (disk, folder) =>
      disk.runAllReads([() => Reads.entries(folder), () => Reads.entries(`${folder}/none`)])
  },
  {
    name: "createFile writes under the umask",
    run: (disk, folder) => disk.createFile(`${folder}/new`, text, { mode: 0o666, exactMode: false })
  },
  {
    name: "createFile sets an exact mode",
    run: (disk, folder) => disk.createFile(`${folder}/new`, text, { mode: 0o666 })
  },
  {
    name: "createFile writes a large file",
    run: (disk, folder) =>
      disk.createFile(`${folder}/new`, new Uint8Array(300_000).fill(7), { mode: 0o600 })
  },
  {
    name: "createFile rejects a name that is taken",
    run: (disk, folder) => disk.createFile(`${folder}/file`, text, { mode: 0o644 })
  },
  {
    name: "createFile rejects a missing folder",
    run: (disk, folder) => disk.createFile(`${folder}/none/new`, text, { mode: 0o644 })
  },
  {
    name: "openNew writes piece by piece",
    run: (disk, folder) =>
      Effect.gen(function* () {
        const file = yield* disk.openNew(`${folder}/new`, 0o600)
        for (const length of [1, 65_537, 0, 7])
          yield* file.write(new Uint8Array(length).fill(length))
        yield* file.chmod(0o755)
        yield* file.sync
      }).pipe(Effect.scoped)
  },
  {
    name: "copyFile copies",
    run: (disk, folder) => disk.copyFile(`${folder}/file`, `${folder}/copy`)
  },
  {
    name: "makeDirectory makes a folder",
    run: (disk, folder) => disk.makeDirectory(`${folder}/new`, { mode: 0o700 })
  },
  {
    name: "makeDirectory makes parents",
    run: (disk, folder) => disk.makeDirectory(`${folder}/new/below`, { recursive: true })
  },
  {
    name: "makeDirectory rejects a name that is taken",
    run: (disk, folder) => disk.makeDirectory(`${folder}/file`)
  },
  {
    name: "touch sets the time of the last change",
    run: (disk, folder) =>
      Effect.andThen(
        disk.touch(`${folder}/tree`, 1_234_567_890_123),
        Effect.map(disk.lstat(`${folder}/tree`), (info) =>
          Option.map(Option.fromUndefinedOr(info), ({ mtime }) => Option.map(mtime, Number))
        )
      )
  },
  { name: "touch rejects a missing entry", run: (disk, folder) => disk.touch(`${folder}/none`, 0) },
  {
    name: "ensureWritable accepts a file",
    run: (disk, folder) => disk.ensureWritable(`${folder}/file`)
  },
  {
    name: "ensureWritable rejects a missing file",
    run: (disk, folder) => disk.ensureWritable(`${folder}/none`)
  },
  { name: "chmod changes a mode", run: (disk, folder) => disk.chmod(`${folder}/file`, 0o600) },
  {
    name: "rename moves a folder",
    run: (disk, folder) => disk.rename(`${folder}/tree`, `${folder}/moved`)
  },
  {
    name: "rename rejects a folder that is not empty",
    run: (disk, folder) =>
      Effect.andThen(
        disk.makeDirectory(`${folder}/other`),
        disk.rename(`${folder}/other`, `${folder}/tree`)
      )
  },
  {
    name: "rename rejects a missing entry",
    run: (disk, folder) => disk.rename(`${folder}/none`, `${folder}/x`)
  },
  { name: "remove removes a tree", run: (disk, folder) => disk.remove(`${folder}/tree`) },
  { name: "remove removes a link alone", run: (disk, folder) => disk.remove(`${folder}/link`) },
  { name: "remove removes a file", run: (disk, folder) => disk.remove(`${folder}/file`) },
  {
    name: "remove accepts that there is nothing",
    run: (disk, folder) => disk.remove(`${folder}/none`)
  },
  { name: "syncFile syncs a file", run: (disk, folder) => disk.syncFile(`${folder}/file`) },
  {
    name: "syncFile rejects a missing file",
    run: (disk, folder) => disk.syncFile(`${folder}/none`)
  },
  { name: "syncDirectory syncs a folder", run: (disk, folder) => disk.syncDirectory(folder) },
  {
    name: "syncDirectory accepts a missing folder",
    run: (disk, folder) => disk.syncDirectory(`${folder}/none`)
  },
  {
    name: "createAll creates folders and files with exact modes",
    run: (disk, folder) =>
      disk.createAll([
        { _tag: "Folder", path: `${folder}/a`, mode: 0o777 },
        { _tag: "Folder", path: `${folder}/a/b`, mode: 0o755 },
        ...Array.from({ length: 20 }, (_, index) => ({
          _tag: "File" as const,
          path: `${folder}/a/b/${index}`,
          mode: 0o666,
          contents: new Uint8Array(index * 10_000).fill(index)
        }))
      ])
  },
  {
    name: "createAll leaves modes to the umask",
    run: (disk, folder) =>
      disk.createAll([
        { _tag: "File", path: `${folder}/a`, mode: 0o666, contents: text, exactMode: false },
        { _tag: "Folder", path: `${folder}/b`, mode: 0o777, exactMode: false }
      ])
  },
  { name: "createAll accepts that there is nothing to do", run: (disk) => disk.createAll([]) },
  {
    name: "createAll rejects a file's name that is taken",
    run: (disk, folder) =>
      disk.createAll([{ _tag: "File", path: `${folder}/file`, mode: 0o644, contents: text }])
  },
  {
    name: "createAll rejects a folder's name that is taken",
    run: (disk, folder) => disk.createAll([{ _tag: "Folder", path: `${folder}/tree`, mode: 0o755 }])
  },
  {
    name: "createAll rejects a missing parent",
    run: (disk, folder) =>
      disk.createAll([{ _tag: "File", path: `${folder}/none/new`, mode: 0o644, contents: text }])
  },
  {
    name: "syncDirectories syncs folders and accepts missing ones",
    run: (disk, folder) => disk.syncDirectories([folder, `${folder}/none`, `${folder}/tree`])
  },
  {
    name: "syncDirectories rejects a folder below a file",
    run: (disk, folder) => disk.syncDirectories([`${folder}/file/x`])
  }
]

/** Every name below a folder with its type, mode and bytes. */
const treeOf = (folder: string) =>
  Fs.readdirSync(folder, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((name) => {
      const stats = Fs.lstatSync(join(folder, name))
      return [name, stats.mode, stats.isFile() ? Fs.readFileSync(join(folder, name)) : null]
    })

const prepare = (folder: string) => {
  Fs.writeFileSync(join(folder, "file"), "taken", { mode: 0o644 })
  Fs.mkdirSync(join(folder, "tree", "below"), { recursive: true })
  Fs.writeFileSync(join(folder, "tree", "below", "file"), "")
  Fs.symlinkSync("file", join(folder, "link"))
  execFileSync("mkfifo", [join(folder, "pipe")])
}

const outcomeOf = (disk: Disk.Disk, { run }: Case, directory: string) =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder(directory)
    prepare(folder)
    const outcome = yield* Effect.result(run(disk, folder))
    const shown = (error: unknown) => String(error).replaceAll(folder, "FOLDER")
    return { outcome: Result.mapError(outcome, shown), tree: treeOf(folder) }
  }).pipe(Effect.scoped)

const directories = [tmpdir(), "/dev/shm"].filter((directory) => Fs.existsSync(directory))

/** A plugin with a manifest at the third path of the search, and a folder for the second path. */
const pluginFolder = Effect.map(temporaryFolder(tmpdir()), (root) => {
  for (const name of [".codex-plugin", ".claude-plugin"]) Fs.mkdirSync(join(root, name))
  Fs.writeFileSync(join(root, ".claude-plugin/plugin.json"), JSON.stringify({ name: "alpha" }))
  return root
})

describe.skipIf(process.platform !== "linux")("the two implementations of Disk", () => {
  it.effect.each(cases)("behave alike: $name", (each) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      for (const directory of directories) {
        const expected = yield* outcomeOf(Disk.fromFileSystem(fs), each, directory)
        assert.deepStrictEqual(yield* outcomeOf(nodeDisk, each, directory), expected)
      }
    }).pipe(Effect.provide(platform))
  )

  it.effect.each(Object.entries(implementations))(
    "read no link, pipe or folder, and nothing above the limit: %s",
    ([, implementation]) =>
      Effect.gen(function* () {
        const disk = implementation(yield* FileSystem.FileSystem)
        const folder = yield* temporaryFolder(tmpdir())
        prepare(folder)
        const rejected = (name: string, limit?: number) =>
          Effect.map(
            Effect.flip(disk.readFile(join(folder, name), limit)),
            ({ reason }) => reason._tag
          )
        assert.strictEqual(yield* rejected("pipe"), "BadResource")
        assert.strictEqual(yield* rejected("tree"), "BadResource")
        assert.strictEqual(yield* rejected("link"), "BadResource")
        assert.strictEqual(yield* rejected("file", 4), "Unknown")
      }).pipe(Effect.scoped, Effect.provide(platform))
  )

  it.live.each(Object.entries(implementations))(
    "skip a folder, link, pipe or socket in a manifest's place: %s",
    ([, implementation]) =>
      Effect.gen(function* () {
        const disk = implementation(yield* FileSystem.FileSystem)
        const path = yield* Path.Path
        const make: Readonly<Record<string, (file: string) => void>> = {
          folder: (file) => Fs.mkdirSync(file),
          link: (file) => Fs.symlinkSync("/dev/null", file),
          pipe: (file) => void execFileSync("mkfifo", [file])
        }
        for (const [kind, makeEntry] of Object.entries(make)) {
          const root = yield* pluginFolder
          makeEntry(join(root, ".codex-plugin/plugin.json"))
          const found = yield* ManifestFile.read(disk, path, root, "alpha")
          assert.strictEqual(found.relativePath, ".claude-plugin/plugin.json", kind)
        }
        const root = yield* pluginFolder
        yield* Effect.acquireRelease(
          Effect.callback<Server>((resume) => {
            const server = createServer()
            server.listen(join(root, ".codex-plugin/plugin.json"), () =>
              resume(Effect.succeed(server))
            )
          }),
          (server) => Effect.sync(() => server.close())
        )
        const found = yield* ManifestFile.read(disk, path, root, "alpha")
        assert.strictEqual(found.relativePath, ".claude-plugin/plugin.json", "socket")
      }).pipe(Effect.scoped, Effect.provide(platform))
  )

  it.live("let the event loop turn during many fast calls", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder(tmpdir())
      let longest = 0
      // The thread's own time: other processes on this machine do not count.
      const cpuTime = () => {
        const { system, user } = process.threadCpuUsage()
        return (system + user) / 1000
      }
      let last = cpuTime()
      const timer = setInterval(() => {
        const now = cpuTime()
        longest = Math.max(longest, now - last)
        last = now
      }, 1)
      for (let index = 0; index < 3000; index++) yield* nodeDisk.lstat(join(folder, `${index}`))
      clearInterval(timer)
      assert.isBelow(longest, 100)
    }).pipe(Effect.scoped)
  )
})
