import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { Identity } from "../src/CacheSnapshot.ts"
import { remoteMarketplaces } from "../src/RemotePlugin.ts"
import * as SyncPlan from "../src/SyncPlan.ts"
import { cached, cachedPlugin, installed, type Row, row, unsupported } from "./support/snapshots.ts"
import { plan, line, lines, alpha, stale, stray } from "./support/syncPlans.ts"

const { Action } = SyncPlan

describe("SyncPlan.make, for cached plugins without a row", () => {
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

  it("removes a plugin that is now listed in another marketplace", () => {
    assert.deepStrictEqual(
      lines(plan(installed(row({ scope: "USER" })), cached({ plugins: [cachedPlugin()] }))),
      ["Install alpha@created-by-me-remote 1.0.0: Missing", `Remove ${alpha}: NotInstalled`]
    )
  })

  it("keeps a plugin whose row cannot be installed", () => {
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
  ])("removes nothing if there is a row of %s, and does everything else", (_, odd, rejected) => {
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

  it("lists rows in their order, then prunings, then removals", () => {
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
    // The clock was set back.
    [0, 999, true],
    ["Infinity", Number.MAX_SAFE_INTEGER, false]
  ] as const)("with a retention of %s, %s since 1000, prunes: %s", (retention, takenAt, prunes) => {
    assert.deepStrictEqual(
      prunings(standing, {}, takenAt, retention === "Infinity" ? Duration.infinity : retention),
      prunes ? [`Prune ${alpha} 0.8.0`, `Prune ${alpha} 0.9.0`] : []
    )
  })

  it("keeps the active version, which is only being superseded now", () => {
    assert.deepStrictEqual(prunings(standing, { release: { version: "2.0.0" } }, 1001, 1), [
      `Prune ${alpha} 0.8.0`,
      `Prune ${alpha} 0.9.0`
    ])
  })

  it("prunes the superseded version in the same pass if the retention is zero", () => {
    assert.deepStrictEqual(prunings(standing, { release: { version: "2.0.0" } }, 1000, 0), [
      `Prune ${alpha} 0.8.0`,
      `Prune ${alpha} 1.0.0`,
      `Prune ${alpha} 0.9.0`
    ])
  })

  it("prunes neither the version that becomes active again nor those that it replaces", () => {
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
