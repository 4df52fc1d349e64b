import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import * as LocalInstall from "../../../src/internal/cache/localInstall.ts"
import * as Disk from "../../../src/internal/disk/Disk.ts"
import * as PluginManifest from "../../../src/PluginManifest.ts"
import * as MemoryFileSystem from "../../../src/testing/MemoryFileSystem.ts"
import { writeFiles } from "../../support/files.ts"
import { pluginId } from "../../support/pluginWorld.ts"

describe("LocalInstall", () => {
  it.effect("names the user's file if the manifest becomes invalid during the copy", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const manifest = "/own/.codex-plugin/plugin.json"
      yield* writeFiles("/own", { ".codex-plugin/plugin.json": '{"name":"alpha"}' })
      const staging = "/home/plugins/.remote-plugin-install-staging/x"
      const stageFolder = Effect.gen(function* () {
        yield* fs.writeFileString(manifest, "{")
        yield* fs.makeDirectory(staging, { recursive: true })
        return staging
      })
      const stage = LocalInstall.make({ disk: Disk.fromFileSystem(fs), path }, { stageFolder })
      const error = yield* Effect.flip(
        Effect.scoped(stage({ source: "/own", pluginId: pluginId("alpha") }))
      )
      assert.deepStrictEqual(
        error,
        new PluginManifest.InvalidManifest({ path: manifest, reason: { _tag: "NotJson" } })
      )
    }).pipe(Effect.provide([MemoryFileSystem.layerWith({}), Path.layer]))
  )
})
