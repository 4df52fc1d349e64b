import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Duration,
  Effect,
  Exit,
  Fiber,
  FileSystem,
  Layer,
  Option,
  Path,
  Redacted,
  Result,
  Stream
} from "effect"
import { HttpClient, HttpClientError, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { randomBytes } from "node:crypto"
import * as BundleArchive from "../src/BundleArchive.ts"
import * as CacheLock from "../src/CacheLock.ts"
import * as CodexHome from "../src/CodexHome.ts"
import { smallMember } from "../src/internal/bundle/inflate.ts"
import * as Http from "../src/internal/http.ts"
import { agentPluginSchema } from "../src/PluginManifest.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as RemoteBundle from "../src/RemoteBundle.ts"
import * as RemoteCatalog from "../src/RemoteCatalog.ts"
import type { RemotePlugin } from "../src/RemotePlugin.ts"
import { userAgent } from "../src/internal/http.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestBundle from "../src/testing/TestBundle.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import { overhear } from "./support/overhear.ts"
import { settle } from "./support/settle.ts"
import { remotePlugin } from "./support/snapshots.ts"

const cache = "/home/plugins/cache"
const staging = "/home/plugins/.remote-plugin-install-staging"
const alphaRoot = `${cache}/openai-curated-remote/alpha/1.0.0`

const codex = ".codex-plugin/plugin.json"

const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

const archive = BundleArchive.layer

const servicesWith = (
  archive: Layer.Layer<BundleArchive.BundleArchive, never, FileSystem.FileSystem | Path.Path>,
  options: RemoteBundle.Options = {}
) =>
  Layer.mergeAll(RemoteBundle.layerWith(options), RemoteCatalog.layer).pipe(
    Layer.provide(archive),
    Layer.provideMerge(PluginStore.layer),
    Layer.provide(CacheLock.layerInProcess),
    Layer.provide(
      Layer.unwrap(
        Effect.gen(function* () {
          const backend = yield* TestBackend.TestBackend
          yield* backend.writeHome("/home")
          return CodexHome.layerAt("/home")
        })
      )
    )
  )

const services = servicesWith(archive)

const alpha = TestBackend.plugin({ name: "alpha" })

const provide = (
  plugins: ReadonlyArray<ReturnType<typeof TestBackend.plugin>> = [alpha],
  disk: MemoryFileSystem.Options = {},
  options: RemoteBundle.Options = {}
) =>
  Effect.provide(
    servicesWith(archive, options).pipe(
      Layer.provide(TestBackend.layerHttpClient),
      Layer.provideMerge([TestBackend.layerWith({ plugins }), Path.layer]),
      Layer.provideMerge(MemoryFileSystem.layerWith(disk))
    )
  )

/** The account's first plugin, as the backend lists it. */
const firstRow = Effect.gen(function* () {
  const catalog = yield* RemoteCatalog.RemoteCatalog
  const { rows } = yield* catalog.installed
  return Result.getOrThrow(rows[0]!)
})

const install = Effect.gen(function* () {
  const row = yield* firstRow
  return yield* (yield* RemoteBundle.RemoteBundle).install(row)
})

const checkOut = (directory: string) =>
  Effect.gen(function* () {
    const row = yield* firstRow
    return yield* (yield* RemoteBundle.RemoteBundle).checkOut(row, directory)
  })

const installRow = (row: RemotePlugin) =>
  Effect.flatMap(RemoteBundle.RemoteBundle, (bundles) => bundles.install(row))

const when = (...behaviours: ReadonlyArray<TestReply.Behaviour>) =>
  Effect.flatMap(TestBackend.TestBackend, (backend) =>
    backend.when({ kind: "bundle" }, ...behaviours)
  )

const downloads = Effect.flatMap(TestBackend.TestBackend, (backend) =>
  backend.requests({ kind: "bundle" })
)

/** The milliseconds between one request and the next. */
const gaps = Effect.map(downloads, (requests) =>
  requests.slice(1).map(({ time }, index) => time - requests[index]!.time)
)

const bundleError = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(settle(effect)), (error) => {
    assert.instanceOf(error, RemoteBundle.RemoteBundleError)
    return error
  })

const assertNothingStands = Effect.gen(function* () {
  const { snapshot } = yield* MemoryFileSystem.Disk
  assert.deepStrictEqual(snapshot(cache), {})
  assert.deepStrictEqual(
    Object.keys(snapshot(staging)).filter((path) => path !== staging),
    []
  )
})

/** The content of a folder: text and mode of its files, by path. */
const filesBelow = (root: string) =>
  Effect.map(MemoryFileSystem.Disk, ({ snapshot }) =>
    Object.fromEntries(
      Object.entries(snapshot(root)).flatMap(([path, entry]) =>
        entry.type === "File"
          ? [
              [
                path.slice(root.length + 1),
                [new TextDecoder().decode(entry.bytes), entry.mode.toString(8)]
              ]
            ]
          : []
      )
    )
  )

describe("install", () => {
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
      yield* assertNothingStands
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

describe("a curated bundle", () => {
  const agent = { $schema: agentPluginSchema, name: "alpha", apps: "./agent.json" }

  const cases = [
    {
      title: "has the row's version in its manifest, which keeps its mode",
      files: { [codex]: { content: '{"version":"9","name":"alpha","n":1.0}', mode: 0o600 } },
      stands: { [codex]: ['{\n  "version": "1.0.0",\n  "name": "alpha",\n  "n": 1.0\n}\n', "600"] }
    },
    {
      title: "has it in the one manifest that counts",
      files: {
        ".claude-plugin/plugin.json": '{"name":"alpha"}',
        ".cursor-plugin/plugin.json": '{"name":"alpha"}'
      },
      stands: {
        ".claude-plugin/plugin.json": [text({ name: "alpha", version: "1.0.0" }), "644"],
        ".cursor-plugin/plugin.json": ['{"name":"alpha"}', "644"]
      }
    },
    {
      title: "keeps an agent plugin's manifest",
      files: { "plugin.json": JSON.stringify(agent) },
      stands: { "plugin.json": [JSON.stringify(agent), "644"] }
    },
    {
      title: "gets its app manifest",
      files: { [codex]: '{"name":"alpha"}' },
      appManifest: { apps: { a: { id: "x" } } },
      stands: {
        [codex]: [text({ name: "alpha", version: "1.0.0" }), "644"],
        ".app.json": [text({ apps: { a: { id: "x" } } }), "644"]
      }
    },
    {
      title: "gets its app manifest where the manifest wants it",
      files: { [codex]: '{"name":"alpha","apps":"./conf/apps/list.json"}' },
      appManifest: false,
      stands: {
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
      stands: {
        [codex]: [text({ name: "alpha", apps: "../out.json", version: "1.0.0" }), "644"],
        ".app.json": ["{}\n", "444"]
      }
    },
    {
      title: "has no say in `apps` as an agent plugin",
      files: { "plugin.json": JSON.stringify(agent) },
      appManifest: {},
      stands: { "plugin.json": [JSON.stringify(agent), "644"], ".app.json": ["{}\n", "644"] }
    },
    {
      title: "has its say in `apps` by the manifest beside an agent plugin's",
      files: { "plugin.json": JSON.stringify(agent), [codex]: '{"apps":"./x.json"}' },
      appManifest: {},
      stands: {
        "plugin.json": [JSON.stringify(agent), "644"],
        [codex]: ['{"apps":"./x.json"}', "644"],
        "x.json": ["{}\n", "644"]
      }
    }
  ] satisfies ReadonlyArray<{
    readonly title: string
    readonly files: TestBundle.Files
    readonly appManifest?: unknown
    readonly stands: Readonly<Record<string, ReadonlyArray<string>>>
  }>

  it.effect.each<(typeof cases)[number] & { readonly appManifest?: unknown }>(cases)(
    "$title",
    ({ appManifest, files, stands }) =>
      Effect.gen(function* () {
        yield* install
        assert.deepStrictEqual(yield* filesBelow(alphaRoot), stands as never)
        yield* assertDurableCheckOut
      }).pipe(provide([TestBackend.plugin({ name: "alpha", bundle: files, appManifest })]))
  )

  it.effect.each<(typeof cases)[number] & { readonly appManifest?: unknown }>(cases)(
    "$title, also if it is large",
    ({ appManifest, files, stands }) =>
      Effect.gen(function* () {
        yield* install
        const { "noise.bin": noise, ...others } = yield* filesBelow(alphaRoot)
        assert.isDefined(noise)
        assert.deepStrictEqual(others, stands as never)
        yield* assertDurableCheckOut
      }).pipe(
        provide([
          TestBackend.plugin({ name: "alpha", bundle: { ...files, ...large }, appManifest })
        ])
      )
  )

  it.effect("is refused if a folder is in its app manifest's place", () =>
    Effect.gen(function* () {
      const error = yield* bundleError(install)
      assert.strictEqual(error.reason._tag, "FileSystem")
      yield* assertNothingStands
      assert.lengthOf(yield* downloads, 1)
    }).pipe(
      provide([
        TestBackend.plugin({ name: "alpha", files: { ".app.json/a": "" }, appManifest: {} })
      ])
    )
  )
})

describe("a bundle of another marketplace", () => {
  it.effect("is not changed", () =>
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

describe("commands", () => {
  const skill = ".codex-plugin/migrated-command-skills/source-command-a/SKILL.md"
  const withCommand = TestBackend.plugin({
    name: "alpha",
    files: { "commands/a.md": "---\ndescription: Does it\n---\nDo it.\n" }
  })

  it.effect("become skills in the cache, and nowhere else", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* install
      assert.isTrue(yield* fs.exists(`${alphaRoot}/${skill}`))
      yield* checkOut("/tmp/out")
      assert.isFalse(yield* fs.exists(`/tmp/out/${skill}`))
    }).pipe(provide([withCommand]))
  )
})

describe("checkOut", () => {
  it.effect("extracts the same files as an install and does not touch the cache", () =>
    Effect.gen(function* () {
      const { snapshot } = yield* MemoryFileSystem.Disk
      const before = snapshot("/home")
      assert.strictEqual(yield* checkOut("/tmp/out"), "1.0.0")
      assert.deepStrictEqual(snapshot("/home"), before)
      yield* install
      assert.deepStrictEqual(yield* filesBelow("/tmp/out"), yield* filesBelow(alphaRoot))
    }).pipe(provide([TestBackend.plugin({ name: "alpha", appManifest: { apps: {} } })]))
  )

  it.effect("refuses a folder that exists and does not touch it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory("/tmp/out")
      yield* fs.writeFileString("/tmp/out/mine", "mine")
      const error = yield* Effect.flip(checkOut("/tmp/out"))
      assert.include(error.message, "/tmp/out")
      assert.deepStrictEqual(yield* filesBelow("/tmp/out"), { mine: ["mine", "644"] })
    }).pipe(provide())
  )

  it.effect.each([
    { reason: "Missing", bundle: { "README.md": "" } },
    { reason: "NotJson", bundle: { [codex]: "{" } },
    { reason: "NotManifest", bundle: { [codex]: "[]" } },
    { reason: "NotManifest", bundle: { [codex]: '{"name":"alpha","x":"\\ud800"}' } },
    { reason: "NameMismatch", bundle: { [codex]: '{"name":"beta"}' } }
  ])("leaves nothing of a bundle that is not the plugin: $reason", ({ bundle, reason }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(checkOut("/tmp/out"))
      assert.strictEqual(error._tag === "InvalidManifest" ? error.reason._tag : error._tag, reason)
      assert.deepStrictEqual(yield* filesBelow("/tmp"), {})
      assert.lengthOf(yield* downloads, 1)
    }).pipe(provide([TestBackend.plugin({ name: "alpha", bundle })]))
  )
})

describe("a row that cannot be installed", () => {
  it.effect.each([
    { release: { version: null }, reason: "MissingVersion" },
    { release: { version: "../1" }, reason: "InvalidVersion" },
    { release: { bundle_download_url: null }, reason: "MissingBundleUrl" },
    { release: { bundle_download_url: "  " }, reason: "MissingBundleUrl" }
  ])("is refused without a request: $release", ({ reason, release }) =>
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

/** A client that answers as it is told, and the URLs that it was asked for. */
const scripted = (answer: (url: URL) => Response) =>
  Effect.sync(() => {
    const asked: Array<string> = []
    const client = HttpClient.make((request, url) =>
      Effect.sync(() => {
        asked.push(url.href)
        return HttpClientResponse.fromWeb(request, answer(url))
      })
    )
    return { asked, layer: Layer.succeed(HttpClient.HttpClient, client) }
  })

const installFrom = Effect.fnUntraced(function* (
  url: string,
  answer: (url: URL) => Response,
  allowLoopbackHttp = false
) {
  const { asked, layer } = yield* scripted(answer)
  const row = remotePlugin({ release: { bundle_download_url: url } })
  const exit = yield* installRow(row).pipe(
    Effect.exit,
    Effect.provide(
      services.pipe(
        Layer.provide(layer),
        Layer.provide(Layer.succeed(RemoteBundle.AllowLoopbackHttp, allowLoopbackHttp)),
        Layer.provide([TestBackend.layer, Path.layer]),
        Layer.provide(MemoryFileSystem.layerWith({}))
      )
    )
  )
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  const reason = error?._tag === "RemoteBundleError" ? error.reason._tag : error?._tag
  return { asked, message: error?.message ?? "", reason }
})

const bundle = Effect.orDie(TestBundle.tarGz(TestBundle.plugin({ name: "alpha" })))
const ok = (bytes: Uint8Array, headers?: Record<string, string>) =>
  new Response(bytes as Uint8Array<ArrayBuffer>, headers && { headers })

describe("a URL", () => {
  it.effect.each([
    "http://bundles.test/a?sig=secret",
    "http://127.0.0.1/a?sig=secret",
    "ftp://bundles.test/a?sig=secret",
    "file:///etc/passwd?sig=secret",
    "data:application/gzip;base64,secret",
    "bundles.test/secret",
    "//bundles.test/secret",
    "secret",
    "https://",
    "https://me:secret@bundles.test/a",
    "https://secret@bundles.test/a"
  ])("that is not safe is neither requested nor shown: %s", (url) =>
    Effect.gen(function* () {
      const { asked, message, reason } = yield* installFrom(url, () => new Response())
      assert.strictEqual(reason, "UnsafeUrl")
      assert.deepStrictEqual(asked, [])
      assert.notInclude(message, "secret")
    })
  )

  it.effect.each([
    "http://127.0.0.1:81/a",
    "http://127.8.9.10/a",
    "http://localhost/a",
    "http://[::1]:81/a"
  ])("of this machine may use plain HTTP if that is allowed: %s", (url) =>
    Effect.gen(function* () {
      const bytes = yield* bundle
      const { asked, reason } = yield* installFrom(url, () => ok(bytes), true)
      assert.isUndefined(reason)
      assert.deepStrictEqual(asked, [url])
    })
  )

  it.effect.each([
    "http://127.0.0.1.evil.test/a",
    "http://localhost.evil.test/a",
    "http://evil.test/?127.0.0.1",
    "http://10.0.0.1/a",
    "http://0.0.0.0/a",
    "http://[::2]/a"
  ])("of another machine may not use plain HTTP: %s", (url) =>
    Effect.gen(function* () {
      const { asked, reason } = yield* installFrom(url, () => new Response(), true)
      assert.strictEqual(reason, "UnsafeUrl")
      assert.deepStrictEqual(asked, [])
    })
  )
})

const to = (location: string | undefined, status = 302) =>
  new Response(null, { status, headers: location === undefined ? {} : { location } })

describe("a redirect", () => {
  it.effect.each([301, 302, 303, 307, 308])("is followed: %d", (status) =>
    Effect.gen(function* () {
      const bytes = yield* bundle
      const { asked, reason } = yield* installFrom(
        "https://a.test/x?sig=1",
        ({ hostname, pathname }) => {
          if (hostname === "a.test") return to("https://b.test/y%2Fz?sig=a+b%20c", status)
          return pathname === "/w" ? ok(bytes) : to("../w#part", status)
        }
      )
      assert.isUndefined(reason)
      assert.deepStrictEqual(asked, [
        "https://a.test/x?sig=1",
        "https://b.test/y%2Fz?sig=a+b%20c",
        "https://b.test/w#part"
      ])
    })
  )

  it.effect.each([
    "http://b.test/x?sig=secret",
    "http://127.0.0.1/x?sig=secret",
    "https://secret@b.test/x",
    "https://[secret"
  ])("to an unsafe URL is not followed, even if plain HTTP is allowed: %s", (location) =>
    Effect.gen(function* () {
      const { asked, message, reason } = yield* installFrom(
        "https://a.test/x",
        () => to(location),
        true
      )
      assert.strictEqual(reason, "UnsafeUrl")
      assert.deepStrictEqual(asked, ["https://a.test/x"])
      assert.include(message, "redirects")
      assert.notInclude(message, "secret")
    })
  )

  it.effect("within this machine is followed if that is allowed", () =>
    Effect.gen(function* () {
      const bytes = yield* bundle
      const { reason } = yield* installFrom(
        "http://localhost/x",
        ({ pathname }) => (pathname === "/x" ? to("/y") : ok(bytes)),
        true
      )
      assert.isUndefined(reason)
    })
  )

  it.effect("in a loop is refused", () =>
    Effect.gen(function* () {
      const { asked, reason } = yield* installFrom("https://a.test/x", () => to("/x"))
      assert.strictEqual(reason, "TooManyRedirects")
      assert.lengthOf(asked, 1 + RemoteBundle.maxRedirects)
    })
  )

  it.effect.each([302, 300, 304])("without a target is refused: %d", (status) =>
    Effect.gen(function* () {
      const { asked, reason } = yield* installFrom("https://a.test/x", () => to(undefined, status))
      assert.strictEqual(reason, "Rejected")
      assert.lengthOf(asked, 1)
    })
  )
})

describe("the length that a host announces", () => {
  it.effect("is checked before the bundle is read", () =>
    Effect.gen(function* () {
      yield* when(TestReply.contentLength(BundleArchive.limits.PackedBytes + 1))
      const error = yield* bundleError(install)
      assert.strictEqual(error.reason._tag, "TooLarge")
      assert.lengthOf(yield* downloads, 1)
      yield* assertNothingStands
    }).pipe(provide())
  )

  it.effect.each([-1, 1])("must be exactly that of the body: %d", (difference) =>
    Effect.gen(function* () {
      const bytes = yield* bundle
      const answer = () => ok(bytes, { "content-length": String(bytes.length + difference) })
      const { asked, reason } = yield* settle(installFrom("https://a.test/x", answer))
      assert.strictEqual(reason, "WrongLength")
      assert.lengthOf(asked, 1 + Http.retries)
    })
  )

  it.effect.each([{ "content-length": "x" }, { "content-length": "7", "content-encoding": "br" }])(
    "is ignored if it does not describe the body: %j",
    (headers) =>
      Effect.gen(function* () {
        const bytes = yield* bundle
        const { reason } = yield* installFrom("https://a.test/x", () => ok(bytes, headers))
        assert.isUndefined(reason)
      })
  )

  it.effect("makes the archive invalid if it is too small", () =>
    Effect.gen(function* () {
      yield* when(TestReply.contentLength(100))
      const error = yield* Effect.flip(settle(install))
      assert.strictEqual(error._tag, "BundleArchiveError")
      assert.lengthOf(yield* downloads, 1)
    }).pipe(provide())
  )
})

describe("a transient failure", () => {
  const faults: ReadonlyArray<readonly [string, TestReply.Behaviour]> = [
    ...[408, 429, 500, 502, 503, 504].map(
      (code) => [String(code), TestReply.status(code)] as const
    ),
    ["a reset connection", TestReply.drop],
    ["a reset in mid-body", TestReply.cut(100)],
    ["an end in mid-body", TestReply.cut(100, "closed")],
    ["more announced than sent", TestReply.contentLength(1_000_000)]
  ]

  it.effect.each(faults)("is retried after growing delays: %s", ([, fault]) =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "bundle", first: 2 }, fault)
      assert.strictEqual(yield* settle(install), "1.0.0")
      const waited = yield* gaps
      assert.lengthOf(waited, 2)
      assert.isAtLeast(waited[1]!, 1.3 * waited[0]!)
    }).pipe(provide())
  )

  it.effect.each(faults)("is given up after the last retry: %s", ([, fault]) =>
    Effect.gen(function* () {
      yield* when(fault)
      assert.include(["Unavailable", "Unreachable"], (yield* bundleError(install)).reason._tag)
      assert.lengthOf(yield* downloads, 1 + Http.retries)
      yield* assertNothingStands
    }).pipe(provide())
  )

  it.effect.each([0, 1])("is retried as often as the option says: %d times", (retries) =>
    Effect.gen(function* () {
      yield* when(TestReply.status(503))
      yield* bundleError(install)
      assert.lengthOf(yield* downloads, 1 + retries)
    }).pipe(provide([alpha], {}, { retries }))
  )

  it.effect.each([-1, 0.5, Number.NaN])("cannot be retried %d times", (retries) =>
    Effect.gen(function* () {
      const cause = yield* Effect.provide(install, servicesWith(archive, { retries })).pipe(
        Effect.sandbox,
        Effect.flip
      )
      assert.include(Cause.pretty(cause), "RangeError: `retries`")
    }).pipe(
      Effect.provide([TestBackend.layerHttpClient, Path.layer]),
      Effect.provide(TestBackend.layer),
      Effect.provide(MemoryFileSystem.layerWith({}))
    )
  )

  it.effect("is retried when Retry-After says", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "bundle", nth: 1 }, TestReply.status(429, { "retry-after": "9" }))
      yield* settle(install)
      assert.deepStrictEqual(yield* gaps, [9000])
    }).pipe(provide())
  )

  it.effect("is not retried if Retry-After asks for too long a delay", () =>
    Effect.gen(function* () {
      yield* when(TestReply.status(503, { "retry-after": "3600" }))
      assert.include((yield* bundleError(install)).message, "1h")
      assert.lengthOf(yield* downloads, 1)
    }).pipe(provide())
  )

  it.effect.each([
    ["before the head", TestReply.silence],
    ["in mid-body", TestReply.stall(100)]
  ] as const)("includes a host that is silent for too long: %s", ([, fault]) =>
    Effect.gen(function* () {
      yield* when(fault)
      assert.strictEqual((yield* bundleError(install)).reason._tag, "Stalled")
      const idle = Duration.toMillis(RemoteBundle.idleTimeLimit)
      const waited = yield* gaps
      assert.lengthOf(waited, Http.retries)
      assert.isTrue(waited.every((gap) => gap > idle && gap < idle + 3000))
      yield* assertNothingStands
    }).pipe(provide())
  )
})

/** Unpacks with a pause at each piece. */
const slowArchive = (pause: Duration.Input) =>
  Layer.effect(
    BundleArchive.BundleArchive,
    Effect.map(BundleArchive.BundleArchive, (archive) =>
      BundleArchive.BundleArchive.of({
        ...archive,
        internals: {
          extract: (bytes, directory, complete) =>
            archive.internals.extract(
              Stream.tap(bytes, () => Effect.sleep(pause)),
              directory,
              complete
            )
        }
      })
    )
  ).pipe(Layer.provide(archive))

describe("a disk that is slower than the host", () => {
  it.effect.each([
    ["50 seconds", "1.0.0"],
    ["10 minutes", "1.0.0"]
  ] as const)("is not blamed on the connection: %s", ([pause, outcome]) =>
    Effect.gen(function* () {
      const result = yield* Effect.result(settle(install))
      const reached = Result.match(result, {
        onFailure: (error): string =>
          error._tag === "RemoteBundleError" ? error.reason._tag : error._tag,
        onSuccess: (version): string => version
      })
      assert.strictEqual(reached, outcome)
    }).pipe(
      Effect.provide(
        servicesWith(slowArchive(pause)).pipe(
          Layer.provide(TestBackend.layerHttpClient),
          Layer.provideMerge([TestBackend.layerWith({ plugins: [alpha] }), Path.layer]),
          Layer.provideMerge(MemoryFileSystem.layerWith({}))
        )
      )
    )
  )
})

describe("a permanent failure", () => {
  it.effect.each([
    [400, "Rejected"],
    [401, "Expired"],
    [403, "Expired"],
    [404, "Expired"],
    [410, "Expired"],
    [416, "Rejected"]
  ] as const)("is not retried: %d", ([code, reason]) =>
    Effect.gen(function* () {
      yield* when(TestReply.status(code))
      assert.strictEqual((yield* bundleError(install)).reason._tag, reason)
      assert.lengthOf(yield* downloads, 1)
      yield* assertNothingStands
    }).pipe(provide())
  )

  it.effect("includes an archive that is refused", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(settle(install))
      assert.strictEqual(error._tag, "BundleArchiveError")
      assert.lengthOf(yield* downloads, 1)
      yield* assertNothingStands
    }).pipe(provide([TestBackend.plugin({ name: "alpha", bundle: new Uint8Array(5000) })]))
  )

  it.effect("includes an invalid certificate", () =>
    Effect.gen(function* () {
      let calls = 0
      const client = HttpClient.make((request) => {
        calls++
        const cause = Object.assign(new Error(), { code: "CERT_HAS_EXPIRED" })
        return Effect.fail(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({ request, cause })
          })
        )
      })
      const error = yield* bundleError(installRow(remotePlugin())).pipe(
        Effect.provide(
          services.pipe(
            Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
            Layer.provide([TestBackend.layer, Path.layer]),
            Layer.provide(MemoryFileSystem.layerWith({}))
          )
        )
      )
      assert.deepStrictEqual(error.reason, { _tag: "UntrustedServer", code: "CERT_HAS_EXPIRED" })
      assert.strictEqual(calls, 1)
    })
  )

  it.effect("includes a download of less than 10 kB/s", () =>
    Effect.gen(function* () {
      yield* when(TestReply.dribble(1, "1 second"))
      const fiber = yield* Effect.forkChild(Effect.flip(install))
      yield* TestClock.adjust(Duration.toMillis(RemoteBundle.rateWindow) - 1)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(
        error._tag === "RemoteBundleError" ? error.reason._tag : error._tag,
        "TooSlow"
      )
      assert.deepStrictEqual(
        (yield* downloads).map(({ outcome }) => outcome),
        ["aborted"]
      )
      yield* assertNothingStands
    }).pipe(provide())
  )

  it.effect("includes a full disk", () =>
    Effect.gen(function* () {
      const error = yield* bundleError(install)
      assert.strictEqual(error.reason._tag, "FileSystem")
      assert.include(error.message, "ENOSPC")
      assert.lengthOf(yield* downloads, 1)
      yield* assertNothingStands
    }).pipe(
      provide([TestBackend.plugin({ name: "alpha", files: { large: "x".repeat(20_000) } })], {
        capacity: 10_000
      })
    )
  )
})

describe("secrets", () => {
  it.effect.each([
    ["a good answer", undefined],
    ["403", TestReply.status(403)],
    ["503", TestReply.status(503)],
    ["a reset connection", TestReply.drop],
    ["a reset in mid-body", TestReply.cut(50)],
    ["silence", TestReply.silence],
    ["a redirect in a loop", TestReply.redirect(({ url }) => url.href)],
    [
      "a redirect to plain HTTP",
      TestReply.redirect(({ url }) => url.href.replace("https", "http"))
    ],
    ["no archive", TestReply.body("nonsense")],
    ["too large", TestReply.contentLength(2 ** 40)]
  ] as const)("appear in no error, log or span: %s", ([, fault]) =>
    Effect.gen(function* () {
      const { secrets } = yield* TestBackend.TestBackend
      if (fault !== undefined) yield* when(fault)
      const { exit, spans, text } = yield* overhear(settle(install))
      assert.strictEqual(exit._tag, fault === undefined ? "Success" : "Failure")
      assert.include(spans, "RemoteBundle.install")
      for (const secret of secrets) assert.notInclude(text, secret)
    }).pipe(provide())
  )
})
