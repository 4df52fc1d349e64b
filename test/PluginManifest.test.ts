import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as PluginManifest from "../src/PluginManifest.ts"

const path = "/cache/alpha/1.0.0/.codex-plugin/plugin.json"
const utf8 = new TextEncoder()

const decode = (json: unknown, relativePath = ".codex-plugin/plugin.json") =>
  Effect.onExit(PluginManifest.decode(json, path, relativePath), (exit) =>
    Effect.sync(() => {
      if (relativePath === PluginManifest.agentPluginPath) return
      // The fast check must have the same result for every manifest of these tests.
      assert.strictEqual(PluginManifest.isPlain(json), exit._tag === "Success")
    })
  )

const agent = (fields: object) =>
  decode({ $schema: PluginManifest.agentPluginSchema, name: "alpha", ...fields }, "plugin.json")

const localVersion = (fields: Partial<PluginManifest.PluginManifest>) =>
  PluginManifest.localVersion({ name: "alpha", ...fields }, path)

const reasonOf = <A, R>(effect: Effect.Effect<A, PluginManifest.InvalidManifest, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)

describe("PluginManifest.paths", () => {
  it("lists the paths of a manifest in the order of the search", () => {
    assert.deepStrictEqual(PluginManifest.paths, [
      "plugin.json",
      ".codex-plugin/plugin.json",
      ".claude-plugin/plugin.json",
      ".cursor-plugin/plugin.json"
    ])
  })
})

describe("PluginManifest.parseJson", () => {
  it.effect.each(['{"name":"é"}', ' {\r\n"name": "é"\r\n}\r\n', '{"name":"\\u00e9"}'])(
    "reads %j",
    (text) =>
      Effect.gen(function* () {
        const json = yield* PluginManifest.parseJson(utf8.encode(text), path)
        assert.deepStrictEqual(json, { name: "é" })
      })
  )

  it.effect.each([
    ["nothing", utf8.encode("")],
    ["a byte-order mark", utf8.encode('\ufeff{"name":"alpha"}')],
    ["UTF-16", new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0])],
    ["bytes that are no UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
    ["a trailing comma", utf8.encode('{"name":"alpha",}')],
    ["a comment", utf8.encode('{"name":"alpha"} // mine')],
    ["something after the end", utf8.encode('{"name":"alpha"}\0')],
    ["a control character in a string", utf8.encode('{"name":"al\npha"}')],
    ["an object cut short", utf8.encode('{"name":"alpha"')]
  ] as const)("rejects %s", ([, bytes]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(PluginManifest.parseJson(bytes, path))
      assert.deepStrictEqual(error.reason, { _tag: "NotJson" })
      assert.include(error.message, path)
    })
  )
})

describe("PluginManifest.isAgentPlugin", () => {
  it.each([
    [{ $schema: "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json" }, true],
    // Another version of the schema counts, so that it is rejected and not ignored.
    [{ $schema: "https://agent-plugins.org/schemas/2.0.0/plugin.schema.json" }, true],
    [{ $schema: "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json#" }, true],
    [{ $schema: "http://agent-plugins.org/schemas/1.0.0/plugin.schema.json" }, false],
    [{ $schema: " https://agent-plugins.org/schemas/1.0.0/plugin.schema.json" }, false],
    [{ $schema: "https://json-schema.org/draft/2020-12/schema" }, false],
    [{ $schema: 1 }, false],
    [{ name: "alpha" }, false],
    [["$schema"], false],
    [null, false],
    [undefined, false]
  ])("of a root plugin.json with %j is %s", (json, expected) => {
    assert.strictEqual(PluginManifest.isAgentPlugin(json), expected)
  })
})

describe("PluginManifest.decode", () => {
  it.effect("reads name and version, and accepts anything in unknown fields", () =>
    Effect.gen(function* () {
      const manifest = yield* decode({
        name: "alpha",
        version: "1.0.0",
        skills: 1,
        hooks: [],
        mcpServers: null,
        author: 1,
        interface: { defaultPrompt: 1, unknown: 1 }
      })
      assert.strictEqual(manifest.name, "alpha")
      assert.strictEqual(manifest.version, "1.0.0")
    })
  )

  it.effect.each([
    { version: null },
    { version: " " },
    { description: null },
    { apps: null },
    { keywords: [] },
    { interface: null },
    { interface: {} },
    { interface: { displayName: null, capabilities: ["a"], screenshots: [] } }
  ])("accepts %j", (fields) => decode({ name: "alpha", ...fields }))

  it.effect.each([
    [{ version: 1 }, "version"],
    [{ description: 1 }, "description"],
    [{ apps: 1 }, "apps"],
    [{ keywords: null }, "keywords"],
    [{ keywords: "a" }, "keywords"],
    [{ keywords: [1] }, "keywords.0"],
    [{ interface: "a" }, "interface"],
    [{ interface: { capabilities: null } }, "interface.capabilities"],
    [{ interface: { screenshots: [1] } }, "interface.screenshots.0"],
    ...[
      "displayName",
      "shortDescription",
      "longDescription",
      "developerName",
      "category",
      "websiteURL",
      "websiteUrl",
      "privacyPolicyURL",
      "privacyPolicyUrl",
      "termsOfServiceURL",
      "termsOfServiceUrl",
      "brandColor",
      "composerIcon",
      "logo",
      "logoDark"
    ].map((key) => [{ interface: { [key]: 1 } }, `interface.${key}`] as const),
    [{ name: undefined }, "name"],
    [{ name: null }, "name"],
    [{ name: 1 }, "name"]
  ] as const)("rejects %j, which Codex could not load", ([fields, at]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(decode({ name: "alpha", ...fields }))
      assert.deepStrictEqual(error.reason, { _tag: "NotManifest", at })
      assert.strictEqual(error.message, `the plugin manifest ${path} is malformed at \`${at}\``)
    })
  )

  it.effect.each([
    ["null", null],
    ["a number", 1],
    ["a text", "alpha"],
    ["an array", ["alpha"]]
  ] as const)("rejects %s", ([, json]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(decode(json))
      assert.deepStrictEqual(error.reason, { _tag: "NotManifest", at: "" })
      assert.strictEqual(error.message, `the plugin manifest ${path} is no JSON object`)
    })
  )

  it.effect.each([
    {},
    { version: "" },
    { name: "a.b-c" },
    { name: "a-.b" },
    { name: "9" },
    { name: "x".repeat(64) },
    { keywords: ["a"] },
    { author: { name: "A", extra: 1 } },
    { interface: 1, apps: 1, extensions: 1 }
  ])("accepts the agent plugin %j", agent)

  it.effect.each([
    [{ $schema: "https://agent-plugins.org/schemas/2.0.0/plugin.schema.json" }, "$schema"],
    [{ $schema: `${PluginManifest.agentPluginSchema}#` }, "$schema"],
    [{ name: "Alpha" }, "name"],
    [{ name: "a_b" }, "name"],
    [{ name: "a--b" }, "name"],
    [{ name: "a-" }, "name"],
    [{ name: "a..b" }, "name"],
    [{ name: "x".repeat(65) }, "name"],
    [{ name: 1 }, "name"],
    [{ version: null }, "version"],
    [{ version: 1 }, "version"],
    [{ description: null }, "description"],
    [{ homepage: 1 }, "homepage"],
    [{ repository: {} }, "repository"],
    [{ license: 1 }, "license"],
    [{ keywords: [1] }, "keywords.0"],
    [{ author: "A" }, "author"],
    [{ author: { name: 1 } }, "author.name"]
  ] as const)("rejects the agent plugin %j", ([fields, at]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reasonOf(agent(fields)), { _tag: "NotManifest", at })
    })
  )

  it.effect("applies the rules of agent plugins to the manifest at the root only", () =>
    decode({ $schema: PluginManifest.agentPluginSchema, name: "Alpha_1", description: null })
  )
})

describe("PluginManifest.checkName", () => {
  it.effect("accepts the manifest of the plugin", () =>
    PluginManifest.checkName({ name: "alpha" }, "alpha", path)
  )

  it.effect.each(["beta", "Alpha", "alpha ", ""])("rejects a manifest that names %j", (found) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(PluginManifest.checkName({ name: found }, "alpha", path))
      assert.deepStrictEqual(error.reason, { _tag: "NameMismatch", expected: "alpha", found })
      assert.include(error.message, JSON.stringify(found))
    })
  )
})

describe("PluginManifest.localVersion", () => {
  const $schema = PluginManifest.agentPluginSchema

  it.effect.each([
    [{ version: "1.2.3" }, "1.2.3"],
    [{ version: " 1.2.3\n" }, "1.2.3"],
    [{ version: "\u00851.2.3\u00a0" }, "1.2.3"],
    [{ version: "..." }, "..."],
    [{}, "local"],
    [{ version: null }, "local"],
    [{ $schema, version: " 2.0 " }, "2.0"],
    [{ $schema }, "1.0.0"],
    [{ $schema, version: " " }, "1.0.0"],
    [{ $schema: "https://example.com/schema.json" }, "local"]
  ] as const)("of %j is %s", ([fields, expected]) =>
    Effect.gen(function* () {
      assert.strictEqual<string>(yield* localVersion(fields), expected)
    })
  )

  it.effect.each(["", "  ", "a/b", "..", "1.0 beta", "\ufeff1.0.0"])("cannot be %j", (version) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(localVersion({ version }))
      assert.deepStrictEqual(error.reason, { _tag: "InvalidVersion", version })
      assert.include(error.message, JSON.stringify(version))
    })
  )
})
