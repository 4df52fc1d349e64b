/**
 * The requests of one client to each app-server, step by step, with changes of the account, the backend and
 * the home between them.
 */
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import type { DifferenceName } from "./appServerDifferences.ts"

/** The surroundings of one server. */
export interface World {
  readonly backend: TestBackend.TestBackend["Service"]
  readonly home: string
}

export interface Step {
  readonly title: string
  /** Happens before the request. */
  readonly before?: (world: World) => Effect.Effect<void>
  readonly message: { readonly [member: string]: unknown }
  /** Waits for the pass at the start to end. */
  readonly startsAfterSync?: true
  /** The server begins a pass after it has answered; the next step waits for its end. */
  readonly followedByPass?: true
  /** The answers that differ from 0.169's, beyond those that differ everywhere. */
  readonly differs?: ReadonlyArray<DifferenceName>
  /** The answers that differ from 0.142's only. */
  readonly differsFrom142?: ReadonlyArray<DifferenceName>
}

// --- plugins

const plain = (name: string, options: Partial<Parameters<typeof TestBackend.plugin>[0]> = {}) =>
  TestBackend.plugin({ name, installed: false, ...options })

/** Every field that either release knows. */
const rich = TestBackend.plugin({
  name: "rich",
  scope: "WORKSPACE",
  version: "1.2.3",
  description: "  A rich one ",
  appManifest: { apps: { one: { id: "app1", category: " c " }, two: { id: "A b/c" } } },
  row: {
    installation_policy: "INSTALLED_BY_DEFAULT",
    installation_policy_source: "WORKSPACE_SETTING",
    must_show_installation_interstitial: true,
    authentication_policy: "ON_INSTALL",
    status: "ENABLED",
    disabled_reason: "plan_not_eligible",
    eligible_plan_types: ["pro", "team"],
    disabled_skill_names: ["hidden"],
    installed_at: "2026-01-01T00:00:00.9+02:00",
    creator_account_user_id: "user-1__account",
    creator_name: "Ann",
    share_url: "https://chatgpt.test/share",
    share_principals: [
      { principal_type: "user", principal_id: "u", role: "owner", name: "Ann" },
      { principal_type: "workspace", principal_id: "w", role: "reader", name: "All" }
    ],
    can_publish_to_workspace: true
  },
  release: {
    display_name: " Rich ",
    keywords: ["k1", "", "k1"],
    app_ids: ["ignored"],
    mcp_servers: [{ key: "z", plugin_id: "p" }, { key: "a" }, { key: "a" }],
    onboarding_skill_name: "shown",
    scheduled_tasks: [
      { key: "k", name: "n", prompt: "p", schedule: { type: "daily", time: "09:00" } }
    ],
    app_templates: [
      {
        template_id: "t",
        name: "T",
        description: "d",
        category: "c",
        canonical_connector_id: "cc",
        logo_url: "https://l.test",
        logo_url_dark: "https://d.test",
        materialized_app_ids: ["m"],
        reason: "NO_ACTIVE_WORKSPACE"
      }
    ],
    interface: {
      short_description: " short ",
      long_description: "",
      developer_name: "dev",
      category: "cat",
      capabilities: ["one", ""],
      website_url: "https://w.test",
      privacy_policy_url: "https://p.test",
      terms_of_service_url: "https://t.test",
      brand_color: "#fff",
      default_prompt: "unused",
      default_prompts: [" one  1 ", "", "x".repeat(129), "é".repeat(128), "three", "four"],
      composer_icon_url: "https://c.test",
      logo_url: "https://l.test",
      logo_url_dark: "https://ld.test",
      screenshot_urls: ["https://s.test", ""]
    },
    skills: [
      {
        name: "shown",
        description: "d1",
        interface: {
          display_name: "Shown",
          short_description: "sd",
          brand_color: "#000",
          default_prompt: "p",
          icon_small_url: "https://small.test",
          icon_large_url: "https://large.test"
        }
      },
      { name: "hidden", description: "d2", interface: {} },
      { name: "half", description: "", interface: { short_description: "" } }
    ]
  }
})

const bare = plain("bare", {
  scope: "USER",
  description: " ",
  row: { disabled_reason: "news", share_url: "https://chatgpt.test/share" },
  release: {
    display_name: "",
    app_ids: ["b", "a", "b", " "],
    interface: { default_prompt: " one ", default_prompts: [] },
    skills: [{ name: "s", description: "d" }],
    onboarding_skill_name: "s"
  }
})

const alpha = TestBackend.plugin({ name: "alpha" })
const beta = plain("beta", { files: { ".mcp.json": '{"mcpServers":{"a":{"command":"x"}}}' } })
const off = TestBackend.plugin({
  name: "off",
  scope: "USER",
  enabled: false,
  release: {
    skills: [{ name: "s", description: "d" }],
    onboarding_skill_name: "s",
    app_manifest: { apps: { one: {} } }
  }
})
const shared = TestBackend.plugin({
  name: "shared",
  scope: "WORKSPACE",
  discoverability: "PRIVATE"
})

const unfit = {
  "not available": plain("unavailable", { row: { installation_policy: "NOT_AVAILABLE" } }),
  "disabled by admin": plain("disabled", { row: { status: "DISABLED_BY_ADMIN" } }),
  "without a version": plain("versionless", { release: { version: null } }),
  "with a version that no folder can have": plain("odd-version", { release: { version: "a b" } }),
  "without a bundle": plain("bundleless", { release: { bundle_download_url: null } }),
  "with a bundle over HTTP": plain("http", {
    release: { bundle_download_url: "http://127.0.0.1:9/x" }
  }),
  "with a bundle that is no archive": plain("corrupt", {
    bundle: new TextEncoder().encode("no archive")
  }),
  "with another plugin's bundle": plain("impostor", {
    files: { ".codex-plugin/plugin.json": '{"name":"other"}' }
  }),
  "with a name that no folder can have": plain("a b"),
  "of a workspace, not said which": plain("unlisted", {
    scope: "WORKSPACE",
    row: { discoverability: undefined }
  }),
  "without a description": plain("wordless", { release: { description: undefined } })
}

/** The ids that the backend recommends. */
export const featured = ["beta@openai-curated-remote", "not a plugin's id"]

export const plugins = [alpha, beta, bare, off, rich, shared, ...Object.values(unfit)]

// --- steps

let lastId = 0
const message = (method: string, params?: unknown) => ({ id: ++lastId, method, params })

const read = (id: string) =>
  message("plugin/read", { pluginName: id, remoteMarketplaceName: "any text" })
const install = (id: string) =>
  message("plugin/install", { pluginName: id, remoteMarketplaceName: "any text" })
const uninstall = (id: string) => message("plugin/uninstall", { pluginId: id })
const installed = () => message("plugin/installed", {})
const reconcile = () => message("plugin/reconcile", {})
const list = (...kinds: ReadonlyArray<string>) =>
  message("plugin/list", kinds.length === 0 ? {} : { marketplaceKinds: kinds })
const initialize = () =>
  message("initialize", { clientInfo: { name: "client", title: null, version: "0" } })

const asked = (title: string, method: string, params?: unknown): Step => ({
  title,
  message: message(method, params)
})

const beforehand: ReadonlyArray<Step> = [
  asked("plugin/installed too early", "plugin/installed", {}),
  asked("plugin/read too early", "plugin/read", { pluginName: "x", remoteMarketplaceName: "y" }),
  asked("an unknown method too early", "plugin/nope", {}),
  asked("parameters missing too early", "plugin/read"),
  asked("initialize without parameters", "initialize"),
  asked("initialize without a client", "initialize", {}),
  asked("initialize without a version", "initialize", { clientInfo: { name: "n" } }),
  asked("initialize with a number for a client", "initialize", { clientInfo: 5 }),
  { title: "initialize", message: initialize(), differs: ["userAgent"] },
  { title: "initialize again", message: initialize() },
  { title: "a notification", message: { method: "initialized" } },
  { title: "a notification of a request's method", message: { method: "plugin/read", params: {} } }
]

const sources = { pluginName: alpha.id, remoteMarketplaceName: "x" }

const shapes: ReadonlyArray<Step> = [
  asked("an unknown method", "plugin/nope", {}),
  asked("no method's name", "", {}),
  asked("a notification's method as a request", "initialized", {}),
  ...["plugin/read", "plugin/install"].flatMap((method) => [
    asked(`${method} without parameters`, method),
    asked(`${method} with null`, method, null),
    asked(`${method} with text`, method, "x"),
    asked(`${method} without a plugin`, method, {}),
    asked(`${method} of null`, method, { ...sources, pluginName: null }),
    asked(`${method} of a number`, method, { ...sources, pluginName: 5 }),
    asked(`${method} of a fraction`, method, { ...sources, pluginName: 1.5 }),
    asked(`${method} of a boolean`, method, { ...sources, pluginName: true }),
    asked(`${method} of a list`, method, { ...sources, pluginName: [] }),
    asked(`${method} of an object`, method, { ...sources, pluginName: {} }),
    asked(`${method} without a source`, method, { pluginName: alpha.id }),
    asked(`${method} with two sources`, method, { ...sources, marketplacePath: "/x" }),
    asked(`${method} with null for both sources`, method, {
      pluginName: alpha.id,
      remoteMarketplaceName: null,
      marketplacePath: null
    }),
    asked(`${method} with a number for a source`, method, { ...sources, remoteMarketplaceName: 5 }),
    asked(`${method} with a relative path`, method, { pluginName: "x", marketplacePath: "x" }),
    asked(`${method} with a number for a path`, method, { pluginName: "x", marketplacePath: 5 }),
    {
      ...asked(`${method} of a local marketplace`, method, {
        pluginName: "x",
        marketplacePath: "/nowhere/marketplace.json"
      }),
      differs: ["local marketplaces"] as const
    },
    asked(`${method} of an id with a slash`, method, { ...sources, pluginName: "a/b" }),
    asked(`${method} of no id`, method, { ...sources, pluginName: "" }),
    asked(`${method} of an id between spaces`, method, { ...sources, pluginName: ` ${alpha.id} ` }),
    asked(`${method} of an unknown plugin`, method, { ...sources, pluginName: "plugins~None" })
  ]),
  asked("plugin/uninstall without parameters", "plugin/uninstall"),
  asked("plugin/uninstall without a plugin", "plugin/uninstall", {}),
  asked("plugin/uninstall of a number", "plugin/uninstall", { pluginId: 5 }),
  ...["", "a/b", "a b@c", "a@b@c"].map((id) =>
    asked(`plugin/uninstall of "${id}"`, "plugin/uninstall", { pluginId: id })
  ),
  asked("plugin/uninstall of an unknown plugin", "plugin/uninstall", { pluginId: "plugins~None" }),
  asked("plugin/uninstall of a local plugin that is not there", "plugin/uninstall", {
    pluginId: "none@elsewhere"
  }),
  asked("plugin/installed without parameters", "plugin/installed"),
  asked("plugin/installed with text", "plugin/installed", "x"),
  asked("plugin/installed with a number for folders", "plugin/installed", { cwds: 5 }),
  asked("plugin/installed with a relative folder", "plugin/installed", { cwds: ["x"] }),
  asked("plugin/installed with a number for a name", "plugin/installed", {
    installSuggestionPluginNames: [5]
  }),
  asked("plugin/list without parameters", "plugin/list"),
  asked("plugin/list with a number for folders", "plugin/list", { cwds: 5 }),
  asked("plugin/list with a relative folder", "plugin/list", { cwds: ["x"] }),
  asked("plugin/list with a number for kinds", "plugin/list", { marketplaceKinds: 5 }),
  asked("plugin/list with a number for a kind", "plugin/list", { marketplaceKinds: [5] }),
  asked("plugin/list of an unknown kind", "plugin/list", { marketplaceKinds: ["local", "x"] }),
  asked("plugin/reconcile without parameters", "plugin/reconcile"),
  asked("plugin/reconcile with a number for a reason", "plugin/reconcile", { reason: 5 }),
  { title: "an id of text", message: { ...reconcile(), id: "seven" } },
  { title: "an id of no text", message: { ...reconcile(), id: "" } },
  { title: "a negative id", message: { ...reconcile(), id: -7 } },
  { title: "members that nobody knows", message: { ...reconcile(), jsonrpc: "2.0", news: 1 } }
]

const happy: ReadonlyArray<Step> = [
  {
    title: "installed, after the sync at the start",
    startsAfterSync: true,
    message: installed(),
    followedByPass: true,
    differs: ["localVersion of a listing"]
  },
  { title: "read one that is installed", message: read(alpha.id) },
  { title: "read one that is not", message: read(beta.id) },
  { title: "read one with every field", message: read(rich.id) },
  { title: "read one with hardly any", message: read(bare.id) },
  { title: "read one that is switched off", message: read(off.id) },
  { title: "read one that is shared", message: read(shared.id) },
  { title: "reconcile with nothing to do", message: reconcile() },
  { title: "install", message: install(beta.id) },
  { title: "read what was installed", message: read(beta.id) },
  { title: "reconcile after an install of one's own", message: reconcile() },
  {
    title: "installed, after an install",
    message: installed(),
    followedByPass: true,
    differs: ["localVersion of a listing"],
    differsFrom142: ["listings after a change"]
  },
  { title: "install what is installed", message: install(beta.id) },
  { title: "install a plugin with every field", message: install(rich.id) },
  { title: "uninstall", message: uninstall(beta.id) },
  { title: "read what was uninstalled", message: read(beta.id) },
  { title: "uninstall what is not installed", message: uninstall(beta.id) },
  { title: "reconcile after an uninstall of one's own", message: reconcile() },
  { title: "uninstall from the cache alone", message: uninstall("alpha@openai-curated-remote") },
  {
    title: "installed, after that",
    message: installed(),
    followedByPass: true,
    differs: ["localVersion of a listing"]
  }
]

const cached = "plugins/cache/openai-curated-remote"

const changes: ReadonlyArray<Step> = [
  {
    title: "reconcile an upgrade that brings more",
    before: ({ backend }) =>
      backend.update(alpha.id, {
        version: "2.0.0",
        files: {
          "hooks/hooks.json": '{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"x"}]}]}}'
        }
      }),
    message: reconcile()
  },
  {
    title: "reconcile one that was switched off",
    before: ({ backend }) => backend.update(alpha.id, { enabled: false }),
    message: reconcile()
  },
  {
    title: "reconcile one that was switched on",
    before: ({ backend }) => backend.update(alpha.id, { enabled: true }),
    message: reconcile()
  },
  {
    title: "reconcile another description",
    before: ({ backend }) => backend.update(alpha.id, { description: "another" }),
    message: reconcile()
  },
  {
    title: "reconcile one whose bundle vanished",
    before: ({ home }) =>
      Effect.sync(() => Fs.rmSync(`${home}/${cached}/alpha`, { recursive: true })),
    message: reconcile()
  },
  {
    title: "reconcile one whose sidecar vanished",
    before: ({ home }) =>
      Effect.sync(() => Fs.rmSync(`${home}/${cached}/alpha/.codex-remote-plugin-install.json`)),
    message: reconcile()
  },
  {
    title: "reconcile strays",
    before: ({ home }) =>
      Effect.sync(() => {
        Fs.mkdirSync(`${home}/${cached}/stray`)
        Fs.writeFileSync(`${home}/${cached}/a file`, "")
      }),
    message: reconcile()
  },
  {
    title: "reconcile an upgrade that fails",
    before: ({ backend }) =>
      Effect.andThen(
        backend.update(alpha.id, { version: "3.0.0" }),
        backend.when({ kind: "bundle" }, TestReply.status(404))
      ),
    message: reconcile()
  },
  {
    title: "read one whose upgrade failed",
    before: ({ backend }) => backend.behave,
    message: read(alpha.id),
    differs: ["localVersion of a plugin"]
  },
  {
    title: "reconcile one without a version",
    before: ({ backend }) => backend.update(alpha.id, { release: { version: null } }),
    message: reconcile()
  },
  {
    title: "reconcile one that is installed no more",
    before: ({ backend }) =>
      Effect.andThen(
        backend.update(alpha.id, { version: "2.0.0", release: {} }),
        backend.uninstall(alpha.id)
      ),
    message: reconcile()
  },
  {
    title: "reconcile one that was installed elsewhere",
    before: ({ backend }) => backend.install(alpha.id),
    message: reconcile()
  },
  {
    title: "reconcile one whose manifest vanished",
    before: ({ home }) =>
      Effect.sync(() => Fs.rmSync(`${home}/${cached}/alpha/2.0.0/.codex-plugin/plugin.json`)),
    message: reconcile(),
    differs: ["broken versions"]
  }
]

const misfits: ReadonlyArray<Step> = Object.entries(unfit).flatMap(([what, { id }]) => [
  { title: `read one ${what}`, message: read(id) },
  { title: `install one ${what}`, message: install(id) },
  {
    title: `uninstall one ${what}`,
    message: uninstall(id),
    ...(what === "without a description" ? { differs: ["rows that cannot be shown"] as const } : {})
  }
])

const initialized: Step = { title: "initialize", message: initialize(), differs: ["userAgent"] }

// --- the catalogue

const kinds = ["created-by-me-remote", "workspace-directory", "shared-with-me"] as const

/** In no order, partly installed, and partly installed without being listed. */
const catalogue = [
  plain("zulu", { release: { display_name: "Alpha" } }),
  TestBackend.plugin({ name: "unlisted-b", listed: false }),
  beta,
  TestBackend.plugin({ name: "unlisted-a", listed: false, release: { display_name: "Z" } }),
  alpha,
  plain("disabled", { row: { status: "DISABLED_BY_ADMIN" } }),
  bare,
  off,
  TestBackend.plugin({ name: "unlisted", scope: "USER", listed: false }),
  rich,
  plain("other", { scope: "WORKSPACE" }),
  shared,
  plain("open", { scope: "WORKSPACE", discoverability: "UNLISTED" })
]

const listings: ReadonlyArray<Step> = [
  initialized,
  {
    title: "list what is curated, after the sync at the start",
    startsAfterSync: true,
    message: list()
  },
  asked("list with null for kinds", "plugin/list", { marketplaceKinds: null, cwds: null }),
  asked("list with no kinds", "plugin/list", { marketplaceKinds: [] }),
  ...["local", "vertical", ...kinds].map((kind) => ({
    title: `list the kind ${kind}`,
    message: list(kind)
  })),
  { title: "list all kinds, in no order", message: list("local", ...kinds.toReversed()) },
  { title: "list a kind twice", message: list(kinds[0], kinds[0]) },
  { title: "install from the catalogue", message: install(beta.id) },
  {
    title: "list a plugin whose bundle vanished",
    before: ({ home }) =>
      Effect.sync(() =>
        Fs.rmSync(`${home}/plugins/cache/workspace-directory/rich`, { recursive: true })
      ),
    message: list("workspace-directory"),
    differs: ["localVersion of a plugin"]
  },
  {
    title: "list what was published after the first listing",
    before: ({ backend }) => backend.publish(plain("news")),
    message: list(),
    differs: ["age of the catalogue"]
  }
]

const answers = {
  "401": TestReply.status(401),
  "403": TestReply.status(403),
  "404": TestReply.status(404),
  "no JSON": TestReply.body("<html>"),
  "another shape": TestReply.body("{}")
}

const otherId = TestReply.mapJson((json) => ({ ...json, id: "plugins~Other" }))

/** From then on the backend behaves, but for requests of this kind. */
const answering =
  (
    kind: "read" | "listing" | "directory" | "shared" | "install" | "uninstall",
    reply: TestReply.Behaviour
  ) =>
  ({ backend }: World) =>
    Effect.andThen(backend.behave, backend.when({ kind }, reply))

const faults: ReadonlyArray<Step> = [
  ...Object.entries(answers).flatMap(([what, behaviour]): ReadonlyArray<Step> => {
    const when = (kind: Parameters<typeof answering>[0]) => answering(kind, behaviour)
    return [
      { title: `read, answered with ${what}`, before: when("read"), message: read(beta.id) },
      { title: `install, its row answered with ${what}`, message: install(beta.id) },
      { title: `uninstall, its row answered with ${what}`, message: uninstall(beta.id) },
      {
        title: `read, the listing answered with ${what}`,
        before: when("listing"),
        message: read(beta.id)
      },
      { title: `reconcile, answered with ${what}`, message: reconcile() },
      {
        title: `installed, the listing answered with ${what}`,
        message: installed(),
        followedByPass: true,
        differs: ["localVersion of a listing"]
      },
      {
        title: `install, the record answered with ${what}`,
        before: when("install"),
        message: install(beta.id)
      },
      {
        title: `uninstall, the record answered with ${what}`,
        before: when("uninstall"),
        message: uninstall(beta.id)
      }
    ]
  }),
  {
    title: "install, the record answered for another plugin",
    before: answering("install", otherId),
    message: install(beta.id)
  },
  {
    title: "install, the record answered with the contrary",
    before: answering(
      "install",
      TestReply.mapJson((json) => ({ ...json, enabled: false }))
    ),
    message: install(beta.id)
  },
  {
    title: "uninstall, the record answered for another plugin",
    before: answering("uninstall", otherId),
    message: uninstall(beta.id)
  },
  {
    title: "read, answered for another plugin",
    before: answering("read", otherId),
    message: read(beta.id),
    differs: ["rows of another plugin"]
  },
  {
    title: "install what no step before should have hindered",
    before: ({ backend }) => backend.behave,
    message: install(beta.id)
  }
]

const listingFaults: ReadonlyArray<Step> = [
  initialized,
  {
    title: "list what is curated, answered with 404",
    before: answering("directory", TestReply.status(404)),
    startsAfterSync: true,
    message: list(),
    differsFrom142: ["age of the catalogue"]
  },
  ...Object.entries(answers).flatMap(([what, behaviour]): ReadonlyArray<Step> => {
    const when = (kind: Parameters<typeof answering>[0]) => answering(kind, behaviour)
    return [
      {
        title: `list the workspace's, answered with ${what}`,
        before: when("directory"),
        message: list("workspace-directory")
      },
      {
        title: `list the shared ones, answered with ${what}`,
        before: when("shared"),
        message: list("shared-with-me")
      },
      {
        title: `list one's own, the listing answered with ${what}`,
        before: when("listing"),
        message: list("created-by-me-remote")
      },
      { title: `list what is curated, the listing answered with ${what}`, message: list() }
    ]
  }),
  {
    title: "list a row that cannot be shown",
    before: ({ backend }) =>
      Effect.andThen(
        backend.behave,
        backend.publish(
          plain("wordless", { scope: "WORKSPACE", release: { description: undefined } })
        )
      ),
    message: list("workspace-directory"),
    differs: ["rows of the catalogue that cannot be shown"]
  }
]

/** Named texts of the script, each for a server and a home of its own. */
export interface Play {
  readonly steps: ReadonlyArray<Step>
  /** Instead of {@link plugins}. */
  readonly plugins?: ReadonlyArray<(typeof plugins)[number]>
  readonly isSignedIn: boolean
  /** 0.142 does not know `plugin/reconcile`. */
  readonly isFor142: boolean
}

export const plays = {
  "asked all manner of things": {
    steps: [...beforehand, ...shapes, ...happy, ...misfits, ...faults],
    isSignedIn: true,
    isFor142: true
  },
  "asked to reconcile what changed": {
    steps: [
      initialized,
      { title: "reconcile at first", message: reconcile(), startsAfterSync: true },
      ...changes
    ],
    isSignedIn: true,
    isFor142: false
  },
  "asked for the catalogue": {
    steps: listings,
    plugins: catalogue,
    isSignedIn: true,
    isFor142: true
  },
  "asked for a catalogue that fails": {
    steps: listingFaults,
    plugins: catalogue,
    isSignedIn: true,
    isFor142: true
  },
  "asked when nobody is signed in": {
    steps: [
      initialized,
      { title: "read", message: read(alpha.id) },
      { title: "read an id that is none", message: read("a/b") },
      { title: "install", message: install(alpha.id) },
      { title: "uninstall", message: uninstall(alpha.id) },
      { title: "uninstall from the cache", message: uninstall("alpha@openai-curated-remote") },
      { title: "installed", message: installed() },
      { title: "reconcile", message: reconcile() },
      { title: "list", message: list() },
      { title: "list a kind", message: list("workspace-directory") },
      { title: "list local ones", message: list("local") }
    ],
    isSignedIn: false,
    isFor142: true
  }
} as const satisfies Readonly<Record<string, Play>>

export type PlayName = keyof typeof plays
