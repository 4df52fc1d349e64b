import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import * as Disk from "../../../src/internal/disk/Disk.ts"
import * as ManifestFile from "../../../src/internal/bundle/manifestFile.ts"
import { agentPluginSchema } from "../../../src/PluginManifest.ts"
import * as MemoryFileSystem from "../../../src/testing/MemoryFileSystem.ts"
import { writeFiles } from "../../support/files.ts"

const agent = JSON.stringify({ $schema: agentPluginSchema, name: "alpha" })
const plain = JSON.stringify({ name: "alpha" })
const codex = ".codex-plugin/plugin.json"
const claude = ".claude-plugin/plugin.json"
const cursor = ".cursor-plugin/plugin.json"

const read = Effect.fnUntraced(
  function* (files: Readonly<Record<string, string | Uint8Array>>) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* writeFiles("/plugin", files)
    return yield* ManifestFile.read(Disk.fromFileSystem(fs), path, "/plugin", "alpha")
  },
  Effect.provide([MemoryFileSystem.layer, Path.layer], { local: true })
)

describe("ManifestFile.read", () => {
  it.effect.each([
    { found: "plugin.json", files: { "plugin.json": agent, [codex]: plain } },
    { found: codex, files: { "plugin.json": plain, [codex]: plain, [claude]: plain } },
    { found: codex, files: { "plugin.json": "{", [codex]: plain } },
    { found: codex, files: { "plugin.json": `\ufeff${agent}`, [codex]: plain } },
    { found: codex, files: { "plugin.json/file": "", [codex]: plain } },
    { found: claude, files: { [claude]: plain, [cursor]: plain } },
    { found: claude, files: { ".codex-plugin": "", [claude]: plain } },
    { found: claude, files: { [`${codex}/file`]: "", [claude]: plain } },
    { found: cursor, files: { [cursor]: plain } }
  ])("picks $found from $files", ({ files, found }) =>
    Effect.gen(function* () {
      const manifest = yield* read(files)
      assert.strictEqual(manifest.relativePath, found)
      assert.strictEqual(manifest.path, `/plugin/${found}`)
      assert.strictEqual(manifest.manifest.name, "alpha")
    })
  )

  it.effect.each([
    { reason: "Missing", files: {} },
    { reason: "Missing", files: { "plugin.json": plain } },
    { reason: "Missing", files: { "alpha/.codex-plugin/plugin.json": plain } },
    { reason: "NotJson", files: { [codex]: "{", [claude]: plain } },
    { reason: "NotJson", files: { [codex]: `\ufeff${plain}` } },
    { reason: "NotJson", files: { [codex]: new Uint8Array([0x22, 0xff, 0x22]) } },
    { reason: "NotManifest", files: { [codex]: "[]" } },
    { reason: "NotManifest", files: { [codex]: "{}" } },
    { reason: "NotManifest", files: { [codex]: '{"name":7}' } },
    { reason: "NameMismatch", files: { [codex]: '{"name":"Alpha"}' } }
  ] as const)("rejects $files as $reason", ({ files, reason }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read(files))
      assert.strictEqual(error._tag, "InvalidManifest")
      assert.strictEqual(error.reason._tag, reason)
    })
  )
})
