/**
 * The services and helpers that the tests of `RemoteBundle` share.
 */
import { assert } from "@effect/vitest"
import { Effect, Exit, type FileSystem, Layer, Option, Path, Result } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import * as BundleArchive from "../../src/BundleArchive.ts"
import * as CacheLock from "../../src/CacheLock.ts"
import * as CodexHome from "../../src/CodexHome.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import * as RemoteBundle from "../../src/RemoteBundle.ts"
import * as RemoteCatalog from "../../src/RemoteCatalog.ts"
import type { RemotePlugin } from "../../src/RemotePlugin.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestBundle from "../../src/testing/TestBundle.ts"
import type * as TestReply from "../../src/testing/TestReply.ts"
import { settle } from "./settle.ts"
import { remotePlugin } from "./snapshots.ts"
import { stagingOf } from "./homePaths.ts"

/** The folders of the home that an install writes to. */
export const cache = "/home/plugins/cache"
export const staging = stagingOf("/home")
export const alphaRoot = `${cache}/openai-curated-remote/alpha/1.0.0`

/** The manifest that Codex reads first. */
export const codex = ".codex-plugin/plugin.json"

/** The extraction that the program uses. */
export const archive = BundleArchive.layer

/** The services of a home of the test backend, with this extraction. */
export const servicesWith = (
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

/** The services of the program. */
export const services = servicesWith(archive)

/** The plugin of the account by default. */
export const alpha = TestBackend.plugin({ name: "alpha" })

/** Runs a test with an account of these plugins and a home in memory. */
export const provide = (
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
export const firstRow = Effect.gen(function* () {
  const catalog = yield* RemoteCatalog.RemoteCatalog
  const { rows } = yield* catalog.installed
  return Result.getOrThrow(rows[0]!)
})

/** Installs the account's first plugin. */
export const install = Effect.gen(function* () {
  const row = yield* firstRow
  return yield* (yield* RemoteBundle.RemoteBundle).install(row)
})

/** Extracts the account's first plugin into a folder outside the cache. */
export const checkOut = (directory: string) =>
  Effect.gen(function* () {
    const row = yield* firstRow
    return yield* (yield* RemoteBundle.RemoteBundle).checkOut(row, directory)
  })

/** Installs the plugin of a row that a test has made. */
export const installRow = (row: RemotePlugin) =>
  Effect.flatMap(RemoteBundle.RemoteBundle, (bundles) => bundles.install(row))

/** Sets the behaviour of the bundles' host. */
export const when = (...behaviours: ReadonlyArray<TestReply.Behaviour>) =>
  Effect.flatMap(TestBackend.TestBackend, (backend) =>
    backend.when({ kind: "bundle" }, ...behaviours)
  )

/** The requests for bundles so far. */
export const downloads = Effect.flatMap(TestBackend.TestBackend, (backend) =>
  backend.requests({ kind: "bundle" })
)

/** The error of a download that fails after all its waits. */
export const bundleError = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(settle(effect)), (error) => {
    assert.instanceOf(error, RemoteBundle.RemoteBundleError)
    return error
  })

/** Checks that a failed install has left no files. */
export const assertNothingLeft = Effect.gen(function* () {
  const { snapshot } = yield* MemoryFileSystem.Disk
  assert.deepStrictEqual(snapshot(cache), {})
  assert.deepStrictEqual(
    Object.keys(snapshot(staging)).filter((path) => path !== staging),
    []
  )
})

/** The content of a folder: text and mode of its files, by path. */
export const filesBelow = (root: string) =>
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

/** A client with these answers, and the URLs of its requests. */
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

/** Installs from a URL, and returns the requested URLs and the reason of a failure. */
export const installFrom = Effect.fnUntraced(function* (
  url: string,
  answer: (url: URL) => Response,
  allowLoopbackHttp = false
) {
  const { asked, layer } = yield* scripted(answer)
  const row = remotePlugin({ release: { bundle_download_url: url } })
  const exit = yield* installRow(row).pipe(
    Effect.exit,
    Effect.provide(
      servicesWith(archive, { allowLoopbackHttp }).pipe(
        Layer.provide(layer),
        Layer.provide([TestBackend.layer, Path.layer]),
        Layer.provide(MemoryFileSystem.layerWith({}))
      )
    )
  )
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  const reason = error?._tag === "RemoteBundleError" ? error.reason._tag : error?._tag
  return { asked, message: error?.message ?? "", reason }
})

/** The bytes of a valid bundle. */
export const bundle = Effect.orDie(TestBundle.tarGz(TestBundle.plugin({ name: "alpha" })))

/** An answer with these bytes. */
export const ok = (bytes: Uint8Array, headers?: Record<string, string>) =>
  new Response(bytes as Uint8Array<ArrayBuffer>, headers && { headers })
