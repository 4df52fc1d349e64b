import { assert, describe, it } from "@effect/vitest"
import { Option, Redacted, Result, Schema } from "effect"
import * as InstallMetadata from "../src/InstallMetadata.ts"
import * as PluginId from "../src/PluginId.ts"
import * as RemotePlugin from "../src/RemotePlugin.ts"
import * as RemotePluginId from "../src/RemotePluginId.ts"
import { remotePlugin, row } from "./support/snapshots.ts"

const utf8 = new TextEncoder()

const unfitness = (input: unknown): RemotePlugin.InvalidRemotePlugin =>
  Result.getOrThrow(Result.flip(RemotePlugin.fromRow(input)))

const versionOf = (version: unknown) => RemotePlugin.version(remotePlugin({ release: { version } }))

const bundleUrlOf = (bundle_download_url: unknown) =>
  RemotePlugin.bundleUrl(remotePlugin({ release: { bundle_download_url } }))

describe("RemotePlugin.remoteMarketplaces", () => {
  it("are the four marketplaces of rows and the two that are retired", () => {
    assert.sameMembers(
      [...RemotePlugin.remoteMarketplaces],
      [
        "openai-curated-remote",
        "created-by-me-remote",
        "workspace-directory",
        "workspace-shared-with-me",
        "workspace-shared-with-me-private",
        "workspace-shared-with-me-unlisted"
      ]
    )
    assert.sameMembers(
      [...RemotePlugin.retiredMarketplaces],
      ["workspace-shared-with-me-private", "workspace-shared-with-me-unlisted"]
    )
  })

  it("are valid names of marketplaces", () => {
    const isName = Schema.is(PluginId.MarketplaceName)
    assert.isTrue([...RemotePlugin.remoteMarketplaces].every(isName))
  })
})

describe("RemotePlugin.fromRow", () => {
  it("rejects an id that Codex would not read from the cache", () => {
    const longest = "é".repeat(RemotePluginId.maxBytes / 2)
    const { remotePluginId } = remotePlugin({ id: longest })
    assert.isAtMost(utf8.encode(InstallMetadata.encode(remotePluginId)).length, 16 * 1024)
    const { reason } = unfitness({ id: `${longest}x`, name: "alpha", scope: "USER", release: {} })
    assert.deepStrictEqual(reason, { _tag: "MalformedRow", at: "id" })
  })

  it.each([
    ["GLOBAL", undefined, "openai-curated-remote"],
    ["GLOBAL", null, "openai-curated-remote"],
    ["GLOBAL", "PRIVATE", "openai-curated-remote"],
    ["USER", undefined, "created-by-me-remote"],
    ["USER", "LISTED", "created-by-me-remote"],
    ["WORKSPACE", "LISTED", "workspace-directory"],
    ["WORKSPACE", "PRIVATE", "workspace-shared-with-me"],
    ["WORKSPACE", "UNLISTED", "workspace-shared-with-me"]
  ])("caches scope %s, discoverability %s in %s", (scope, discoverability, marketplace) => {
    const { pluginId } = remotePlugin({
      scope,
      ...(discoverability === undefined ? {} : { discoverability })
    })
    assert.strictEqual<string>(pluginId, `alpha@${marketplace}`)
  })

  it("needs an id, a name, a scope and a release, and ignores what it does not know", () => {
    const bare = { id: "r1", name: "alpha", scope: "USER", release: {} }
    const plugin = Result.getOrThrow(RemotePlugin.fromRow(bare))
    assert.deepStrictEqual(plugin, {
      remotePluginId: plugin.remotePluginId,
      pluginId: plugin.pluginId,
      releaseVersion: Option.none(),
      bundleDownloadUrl: Option.none(),
      appManifest: Option.none(),
      row: plugin.row
    })
    assert.deepStrictEqual(
      RemotePlugin.fromRow({
        ...bare,
        enabled: false,
        status: "DISABLED_BY_ADMIN",
        installation_policy: "NOT_AVAILABLE",
        news: { since: 2030 },
        release: { version: null, bundle_download_url: null, app_manifest: null, news: 1 }
      }),
      Result.succeed(plugin)
    )
  })

  it("trims the remote id, as sidecars contain it", () => {
    assert.strictEqual<string>(remotePlugin({ id: " \u0085r1\n" }).remotePluginId, "r1")
  })

  it.each(["a.b", "A_b-9"])("accepts the name %j", (name) => {
    assert.strictEqual<string>(remotePlugin({ name }).pluginId, `${name}@openai-curated-remote`)
  })

  it.each([
    ["a blank name", { name: "" }, { _tag: "InvalidName", name: "" }],
    ["a name with a space", { name: "a b" }, { _tag: "InvalidName", name: "a b" }],
    ["a name not trimmed", { name: " alpha" }, { _tag: "InvalidName", name: " alpha" }],
    ["a name that leads elsewhere", { name: "../a" }, { _tag: "InvalidName", name: "../a" }],
    ["a name of empty segments", { name: "a..b" }, { _tag: "InvalidName", name: "a..b" }],
    ["an unknown scope", { scope: "TEAM" }, { _tag: "UnknownScope", scope: "TEAM" }],
    ["a scope in lower case", { scope: "global" }, { _tag: "UnknownScope", scope: "global" }],
    [
      "a WORKSPACE without discoverability",
      { scope: "WORKSPACE" },
      { _tag: "MissingDiscoverability" }
    ],
    [
      "a WORKSPACE of discoverability null",
      { scope: "WORKSPACE", discoverability: null },
      { _tag: "MissingDiscoverability" }
    ],
    [
      "a WORKSPACE of unknown discoverability",
      { scope: "WORKSPACE", discoverability: "SECRET" },
      { _tag: "UnknownDiscoverability", discoverability: "SECRET" }
    ]
  ])("gives no name to a row with %s", (_, fields, reason) => {
    const error = unfitness(row(fields))
    assert.deepStrictEqual(
      [error.remotePluginId, error.pluginId, error.reason],
      ["plugins~Plugin_1", null, reason as RemotePlugin.InvalidRemotePlugin["reason"]]
    )
    assert.include(error.message, "plugins~Plugin_1")
  })

  it.each([
    ["", null, null],
    ["", null, "alpha"],
    ["", null, [row()]],
    ["id", null, { ...row(), id: undefined }],
    ["id", null, { ...row(), id: 1 }],
    ["id", " ", { ...row(), id: " " }],
    ["name", "plugins~Plugin_1", { ...row(), name: null }],
    ["scope", "plugins~Plugin_1", { ...row(), scope: 1 }],
    ["discoverability", "plugins~Plugin_1", { ...row(), discoverability: 1 }],
    ["release", "plugins~Plugin_1", { ...row(), release: undefined }],
    ["release", "plugins~Plugin_1", { ...row(), release: "1.0.0" }],
    ["release.version", "plugins~Plugin_1", row({ release: { version: 1 } })],
    [
      "release.bundle_download_url",
      "plugins~Plugin_1",
      row({ release: { bundle_download_url: { url: "https://bundles.test/a?sig=secret" } } })
    ]
  ])("gives no name to a row that is malformed at %j", (at, remotePluginId, input) => {
    const error = unfitness(input)
    assert.deepStrictEqual(
      [error.remotePluginId, error.pluginId, error.reason],
      [remotePluginId, null, { _tag: "MalformedRow", at }]
    )
    assert.include(error.message, at === "" ? "is not an object" : `\`${at}\``)
    assert.notInclude(JSON.stringify(error) + error.message, "secret")
  })

  it("hides the bundle's URL", () => {
    const plugin = remotePlugin({ release: { bundle_download_url: "https://b.test/?sig=secret" } })
    assert.notInclude(JSON.stringify(plugin) + String(plugin.bundleDownloadUrl), "secret")
  })

  it("returns the app manifest as the text of its file", () => {
    const release = { app_manifest: { apps: {}, ratio: 1.5 } }
    assert.deepStrictEqual(
      remotePlugin({ release }).appManifest,
      Option.some('{\n  "apps": {},\n  "ratio": 1.5\n}\n')
    )
    const kept = Result.getOrThrow(RemotePlugin.fromRow(row({ release }), '{"ratio": 1.50}\n'))
    assert.deepStrictEqual(kept.appManifest, Option.some('{"ratio": 1.50}\n'))
  })

  it.each([[{}], ["text"], [false], [0]])("accepts the app manifest %j", (json) => {
    assert.deepStrictEqual(
      remotePlugin({ release: { app_manifest: json } }).appManifest,
      Option.some(`${JSON.stringify(json)}\n`)
    )
  })
})

describe("RemotePlugin.version", () => {
  it.each([
    ["1.0.0", "1.0.0"],
    [" 1.0.0-rc.1+5\n", "1.0.0-rc.1+5"],
    ["\u00851.0.0\u00a0", "1.0.0"],
    ["...", "..."],
    ["local", "local"]
  ])("reads %j as %j", (text, version) => {
    assert.strictEqual<string>(Result.getOrThrow(versionOf(text)), version)
  })

  it.each([[null], [""], [" \n"], ["\u0085"]])("is missing in %j", (text) => {
    const error = Result.getOrThrow(Result.flip(versionOf(text)))
    assert.deepStrictEqual(error.reason, { _tag: "MissingVersion" })
    assert.strictEqual<string | null>(error.pluginId, "alpha@openai-curated-remote")
  })

  it.each([["a/b"], [".."], ["."], ["1.0 beta"], ["\ufeff1.0.0"]])(
    "is invalid in %j",
    (version) => {
      const error = Result.getOrThrow(Result.flip(versionOf(version)))
      assert.deepStrictEqual(error.reason, { _tag: "InvalidVersion", version })
      assert.include(error.message, JSON.stringify(version))
    }
  )
})

describe("RemotePlugin.bundleUrl", () => {
  it("is the row's, trimmed", () => {
    const url = Result.getOrThrow(bundleUrlOf("\u00a0 https://b.test/a?sig=s\n"))
    assert.strictEqual(Redacted.value(url), "https://b.test/a?sig=s")
  })

  it.each([[null], [""], [" \u0085"]])("is missing in %j", (url) => {
    const error = Result.getOrThrow(Result.flip(bundleUrlOf(url)))
    assert.deepStrictEqual(error.reason, { _tag: "MissingBundleUrl" })
  })
})
