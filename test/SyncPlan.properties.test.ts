import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Array as Arr, Option, Schema, Struct } from "effect"
import {
  type CachedPlugin,
  type CacheSnapshot,
  Identity,
  type Stray
} from "../src/CacheSnapshot.ts"
import type { InstalledSnapshot } from "../src/RemotePlugin.ts"
import * as PluginVersion from "../src/PluginVersion.ts"
import type * as RemotePlugin from "../src/RemotePlugin.ts"
import { remoteMarketplaces } from "../src/RemotePlugin.ts"
import * as SyncPlan from "../src/SyncPlan.ts"
import {
  cached,
  cachedPlugin,
  corrupt,
  installed,
  known,
  unsupported
} from "./support/snapshots.ts"
import { plan, lines, curated } from "./support/syncPlans.ts"

const { Action } = SyncPlan

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

const CachedRow = Schema.Struct({
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
  cache: Arbitrary.map(
    Arbitrary.all({
      plugins: upTo(8, CachedRow),
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

/** The cache after every action of a plan. */
const carriedOut = (cache: CacheSnapshot, { actions }: SyncPlan.SyncPlan): CacheSnapshot => {
  const plugins = new Map(cache.plugins.map((plugin) => [plugin.pluginId, plugin]))
  const strays = new Set(cache.strays)
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
        const activeSince = cache.takenAt
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
  return { ...cache, plugins: [...plugins.values()], strays: [...strays] }
}

const holds = (
  name: string,
  property: (pass: {
    readonly planned: SyncPlan.SyncPlan
    readonly listing: InstalledSnapshot
    readonly cache: CacheSnapshot
    readonly retention: number
    /** The rows with a valid name. */
    readonly rows: ReadonlyArray<RemotePlugin.RemotePlugin>
    readonly unnamed: ReadonlyArray<unknown>
    readonly removed: ReadonlyArray<CachedPlugin | Stray>
  }) => void
) =>
  it.prop(
    name,
    sides,
    ({ listing, retention, cache }) => {
      const planned = plan(listing, cache, retention)
      const [rows, unnamed] = Arr.separate(listing.rows)
      const removed = planned.actions.filter(Action.$is("Remove")).map(({ target }) => target)
      property({ planned, listing, cache, retention, rows, unnamed, removed })
    },
    { arbitrary: { runs: 300 } }
  )

describe("SyncPlan.make, for any two snapshots", () => {
  holds("removes what no row names and nothing else, or nothing", (pass) => {
    const { planned, removed, rows, cache, unnamed } = pass
    const named = new Set(rows.map(({ pluginId }) => pluginId))
    const stale = cache.plugins.filter(({ pluginId }) => !named.has(pluginId))
    assert.deepStrictEqual(removed, unnamed.length === 0 ? [...stale, ...cache.strays] : [])
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
    const { planned, removed, cache } = pass
    const installs = planned.actions.filter(Action.$is("Install"))
    const incoming = new Set(installs.map(({ plugin }) => plugin.pluginId))
    for (const { pluginId, version } of planned.actions.filter(Action.$is("Prune"))) {
      const plugin = cache.plugins.find((plugin) => plugin.pluginId === pluginId)!
      assert.include(plugin.versions, version)
      assert.isTrue(!Option.contains(plugin.active, version) || incoming.has(pluginId))
      assert.notInclude(removed, plugin)
    }
  })

  holds("never writes beside a sidecar of a newer schema", ({ planned, cache }) => {
    const guarded = new Set(
      cache.plugins
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
    const { listing, planned, retention, cache } = pass
    const again = plan(listing, carriedOut(cache, planned), retention)
    const isRejection = Action.$is("Reject")
    assert.deepStrictEqual(again.actions.filter(isRejection), planned.actions.filter(isRejection))
    assert.deepStrictEqual(
      lines(again).filter((line) => !/^(?:Keep|Reject) /.test(line)),
      []
    )
    assert.strictEqual(again.removalSkipped, planned.removalSkipped)
  })
})
