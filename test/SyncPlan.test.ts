import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Redacted } from "effect"
import { type CachedPlugin, Identity, type Stray } from "../src/CacheSnapshot.ts"
import * as PluginVersion from "../src/PluginVersion.ts"
import * as RemotePluginId from "../src/RemotePluginId.ts"
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
import { plan, line, lines, alpha, stray } from "./support/syncPlans.ts"

const { Action, InstallReason } = SyncPlan

const reasonFor = (plugin: CachedPlugin) => {
  const { actions } = plan(installed(row()), cached({ plugins: [plugin] }))
  const install = actions.find(Action.$is("Install"))!
  assert.strictEqual(Redacted.value(install.bundleUrl), "https://bundles.test/a?sig=s")
  assert.strictEqual<string>(install.plugin.remotePluginId, "plugins~Plugin_1")
  return install.reason
}

describe("SyncPlan.make, for a row and the cached plugin of the same name", () => {
  type CachedFields = Parameters<typeof cachedPlugin>[0] | undefined

  it.each<readonly [string, CachedFields, Row, string]>([
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
  ])("decides on %s", (_, cachedFields, fields, expected) => {
    const plugins = cachedFields === undefined ? [] : [cachedPlugin(cachedFields)]
    assert.deepStrictEqual(lines(plan(installed(row(fields)), cached({ plugins }))), [expected])
  })

  it("gives an installation what it needs, and says what it replaces", () => {
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

describe("SyncPlan.make, for several rows of one plugin", () => {
  it("uses the last row, as Codex does, and rejects the others", () => {
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

  it("rejects the others even if the last row cannot be installed", () => {
    assert.deepStrictEqual(
      lines(plan(installed(row({ id: "r2" }), row({ release: { version: null } })), cached())),
      ["Reject DuplicatePlugin", "Reject MissingVersion"]
    )
  })

  it("treats a row that is listed twice as one", () => {
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
