import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Path } from "effect"
import * as PluginCapabilities from "../../src/appServer/PluginCapabilities.ts"
import { agentPluginSchema } from "../../src/PluginManifest.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"

const utf8 = new TextEncoder()

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value))

/** A version's folder with these files and a manifest with these fields. */
const rootWith = (
  manifest: object,
  files: Readonly<Record<string, unknown>>,
  manifestPath = ".codex-plugin/plugin.json"
) => {
  const all = { [manifestPath]: { name: "alpha", ...manifest }, ...files }
  const tree = Object.fromEntries(
    Object.entries(all).map(([path, content]) => [
      `/root/${path}`,
      path.endsWith("/")
        ? ({ type: "Directory", mode: 0o755, mtime: 0 } as const)
        : ({ type: "File", mode: 0o644, mtime: 0, bytes: utf8.encode(text(content)) } as const)
    ])
  )
  return Layer.merge(MemoryFileSystem.layerWith({ tree }), Path.layer)
}

/** The capabilities found, such as `mcps`. */
const found = Effect.map(PluginCapabilities.read("/root"), (capabilities) =>
  Object.entries(capabilities).flatMap(([name, has]) =>
    has ? [name.replace("has", "").toLowerCase()] : []
  )
)

const mcp = { mcpServers: { a: { command: "x" } } }
const app = { apps: { a: { id: "x" } } }
const hook = { hooks: { SessionStart: [{ hooks: [{ type: "command", command: "x" }] }] } }

type Case = readonly [what: string, found: ReadonlyArray<string>, manifest: object, files?: object]

// Codex 0.169 reports the same of these bundles.
const cases: ReadonlyArray<Case> = [
  ["nothing", [], {}],

  ["servers in .mcp.json", ["mcps"], {}, { ".mcp.json": mcp }],
  ["servers at the top of .mcp.json", ["mcps"], {}, { ".mcp.json": mcp.mcpServers }],
  ["a server by its URL", ["mcps"], {}, { ".mcp.json": { a: { url: "https://x.test" } } }],
  ["servers in the manifest", ["mcps"], { mcpServers: mcp.mcpServers }],
  ["servers in a file of the manifest's", ["mcps"], { mcpServers: "./m" }, { m: mcp }],
  ["a path that is none", ["mcps"], { mcpServers: "m.json" }, { ".mcp.json": mcp }],
  ["a path that leads out", ["mcps"], { mcpServers: "./../m" }, { ".mcp.json": mcp }],
  ["null for servers", ["mcps"], { mcpServers: null }, { ".mcp.json": mcp }],
  ["a number for servers", ["mcps"], { mcpServers: 5 }, { ".mcp.json": mcp }],
  ["a list of server files", [], { mcpServers: ["./m"] }, { m: mcp }],
  ["a missing file of the manifest's", [], { mcpServers: "./m" }, { ".mcp.json": mcp }],
  ["no servers in the manifest", [], { mcpServers: {} }, { ".mcp.json": mcp }],
  ["an empty .mcp.json", [], {}, { ".mcp.json": {} }],
  ["no servers in .mcp.json", [], {}, { ".mcp.json": { mcpServers: {} } }],
  ["no JSON in .mcp.json", [], {}, { ".mcp.json": "{" }],
  ["a folder .mcp.json", [], {}, { ".mcp.json/": "" }],
  ["a server that says nothing", [], {}, { ".mcp.json": { mcpServers: { a: {} } } }],
  ["a server that is none", [], {}, { ".mcp.json": { mcpServers: { a: 5 } } }],

  ["apps in .app.json", ["apps"], {}, { ".app.json": app }],
  ["apps in a file of the manifest's", ["apps"], { apps: "./a" }, { a: app }],
  ["a path to apps that is none", ["apps"], { apps: "" }, { ".app.json": app }],
  ["a missing file of apps", [], { apps: "./a" }, { ".app.json": app }],
  ["no apps in .app.json", [], {}, { ".app.json": { apps: {} } }],
  ["an app without an id", [], {}, { ".app.json": { apps: { a: {} } } }],
  ["an app with a blank id", [], {}, { ".app.json": { apps: { a: { id: "" } } } }],
  ["null in .app.json", [], {}, { ".app.json": null }],

  ["hooks in hooks/hooks.json", ["hooks"], {}, { "hooks/hooks.json": hook }],
  ["hooks in the manifest", ["hooks"], { hooks: hook }],
  ["hooks in a file of the manifest's", ["hooks"], { hooks: "./h" }, { h: hook }],
  ["hooks in files and in the manifest", ["hooks"], { hooks: [{}, "./h"] }, { h: hook }],
  ["an empty list of hooks", ["hooks"], { hooks: [] }, { "hooks/hooks.json": hook }],
  ["a number for hooks", ["hooks"], { hooks: 5 }, { "hooks/hooks.json": hook }],
  ["another file beside hooks/hooks.json", [], { hooks: "./h" }, { "hooks/hooks.json": hook }],
  ["hooks.json at the root", [], {}, { "hooks.json": hook }],
  ["an event without hooks", [], {}, { "hooks/hooks.json": { hooks: { SessionStart: [] } } }],
  ["a hook of no known type", [], { hooks: { hooks: { Stop: [{ hooks: [{ type: "x" }] }] } } }],

  ["a folder of skills", ["skills"], {}, { "skills/": "" }],
  ["a path to skills", ["skills"], { skills: "./s" }],
  ["paths to skills", ["skills"], { skills: ["s", "./t"] }],
  ["a number for skills", ["skills"], { skills: 5 }, { "skills/x/SKILL.md": "" }],
  ["a file of the folder's name", [], {}, { skills: "" }],
  ["a path to skills that is none", [], { skills: "s" }],
  ["a path to the root", [], { skills: "./" }],
  ["a skill at the root", [], {}, { "SKILL.md": "" }],

  [
    "one of each",
    ["mcps", "apps", "hooks", "skills"],
    { mcpServers: "./m", skills: "./s", hooks: hook },
    { m: mcp, ".app.json": app }
  ]
]

describe("PluginCapabilities.read", () => {
  it.effect.each(cases)("finds the capabilities of %s", ([, expected, manifest, files = {}]) =>
    Effect.map(found, (found) => assert.sameMembers(found, [...expected])).pipe(
      Effect.provide(rootWith(manifest, { ...files }))
    )
  )

  it.effect("looks for an agent plugin's servers in mcp.json", () =>
    Effect.map(found, (found) => assert.deepStrictEqual(found, ["mcps"])).pipe(
      Effect.provide(rootWith({ $schema: agentPluginSchema }, { "mcp.json": mcp }, "plugin.json"))
    )
  )

  it.effect("finds no capabilities in a folder that does not exist", () =>
    Effect.map(PluginCapabilities.read("/nowhere"), (capabilities) =>
      assert.deepStrictEqual(capabilities, PluginCapabilities.none)
    ).pipe(Effect.provide(rootWith({}, {})))
  )
})

describe("PluginCapabilities.union", () => {
  it("has the capabilities of both", () => {
    const { none, union } = PluginCapabilities
    const skills = { ...none, hasSkills: true }
    const hooks = { ...none, hasHooks: true }
    assert.deepStrictEqual(union(skills, hooks), { ...skills, ...hooks, hasSkills: true })
    assert.deepStrictEqual(union(none, none), none)
  })
})
