import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { randomBytes } from "node:crypto"
import { smallMember } from "../src/internal/bundle/inflate.ts"
import { userAgent } from "../src/internal/http.ts"
import { agentPluginSchema } from "../src/PluginManifest.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import type * as TestBundle from "../src/testing/TestBundle.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import {
  alpha,
  alphaRoot,
  assertNothingLeft,
  bundleError,
  cache,
  checkOut,
  codex,
  downloads,
  filesBelow,
  firstRow,
  install,
  installRow,
  provide,
  staging,
  when
} from "./support/remoteBundles.ts"
import { remotePlugin } from "./support/snapshots.ts"

const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

describe("RemoteBundle.install", () => {
  it.effect("caches the bundle with the identity of its plugin", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* install, "1.0.0")
      const store = yield* PluginStore.PluginStore
      const [plugin] = yield* store.list
      assert.strictEqual(plugin?.pluginId, "alpha@openai-curated-remote")
      assert.deepStrictEqual(yield* store.remotePluginId(plugin!.pluginId), Option.some(alpha.id))
      const files = yield* filesBelow(alphaRoot)
      assert.sameMembers(Object.keys(files), [".codex-plugin/plugin.json", "skills/alpha/SKILL.md"])
      const { snapshot } = yield* MemoryFileSystem.Disk
      assert.deepStrictEqual(Object.keys(snapshot(staging)), [staging])
    }).pipe(provide())
  )

  it.effect("sends the bundle's host only the URL and the User-Agent", () =>
    Effect.gen(function* () {
      const row = yield* firstRow
      yield* installRow(row)
      const [request, ...more] = yield* downloads
      assert.lengthOf(more, 0)
      assert.deepStrictEqual({ ...request!.headers }, { "user-agent": userAgent })
      assert.strictEqual(
        request!.url.href,
        Redacted.value(Option.getOrThrow(row.bundleDownloadUrl))
      )
    }).pipe(provide())
  )

  it.effect("uses the version of the row, whatever the manifest says", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* install, "2.0.0-rc.1")
    }).pipe(
      provide([
        TestBackend.plugin({
          name: "mine",
          scope: "USER",
          release: { version: " 2.0.0-rc.1\n" },
          files: { ".codex-plugin/plugin.json": '{"name":"mine","version":"1.0.0"}' }
        })
      ])
    )
  )

  it.effect("leaves nothing behind when it is interrupted", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* when(TestReply.stall(100))
      const fiber = yield* Effect.forkChild(install)
      yield* backend.arrival({ kind: "bundle" })
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      yield* assertNothingLeft
      assert.deepStrictEqual(
        (yield* downloads).map(({ outcome }) => outcome),
        ["aborted"]
      )
    }).pipe(provide())
  )
})

/** A bundle with this file is unpacked from a stream, and a smaller one in memory. */
const large = { "noise.bin": { content: randomBytes(smallMember + 1024), mode: 0o644 } }

/** A checked-out bundle is not moved afterwards, so unsynced files can be found by their path. */
const assertDurableCheckOut = Effect.gen(function* () {
  yield* checkOut("/tmp/out")
  const { unsynced } = yield* MemoryFileSystem.Disk
  const { entries, files } = unsynced()
  const paths = [...entries.map(({ path }) => path), ...files]
  assert.deepStrictEqual(
    paths.filter((path) => path.startsWith("/tmp/out/")),
    []
  )
})

describe("RemoteBundle.install of a curated plugin", () => {
  const agent = { $schema: agentPluginSchema, name: "alpha", apps: "./agent.json" }

  const cases = [
    {
      title: "has the row's version in its manifest, which keeps its mode",
      files: { [codex]: { content: '{"version":"9","name":"alpha","n":1.0}', mode: 0o600 } },
      expected: {
        [codex]: ['{\n  "version": "1.0.0",\n  "name": "alpha",\n  "n": 1.0\n}\n', "600"]
      }
    },
    {
      title: "has it in the one manifest that counts",
      files: {
        ".claude-plugin/plugin.json": '{"name":"alpha"}',
        ".cursor-plugin/plugin.json": '{"name":"alpha"}'
      },
      expected: {
        ".claude-plugin/plugin.json": [text({ name: "alpha", version: "1.0.0" }), "644"],
        ".cursor-plugin/plugin.json": ['{"name":"alpha"}', "644"]
      }
    },
    {
      title: "keeps an agent plugin's manifest",
      files: { "plugin.json": JSON.stringify(agent) },
      expected: { "plugin.json": [JSON.stringify(agent), "644"] }
    },
    {
      title: "gets its app manifest",
      files: { [codex]: '{"name":"alpha"}' },
      appManifest: { apps: { a: { id: "x" } } },
      expected: {
        [codex]: [text({ name: "alpha", version: "1.0.0" }), "644"],
        ".app.json": [text({ apps: { a: { id: "x" } } }), "644"]
      }
    },
    {
      title: "gets its app manifest where the manifest wants it",
      files: { [codex]: '{"name":"alpha","apps":"./conf/apps/list.json"}' },
      appManifest: false,
      expected: {
        [codex]: [text({ name: "alpha", apps: "./conf/apps/list.json", version: "1.0.0" }), "644"],
        "conf/apps/list.json": ["false\n", "644"]
      }
    },
    {
      title: "gets its app manifest in the place of a file, whose mode stays",
      files: {
        [codex]: '{"name":"alpha","apps":"../out.json"}',
        ".app.json": { content: "old", mode: 0o444 }
      },
      appManifest: {},
      expected: {
        [codex]: [text({ name: "alpha", apps: "../out.json", version: "1.0.0" }), "644"],
        ".app.json": ["{}\n", "444"]
      }
    },
    {
      title: "has no say in `apps` as an agent plugin",
      files: { "plugin.json": JSON.stringify(agent) },
      appManifest: {},
      expected: { "plugin.json": [JSON.stringify(agent), "644"], ".app.json": ["{}\n", "644"] }
    },
    {
      title: "has its say in `apps` by the manifest beside an agent plugin's",
      files: { "plugin.json": JSON.stringify(agent), [codex]: '{"apps":"./x.json"}' },
      appManifest: {},
      expected: {
        "plugin.json": [JSON.stringify(agent), "644"],
        [codex]: ['{"apps":"./x.json"}', "644"],
        "x.json": ["{}\n", "644"]
      }
    }
  ] satisfies ReadonlyArray<{
    readonly title: string
    readonly files: TestBundle.Files
    readonly appManifest?: unknown
    readonly expected: Readonly<Record<string, ReadonlyArray<string>>>
  }>

  it.effect.each<(typeof cases)[number] & { readonly appManifest?: unknown }>(cases)(
    "$title",
    ({ appManifest, files, expected }) =>
      Effect.gen(function* () {
        yield* install
        assert.deepStrictEqual(yield* filesBelow(alphaRoot), expected as never)
        yield* assertDurableCheckOut
      }).pipe(provide([TestBackend.plugin({ name: "alpha", bundle: files, appManifest })]))
  )

  it.effect.each<(typeof cases)[number] & { readonly appManifest?: unknown }>(cases)(
    "$title, also if it is large",
    ({ appManifest, files, expected }) =>
      Effect.gen(function* () {
        yield* install
        const { "noise.bin": noise, ...others } = yield* filesBelow(alphaRoot)
        assert.isDefined(noise)
        assert.deepStrictEqual(others, expected as never)
        yield* assertDurableCheckOut
      }).pipe(
        provide([
          TestBackend.plugin({ name: "alpha", bundle: { ...files, ...large }, appManifest })
        ])
      )
  )

  it.effect("fails if a folder is in the place of the app manifest", () =>
    Effect.gen(function* () {
      const error = yield* bundleError(install)
      assert.strictEqual(error.reason._tag, "FileSystem")
      yield* assertNothingLeft
      assert.lengthOf(yield* downloads, 1)
    }).pipe(
      provide([
        TestBackend.plugin({ name: "alpha", files: { ".app.json/a": "" }, appManifest: {} })
      ])
    )
  )
})

describe("RemoteBundle.install of a plugin of another marketplace", () => {
  it.effect("does not change the bundle", () =>
    Effect.gen(function* () {
      yield* install
      assert.deepStrictEqual(yield* filesBelow(`${cache}/created-by-me-remote/mine/1.0.0`), {
        [codex]: ['{"name":"mine"}', "640"]
      })
    }).pipe(
      provide([
        TestBackend.plugin({
          name: "mine",
          scope: "USER",
          appManifest: {},
          bundle: { [codex]: { content: '{"name":"mine"}', mode: 0o640 } }
        })
      ])
    )
  )
})

describe("RemoteBundle.install of a plugin with commands", () => {
  const skill = ".codex-plugin/migrated-command-skills/source-command-a/SKILL.md"
  const withCommand = TestBackend.plugin({
    name: "alpha",
    files: { "commands/a.md": "---\ndescription: Does it\n---\nDo it.\n" }
  })

  it.effect("makes skills in the cache, and nowhere else", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* install
      assert.isTrue(yield* fs.exists(`${alphaRoot}/${skill}`))
      yield* checkOut("/tmp/out")
      assert.isFalse(yield* fs.exists(`/tmp/out/${skill}`))
    }).pipe(provide([withCommand]))
  )
})

describe("RemoteBundle.install of a row that cannot be installed", () => {
  it.effect.each([
    { release: { version: null }, reason: "MissingVersion" },
    { release: { version: "../1" }, reason: "InvalidVersion" },
    { release: { bundle_download_url: null }, reason: "MissingBundleUrl" },
    { release: { bundle_download_url: "  " }, reason: "MissingBundleUrl" }
  ])("fails without a request: $release", ({ reason, release }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(installRow(remotePlugin({ release })))
      assert.strictEqual(
        error._tag === "InvalidRemotePlugin" ? error.reason._tag : error._tag,
        reason
      )
      assert.lengthOf(yield* downloads, 0)
    }).pipe(provide())
  )
})
