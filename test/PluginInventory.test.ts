import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option } from "effect"
import * as PluginId from "../src/PluginId.ts"
import * as PluginInventory from "../src/PluginInventory.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as RemotePluginId from "../src/RemotePluginId.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"

const beta = PluginId.PluginId.make("beta@mine")
const alpha = TestBackend.plugin({ name: "alpha" })
const provide = Effect.provide(
  TestCodexPlugins.layerWith({ plugins: [{ ...alpha, enabled: false }] })
)

const hook = { hooks: { SessionStart: [{ hooks: [{ type: "command", command: "x" }] }] } }

/** Installs the local plugin `beta` with these files. */
const installBeta = Effect.fnUntraced(function* (files: Readonly<Record<string, unknown>>) {
  const fs = yield* FileSystem.FileSystem
  for (const [name, json] of Object.entries(files)) {
    const target = `/source/${name}`
    yield* fs.makeDirectory(target.slice(0, target.lastIndexOf("/")), { recursive: true })
    yield* fs.writeFileString(target, JSON.stringify(json))
  }
  const store = yield* PluginStore.PluginStore
  yield* store.install({ source: "/source", pluginId: beta })
})

const inventory = Effect.flatMap(PluginInventory.PluginInventory, ({ all }) => all)

describe("PluginInventory", () => {
  it.effect(
    "finds the parts of a version in the places where Codex looks",
    Effect.fnUntraced(function* () {
      yield* installBeta({
        ".codex-plugin/plugin.json": { name: "beta", skills: "./more", hooks: ["./h.json", hook] },
        "h.json": hook,
        ".mcp.json": { mcpServers: { search: { command: "x" }, broken: {} } },
        ".app.json": { apps: { mail: { id: "app_1" } } },
        "skills/one/SKILL.md": "",
        "more/deep/two/SKILL.md": ""
      })
      const [entry] = yield* inventory
      const { root } = entry!
      assert.deepStrictEqual(
        { ...entry, identity: entry!.identity.state },
        {
          identity: "Local",
          version: "local" as PluginInventory.Entry["version"],
          root,
          manifest: `${root}/.codex-plugin/plugin.json`,
          isIntact: true,
          skills: [
            { name: "two", path: `${root}/more/deep/two/SKILL.md` },
            { name: "one", path: `${root}/skills/one/SKILL.md` }
          ],
          hooks: [
            { path: `${root}/h.json`, names: ["SessionStart"] },
            { path: `${root}/.codex-plugin/plugin.json`, names: ["SessionStart"] }
          ],
          mcpServers: [{ path: `${root}/.mcp.json`, names: ["search"] }],
          apps: [{ path: `${root}/.app.json`, names: ["mail"] }],
          missing: [],
          enabled: null
        }
      )
    }, provide)
  )

  it.effect(
    "reads no declaration that exceeds 1 MiB or lies behind a link",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* installBeta({
        ".codex-plugin/plugin.json": { name: "beta" },
        "hooks/hooks.json": hook,
        ".mcp.json": { mcpServers: { search: { command: "x".repeat(2 ** 20) } } },
        ".app.json": { apps: { mail: { id: "app_1" } } }
      })
      const { of } = yield* PluginInventory.PluginInventory
      const { root } = Option.getOrThrow(yield* of(beta))
      yield* fs.rename(`${root}/.app.json`, "/app.json")
      yield* fs.symlink("/app.json", `${root}/.app.json`)
      const { apps, hooks, mcpServers } = Option.getOrThrow(yield* of(beta))
      assert.deepStrictEqual(
        [apps, mcpServers, hooks.map(({ names }) => names)],
        [[], [], [["SessionStart"]]]
      )
    }, provide)
  )

  it.effect(
    "names the declared files that are missing",
    Effect.fnUntraced(function* () {
      yield* installBeta({
        ".codex-plugin/plugin.json": {
          name: "beta",
          skills: ["./gone"],
          hooks: "./h.json",
          mcpServers: "./m.json"
        }
      })
      const { of } = yield* PluginInventory.PluginInventory
      const { missing, root } = Option.getOrThrow(yield* of(beta))
      assert.deepStrictEqual(
        missing,
        ["gone", "h.json", "m.json"].map((name) => `${root}/${name}`)
      )
    }, provide)
  )

  it.effect(
    "says whether the account has enabled a plugin once there is a listing",
    Effect.fnUntraced(function* () {
      const { sync } = yield* PluginSync.PluginSync
      yield* sync
      const [entry] = yield* inventory
      assert.strictEqual(entry?.enabled, false)
      assert.strictEqual(
        entry?.identity.remotePluginId,
        RemotePluginId.RemotePluginId.make(alpha.id)
      )
    }, provide)
  )
})
