import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as PluginSearch from "../src/PluginSearch.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"

const available = (name: string, options: Partial<Parameters<typeof TestBackend.plugin>[0]> = {}) =>
  TestBackend.plugin({ name, installed: false, ...options })

const plugins = [
  available("git-hooks", { description: "Runs hooks" }),
  available("issues", { description: "Works with GitHub issues" }),
  available("github", { release: { keywords: ["Forge"], interface: { developer_name: "Octo" } } }),
  available("mine", { scope: "USER" }),
  available("team", { scope: "WORKSPACE" }),
  available("shared", { scope: "WORKSPACE", discoverability: "PRIVATE" }),
  TestBackend.plugin({ name: "gitlab", enabled: false })
]

const provide = Effect.provide(TestCodexPlugins.layerWith({ plugins }))

const search = (text: string) =>
  Effect.flatMap(PluginSearch.PluginSearch, ({ search }) => search(text))

const namesOf = ({ matches }: PluginSearch.Found) =>
  matches.map(({ plugin }) => plugin.pluginId.split("@")[0])

const when = (...[match, ...behaviours]: Parameters<TestBackend.TestBackend["Service"]["when"]>) =>
  Effect.flatMap(TestBackend.TestBackend, ({ when }) => when(match, ...behaviours))

describe("PluginSearch", () => {
  it.effect(
    "finds every plugin of every section for an empty text",
    Effect.fnUntraced(function* () {
      const found = yield* search(" ")
      assert.deepStrictEqual(namesOf(found), [
        "git-hooks",
        "github",
        "gitlab",
        "issues",
        "mine",
        "shared",
        "team"
      ])
      assert.deepInclude(found, { searched: 7, unreadable: 0, failures: [] })
    }, provide)
  )

  it.effect(
    "puts an equal name first, then names that begin with the text, then other texts",
    Effect.fnUntraced(function* () {
      assert.deepStrictEqual(namesOf(yield* search("github")), ["github", "issues"])
      assert.deepStrictEqual(namesOf(yield* search("git")), [
        "git-hooks",
        "github",
        "gitlab",
        "issues"
      ])
    }, provide)
  )

  it.effect.each([
    ["ISSUES GitHub", ["issues"]],
    ["forge", ["github"]],
    ["octo", ["github"]],
    ["created-by-me-remote", ["mine"]],
    ["plugins~Plugin_team_WORKSPACE", ["team"]],
    ["github nothing", []]
  ] as const)("finds the plugins that contain every word of %j", ([text, names]) =>
    Effect.map(search(text), (found) => assert.deepStrictEqual(namesOf(found), [...names])).pipe(
      provide
    )
  )

  it.effect(
    "says which plugins the account has installed",
    Effect.fnUntraced(function* () {
      const { matches } = yield* search("git")
      const installed = matches.filter(({ installed }) => Option.isSome(installed))
      assert.deepStrictEqual(
        installed.map(({ plugin }) => plugin.remotePluginId as string),
        ["plugins~Plugin_gitlab"]
      )
    }, provide)
  )

  it.effect(
    "searches the other sections if the workspace may not be listed, and says which one failed",
    Effect.fnUntraced(function* () {
      const isWorkspace = ({ url }: { readonly url: URL }) =>
        url.searchParams.get("scope") === "WORKSPACE"
      yield* when({ kind: "directory", where: isWorkspace }, TestReply.status(403))
      const { failures, searched } = yield* search("")
      assert.strictEqual(searched, 6)
      assert.deepStrictEqual(
        failures.map(({ section }) => section),
        ["workspace"]
      )
    }, provide)
  )

  it.effect(
    "fails if the curated section cannot be listed",
    Effect.fnUntraced(function* () {
      yield* when({ kind: "directory" }, TestReply.status(401))
      const error = yield* Effect.flip(search(""))
      assert.propertyVal(error, "_tag", "RemoteCatalogError")
    }, provide)
  )

  it.effect(
    "counts the rows that cannot be read, and still finds the others",
    Effect.fnUntraced(function* () {
      yield* when(
        { kind: "shared" },
        TestReply.mapJson((json) => ({
          ...json,
          plugins: [{ id: "x" }].concat(json["plugins"] as ReadonlyArray<{ id: string }>)
        }))
      )
      assert.deepInclude(yield* search("shared"), { searched: 7, unreadable: 1 })
    }, provide)
  )

  it.effect("needs a signed-in account", () =>
    Effect.map(Effect.flip(search("")), ({ _tag }) => assert.strictEqual(_tag, "NotSignedIn")).pipe(
      Effect.provide(TestCodexPlugins.layerWith({ plugins, signedOut: true }))
    )
  )
})
