import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Array as Arr, Duration, Option, Redacted, Schema, Struct } from "effect"
import {
  type CachedPlugin,
  type CacheSnapshot,
  Identity,
  type Stray
} from "../src/CacheSnapshot.ts"
import type { InstalledSnapshot } from "../src/RemotePlugin.ts"
import * as PluginId from "../src/PluginId.ts"
import * as PluginVersion from "../src/PluginVersion.ts"
import * as RemotePluginId from "../src/RemotePluginId.ts"
import type * as RemotePlugin from "../src/RemotePlugin.ts"
import { remoteMarketplaces } from "../src/RemotePlugin.ts"
import * as SyncPlan from "../src/SyncPlan.ts"
import {
  cached,
  cachedPlugin,
  corrupt,
  installed,
  known,
  type Row,
  row,
  unsupported
} from "./support/snapshots.ts"

const { Action, InstallReason } = SyncPlan

const plan = (
  installed: InstalledSnapshot,
  cached: CacheSnapshot,
  retention: Duration.Input = "24 hours"
) => SyncPlan.make(installed, cached, { retention: Duration.fromInputUnsafe(retention) })

/** An action as a line of a table. */
const line = (action: SyncPlan.Action): string => {
  switch (action._tag) {
    case "Keep":
    case "Backfill":
      return `${action._tag} ${action.plugin.pluginId} ${action.version}`
    case "Install":
      return `Install ${action.plugin.pluginId} ${action.version}: ${action.reason._tag}`
    case "Defer":
      return `Defer ${action.plugin.pluginId} ${action.version}: ${action.change._tag}, ${action.reason}`
    case "Reject":
      return `Reject ${action.error._tag === "UnsupportedSchemaVersion" ? action.error._tag : action.error.reason._tag}`
    case "Remove":
      return `Remove ${SyncPlan.nameOf(action.target)}: ${action.reason}`
    case "Prune":
      return `Prune ${action.pluginId} ${action.version}`
  }
}

const lines = ({ actions }: SyncPlan.SyncPlan): ReadonlyArray<string> => actions.map(line)

const alpha = "alpha@openai-curated-remote"
const curated = PluginId.MarketplaceName.make("openai-curated-remote")

const reasonFor = (standing: CachedPlugin) => {
  const { actions } = plan(installed(row()), cached({ plugins: [standing] }))
  const install = actions.find(Action.$is("Install"))!
  assert.strictEqual(Redacted.value(install.bundleUrl), "https://bundles.test/a?sig=s")
  assert.strictEqual<string>(install.plugin.remotePluginId, "plugins~Plugin_1")
  return install.reason
}

describe("SyncPlan.make, for a row and the cached plugin of the same name", () => {
  type Standing = Parameters<typeof cachedPlugin>[0] | undefined

  it.each<readonly [string, Standing, Row, string]>([
    ["nothing", undefined, {}, `Install ${alpha} 1.0.0: Missing`],
    ["a base root without a version", { versions: [] }, {}, `Install ${alpha} 1.0.0: Missing`],
    ["the version and its identity", {}, {}, `Keep ${alpha} 1.0.0`],
    [
      "the version, which the row has white space around",
      {},
      { release: { version: " 1.0.0\n" } },
      `Keep ${alpha} 1.0.0`
    ],
    [
      "the version, superseded ones beside it",
      { versions: ["0.9.0", "1.0.0", "1.0.0-rc.1"] },
      {},
      `Keep ${alpha} 1.0.0`
    ],
    ["the version, disabled", {}, { enabled: false }, `Keep ${alpha} 1.0.0`],
    [
      "the version without a sidecar",
      { identity: Identity.Absent() },
      {},
      `Backfill ${alpha} 1.0.0`
    ],
    [
      "the version and its identity in other bytes than Codex writes",
      {
        identity: Identity.Known({
          remotePluginId: RemotePluginId.RemotePluginId.make("plugins~Plugin_1"),
          exact: false
        })
      },
      {},
      `Backfill ${alpha} 1.0.0`
    ],
    [
      "the version after a change of identity that was cut short",
      { identity: Identity.InDoubt() },
      {},
      `Install ${alpha} 1.0.0: IdentityInDoubt`
    ],
    [
      "the version with another plugin's identity",
      { identity: known("plugins~Plugin_2") },
      {},
      `Install ${alpha} 1.0.0: IdentityChanged`
    ],
    [
      "the version with a corrupt sidecar",
      { identity: corrupt },
      {},
      `Install ${alpha} 1.0.0: IdentityUnreadable`
    ],
    [
      "the version with a sidecar of a newer schema",
      { identity: unsupported },
      {},
      "Reject UnsupportedSchemaVersion"
    ],
    ["the version, broken", { intact: false }, {}, `Install ${alpha} 1.0.0: Broken`],
    [
      "the version, broken and without a sidecar",
      { intact: false, identity: Identity.Absent() },
      {},
      `Install ${alpha} 1.0.0: Broken`
    ],
    [
      "the version, broken and with a sidecar of a newer schema",
      { intact: false, identity: unsupported },
      {},
      "Reject UnsupportedSchemaVersion"
    ],
    ["an older version", { versions: ["0.9.0"] }, {}, `Install ${alpha} 1.0.0: VersionChanged`],
    ["a newer version", { versions: ["2.0.0"] }, {}, `Install ${alpha} 1.0.0: VersionChanged`],
    [
      "the version below a newer one",
      { versions: ["1.0.0", "2.0.0"] },
      {},
      `Install ${alpha} 1.0.0: VersionChanged`
    ],
    [
      "the version below a local one",
      { versions: ["1.0.0", "local"], identity: Identity.Absent() },
      {},
      `Install ${alpha} 1.0.0: VersionChanged`
    ],
    [
      "a version that differs in build metadata",
      { versions: ["1.0.0+1"] },
      {},
      `Install ${alpha} 1.0.0: VersionChanged`
    ],
    [
      "another version with another plugin's identity",
      { versions: ["0.9.0"], identity: known("plugins~Plugin_2") },
      {},
      `Install ${alpha} 1.0.0: VersionChanged`
    ],
    [
      "another version with a corrupt sidecar",
      { versions: ["0.9.0"], identity: corrupt },
      {},
      `Install ${alpha} 1.0.0: VersionChanged`
    ],
    [
      "another version with a sidecar of a newer schema",
      { versions: ["0.9.0"], identity: unsupported },
      {},
      "Reject UnsupportedSchemaVersion"
    ],
    [
      "anything, without a release version",
      {},
      { release: { version: null } },
      "Reject MissingVersion"
    ],
    [
      "anything, with a blank release version",
      {},
      { release: { version: " " } },
      "Reject MissingVersion"
    ],
    [
      "anything, with a release version that no folder can have",
      {},
      { release: { version: "../1" } },
      "Reject InvalidVersion"
    ],
    [
      "nothing, without a bundle URL",
      undefined,
      { release: { bundle_download_url: null } },
      "Reject MissingBundleUrl"
    ],
    [
      "another version, without a bundle URL",
      { versions: ["0.9.0"] },
      { release: { bundle_download_url: " " } },
      "Reject MissingBundleUrl"
    ],
    [
      "the version and its identity, without a bundle URL",
      {},
      { release: { bundle_download_url: null } },
      `Keep ${alpha} 1.0.0`
    ],
    [
      "the version without a sidecar, without a bundle URL",
      { identity: Identity.Absent() },
      { release: { bundle_download_url: null } },
      `Backfill ${alpha} 1.0.0`
    ]
  ])("decides on %s", (_, standing, fields, expected) => {
    const plugins = standing === undefined ? [] : [cachedPlugin(standing)]
    assert.deepStrictEqual(lines(plan(installed(row(fields)), cached({ plugins }))), [expected])
  })

  it("gives an installation what it needs, and says what it takes the place of", () => {
    assert.deepStrictEqual(
      reasonFor(cachedPlugin({ versions: ["0.9.0"] })),
      InstallReason.VersionChanged({ from: PluginVersion.PluginVersion.make("0.9.0") })
    )
    const other = known("plugins~Plugin_2") as Extract<Identity, { _tag: "Known" }>
    assert.deepStrictEqual(
      reasonFor(cachedPlugin({ identity: other })),
      InstallReason.IdentityChanged({ from: other.remotePluginId })
    )
  })
})

describe("SyncPlan.make, for rows that stand for one plugin", () => {
  it("carries out the last, as Codex ends with it, and rejects the others", () => {
    const { actions } = plan(
      installed(row(), row({ id: "r2", release: { version: "2.0.0" } }), row({ id: "r3" })),
      cached()
    )
    assert.deepStrictEqual(actions.map(line), [
      "Reject DuplicatePlugin",
      "Reject DuplicatePlugin",
      `Install ${alpha} 1.0.0: Missing`
    ])
    assert.deepStrictEqual(
      actions.filter(Action.$is("Reject")).map(({ error }) => "reason" in error && error.reason),
      Arr.replicate({ _tag: "DuplicatePlugin", kept: "r3" } as const, 2)
    )
  })

  it("rejects the others even where the last cannot be carried out", () => {
    assert.deepStrictEqual(
      lines(plan(installed(row({ id: "r2" }), row({ release: { version: null } })), cached())),
      ["Reject DuplicatePlugin", "Reject MissingVersion"]
    )
  })

  it("takes a row that is listed twice for one", () => {
    assert.deepStrictEqual(lines(plan(installed(row(), row()), cached())), [
      `Install ${alpha} 1.0.0: Missing`
    ])
  })

  it("distinguishes plugins of one name in several marketplaces, whatever their case", () => {
    assert.deepStrictEqual(
      lines(
        plan(
          installed(
            row(),
            row({ name: "Alpha", scope: "WORKSPACE", discoverability: "LISTED" }),
            row({ scope: "USER" })
          ),
          cached()
        )
      ),
      [
        `Install ${alpha} 1.0.0: Missing`,
        "Install Alpha@workspace-directory 1.0.0: Missing",
        "Install alpha@created-by-me-remote 1.0.0: Missing"
      ]
    )
  })
})

const stale = cachedPlugin({ id: "beta@openai-curated-remote" })
const stray: Stray = { marketplace: curated, name: "plugin-backup-x", fingerprint: "w" }

describe("SyncPlan.make, for what no row names", () => {
  it.each([...remoteMarketplaces])("removes a plugin of %s", (marketplace) => {
    const target = cachedPlugin({ id: `beta@${marketplace}` })
    const reason = /-(?:private|unlisted)$/.test(marketplace)
      ? "RetiredMarketplace"
      : "NotInstalled"
    const { actions, removalSkipped } = plan(installed(), cached({ plugins: [target] }))
    assert.deepStrictEqual(actions, [Action.Remove({ target, reason })])
    assert.isNull(removalSkipped)
  })

  it("removes strays", () => {
    assert.deepStrictEqual(plan(installed(row()), cached({ strays: [stray] })).actions.slice(1), [
      Action.Remove({ target: stray, reason: "Stray" })
    ])
  })

  it.each([
    ["no version", { versions: [] }],
    ["a local version", { versions: ["local"], identity: Identity.Absent() }],
    ["a sidecar of a newer schema", { identity: unsupported }]
  ])("removes a plugin with %s", (_, fields) => {
    const target = cachedPlugin({ id: "beta@openai-curated-remote", ...fields })
    assert.deepStrictEqual(lines(plan(installed(), cached({ plugins: [target] }))), [
      "Remove beta@openai-curated-remote: NotInstalled"
    ])
  })

  it("removes a plugin that is listed in another marketplace now", () => {
    assert.deepStrictEqual(
      lines(plan(installed(row({ scope: "USER" })), cached({ plugins: [cachedPlugin()] }))),
      ["Install alpha@created-by-me-remote 1.0.0: Missing", `Remove ${alpha}: NotInstalled`]
    )
  })

  it("does not remove what a row names that cannot be carried out", () => {
    const { actions, removalSkipped } = plan(
      installed(row({ release: { version: "../1" } })),
      cached({ plugins: [cachedPlugin()] })
    )
    assert.deepStrictEqual(actions.map(line), ["Reject InvalidVersion"])
    assert.isNull(removalSkipped)
  })

  it.each([
    ["an invalid name", row({ name: "a b" }), "Reject InvalidName"],
    ["an unknown scope", row({ scope: "TEAM" }), "Reject UnknownScope"],
    ["no discoverability", row({ scope: "WORKSPACE" }), "Reject MissingDiscoverability"],
    ["no shape", "alpha", "Reject MalformedRow"]
  ])("removes nothing beside a row of %s, and does the rest", (_, odd, rejected) => {
    const beside = plan(
      installed(odd, row()),
      cached({
        takenAt: 1,
        plugins: [cachedPlugin({ versions: ["0.8.0", "0.9.0"] }), stale],
        strays: [stray]
      }),
      0
    )
    assert.deepStrictEqual(lines(beside), [
      rejected,
      `Install ${alpha} 1.0.0: VersionChanged`,
      `Prune ${alpha} 0.8.0`,
      `Prune ${alpha} 0.9.0`
    ])
    assert.strictEqual(
      beside.removalSkipped,
      "1 of 2 rows have no valid name, so stale plugins cannot be identified"
    )
  })

  it("lists rows first, in their order, then prunings, then removals", () => {
    assert.deepStrictEqual(
      lines(
        plan(
          installed(row({ name: "gamma" }), row()),
          cached({
            plugins: [stale, cachedPlugin({ versions: ["0.9.0", "1.0.0"] })],
            strays: [stray]
          }),
          0
        )
      ),
      [
        "Install gamma@openai-curated-remote 1.0.0: Missing",
        `Keep ${alpha} 1.0.0`,
        `Prune ${alpha} 0.9.0`,
        "Remove beta@openai-curated-remote: NotInstalled",
        "Remove plugin-backup-x@openai-curated-remote: Stray"
      ]
    )
  })
})

describe("SyncPlan.make, for names that differ only in case", () => {
  const rows = installed(row({ name: "Alpha", id: "r2" }), row(), row({ name: "gamma", id: "r3" }))

  it("rejects all of them and installs the others", () => {
    assert.deepStrictEqual(lines(plan(rows, cached())), [
      "Reject CaseConflict",
      "Reject CaseConflict",
      "Install gamma@openai-curated-remote 1.0.0: Missing"
    ])
  })

  it("changes nothing in the cache that has one of these names", () => {
    const plugins = [cachedPlugin({ versions: ["0.9.0", "1.0.0"] })]
    const same: Stray = { ...stray, name: "ALPHA" }
    assert.deepStrictEqual(lines(plan(rows, cached({ takenAt: 1, plugins, strays: [same] }), 0)), [
      "Reject CaseConflict",
      "Reject CaseConflict",
      "Install gamma@openai-curated-remote 1.0.0: Missing"
    ])
  })
})

describe("SyncPlan.make, for a shared cache", () => {
  const other = known("plugins~Plugin_2")
  const decide = (
    fields: Parameters<typeof cachedPlugin>[0],
    removal: SyncPlan.RemovalPolicy,
    isShared = true
  ) =>
    SyncPlan.make(installed(row()), cached({ plugins: [cachedPlugin(fields), stale] }), {
      retention: Duration.hours(1),
      removal,
      isShared
    })

  it.each([
    ["a downgrade", { versions: ["2.0.0"] }, "VersionChanged"],
    ["a change of owner", { identity: other }, "IdentityChanged"],
    [
      "an upgrade of another owner's version",
      { versions: ["0.9.0"], identity: other },
      "VersionChanged"
    ]
  ] as const)("defers %s, unless the policy is always", (_, fields, change) => {
    assert.deepStrictEqual(lines(decide(fields, "auto")), [
      `Defer ${alpha} 1.0.0: ${change}, SharedCache`
    ])
    assert.deepStrictEqual(lines(decide(fields, "never")), [
      `Defer ${alpha} 1.0.0: ${change}, SharedCache`
    ])
    assert.deepStrictEqual(lines(decide(fields, "always")), [
      `Install ${alpha} 1.0.0: ${change}`,
      "Remove beta@openai-curated-remote: NotInstalled"
    ])
    assert.deepStrictEqual(lines(decide(fields, "auto", false)), [
      `Install ${alpha} 1.0.0: ${change}`,
      "Remove beta@openai-curated-remote: NotInstalled"
    ])
  })

  it("upgrades and repairs versions", () => {
    assert.deepStrictEqual(lines(decide({ versions: ["0.9.0"] }, "auto")), [
      `Install ${alpha} 1.0.0: VersionChanged`
    ])
    assert.deepStrictEqual(lines(decide({ intact: false }, "auto")), [
      `Install ${alpha} 1.0.0: Broken`
    ])
  })

  it("gives the reason why nothing is removed", () => {
    assert.deepStrictEqual(
      [
        decide({}, "auto"),
        decide({}, "never"),
        decide({}, "never", false),
        decide({}, "always"),
        decide({}, "auto", false)
      ].map(({ removalSkippedReason }) => removalSkippedReason?._tag ?? null),
      ["SharedCache", "Never", "Never", null, null]
    )
  })

  it("removes nothing beside a row without a valid name, whatever the policy", () => {
    const { actions, removalSkippedReason } = SyncPlan.make(
      installed(row({ name: "a b" })),
      cached({ plugins: [stale] }),
      { retention: Duration.zero, removal: "always", isShared: true }
    )
    assert.deepStrictEqual(actions.filter(Action.$is("Remove")), [])
    assert.deepStrictEqual(
      removalSkippedReason,
      SyncPlan.RemovalSkippedReason.UnnamedRows({ unnamed: 1, rows: 1 })
    )
  })
})

const prunings = (
  standing: Parameters<typeof cachedPlugin>[0],
  fields: Row,
  takenAt: number,
  retention: Duration.Input
) =>
  lines(
    plan(installed(row(fields)), cached({ takenAt, plugins: [cachedPlugin(standing)] }), retention)
  ).filter((line) => line.startsWith("Prune"))

describe("SyncPlan.make, for superseded versions", () => {
  const standing = { versions: ["0.8.0", "1.0.0", "0.9.0"], activeSince: 1000 }

  it.each([
    [0, 1000, true],
    [0, 5000, true],
    [500, 1499, false],
    [500, 1500, true],
    ["24 hours", 1000 + 86_399_999, false],
    ["24 hours", 1000 + 86_400_000, true],
    // The clock was put back.
    [0, 999, true],
    ["Infinity", Number.MAX_SAFE_INTEGER, false]
  ] as const)("with a retention of %s, %s since 1000, prunes: %s", (retention, takenAt, prunes) => {
    assert.deepStrictEqual(
      prunings(standing, {}, takenAt, retention === "Infinity" ? Duration.infinity : retention),
      prunes ? [`Prune ${alpha} 0.8.0`, `Prune ${alpha} 0.9.0`] : []
    )
  })

  it("keeps the active one, which a new version supersedes only now", () => {
    assert.deepStrictEqual(prunings(standing, { release: { version: "2.0.0" } }, 1001, 1), [
      `Prune ${alpha} 0.8.0`,
      `Prune ${alpha} 0.9.0`
    ])
  })

  it("with no retention, prunes what a new version supersedes in this very pass", () => {
    assert.deepStrictEqual(prunings(standing, { release: { version: "2.0.0" } }, 1000, 0), [
      `Prune ${alpha} 0.8.0`,
      `Prune ${alpha} 1.0.0`,
      `Prune ${alpha} 0.9.0`
    ])
  })

  it("prunes neither the one that comes back nor those that must go to make room for it", () => {
    assert.deepStrictEqual(prunings(standing, { release: { version: "0.9.0" } }, 1000, 0), [
      `Prune ${alpha} 0.8.0`
    ])
  })

  it("prunes none of a plugin that is removed", () => {
    assert.deepStrictEqual(
      lines(plan(installed(), cached({ plugins: [cachedPlugin(standing)], takenAt: 1000 }), 0)),
      [`Remove ${alpha}: NotInstalled`]
    )
  })
})

const Version = Schema.Literals(["0.9.0", "1.0.0", "2.0.0", "10.0.0", "5x", "local"])

const FitRow = Schema.Struct({
  id: Schema.Literals(["r1", "r2"]),
  name: Schema.Literals(["alpha", "beta", "gamma"]),
  scope: Schema.Literals(["GLOBAL", "USER", "WORKSPACE"]),
  discoverability: Schema.Literals(["LISTED", "PRIVATE"]),
  release: Schema.Struct({
    version: Schema.Union([Version, Schema.Literals(["", "a/b"])]),
    bundle_download_url: Schema.Literals(["https://a.test", "https://b.test", ""])
  })
})

const OddRow = Schema.Union([
  Schema.Null,
  FitRow.pipe(Schema.fieldsAssign({ name: Schema.Literals(["a b", ".."]) })),
  FitRow.pipe(Schema.fieldsAssign({ scope: Schema.Literal("TEAM") }))
])

const identities = {
  absent: Identity.Absent(),
  inDoubt: Identity.InDoubt(),
  r1: known("r1"),
  r2: known("r2"),
  corrupt,
  unsupported
}

const Standing = Schema.Struct({
  name: Schema.Literals(["alpha", "beta", "delta"]),
  marketplace: Schema.Literals([...remoteMarketplaces]),
  versions: Schema.UniqueArray(Version),
  identity: Schema.Literals(Struct.keys(identities)),
  intact: Schema.Boolean,
  activeSince: Schema.Literals([0, 600, 1000, 1001])
})

const upTo = <A>(maxLength: number, schema: Schema.Schema<A>) =>
  Arbitrary.array(Arbitrary.schema(schema), { maxLength })

const sides = {
  listing: Arbitrary.map(
    Arbitrary.all({ fit: upTo(6, FitRow), odd: upTo(1, OddRow) }),
    ({ fit, odd }) => installed(...fit, ...odd)
  ),
  standing: Arbitrary.map(
    Arbitrary.all({
      plugins: upTo(8, Standing),
      strays: Arbitrary.schema(Schema.UniqueArray(Schema.Literals(["file", "plugin-backup-x"])))
    }),
    ({ plugins, strays }) =>
      cached({
        takenAt: 1000,
        plugins: Arr.dedupeWith(
          plugins.map(({ identity, marketplace, name, ...fields }) =>
            cachedPlugin({
              ...fields,
              id: `${name}@${marketplace}`,
              identity: identities[identity]
            })
          ),
          (self, that) => self.pluginId === that.pluginId
        ),
        strays: strays.map((name) => ({ marketplace: curated, name, fingerprint: "w" }))
      })
  ),
  retention: Schema.Literals([0, 400, 1000])
}

/** The cache once every action was carried out. */
const carriedOut = (standing: CacheSnapshot, { actions }: SyncPlan.SyncPlan): CacheSnapshot => {
  const plugins = new Map(standing.plugins.map((plugin) => [plugin.pluginId, plugin]))
  const strays = new Set(standing.strays)
  for (const action of actions) {
    switch (action._tag) {
      case "Backfill": {
        const { pluginId, remotePluginId } = action.plugin
        plugins.set(pluginId, { ...plugins.get(pluginId)!, identity: known(remotePluginId) })
        break
      }
      case "Install": {
        const { pluginId, remotePluginId } = action.plugin
        const others = (plugins.get(pluginId)?.versions ?? []).filter(
          (other) => !PluginVersion.outranks(other, action.version)
        )
        const versions = Arr.dedupe([...others, action.version])
        const identity = known(remotePluginId)
        const activeSince = standing.takenAt
        plugins.set(pluginId, cachedPlugin({ id: pluginId, versions, identity, activeSince }))
        break
      }
      case "Prune": {
        const plugin = plugins.get(action.pluginId)!
        const versions = plugin.versions.filter((version) => version !== action.version)
        const active = PluginVersion.active(versions)
        plugins.set(action.pluginId, { ...plugin, versions, active })
        break
      }
      case "Remove": {
        if ("pluginId" in action.target) plugins.delete(action.target.pluginId)
        else strays.delete(action.target)
      }
    }
  }
  return { ...standing, plugins: [...plugins.values()], strays: [...strays] }
}

const holds = (
  name: string,
  property: (pass: {
    readonly planned: SyncPlan.SyncPlan
    readonly listing: InstalledSnapshot
    readonly standing: CacheSnapshot
    readonly retention: number
    /** The rows that can be named. */
    readonly rows: ReadonlyArray<RemotePlugin.RemotePlugin>
    readonly unnamed: ReadonlyArray<unknown>
    readonly removed: ReadonlyArray<CachedPlugin | Stray>
  }) => void
) =>
  it.prop(
    name,
    sides,
    ({ listing, retention, standing }) => {
      const planned = plan(listing, standing, retention)
      const [rows, unnamed] = Arr.separate(listing.rows)
      const removed = planned.actions.filter(Action.$is("Remove")).map(({ target }) => target)
      property({ planned, listing, standing, retention, rows, unnamed, removed })
    },
    { arbitrary: { runs: 300 } }
  )

describe("SyncPlan.make, for any two snapshots", () => {
  holds("removes what no row names and nothing else, or nothing", (pass) => {
    const { planned, removed, rows, standing, unnamed } = pass
    const named = new Set(rows.map(({ pluginId }) => pluginId))
    const stale = standing.plugins.filter(({ pluginId }) => !named.has(pluginId))
    assert.deepStrictEqual(removed, unnamed.length === 0 ? [...stale, ...standing.strays] : [])
    assert.strictEqual(planned.removalSkipped === null, unnamed.length === 0)
  })

  holds("acts once on each row, except on one that its plugin's last repeats", (pass) => {
    const { planned, rows, unnamed } = pass
    const lastOf = (row: RemotePlugin.RemotePlugin) =>
      rows.findLast(({ pluginId }) => pluginId === row.pluginId)!
    const repeats = rows.filter(
      (row) => row !== lastOf(row) && row.remotePluginId === lastOf(row).remotePluginId
    )
    const onRows = planned.actions.filter(({ _tag }) => _tag !== "Prune" && _tag !== "Remove")
    assert.strictEqual(onRows.length, rows.length - repeats.length + unnamed.length)
    const plugins = onRows.flatMap((action) => ("plugin" in action ? [action.plugin] : []))
    assert.deepStrictEqual(plugins, plugins.map(lastOf))
  })

  holds("neither installs and removes one plugin, nor installs and prunes one version", (pass) => {
    const { planned, removed } = pass
    const installs = planned.actions.filter(Action.$is("Install"))
    const gone = [
      ...removed.map(SyncPlan.nameOf),
      ...planned.actions
        .filter(Action.$is("Prune"))
        .map((prune) => `${prune.pluginId} ${prune.version}`)
    ]
    for (const { plugin, version } of installs) {
      assert.notInclude(gone, plugin.pluginId)
      assert.notInclude(gone, `${plugin.pluginId} ${version}`)
    }
  })

  holds("prunes only versions beside an active one that stays or is installed", (pass) => {
    const { planned, removed, standing } = pass
    const installs = planned.actions.filter(Action.$is("Install"))
    const incoming = new Set(installs.map(({ plugin }) => plugin.pluginId))
    for (const { pluginId, version } of planned.actions.filter(Action.$is("Prune"))) {
      const plugin = standing.plugins.find((plugin) => plugin.pluginId === pluginId)!
      assert.include(plugin.versions, version)
      assert.isTrue(!Option.contains(plugin.active, version) || incoming.has(pluginId))
      assert.notInclude(removed, plugin)
    }
  })

  holds("never writes beside a sidecar of a newer schema", ({ planned, standing }) => {
    const guarded = new Set(
      standing.plugins
        .filter(({ identity }) => identity === unsupported)
        .map(({ pluginId }) => pluginId)
    )
    for (const action of planned.actions) {
      if (action._tag === "Install" || action._tag === "Backfill") {
        assert.isFalse(guarded.has(action.plugin.pluginId))
      }
    }
  })

  holds("leaves nothing to do once it was carried out", (pass) => {
    const { listing, planned, retention, standing } = pass
    const again = plan(listing, carriedOut(standing, planned), retention)
    const isRejection = Action.$is("Reject")
    assert.deepStrictEqual(again.actions.filter(isRejection), planned.actions.filter(isRejection))
    assert.deepStrictEqual(
      lines(again).filter((line) => !/^(?:Keep|Reject) /.test(line)),
      []
    )
    assert.strictEqual(again.removalSkipped, planned.removalSkipped)
  })
})
