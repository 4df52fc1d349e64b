/**
 * Bundles with manifests of every kind in every place, and the additions to curated bundles.
 */
import type * as TestPlugin from "../../../src/testing/TestPlugin.ts"
import * as TestBackend from "../../../src/testing/TestBackend.ts"
import * as TestBundle from "../../../src/testing/TestBundle.ts"
import type { Case } from "./Case.ts"
import * as C from "./Case.ts"

type Files = (name: string) => TestBundle.Files
type Row = Omit<TestPlugin.Options, "name" | "files" | "bundle">

const bundle = (title: string, files: Files, row: Row = {}, differs?: C.Differs): Case => ({
  title,
  make: (name) => ({
    plugins: [{ name, ...row, bundle: TestBundle.entries(files(name)) }]
  }),
  differs
})

/** A bundle whose files stay unchanged. */
const plain = (title: string, files: Files, differs?: C.Differs): Case =>
  bundle(title, files, { scope: "USER" }, differs)

/** A bundle that gets additions. */
const curated = (title: string, files: Files, row: Row = {}, differs?: C.Differs): Case =>
  bundle(title, files, { version: "9.9.9", ...row }, differs)

const codex = ".codex-plugin/plugin.json"
const claude = ".claude-plugin/plugin.json"
const cursor = ".cursor-plugin/plugin.json"
const root = "plugin.json"

const agentSchema = "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json"

const text = (name: string, fields: object = {}): string => JSON.stringify({ name, ...fields })

const agent = (name: string, fields: object = {}): string =>
  JSON.stringify({ $schema: agentSchema, name, ...fields })

const newer = C.asNewer("places of manifests")

/** Our program installs a local bundle without changes. */
const installsAsIs = (files: Files): C.Change =>
  C.installs((name) => {
    const id = TestBackend.plugin({ name, scope: "USER" }).id
    const version = Object.entries(files(name)).map(([path, file]) => [`1.0.0/${path}`, file])
    return C.treeOf(
      C.below(`${C.createdByMe}/${name}`, {
        ...Object.fromEntries(version),
        [C.sidecarName]: { content: C.sidecarText(id), mode: 0o600 }
      })
    )
  })

const places: ReadonlyArray<Case> = [
  plain("a manifest for Codex", (name) => ({ [codex]: text(name) })),
  plain("a manifest for Claude", (name) => ({ [claude]: text(name) })),
  plain("a manifest for Cursor", (name) => ({ [cursor]: text(name) }), newer),
  plain("an agent manifest at the root", (name) => ({ [root]: agent(name) }), newer),
  plain(
    "an agent manifest with a version",
    (name) => ({ [root]: agent(name, { version: "1.2.3" }) }),
    newer
  ),
  plain(
    "an agent manifest with a blank version",
    (name) => ({
      [root]: agent(name, { version: "" })
    }),
    newer
  ),
  plain("an agent manifest with a number for a version", (name) => ({
    [root]: agent(name, { version: 1 })
  })),
  plain("a manifest at the root without a schema", (name) => ({ [root]: text(name) })),
  plain("manifests in all places", (name) => ({
    [codex]: text(name, { from: "codex" }),
    [claude]: text("other"),
    [cursor]: text("other")
  })),
  plain("a manifest for Claude and one for Cursor", (name) => ({
    [claude]: text(name),
    [cursor]: text("other")
  })),
  plain("a bad manifest for Codex and a good one for Claude", (name) => ({
    [codex]: "{bad",
    [claude]: text(name)
  })),
  plain("a folder in the place of Codex's manifest", () => ({ [`${codex}/x`]: "x" })),
  plain(
    "a folder in the place of Codex's manifest and a good one for Claude",
    (name) => ({
      [`${codex}/x`]: "x",
      [claude]: text(name)
    }),
    C.asOlder("folder for a manifest")
  ),
  plain(
    "a folder in the place of the agent manifest and a good one for Codex",
    (name) => ({
      [`${root}/x`]: "x",
      [codex]: text(name)
    }),
    C.asOlder("folder for a manifest")
  ),
  plain(
    "an agent manifest and one for Codex that names another plugin",
    (name) => ({
      [root]: agent(name),
      [codex]: text("other")
    }),
    newer
  ),
  plain(
    "an agent manifest that names another plugin and a good one for Codex",
    (name) => ({
      [root]: agent("other"),
      [codex]: text(name)
    }),
    newer
  ),
  ...(
    [
      ["of another version", agentSchema.replace("1.0.0", "1.0.1"), newer],
      ["with a fragment", `${agentSchema}#`, newer],
      ["over plain HTTP", agentSchema.replace("https", "http")],
      ["with spaces around it", ` ${agentSchema} `],
      ["of another host", agentSchema.replace("agent-plugins.org", "example.test")],
      ["that is no text", 1]
    ] as const
  ).map(([what, $schema, differs]) =>
    plain(
      `an agent schema ${what} beside a good manifest for Codex`,
      (name) => ({ [root]: JSON.stringify({ $schema, name }), [codex]: text(name) }),
      differs
    )
  ),
  plain("an agent manifest that is no JSON beside a good one for Codex", (name) => ({
    [root]: `${agent(name)} x`,
    [codex]: text(name)
  })),
  plain("an agent manifest with a byte-order mark beside a good one for Codex", (name) => ({
    [root]: `\ufeff${agent(name)}`,
    [codex]: text(name)
  })),
  plain("no manifest at all", () => ({ "a.txt": "a" })),
  plain("a manifest in a place with other letters", (name) => ({
    ".Codex-Plugin/plugin.json": text(name)
  }))
]

const contents: ReadonlyArray<Case> = [
  plain("a manifest that names another plugin", () => ({ [codex]: text("other") })),
  plain("a manifest that names the plugin in other letters", (name) => ({
    [codex]: text(name.toUpperCase())
  })),
  plain("a manifest without a name", () => ({ [codex]: "{}" })),
  plain("a manifest with a blank name", () => ({ [codex]: text("  ") })),
  plain("a manifest with spaces around the name", (name) => ({ [codex]: text(` ${name} `) })),
  plain("a manifest with a number for a name", () => ({ [codex]: '{"name":5}' })),
  plain("a manifest with null for a name", () => ({ [codex]: '{"name":null}' })),
  plain("a manifest of nothing", () => ({ [codex]: "" })),
  plain("a manifest that is null", () => ({ [codex]: "null" })),
  plain("a manifest that is text", (name) => ({ [codex]: JSON.stringify(name) })),
  plain(
    "a manifest that is an array",
    (name) => ({ [codex]: JSON.stringify([name, "1", "d"]) }),
    C.fromBoth("manifests as JSON", C.rejects)
  ),
  plain("a manifest with a byte-order mark", (name) => ({ [codex]: `\ufeff${text(name)}` })),
  plain("a manifest in UTF-16", (name) => ({ [codex]: Buffer.from(text(name), "utf16le") })),
  plain("a manifest that is not UTF-8", (name) => ({
    [codex]: Buffer.from(text(name, { description: "caf\xe9" }), "latin1")
  })),
  plain("a manifest with something after it", (name) => ({ [codex]: `${text(name)} x` })),
  plain("a manifest with white space around it", (name) => ({ [codex]: ` \r\n${text(name)}\n\n` })),
  plain("a manifest with a comma too many", (name) => ({ [codex]: `{"name":"${name}",}` })),
  plain("a manifest with a comment", (name) => ({ [codex]: `${text(name)} // a comment` })),
  plain("a manifest with a tab in a text", (name) => ({
    [codex]: `{"name":"${name}","description":"a\tb"}`
  })),
  plain(
    "a manifest with a name twice",
    (name) => ({
      [codex]: `{"name":"other","name":"${name}"}`
    }),
    C.fromBoth(
      "manifests as JSON",
      installsAsIs((name) => ({ [codex]: `{"name":"other","name":"${name}"}` }))
    )
  ),
  plain("a manifest with an unknown key twice", (name) => ({
    [codex]: `{"name":"${name}","x":1,"x":2}`
  })),
  plain("a manifest with unknown keys", (name) => ({ [codex]: text(name, { x: { y: [1] } }) })),
  plain("a manifest with odd values where nobody looks", (name) => ({
    [codex]: `{"name":"${name}","x":"\\ud83d","y":1e400,"z":${"[".repeat(100)}${"]".repeat(100)}}`
  })),
  plain("a manifest that is nested 500 deep", (name) => ({
    [codex]: `{"name":"${name}","x":${"[".repeat(500)}${"]".repeat(500)}}`
  })),
  plain("a manifest with a version that is no folder's name", (name) => ({
    [codex]: text(name, { version: "a/b" })
  })),
  plain("a manifest with null for a version", (name) => ({
    [codex]: text(name, { version: null })
  })),
  plain("a manifest with a number for a version", (name) => ({
    [codex]: text(name, { version: 1 })
  })),
  ...(
    [
      ["null for a description", { description: null }],
      ["a number for a description", { description: 1 }],
      ["keywords that are no array", { keywords: "a" }],
      ["null for keywords", { keywords: null }],
      ["an interface that is no object", { interface: "a" }],
      ["null for an interface", { interface: null }],
      ["capabilities that are no array", { interface: { capabilities: "a" } }],
      ["a prompt that is a number", { interface: { defaultPrompt: 1 } }],
      ["apps that are no text", { apps: { a: 1 } }],
      ["null for apps", { apps: null }],
      ["skills that are a number", { skills: 1 }],
      ["hooks that are a number", { hooks: 1 }],
      ["MCP servers that are a number", { mcpServers: 1 }],
      ["an author that is a number", { author: 1 }],
      ["commands that are a number", { commands: 1 }]
    ] as const
  ).map(([what, fields]) =>
    plain(`a manifest with ${what}`, (name) => ({ [codex]: text(name, fields) }))
  ),
  ...(
    [
      ["an upper-case name", { name: "Upper" }],
      ["null for a description", { description: null }],
      ["an author that is text", { author: "me" }],
      ["an author that is an object", { author: { name: "me" } }, newer],
      ["keywords that are no array", { keywords: "a" }],
      ["an unknown key", { x: 1 }, newer],
      ["skills that are a number", { skills: 1 }, newer]
    ] as const
  ).map(([what, fields, differs]) =>
    plain(`an agent manifest with ${what}`, (name) => ({ [root]: agent(name, fields) }), differs)
  ),
  plain(
    "an agent manifest with a schema twice",
    (name) => ({
      [root]: `{"$schema":"x","$schema":"${agentSchema}","name":"${name}"}`
    }),
    newer
  )
]

const rewritten = (title: string, json: (name: string) => string, differs?: C.Differs): Case =>
  curated(title, (name) => ({ [codex]: json(name) }), {}, differs)

const completed: ReadonlyArray<Case> = [
  rewritten("curated: no version", (name) => `{"name":"${name}"}`),
  rewritten(
    "curated: a version in the middle",
    (name) => `{"z":1,"version":"0.1","name":"${name}"}`
  ),
  rewritten("curated: a version that is a number", (name) => `{"version":5,"name":"${name}"}`),
  rewritten(
    "curated: order and nesting",
    (name) => `{"zeta":1,"name":"${name}","a":[],"o":{},"n":{"b":1,"a":[1,{"x":null},true]}}`
  ),
  rewritten(
    "curated: keys that JavaScript reorders",
    (name) => `{"name":"${name}","2":"b","1":"a","__proto__":{"x":1},"constructor":1}`
  ),
  rewritten(
    "curated: keys twice",
    (name) => `{"name":"x","k":1,"name":"${name}","k":2,"o":{"a":1,"b":2,"a":3},"version":"2"}`
  ),
  rewritten(
    "curated: numbers keep their digits",
    (name) =>
      `{"name":"${name}","n":[1,1.0,1.50,0.1,0.00001,100000000000000000000.0,9007199254740993,123456789012345678901234567890,5e-324]}`
  ),
  rewritten(
    "curated: exponents",
    (name) => `{"name":"${name}","n":[1e5,1E+2,1e05,0E-5,-1.5E-010,1e400,1.0e15,1e-7]}`
  ),
  rewritten("curated: minus nothing", (name) => `{"name":"${name}","n":[-0,-0.0,-0e1]}`),
  rewritten(
    "curated: escapes",
    (name) =>
      `{"name":"${name}","\\u006bey":"\\u00e9\\u2028\\ud83d\\ude00\\u0001\\u001f\\u007f\\/\\b\\f\\n\\r\\t\\"\\\\"}`
  ),
  rewritten("curated: white space", (name) => `  {\r\n"name" :\t"${name}" }\r\n\n`),
  rewritten("curated: half a surrogate pair", (name) => `{"name":"${name}","s":"\\ud83d"}`),
  rewritten(
    "curated: nested 127 deep",
    (name) => `{"name":"${name}","d":${"[".repeat(126)}${"]".repeat(126)}}`
  ),
  rewritten(
    "curated: nested 128 deep",
    (name) => `{"name":"${name}","d":${"[".repeat(127)}${"]".repeat(127)}}`
  ),
  rewritten("curated: a byte-order mark", (name) => `\ufeff{"name":"${name}"}`),
  rewritten("curated: something after it", (name) => `{"name":"${name}"} x`),
  rewritten("curated: an array", (name) => `["${name}","1","d"]`),
  rewritten("curated: no JSON", () => "{bad"),
  rewritten("curated: another name", () => '{"name":"other"}'),
  curated("curated: a mode of 0600 is kept", (name) => ({
    [codex]: { content: text(name), mode: 0o600 }
  })),
  curated("curated: a mode of 0444 is kept", (name) => ({
    [codex]: { content: text(name), mode: 0o444 }
  })),
  curated("curated: a manifest for Claude", (name) => ({ [claude]: text(name) })),
  curated("curated: a manifest for Claude beside one for Codex", (name) => ({
    [codex]: text(name),
    [claude]: text(name)
  })),
  curated("curated: a manifest for Cursor", (name) => ({ [cursor]: text(name) }), {}, newer),
  curated(
    "curated: an agent manifest keeps its bytes",
    (name) => ({ [root]: agent(name) }),
    {},
    newer
  ),
  curated("curated: a version with build metadata", (name) => ({ [codex]: text(name) }), {
    version: "1.0.0-rc.1+b.2"
  })
]

const appManifest = { apps: { z: { id: "connector_1" }, a: [1, 1.5, "é"], 2: {}, 1: [] } }

/** Our program writes the app manifest to the usual path. */
const movedToUsual: C.Differs = C.fromBoth("ambiguous names", (codex, { name }) => {
  const root = `${C.curated}/${name}/9.9.9/`
  const usual = `${root}.app.json`
  const written = Object.keys(codex.tree).find((path) => path.startsWith(`${root}x`)) ?? usual
  const { [written]: file, ...tree } = codex.tree
  return { ...codex, tree: { ...tree, [usual]: file! } }
})

const apps = (title: string, files: Files, differs?: C.Differs): Case =>
  curated(`apps: ${title}`, files, { appManifest }, differs)

const appsAt = (title: string, apps_: unknown, differs?: C.Differs): Case =>
  apps(title, (name) => ({ [codex]: text(name, { apps: apps_ }) }), differs)

const withApps: ReadonlyArray<Case> = [
  apps("where the manifest says nothing", (name) => ({ [codex]: text(name) })),
  appsAt("where the manifest says", "./x/app.json"),
  apps("over a file that stands there", (name) => ({
    [codex]: text(name, { apps: "./x/app.json" }),
    "x/app.json": { content: "old", mode: 0o600 }
  })),
  apps("over the usual file that stands there", (name) => ({
    [codex]: text(name),
    ".app.json": { content: "old", mode: 0o640 }
  })),
  appsAt("a path that does not begin with a dot", "x/app.json"),
  appsAt("an absolute path", "/tmp/app.json"),
  appsAt("a path that leaves the root", "./../app.json"),
  appsAt("a path that leaves the root and comes back", "./a/../app.json"),
  appsAt("the root itself", "./"),
  appsAt("the root itself as a dot", "./.", C.asOlder("root for a file")),
  appsAt("a path with a dot more", "././y.json", C.asNewer("root for a file")),
  appsAt("a path with a dot inside", "./x/./y.json"),
  appsAt("a path with two slashes", "./x//y.json"),
  appsAt("a path that ends in a slash", "./x/"),
  appsAt("a path with a backslash", "./x\\y.json", movedToUsual),
  appsAt("a path with a colon", "./x:y.json", movedToUsual),
  appsAt("a path with spaces around it", " ./y.json "),
  appsAt("a blank path", ""),
  appsAt("null", null),
  appsAt("a number", 5),
  appsAt("the manifest's own path", "./.codex-plugin/plugin.json"),
  apps("a folder's path", (name) => ({ [codex]: text(name, { apps: "./x" }), "x/y": "y" })),
  apps("a path below a file", (name) => ({ [codex]: text(name, { apps: "./x/y" }), x: "x" })),
  apps(
    "beside an agent manifest that has a path",
    (name) => ({
      [root]: agent(name, { apps: "./x/y.json" })
    }),
    newer
  ),
  apps(
    "beside an agent manifest and one for Codex",
    (name) => ({
      [root]: agent(name),
      [codex]: text(name, { apps: "./q.json" })
    }),
    newer
  ),
  ...(
    [
      ["text", "text"],
      ["false", false],
      ["null", null],
      ["an empty object", {}],
      ["an array", [1, "a"]]
    ] as const
  ).map(([what, value]) =>
    curated(`apps: the row has ${what}`, (name) => ({ [codex]: text(name) }), {
      appManifest: value
    })
  ),
  {
    title: "apps: numbers and order as the backend has them",
    make: (name) => ({
      plugins: [
        {
          name,
          version: "9.9.9",
          appManifest: `the app manifest of ${name}`,
          bundle: TestBundle.entries({ [codex]: text(name) })
        }
      ],
      replies: [
        [
          { kind: "listing" },
          C.mapText((json) =>
            json.replace(
              `"the app manifest of ${name}"`,
              '{"2":1.50,"1":1e5,"n":12345678901234567890123,"k":1,"__proto__":{},"k":2}'
            )
          )
        ]
      ]
    })
  },
  curated("apps: the row has none", (name) => ({ [codex]: text(name, { apps: "./x/y.json" }) })),
  bundle("apps: a bundle of one's own gets none", (name) => ({ [codex]: text(name) }), {
    scope: "USER",
    appManifest
  }),
  bundle("apps: a bundle of the workspace gets none", (name) => ({ [codex]: text(name) }), {
    scope: "WORKSPACE",
    appManifest
  })
]

export const manifests: ReadonlyArray<Case> = [...places, ...contents, ...completed, ...withApps]
