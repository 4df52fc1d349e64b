import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Path } from "effect"
import * as Draft from "../../../src/internal/bundle/draft.ts"
import * as FolderWriter from "../../../src/internal/bundle/folderWriter.ts"
import * as CommandSkillFiles from "../../../src/internal/bundle/commandSkillFiles.ts"
import * as Disk from "../../../src/internal/disk/Disk.ts"
import * as ManifestFile from "../../../src/internal/bundle/manifestFile.ts"
import { agentPluginSchema } from "../../../src/PluginManifest.ts"
import * as MemoryFileSystem from "../../../src/testing/MemoryFileSystem.ts"
import { writeFiles } from "../../support/files.ts"
import { pluginId } from "../../support/pluginWorld.ts"

const codex = ".codex-plugin/plugin.json"
const skills = ".codex-plugin/migrated-command-skills"
const command = "---\ndescription: Does it\n---\nDo it.\n"

const manifest = (fields: object = {}) => JSON.stringify({ name: "alpha", ...fields })

const folders = (files: object) =>
  new Set(
    Object.keys(files).flatMap((file) => {
      const parts = file.split("/").slice(0, -1)
      return parts.map((_, depth) => parts.slice(0, depth + 1).join("/"))
    })
  )

/** The draft of these files, with folders first. */
const drafted = (files: Readonly<Record<string, string | Uint8Array>>) => [
  ...[...folders(files)].map((path) => ({ _tag: "Directory", path }) as const),
  ...Object.entries(files).map(
    ([path, content]) =>
      ({
        _tag: "File",
        path,
        mode: 0o644,
        content: typeof content === "string" ? new TextEncoder().encode(content) : content
      }) as const
  )
]

/** Makes skills on a disk. Returns the error of a failure. */
const makeSkills = Effect.fnUntraced(function* (disk: Disk.Editable) {
  const path = yield* Path.Path
  const found = yield* ManifestFile.read(disk, path, "/plugin", "alpha")
  return yield* Effect.result(
    CommandSkillFiles.write(disk, path, "/plugin", pluginId("alpha"), found)
  )
})

/**
 * The files below the skills' folder after skills were made of these files. The skills are made on a disk
 * and in a draft, and both results must be equal.
 */
const made = Effect.fnUntraced(
  function* (files: Readonly<Record<string, string | Uint8Array>>) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const memory = yield* MemoryFileSystem.Disk
    const disk = Disk.fromFileSystem(fs)
    yield* writeFiles("/plugin", files)
    const onDisk = yield* makeSkills(disk)
    const written = memory.snapshot("/plugin")
    yield* fs.remove("/plugin", { recursive: true })

    const draft = Draft.make(path, "/plugin", drafted(files))
    const inDraft = yield* makeSkills(draft.disk)
    assert.strictEqual(inDraft._tag, onDisk._tag)
    yield* Effect.fromResult(onDisk)
    yield* Effect.scoped(
      Effect.flatMap(FolderWriter.make(disk, path, "/plugin"), (folder) =>
        folder.create(draft.entries())
      )
    )
    assert.deepStrictEqual(memory.snapshot("/plugin"), written)
    const names = yield* Effect.option(fs.readDirectory(`/plugin/${skills}`))
    return Option.getOrUndefined(names)?.toSorted()
  },
  Effect.provide([MemoryFileSystem.layer, Path.layer], { local: true })
)

describe("CommandSkillFiles.write", () => {
  it.effect.each([
    {
      of: "all Markdown files below commands",
      files: { "commands/a.md": command, "commands/b/c.md": command, "commands/d.txt": command },
      made: ["source-command-a", "source-command-b-c"]
    },
    {
      of: "the places that the manifest names instead",
      files: {
        [codex]: manifest({ commands: ["./x/a.md", "./y", "./nowhere", "./x/b.txt"] }),
        "x/a.md": command,
        "x/b.txt": command,
        "y/z.md": command,
        "commands/c.md": command
      },
      made: ["source-command-a", "source-command-z"]
    },
    {
      of: "a file that is named twice, once",
      files: { [codex]: manifest({ commands: ["./x", "./x/a.md"] }), "x/a.md": command },
      made: ["source-command-a"]
    },
    { of: "nothing", files: {}, made: undefined },
    { of: "commands that are none", files: { "commands/a.md": "text" }, made: undefined },
    { of: "a file in the commands' place", files: { commands: command }, made: undefined },
    {
      of: "commands of which one is larger than 1 MiB",
      files: { "commands/a.md": command, "commands/b.md": `${command}${"x".repeat(2 ** 20)}` },
      made: undefined
    },
    {
      of: "commands of which one is not UTF-8",
      files: { "commands/a.md": command, "commands/b.md": new Uint8Array([0xff]) },
      made: undefined
    },
    {
      of: "commands beside skills that came along",
      files: { "commands/a.md": command, [`${skills}/mine/SKILL.md`]: "mine" },
      made: ["source-command-a"]
    },
    {
      of: "commands beside a file that came along",
      files: { "commands/a.md": command, [skills]: "mine" },
      made: ["source-command-a"]
    },
    {
      of: "skills that came along",
      files: { [`${skills}/mine/SKILL.md`]: "mine" },
      made: undefined
    },
    {
      of: "an agent plugin, whose skills stay",
      files: {
        "plugin.json": JSON.stringify({ $schema: agentPluginSchema, name: "alpha" }),
        "commands/a.md": command,
        [`${skills}/mine/SKILL.md`]: "mine"
      },
      made: ["mine"]
    }
  ])("makes skills of $of", ({ files, made: expected }) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* made({ [codex]: manifest(), ...files }), expected)
    })
  )

  it.effect("works without Codex's own folder", () =>
    Effect.gen(function* () {
      const claude = { ".claude-plugin/plugin.json": manifest() }
      assert.isUndefined(yield* made({ ...claude, ".codex-plugin": "a file" }))
      assert.deepStrictEqual(yield* made({ ...claude, "commands/a.md": command }), [
        "source-command-a"
      ])
    })
  )

  it.effect("fails if Codex's own folder is a file and there are skills to make", () =>
    Effect.gen(function* () {
      const files = { ".claude-plugin/plugin.json": manifest(), ".codex-plugin": "a file" }
      const error = yield* Effect.flip(made({ ...files, "commands/a.md": command }))
      assert.strictEqual(error._tag, "PlatformError")
    })
  )
})
