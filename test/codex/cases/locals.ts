/**
 * Plugins that are installed from a local folder.
 */
import { assert } from "@effect/vitest"
import type { Case } from "./Case.ts"
import * as C from "./Case.ts"

const codex = C.manifestPath

const text = (name: string, fields: object = {}): string => JSON.stringify({ name, ...fields })

const nothing = (): C.Files => ({})

const local = (
  title: string,
  source: (name: string) => C.Files,
  cachedFiles: (name: string) => C.Files = nothing,
  differs?: C.Differs
): Case => ({
  title: `local: ${title}`,
  make: (name) => ({
    source: source(name),
    cachedFiles: C.below(`${C.mine}/${name}`, cachedFiles(name))
  }),
  differs
})

const versioned = (title: string, version: unknown): Case =>
  local(title, (name) => ({ [codex]: text(name, { version }) }))

const agentSchema = "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json"

const agent = (name: string, fields: object = {}) => ({
  "plugin.json": JSON.stringify({ $schema: agentSchema, name, ...fields })
})

const two = (name: string) => ({ [codex]: text(name, { version: "2.0.0" }), "a.txt": "new" })

const old = (name: string, version: string): C.Files => ({
  [`${version}/${codex}`]: text(name, { version }),
  [`${version}/old.txt`]: "old"
})

const sidecar = { [C.sidecarName]: { content: C.sidecarText("plugins~Other"), mode: 0o600 } }

/** Our program keeps the other versions, because a session may still use their files. */
const stay: C.Differs = C.fromBoth("superseded versions", (codex, { before, name }) => {
  const sidecar = `${C.mine}/${name}/${C.sidecarName}`
  const kept = Object.entries(before.tree).filter(([path]) => !path.startsWith(sidecar))
  return {
    ...codex,
    untouched: before.untouched.filter((path) => !path.startsWith(sidecar)),
    tree: { ...Object.fromEntries(kept), ...codex.tree }
  }
})

export const locals: ReadonlyArray<Case> = [
  versioned("a version", "1.2.3"),
  versioned("a version with white space around it", " 1.2.3\n"),
  versioned("no version", undefined),
  versioned("null for a version", null),
  versioned("a blank version", "  "),
  versioned("a number for a version", 1),
  versioned("a version with a slash", "a/b"),
  versioned("a version of two dots", ".."),
  versioned("a version with build metadata", "1.0.0+b"),
  versioned("a version named local", "local"),
  local(
    "an agent manifest without a version",
    (name) => agent(name),
    nothing,
    C.asNewer("places of manifests")
  ),
  local(
    "an agent manifest with a blank version",
    (name) => agent(name, { version: " " }),
    nothing,
    C.asNewer("places of manifests")
  ),
  local(
    "an agent manifest with a version",
    (name) => agent(name, { version: "3.0.0" }),
    nothing,
    C.asNewer("places of manifests")
  ),
  local("a manifest for Claude", (name) => ({ ".claude-plugin/plugin.json": text(name) })),
  local(
    "a manifest for Cursor",
    (name) => ({ ".cursor-plugin/plugin.json": text(name) }),
    nothing,
    C.asNewer("places of manifests")
  ),
  local("no manifest", () => ({ "a.txt": "a" })),
  local("a manifest that is no JSON", () => ({ [codex]: "{bad" })),
  local(
    "a manifest without a name",
    () => ({ [codex]: "{}" }),
    nothing,
    C.fromBoth("manifests without a name", C.rejects)
  ),
  local("a manifest of another plugin", () => ({ [codex]: text("other") })),
  local("a manifest keeps its bytes", (name) => ({ [codex]: ` {"name" : "${name}" }` })),
  local("a manifest of mode 0600", (name) => ({ [codex]: { content: text(name), mode: 0o600 } })),
  local("modes of files and folders", (name) => ({
    [codex]: text(name),
    run: { content: "run", mode: 0o755 },
    "no-mode": { content: "x", mode: 0 },
    "read-only": { content: "x", mode: 0o444 },
    open: { folder: 0o777 },
    "open/a": "a",
    closed: { folder: 0o700 }
  })),
  local(
    "a file with a set-uid bit",
    (name) => ({ [codex]: text(name), "set-id": { content: "run", mode: 0o4755 } }),
    nothing,
    C.fromBoth("set-uid bits", (codex, { name }) => {
      const path = `${C.mine}/${name}/local/set-id`
      const entry = codex.tree[path]
      assert.deepInclude(entry, { kind: "file", mode: "4755" })
      return {
        ...codex,
        tree: { ...codex.tree, [path]: { kind: "file", mode: "0755", content: "run" } }
      }
    })
  ),
  local("dot files, empty folders and files named as sidecars are", (name) => ({
    [codex]: text(name),
    ".git/HEAD": "ref",
    ".env": "A=1",
    empty: { folder: 0o755 },
    [C.sidecarName]: "mine"
  })),
  local("links", (name) => ({
    [codex]: text(name),
    "a.txt": "a",
    "folder/b.txt": "b",
    "link-to-file": { link: "a.txt" },
    "link-to-folder": { link: "folder" },
    "link-out": { link: "/etc/hostname" },
    dangling: { link: "nowhere" }
  })),
  local(
    "a manifest that is a link",
    (name) => ({
      "real.json": text(name),
      [codex]: { link: "../real.json" }
    }),
    nothing,
    C.asNewer("links to manifests")
  ),
  local(
    "a folder of the manifest that is a link",
    (name) => ({
      "real/plugin.json": text(name),
      ".codex-plugin": { link: "real" }
    }),
    nothing,
    C.asNewer("links to manifests")
  ),
  local(
    "over a version of the backend",
    two,
    (name) => ({ ...old(name, "1.0.0"), ...sidecar }),
    stay
  ),
  local("over the same version of the backend", two, (name) => ({
    ...old(name, "2.0.0"),
    ...sidecar
  })),
  local("over a newer version", two, (name) => old(name, "3.0.0")),
  local("over a version named local", two, (name) => old(name, "local")),
  local(
    "over several versions",
    two,
    (name) => ({
      ...old(name, "0.9.0"),
      ...old(name, "0.10.0"),
      ...old(name, "1.0.0")
    }),
    stay
  ),
  local(
    "over files beside a version",
    two,
    (name) => ({
      ...old(name, "1.0.0"),
      "stray.txt": "x",
      "b@d/x": "x",
      link: { link: "/etc" }
    }),
    stay
  ),
  local(
    "over files beside the same version",
    two,
    (name) => ({
      ...old(name, "2.0.0"),
      "stray.txt": "x",
      "b@d/x": "x"
    }),
    C.fromBoth("files beside a version", (codex, { before, name }) => {
      const strays = ["b@d", "b@d/x", "stray.txt"].map((each) => `${C.mine}/${name}/${each}`)
      return {
        ...codex,
        untouched: strays.filter((path) => before.tree[path]?.kind === "file"),
        tree: {
          ...codex.tree,
          ...Object.fromEntries(strays.map((path) => [path, before.tree[path]!]))
        }
      }
    })
  ),
  local(
    "over a sidecar of schema 2",
    two,
    (name) => ({
      ...old(name, "1.0.0"),
      [C.sidecarName]: '{"schema_version":2}'
    }),
    stay
  ),
  local(
    "over a folder in the sidecar's place",
    two,
    (name) => ({
      ...old(name, "1.0.0"),
      [`${C.sidecarName}/x`]: "x"
    }),
    stay
  ),
  local(
    "over another version, where it fails",
    () => ({ [codex]: text("other") }),
    (name) => ({ ...old(name, "1.0.0"), ...sidecar })
  ),
  local(
    "commands",
    (name) => ({
      [codex]: text(name),
      "commands/a.md": "---\ndescription: Does it\n---\nDo it.\n",
      ".codex-plugin/migrated-command-skills/mine/SKILL.md": "mine"
    }),
    nothing,
    C.asNewer("skills of commands")
  )
]
