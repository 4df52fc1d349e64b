import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { inspect } from "node:util"
import * as RemotePluginDetails from "../src/RemotePluginDetails.ts"
import { remotePlugin, type Row } from "./support/snapshots.ts"

/** A row with only the fields that Codex needs. */
const rowWith = ({ release, ...fields }: Row = {}) =>
  remotePlugin({
    installation_policy: "AVAILABLE",
    authentication_policy: "ON_USE",
    ...fields,
    release: { display_name: "Alpha", description: "d", interface: {}, ...release }
  })

const detailsOf = (row?: Row) => Result.getOrThrow(RemotePluginDetails.of(rowWith(row)))

const messageOf = (row: Row) =>
  Result.getOrThrow(Result.flip(RemotePluginDetails.of(rowWith(row)))).message

describe("RemotePluginDetails.of", () => {
  it("treats absent and null fields alike", () => {
    const bare = detailsOf()
    assert.isNull(bare.enabled)
    assert.isNull(bare.release.scheduled_tasks)
    assert.deepStrictEqual(bare.release.skills, [])
    assert.deepStrictEqual(
      detailsOf({
        discoverability: null,
        installed_at: null,
        eligible_plan_types: null,
        share_principals: null,
        disabled_skill_names: null,
        status: null,
        release: { skills: null, keywords: null, app_manifest: null, scheduled_tasks: null }
      }),
      bare
    )
  })

  it("reads the policies that it knows, and ignores unknown fields", () => {
    const details = detailsOf({
      status: "DISABLED_BY_ADMIN",
      installation_policy: "INSTALLED_BY_DEFAULT",
      authentication_policy: "ON_INSTALL",
      enabled: false,
      news: 1
    })
    assert.include(details, {
      status: "DISABLED_BY_ADMIN",
      installation_policy: "INSTALLED_BY_DEFAULT",
      authentication_policy: "ON_INSTALL",
      enabled: false
    })
    assert.notProperty(details, "news")
  })

  it.each<readonly [at: string, row: Row]>([
    ["installation_policy", { installation_policy: "PERHAPS" }],
    ["authentication_policy", { authentication_policy: undefined }],
    ["status", { status: "ODD" }],
    ["enabled", { enabled: "yes" }],
    ["installed_at", { installed_at: "yesterday" }],
    [
      "share_principals.0.role",
      { share_principals: [{ principal_type: "", principal_id: "", name: "" }] }
    ],
    ["release.display_name", { release: { display_name: null } }],
    ["release.interface", { release: { interface: null } }],
    ["release.interface.category", { release: { interface: { category: 5 } } }],
    ["release.skills.1.name", { release: { skills: [{ name: "a", description: "" }, {}] } }]
  ])("names the field that makes a row unfit to show: %s", (at, row) => {
    assert.strictEqual(
      messageOf(row),
      `cannot use the backend's row of alpha@openai-curated-remote, plugins~Plugin_1: the row is malformed at \`${at}\``
    )
  })

  it("decodes nothing of a row before it is read", () => {
    const plugin = rowWith({ release: { bundle_download_url: "https://b.test/?sig=secret" } })
    assert.notInclude(inspect(plugin, { depth: 10, showHidden: true }), "secret")
    assert.notInclude(JSON.stringify(plugin), "secret")
  })
})
