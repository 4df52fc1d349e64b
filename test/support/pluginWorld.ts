/**
 * A Codex home and its account without network and archives. Every file of a plugin names its plugin,
 * version and owner, so that a test can compare an identity with the files.
 */
import {
  Context,
  type Duration,
  Effect,
  FileSystem,
  Option,
  Path,
  type PlatformError,
  Result,
  type Scope
} from "effect"
import * as CacheLock from "../../src/CacheLock.ts"
import * as CodexHome from "../../src/CodexHome.ts"
import * as FolderWriter from "../../src/internal/bundle/folderWriter.ts"
import * as Disk from "../../src/internal/disk/Disk.ts"
import * as PluginId from "../../src/PluginId.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import * as PluginSync from "../../src/PluginSync.ts"
import * as PluginVersion from "../../src/PluginVersion.ts"
import * as RemoteBundle from "../../src/RemoteBundle.ts"
import * as RemoteCatalog from "../../src/RemoteCatalog.ts"
import * as RemotePlugin from "../../src/RemotePlugin.ts"
import * as RemotePluginId from "../../src/RemotePluginId.ts"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { installed as rows, type Row, row } from "./snapshots.ts"
import { cacheOf, stagingOf } from "./homePaths.ts"

/** One version of a plugin by one owner. A plugin without an owner was made on this machine. */
export interface Build {
  readonly name: string
  readonly version: string
  readonly owner: string | null
}

export const build = (owner: string | null, version: string, name = "alpha"): Build => ({
  name,
  version,
  owner
})

export const remoteId = (owner: string): RemotePluginId.RemotePluginId =>
  RemotePluginId.RemotePluginId.make(`plugins~Plugin_${owner}`)

export const marketplace = RemotePlugin.marketplaces.curated

export const pluginId = (name: string): PluginId.PluginId =>
  PluginId.make(PluginId.PluginName.make(name), marketplace)

export const versionOf = (build: Build): PluginVersion.PluginVersion =>
  PluginVersion.PluginVersion.make(build.version)

// --- a plugin's files ----------------------------------------------------------------------------

const utf8 = new TextEncoder()

/** Files by path below the version's folder. */
export type Files = Readonly<Record<string, { readonly mode: number; readonly bytes: Uint8Array }>>

const file = (text: string, mode = 0o644) => ({ mode, bytes: utf8.encode(text) })

/**
 * The files of a build. The manifest has the bytes that Codex writes for a curated marketplace. The
 * manifest of the version `local` has no version.
 */
export const filesOf = (build: Build): Files => {
  const key = `${build.owner} ${build.version} ${build.name}`
  let files = known.get(key)
  if (files === undefined) known.set(key, (files = makeFiles(build)))
  return files
}

const known = new Map<string, Files>()

const makeFiles = ({ name, owner, version }: Build): Files => {
  const maker = `${name} ${version} of ${owner ?? "this machine"}\n`
  return {
    ".codex-plugin/plugin.json": file(
      `${JSON.stringify(
        { name, ...(version === "local" ? {} : { version }), description: maker },
        null,
        2
      )}\n`
    ),
    "bin/run": file(`#!/bin/sh\necho ${maker}`, 0o755),
    "skills/hello/SKILL.md": file(maker)
  }
}

/** Writes the files of a build to a new folder and syncs them, as the extraction of a bundle does. */
export const layOut: (
  build: Build,
  folder: string
) => Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =
  Effect.fnUntraced(function* (build, folder) {
    const writer = yield* FolderWriter.make(yield* Disk.make, yield* Path.Path, folder)
    const files = Object.entries(filesOf(build))
    const folders = new Set(
      files.flatMap(([path]) => {
        const parts = path.split("/").slice(0, -1)
        return parts.map((_, depth) => parts.slice(0, depth + 1).join("/"))
      })
    )
    yield* writer.create([
      ...Array.from(folders, (path) => ({ _tag: "Directory" as const, path })),
      ...files.map(([path, { bytes: content, mode }]) => ({
        _tag: "File" as const,
        path,
        mode,
        content
      }))
    ])
    yield* writer.sync
  }, Effect.scoped)

const posix = Effect.runSync(Effect.provide(Path.Path, Path.layer))

// --- services ------------------------------------------------------------------------------------

export type Services =
  | FileSystem.FileSystem
  | Path.Path
  | CodexHome.CodexHome
  | CacheLock.CacheLock
  | RemoteCatalog.RemoteCatalog
  | RemoteBundle.RemoteBundle
  | PluginStore.PluginStore
  | PluginSync.PluginSync

export const root = "/home"

const home = CodexHome.CodexHome.of({
  root,
  cache: cacheOf(root),
  staging: stagingOf(root),
  settings: Effect.succeed({ baseUrl: "https://chatgpt.com/backend-api", pluginsEnabled: true }),
  credentials: Effect.die("credentials are not read")
})

const rowOf = ({ name, owner, version }: Build): Row => ({
  id: remoteId(owner ?? "nobody"),
  name,
  release: { version }
})

const unasked = () => Effect.die("a pass asks for the listing and for bundles alone")

/** The build that a row offers. */
const offered = (plugin: RemotePlugin.RemotePlugin): Build => {
  const owner = plugin.remotePluginId.slice(remoteId("").length)
  return build(
    owner === "nobody" ? null : owner,
    Result.getOrThrow(RemotePlugin.version(plugin)),
    PluginId.name(plugin.pluginId)
  )
}

/** The parts of a process that processes in one test may share. */
interface ProcessOptions {
  readonly retention?: Duration.Duration | undefined
  /** Default: a lock that no other process of the test shares. */
  readonly lock?: CacheLock.CacheLock["Service"] | undefined
}

/** The store of a new process on the home at {@link root}, with the services that it uses. */
export const openStore = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  { lock }: ProcessOptions = {}
) {
  const ground = Context.make(FileSystem.FileSystem, fs).pipe(
    Context.add(Path.Path, posix),
    Context.add(CodexHome.CodexHome, home),
    Context.add(CacheLock.CacheLock, lock ?? (yield* CacheLock.makeInProcess))
  )
  return Context.add(
    ground,
    PluginStore.PluginStore,
    yield* Effect.provideContext(PluginStore.make, ground)
  )
})

/**
 * The services of a new process on the home at {@link root}, whose account has these plugins. A function is
 * called for each listing.
 */
export const open = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  builds: ReadonlyArray<Build> | (() => ReadonlyArray<Build>) = [],
  options: ProcessOptions = {}
): Effect.fn.Return<Context.Context<Services>, never, Scope.Scope> {
  const { retention = PluginSync.defaultRetention } = options
  const withStore = yield* openStore(fs, options)
  const catalog = RemoteCatalog.RemoteCatalog.of({
    installed: Effect.sync(() => {
      const listed = typeof builds === "function" ? builds() : builds
      return rows(...listed.map((build) => row(rowOf(build))))
    }),
    current: Effect.succeedNone,
    available: unasked,
    featured: Effect.suspend(unasked),
    read: unasked,
    install: unasked,
    uninstall: unasked
  })
  const bundles = RemoteBundle.RemoteBundle.of({
    install: (plugin, options) => {
      const wanted = offered(plugin)
      return stage(wanted, options).pipe(
        Effect.as(versionOf(wanted)),
        Effect.provideContext(withStore),
        Effect.catchTag(
          "PlatformError",
          (cause) =>
            new RemoteBundle.RemoteBundleError({
              ...plugin,
              url: null,
              reason: { _tag: "FileSystem", cause }
            })
        )
      )
    },
    checkOut: unasked
  })
  const services = withStore.pipe(
    Context.add(RemoteCatalog.RemoteCatalog, catalog),
    Context.add(RemoteBundle.RemoteBundle, bundles)
  )
  return Context.add(
    services,
    PluginSync.PluginSync,
    yield* Effect.provideContext(PluginSync.make({ retention }), services)
  )
})

/** Installs a build in the way of a downloaded bundle. */
export const stage = Effect.fnUntraced(function* (
  build: Build,
  { expected }: PluginStore.ExpectOptions = {}
) {
  const store = yield* PluginStore.PluginStore
  const staged = store.installStaged(
    (root) =>
      Effect.as(layOut(build, root), {
        pluginId: pluginId(build.name),
        version: versionOf(build),
        remotePluginId: build.owner === null ? null : remoteId(build.owner)
      }),
    { expected }
  )
  yield* store.claimed(pluginId(build.name), staged, { expected })
})

/** The defect that ends a pass which would repeat another one. */
class Repetition extends Error {
  override readonly message = "the pass would repeat another one"
}

/** One pass of a new process for an account with these plugins. */
export const pass = (
  disk: Pick<MemoryFileSystem.MemoryDisk, "fileSystem">,
  installed: ReadonlyArray<Build> | (() => ReadonlyArray<Build>),
  retention?: Duration.Duration
): Effect.Effect<PluginSync.SyncOutcome, PluginSync.SyncError> =>
  Effect.flatMap(
    open(disk.fileSystem, installed, { retention }),
    (services) => Context.get(services, PluginSync.PluginSync).sync
  ).pipe(Effect.scoped, Effect.withTracerEnabled(false))

/**
 * The same pass, but it ends at its request for the listing unless `isNew` is true for its disk. Before that
 * request, a pass has swept staging and read the cache, so its further course depends only on the disk and
 * the account. Returns none for a pass that ended there.
 */
export const passOnNew = (
  isNew: (disk: MemoryFileSystem.MemoryDisk) => boolean,
  disk: MemoryFileSystem.MemoryDisk,
  installed: ReadonlyArray<Build>,
  retention?: Duration.Duration
): Effect.Effect<Option.Option<PluginSync.SyncOutcome>, PluginSync.SyncError> => {
  let isAsked = false
  const listed = () => {
    if (!isAsked && !isNew(disk)) throw new Repetition()
    isAsked = true
    return installed
  }
  return Effect.catchDefect(Effect.map(pass(disk, listed, retention), Option.some), (defect) =>
    defect instanceof Repetition ? Effect.succeedNone : Effect.die(defect)
  )
}
