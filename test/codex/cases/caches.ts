/**
 * The cache before a pass.
 */
import type { Case } from "./Case.ts"
import * as C from "./Case.ts"

const { curated, sidecarName } = C

/** A plugin of version 1.0.0, and the content of its folder in the cache. */
const withCache = (
  title: string,
  nodes: (name: string) => C.Files,
  differs?: C.Differs,
  more: Partial<Case> = {}
): Case => ({
  title,
  make: (name) => ({ plugins: [{ name }], cachedFiles: nodes(name) }),
  differs,
  ...more
})

const root = (name: string) => `${curated}/${name}`

const sidecarOf = (name: string) => `${root(name)}/${sidecarName}`

const withSidecar = (name: string, node: C.Node): C.Files => ({
  ...C.intact(name),
  [sidecarOf(name)]: node
})

const textSidecar = (json: (name: string) => string) => (name: string) =>
  withSidecar(name, { content: json(name), mode: 0o600 })

/** Our program downloads the version and replaces the cached files with it. */
const anew: C.Change = C.installs((name) => C.treeOf(C.installed(name)))

/** Our program removes everything below these paths. */
const without =
  (...gone: ReadonlyArray<string>): C.Change =>
  (codex, { name }) => {
    const stays = (path: string) =>
      !gone.some((each) => `${path}/`.startsWith(`${root(name)}/${each}/`))
    return {
      ...codex,
      untouched: codex.untouched.filter(stays),
      tree: Object.fromEntries(Object.entries(codex.tree).filter(([path]) => stays(path)))
    }
  }

const unsupported: C.Differs = C.fromBoth("unsupported schema", (codex, context) => ({
  ...C.rejects(codex, context),
  downloaded: []
}))

const current: ReadonlyArray<Case> = [
  withCache(
    "current: with its sidecar",
    C.installed,
    C.fromBoth("identical sidecar", (codex, { before }) => ({
      ...codex,
      untouched: before.untouched
    })),
    { watchesSidecars: true }
  ),
  withCache("current: without a sidecar", C.intact),
  withCache(
    "current: a sidecar of mode 0644",
    (name) => withSidecar(name, C.sidecarText(C.idOf(name))),
    C.fromBoth("identical sidecar", (codex, { before }) => ({ ...codex, tree: before.tree }))
  ),
  withCache(
    "current: a sidecar of mode 0400",
    (name) => withSidecar(name, { content: C.sidecarText(C.idOf(name)), mode: 0o400 }),
    C.fromBoth("identical sidecar", (codex, { before }) => ({ ...codex, tree: before.tree }))
  ),
  withCache(
    "current: a sidecar in one line",
    textSidecar((name) => `{"schema_version":1,"remote_plugin_id":"${C.idOf(name)}"}`)
  ),
  withCache(
    "current: a sidecar with spaces around the id",
    textSidecar((name) => C.sidecarText(` ${C.idOf(name)} `))
  ),
  withCache(
    "current: a sidecar with keys that nobody knows",
    textSidecar(
      (name) => `{"schema_version":1,"remote_plugin_id":"${C.idOf(name)}","installed_by":"x"}\n`
    )
  ),
  withCache(
    "current: a sidecar of another plugin",
    textSidecar(() => C.sidecarText("plugins~Other")),
    C.fromBoth("other identity", anew)
  ),
  withCache(
    "current: a sidecar of schema 2",
    textSidecar((name) => `{"schema_version":2,"remote_plugin_id":"${C.idOf(name)}"}\n`),
    unsupported
  ),
  withCache(
    "current: a sidecar of schema 2 and nothing else",
    textSidecar(() => '{"schema_version":2}'),
    unsupported
  ),
  withCache(
    "current: a sidecar of schema 0",
    textSidecar((name) => `{"schema_version":0,"remote_plugin_id":"${C.idOf(name)}"}\n`),
    unsupported
  ),
  withCache(
    "current: a sidecar without a schema",
    textSidecar((name) => `{"remote_plugin_id":"${C.idOf(name)}"}\n`),
    C.fromBoth("unreadable sidecar", anew)
  ),
  withCache(
    "current: a sidecar whose schema is text",
    textSidecar((name) => `{"schema_version":"1","remote_plugin_id":"${C.idOf(name)}"}\n`),
    C.fromBoth("unreadable sidecar", anew)
  ),
  withCache(
    "current: a sidecar with a blank id",
    textSidecar(() => C.sidecarText("  ")),
    C.fromBoth("unreadable sidecar", anew)
  ),
  withCache(
    "current: a sidecar with a byte-order mark",
    textSidecar((name) => `\ufeff${C.sidecarText(C.idOf(name))}`),
    C.fromBoth("unreadable sidecar", anew)
  ),
  withCache(
    "current: a sidecar that is no JSON",
    textSidecar(() => "garbage"),
    C.fromBoth("unreadable sidecar", anew)
  ),
  withCache(
    "current: an empty sidecar",
    textSidecar(() => ""),
    C.fromBoth("unreadable sidecar", anew)
  ),
  withCache(
    "current: a folder in the sidecar's place",
    (name) => withSidecar(name, { folder: 0o755 }),
    C.fromBoth("unreadable sidecar", anew)
  ),
  withCache(
    "current: a folder with files in the sidecar's place",
    (name) => ({
      ...C.intact(name),
      [`${sidecarOf(name)}/x`]: "x"
    }),
    C.fromBoth("unreadable sidecar", anew)
  ),
  withCache(
    "current: a link in the sidecar's place",
    (name) => ({
      ...withSidecar(name, { link: "elsewhere.json" }),
      [`${root(name)}/elsewhere.json`]: "precious\n"
    }),
    C.fromBoth("unreadable sidecar", (codex, context) => ({
      ...codex,
      downloaded: context.ids,
      untouched: [`${root(context.name)}/elsewhere.json`]
    }))
  ),
  withCache(
    "current: a dangling link in the sidecar's place",
    (name) => withSidecar(name, { link: "/nowhere/at/all" }),
    C.fromBoth("unreadable sidecar", anew)
  ),
  withCache(
    "current: an empty version",
    (name) => ({ [`${root(name)}/1.0.0`]: { folder: 0o755 } }),
    C.fromBoth("broken version", anew)
  ),
  withCache(
    "current: an empty version and its sidecar",
    (name) => ({
      [`${root(name)}/1.0.0`]: { folder: 0o755 },
      ...C.sidecar(name)
    }),
    C.fromBoth("broken version", anew)
  ),
  withCache(
    "current: a manifest that is no JSON",
    (name) => ({
      ...C.version(name, "1.0.0", { [C.manifestPath]: "garbage", "old.txt": "old" }),
      ...C.sidecar(name)
    }),
    C.fromBoth("broken version", anew)
  ),
  withCache(
    "current: a manifest of another plugin",
    (name) => ({
      ...C.version(name, "1.0.0", { [C.manifestPath]: C.manifestText("other") }),
      ...C.sidecar(name)
    }),
    C.fromBoth("broken version", anew)
  ),
  withCache("current: files that were changed", (name) => ({
    ...C.installed(name),
    ...C.version(name, "1.0.0", { "mine.txt": "mine", "README.md": "mine" })
  })),
  withCache(
    "current: an older version beside it",
    (name) => ({
      ...C.installed(name),
      ...C.intactWithOldFile(name, "0.9.0")
    }),
    C.fromBoth("superseded versions", without("0.9.0"))
  ),
  withCache("current: a newer version beside it", (name) => ({
    ...C.installed(name),
    ...C.intactWithOldFile(name, "2.0.0")
  })),
  withCache("current: a version named local beside it", (name) => ({
    ...C.installed(name),
    ...C.intactWithOldFile(name, "local")
  })),
  withCache("current: temporary files beside the sidecar", (name) => ({
    ...C.installed(name),
    [`${root(name)}/.tmpABC`]: "half",
    [`${sidecarOf(name)}.tmp123`]: "half"
  })),
  withCache("current: files and folders beside the version", (name) => ({
    ...C.installed(name),
    [`${root(name)}/stray.txt`]: "x",
    [`${root(name)}/b@d/x`]: "x"
  }))
]

const outdated: ReadonlyArray<Case> = [
  withCache(
    "outdated: an older version with its sidecar",
    (name) => ({
      ...C.intactWithOldFile(name, "0.9.0"),
      ...C.sidecar(name)
    }),
    C.fromBoth("identical sidecar", (codex, { name }) => ({
      ...codex,
      untouched: [sidecarOf(name)]
    })),
    { watchesSidecars: true }
  ),
  withCache("outdated: an older version without a sidecar", (name) =>
    C.intactWithOldFile(name, "0.9.0")
  ),
  withCache("outdated: an older version of another plugin", (name) => ({
    ...C.intactWithOldFile(name, "0.9.0"),
    ...C.sidecar(name, "plugins~Other")
  })),
  withCache(
    "outdated: a sidecar of schema 2",
    (name) => ({
      ...C.intactWithOldFile(name, "0.9.0"),
      [sidecarOf(name)]: '{"schema_version":2}'
    }),
    unsupported
  ),
  withCache("outdated: a newer version", (name) => ({
    ...C.intactWithOldFile(name, "2.0.0"),
    ...C.sidecar(name)
  })),
  withCache("outdated: a version named local", (name) => C.intactWithOldFile(name, "local")),
  withCache("outdated: several older versions", (name) => ({
    ...C.intactWithOldFile(name, "0.1.0"),
    ...C.intactWithOldFile(name, "0.9.0"),
    ...C.intactWithOldFile(name, "0.10.0"),
    ...C.sidecar(name)
  })),
  withCache("outdated: files, links and odd folders beside the version", (name) => ({
    ...C.intactWithOldFile(name, "0.9.0"),
    ...C.sidecar(name),
    [`${root(name)}/stray.txt`]: "x",
    [`${root(name)}/b@d/x`]: "x",
    [`${root(name)}/link`]: { link: "/etc" }
  })),
  withCache(
    "outdated: files beside the released version, and a newer one",
    (name) => ({
      ...C.intactWithOldFile(name),
      ...C.intactWithOldFile(name, "2.0.0"),
      ...C.sidecar(name),
      [`${root(name)}/stray.txt`]: "x"
    }),
    C.fromBoth("files beside a version", (codex, { name }) => ({
      ...codex,
      untouched: [`${root(name)}/stray.txt`],
      tree: { ...codex.tree, ...C.treeOf({ [`${root(name)}/stray.txt`]: "x" }) }
    }))
  ),
  withCache("outdated: a folder beside the version that could be one", (name) => ({
    ...C.intactWithOldFile(name, "0.9.0"),
    [`${root(name)}/strayfolder/x`]: "x"
  })),
  withCache("outdated: a folder in the sidecar's place", (name) => ({
    ...C.intactWithOldFile(name, "0.9.0"),
    [`${sidecarOf(name)}/x`]: "x"
  })),
  withCache("outdated: a link in the sidecar's place", (name) => ({
    ...C.intactWithOldFile(name, "0.9.0"),
    [sidecarOf(name)]: { link: "elsewhere.json" },
    [`${root(name)}/elsewhere.json`]: "precious\n"
  })),
  withCache("outdated: a version that Codex would not load", (name) => ({
    [`${root(name)}/0.9.0`]: { folder: 0o755 },
    ...C.sidecar(name)
  })),
  withCache(
    "outdated: an older version, and the usual grace",
    (name) => ({ ...C.intactWithOldFile(name, "0.9.0"), ...C.sidecar(name) }),
    C.fromBoth("superseded versions", (codex, { before, name }) => ({
      ...codex,
      untouched: before.untouched,
      tree: { ...C.treeOf(C.intactWithOldFile(name, "0.9.0")), ...codex.tree }
    })),
    { alone: true, retain: "24h" }
  ),
  {
    title: "outdated: an older version whose bundle is refused",
    make: (name) => ({
      plugins: [{ name, bundle: new TextEncoder().encode("no archive") }],
      cachedFiles: { ...C.intactWithOldFile(name, "0.9.0"), ...C.sidecar(name) }
    })
  },
  {
    title: "outdated: an older version and a row without a version",
    make: (name) => ({
      plugins: [{ name, release: { version: null } }],
      cachedFiles: { ...C.intactWithOldFile(name, "0.9.0"), ...C.sidecar(name) }
    })
  },
  {
    title: "current: a row without a URL",
    make: (name) => ({
      plugins: [{ name, release: { bundle_download_url: null } }],
      cachedFiles: C.intact(name)
    })
  }
]

/** Cached versions, one of which is the released one. */
const chosen = (
  released: string,
  versions: readonly [string, string],
  differs?: C.Differs
): Case => ({
  title: `of ${versions.join(", ")}: ${released}`,
  make: (name) => ({
    plugins: [{ name, version: released }],
    cachedFiles: Object.assign(
      {},
      ...versions.map((of) => C.intactWithOldFile(name, of)),
      C.sidecar(name)
    )
  }),
  differs
})

/** Each pair twice, with either version released. Only the greater one is current. */
const pairs = (
  [
    ["9.0.0", "10.0.0"],
    ["1.0.0-rc.1", "1.0.0"],
    ["1.0.0-alpha.2", "1.0.0-alpha.10"],
    ["1.0.0-alpha.9", "1.0.0-alpha.a"],
    ["1.0.0", "1.0.0+a"],
    ["1.0.0+2", "1.0.0+10"],
    ["1.0.0+1", "1.0.0+01"],
    ["2.0.0", "v1.0.0"],
    ["10", "2"],
    ["1.0.0.0", "1.0.0.1"],
    ["01.0.0", "1.0.0"],
    ["10.0.0", "latest"],
    ["9.0.0", "local"],
    ["9007199254740992.0.0", "9007199254740993.0.0"],
    ["18446744073709551615.0.0", "18446744073709551616.0.0"],
    [".hidden", "_"]
  ] as const
).flatMap(([lesser, greater]) => [
  chosen(greater, [lesser, greater], C.fromBoth("superseded versions", without(lesser))),
  chosen(lesser, [lesser, greater])
])

/** A plugin's folder that is a link to a folder of the same plugin in another marketplace. */
const linked = (what: string, nodes: (name: string) => C.Files): Case =>
  withCache(
    `root: a link to a folder ${what}`,
    (name) => ({
      [root(name)]: { link: `../elsewhere/${name}` },
      ...Object.fromEntries(
        Object.entries(nodes(name)).map(([path, node]) => [
          path.replace(curated, "elsewhere"),
          node
        ])
      )
    }),
    C.fromBoth("files and links in the way", (codex, { before, ids, name }) => {
      const { [root(name)]: _, ...tree } = before.tree
      return {
        ...codex,
        downloaded: ids,
        untouched: before.untouched.filter((path) => path !== root(name)),
        tree: { ...tree, ...C.treeOf(C.installed(name)) }
      }
    })
  )

const roots: ReadonlyArray<Case> = [
  withCache("root: empty", (name) => ({ [root(name)]: { folder: 0o755 } })),
  withCache(
    "root: of mode 0700",
    (name) => ({ [root(name)]: { folder: 0o700 } }),
    C.fromBoth("modes of folders", anew)
  ),
  withCache("root: a sidecar alone", (name) => C.sidecar(name)),
  withCache("root: a sidecar of another plugin alone", (name) => C.sidecar(name, "plugins~Other")),
  withCache(
    "root: a sidecar of schema 2 alone",
    (name) => ({
      [sidecarOf(name)]: '{"schema_version":2}'
    }),
    unsupported
  ),
  withCache("root: files alone", (name) => ({ [`${root(name)}/stray.txt`]: "x" })),
  withCache(
    "root: a file",
    (name) => ({ [root(name)]: "a file" }),
    C.fromBoth("files and links in the way", anew)
  ),
  withCache(
    "root: a dangling link",
    (name) => ({ [root(name)]: { link: "/nowhere/at/all" } }),
    C.fromBoth("files and links in the way", anew)
  ),
  linked("with an older version", (name) => C.intact(name, "0.9.0")),
  linked("with the current version", (name) => C.intact(name)),
  withCache("version: a file in its place", (name) => ({ [`${root(name)}/1.0.0`]: "a file" })),
  withCache("version: a link to another one in its place", (name) => ({
    ...C.intactWithOldFile(name, "0.9.0"),
    [`${root(name)}/1.0.0`]: { link: "0.9.0" }
  })),
  withCache("version: a link to somewhere else in its place", (name) => ({
    [`${root(name)}/1.0.0`]: { link: `../../elsewhere/${name}` },
    [`elsewhere/${name}/precious.txt`]: "precious\n"
  }))
]

/** A plugin that the account does not have. */
const leftover = (title: string, nodes: (name: string) => C.Files): Case => ({
  title: `stale: ${title}`,
  make: (name) => ({ plugins: [], cachedFiles: nodes(name) })
})

/** An entry of no plugin of the account, beside an intact plugin. */
const stale = (
  title: string,
  nodes: C.Files,
  differs?: C.Differs,
  more: Partial<C.Setting> = {}
): Case => ({
  title: `stale: ${title}`,
  alone: true,
  make: () => ({
    plugins: [{ name: "sound" }],
    cachedFiles: { ...C.installed("sound"), ...nodes },
    ...more
  }),
  differs
})

/** Our program changes nothing. */
const givesUp: C.Change = (_, { before }) => ({ ...before, pass: "given up" })

const everywhere = [
  curated,
  C.createdByMe,
  C.workspace,
  C.sharedWithMe,
  "workspace-shared-with-me-private",
  "workspace-shared-with-me-unlisted"
]

const removals: ReadonlyArray<Case> = [
  leftover("a plugin in each marketplace of the backend", (name) =>
    Object.fromEntries(everywhere.map((marketplace) => [`${marketplace}/${name}/1.0.0/a.txt`, "a"]))
  ),
  leftover("plugins of other marketplaces", (name) => ({
    [`${C.mine}/${name}/1.0.0/a.txt`]: "a",
    [`openai-curated/${name}/1.0.0/a.txt`]: "a",
    [`openai-curated-remote-2/${name}/1.0.0/a.txt`]: "a"
  })),
  leftover("files, folders and links with odd names", (name) => ({
    [`${curated}/${name}--file`]: "x",
    [`${curated}/${name}--with spaces/x`]: "x",
    [`${curated}/${name}--é/x`]: "x",
    [`${curated}/${name}--link`]: { link: "/etc" },
    [`${curated}/${name}--dangling`]: { link: "/nowhere/at/all" },
    [`${curated}/${name}--empty`]: { folder: 0o755 }
  })),
  leftover("a plugin of schema 2", (name) => ({
    ...C.intact(name),
    [sidecarOf(name)]: '{"schema_version":2}'
  })),
  leftover("a folder that nobody may read", (name) => ({
    [`${root(name)}/1.0.0/a.txt`]: "a",
    [root(name)]: { folder: 0o000 }
  })),
  {
    title: "stale: a plugin that moved to another marketplace",
    make: (name) => ({ plugins: [{ name, scope: "USER" }], cachedFiles: C.installed(name) })
  },
  stale("files beside the marketplaces, and dot folders", {
    "stray-file": "x",
    [`${curated}/.hidden/x`]: "x",
    [`${curated}/plugin-backup-abc/x`]: "x"
  }),
  stale(
    "a marketplace that is a file",
    { [C.createdByMe]: "a file" },
    C.asNewer("files and links in the way")
  ),
  stale(
    "a marketplace that is a link to a folder",
    { [C.createdByMe]: { link: "elsewhere" }, "elsewhere/old/1.0.0/a.txt": "a" },
    C.fromBoth("files and links in the way", (codex, { before }) => ({
      ...codex,
      untouched: before.untouched,
      tree: before.tree
    }))
  ),
  {
    title: "stale: all there is",
    alone: true,
    make: () => ({ plugins: [], cachedFiles: { ...C.installed("one"), ...C.installed("two") } })
  },
  {
    title: "a marketplace that is a link to a folder, and a plugin for it",
    alone: true,
    make: () => ({
      plugins: [{ name: "sound" }, { name: "mine", scope: "USER" }],
      cachedFiles: { [C.createdByMe]: { link: "elsewhere" }, elsewhere: { folder: 0o755 } }
    }),
    differs: C.fromBoth("files and links in the way", (codex, { before, ids }) => ({
      ...codex,
      failed: ids.slice(1),
      tree: { ...before.tree, ...C.treeOf(C.installed("sound")) }
    }))
  },
  {
    title: "a cache that is a link to a folder",
    alone: true,
    make: () => ({
      plugins: [{ name: "sound" }, { name: "upgraded", version: "2.0.0" }],
      cachedFiles: {
        "../../elsewhere": { folder: 0o755 },
        "../cache": { link: "../elsewhere" },
        ...C.installed("upgraded"),
        ...C.installed("old")
      }
    })
  },
  {
    title: "a cache that is a file",
    alone: true,
    make: () => ({ plugins: [{ name: "sound" }], cachedFiles: { "../cache": "a file" } }),
    differs: C.fromBoth("places that cannot be used", givesUp)
  },
  {
    title: "a staging folder that is a file",
    alone: true,
    make: () => ({
      plugins: [{ name: "sound" }],
      cachedFiles: { ...C.installed("old"), "../.remote-plugin-install-staging": "a file" }
    }),
    differs: C.fromBoth("places that cannot be used", givesUp)
  }
]

const modes: ReadonlyArray<Case> = [
  {
    title: "a umask of 077",
    alone: true,
    umask: 0o077,
    make: () => ({
      plugins: [
        {
          name: "new",
          bundle: {
            [C.manifestPath]: C.manifestText("new"),
            "bin/run": { content: "#!/bin/sh\n", mode: 0o777 }
          }
        },
        { name: "upgraded", version: "2.0.0" }
      ],
      cachedFiles: C.installed("upgraded")
    }),
    differs: C.fromBoth("modes of folders", (codex) => ({
      ...codex,
      tree: Object.fromEntries(
        Object.entries(codex.tree).map(([path, entry]) => [
          path,
          entry.kind === "folder" ? C.folder : entry
        ])
      )
    }))
  }
]

export const caches: ReadonlyArray<Case> = [
  ...current,
  ...outdated,
  ...pairs,
  ...roots,
  ...removals,
  ...modes
]
