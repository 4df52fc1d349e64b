import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import * as SyncPlan from "../src/SyncPlan.ts"
import { cached, cachedPlugin, installed, known, row } from "./support/snapshots.ts"
import { lines, alpha, stale } from "./support/syncPlans.ts"

const { Action } = SyncPlan

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

  it("removes nothing if a row has no valid name, whatever the policy", () => {
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
