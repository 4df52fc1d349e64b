import { assert, describe, it } from "@effect/vitest"
import { Option, Result } from "effect"
import * as RemotePluginDetails from "../../src/RemotePluginDetails.ts"
import * as PluginSummary from "../../src/appServer/PluginView.ts"
import * as PluginVersion from "../../src/PluginVersion.ts"
import { remotePlugin, type Row } from "../support/snapshots.ts"

/** A plugin whose row has these fields. It is installed if the row has the field `enabled`. */
const subject = ({ release, ...fields }: Row = {}): PluginSummary.Subject => {
  const plugin = remotePlugin({
    installation_policy: "AVAILABLE",
    authentication_policy: "ON_USE",
    ...fields,
    release: { display_name: "Alpha", description: "d", interface: {}, ...release }
  })
  const details = Result.getOrThrow(RemotePluginDetails.of(plugin))
  return {
    plugin,
    details,
    installed: details.enabled === null ? Option.none() : Option.some(details),
    cached: Option.none()
  }
}

const summaryOf = (row?: Row) => PluginSummary.summary(subject(row))
const detailOf = (row?: Row) => PluginSummary.detail(subject(row))

// Codex 0.169 gave the expected answers for the same rows. `npm run test:codex` compares them again.

describe("PluginView.summary", () => {
  it("has every field of Codex, in Codex's order", () => {
    assert.strictEqual(
      JSON.stringify({
        ...summaryOf({ enabled: true, installed_at: "2026-01-01T00:00:00.9+02:00" }),
        interface: 0
      }),
      JSON.stringify({
        id: "alpha@openai-curated-remote",
        remotePluginId: "plugins~Plugin_1",
        version: "1.0.0",
        localVersion: null,
        name: "alpha",
        shareContext: null,
        source: { type: "remote" },
        installed: true,
        installedAt: 1767218400,
        enabled: true,
        installPolicy: "AVAILABLE",
        installPolicySource: null,
        mustShowInstallationInterstitial: null,
        authPolicy: "ON_USE",
        availability: "AVAILABLE",
        disabledReason: null,
        eligiblePlanTypes: null,
        interface: 0,
        keywords: []
      })
    )
  })

  it("gives the cached version", () => {
    const cached = Option.some(PluginVersion.PluginVersion.make("0.9.0"))
    assert.strictEqual(PluginSummary.summary({ ...subject(), cached }).localVersion, "0.9.0")
  })

  it("shows the time of installation only for an installed plugin", () => {
    assert.isNull(summaryOf({ installed_at: "2026-01-01T00:00:00Z" }).installedAt)
  })

  it.each([
    [null, null],
    ["plan_not_eligible", "plan_not_eligible"],
    ["required_app_unavailable", "required_app_unavailable"],
    ["disabled_by_admin", "disabled_by_admin"],
    ["news", "unknown"],
    ["", "unknown"]
  ])("shows the reason %j as %j", (disabled_reason, shown) => {
    assert.strictEqual(summaryOf({ disabled_reason }).disabledReason, shown)
  })

  it.each([
    ["AVAILABLE", "AVAILABLE"],
    ["ENABLED", "AVAILABLE"],
    ["DISABLED_BY_ADMIN", "DISABLED_BY_ADMIN"],
    [null, "AVAILABLE"]
  ])("shows the status %j as %s", (status, shown) => {
    assert.strictEqual(summaryOf({ status }).availability, shown)
  })

  it.each<readonly [what: string, shown: object, prompts: ReadonlyArray<string> | null]>([
    ["nothing", {}, null],
    ["one prompt", { default_prompt: " one " }, ["one"]],
    ["a blank prompt", { default_prompt: " " }, null],
    ["a prompt of 128 characters", { default_prompt: "é".repeat(128) }, ["é".repeat(128)]],
    ["a longer prompt", { default_prompt: "x".repeat(129) }, null],
    [
      "several prompts",
      { default_prompts: ["1", "", "x".repeat(129), "2", "3", "4"] },
      ["1", "2", "3"]
    ],
    ["several before one", { default_prompts: ["a"], default_prompt: "b" }, ["a"]],
    ["none of several before one", { default_prompts: [], default_prompt: "b" }, ["b"]]
  ])("shows %s as Codex does", (_, shown, prompts) => {
    assert.deepStrictEqual(
      summaryOf({ release: { interface: shown } }).interface?.defaultPrompt,
      prompts
    )
  })

  it("shows no interface if nothing is known about it", () => {
    assert.isNull(summaryOf({ release: { display_name: " " } }).interface)
    assert.strictEqual(summaryOf({ release: { display_name: " A " } }).interface?.displayName, "A")
  })
})

describe("PluginSummary.detail", () => {
  it("has every field of Codex, in Codex's order", () => {
    assert.deepStrictEqual(Object.keys(detailOf()), [
      "marketplaceName",
      "marketplacePath",
      "summary",
      "shareUrl",
      "description",
      "skills",
      "onboardingSkill",
      "hooks",
      "apps",
      "appTemplates",
      "mcpServers",
      "scheduledTasks"
    ])
  })

  it("says how a workspace's plugin is shared", () => {
    const principal = { principal_type: "user", principal_id: "u", role: "owner", name: "Ann" }
    const row = {
      discoverability: "LISTED",
      share_url: "https://s.test",
      creator_name: "Ann",
      share_principals: [principal]
    }
    assert.deepStrictEqual(detailOf({ ...row, scope: "WORKSPACE" }).summary.shareContext, {
      remotePluginId: "plugins~Plugin_1",
      remoteVersion: "1.0.0",
      discoverability: "LISTED",
      shareUrl: "https://s.test",
      creatorAccountUserId: null,
      creatorName: "Ann",
      sharePrincipals: [{ principalType: "user", principalId: "u", role: "owner", name: "Ann" }],
      canPublishToWorkspace: null
    })
    const elsewhere = detailOf({ ...row, scope: "GLOBAL" })
    assert.isNull(elsewhere.summary.shareContext)
    assert.strictEqual(elsewhere.shareUrl, "https://s.test")
  })

  const skills = [
    { name: "shown", description: "d", interface: { short_description: "s" } },
    { name: "hidden", description: "d", interface: {} }
  ]

  it("shows skills, and which of them the account has disabled", () => {
    const { skills: shown } = detailOf({
      enabled: true,
      disabled_skill_names: ["hidden"],
      release: { skills }
    })
    assert.deepStrictEqual(
      shown.map((skill) => [skill.name, skill.enabled, skill.interface?.shortDescription]),
      [
        ["shown", true, "s"],
        ["hidden", false, undefined]
      ]
    )
  })

  it.each([
    ["shown", true, "shown"],
    ["shown", false, undefined],
    ["shown", null, undefined],
    ["hidden", true, undefined],
    ["none", true, undefined]
  ])(
    "offers the skill %s of a plugin with enabled %j for onboarding: %s",
    (onboarding_skill_name, enabled, name) => {
      const { onboardingSkill } = detailOf({
        enabled,
        disabled_skill_names: ["hidden"],
        release: { skills, onboarding_skill_name }
      })
      assert.strictEqual(onboardingSkill?.name, name)
    }
  )

  it.each<
    readonly [
      what: string,
      release: NonNullable<Row["release"]>,
      apps: ReadonlyArray<readonly [string, string | null]>
    ]
  >([
    [
      "ids alone",
      { app_ids: ["b", "a", "b"] },
      [
        ["b", null],
        ["a", null]
      ]
    ],
    [
      "the app manifest before ids",
      { app_ids: ["z"], app_manifest: { apps: { x: { id: "a", category: " c " } } } },
      [["a", "c"]]
    ],
    [
      "the first of an id",
      { app_manifest: { apps: { x: { id: "a", category: "1" }, y: { id: "a", category: "2" } } } },
      [["a", "1"]]
    ],
    ["no apps of a broken app manifest", { app_ids: ["z"], app_manifest: { apps: { x: {} } } }, []],
    ["no apps of an empty app manifest", { app_ids: ["z"], app_manifest: {} }, []]
  ])("shows %s", (_, release, apps) => {
    assert.deepStrictEqual(
      detailOf({ release }).apps.map(({ category, id }) => [id, category] as const),
      apps
    )
  })

  it.each([
    ["app1", "app1"],
    ["A_b-c", "a-b-c"],
    [" a ", "a"],
    ["é", "app"],
    ["", "app"]
  ])("links the app %j as %s", (id, slug) => {
    const [app] = detailOf({ release: { app_ids: [id] } }).apps
    assert.strictEqual(app?.installUrl, `https://chatgpt.com/apps/${slug}/${id}`)
  })

  it("shows each server once, and no blank description", () => {
    const { description, mcpServers } = detailOf({
      release: { description: " ", mcp_servers: [{ key: "z" }, { key: "a" }, { key: "a" }] }
    })
    assert.isNull(description)
    assert.deepStrictEqual(mcpServers, ["a", "z"])
  })
})

describe("PluginSummary.byMarketplace", () => {
  it("leaves out marketplaces without plugins", () => {
    assert.deepStrictEqual(PluginSummary.byMarketplace([]), [])
    assert.deepStrictEqual(
      PluginSummary.byMarketplace([subject({ scope: "USER" })]).map(({ name }) => name as string),
      ["created-by-me-remote"]
    )
  })
})
