/**
 * The true content of a cache, read from the disk's own snapshot and not with the code under test.
 */
import { Array as Arr, Context, Effect, Option, Schema } from "effect"
import { basename, dirname } from "node:path/posix"
import { isDeepStrictEqual } from "node:util"
import * as InstallMetadata from "../../src/InstallMetadata.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import * as PluginVersion from "../../src/PluginVersion.ts"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { readerFingerprint } from "./fingerprints.ts"
import {
  type Build,
  build,
  type Files,
  filesOf,
  openStore,
  pluginId,
  remoteId,
  root
} from "./pluginWorld.ts"
import { cacheOf, stagingOf } from "./homePaths.ts"

export const cacheRoot = cacheOf(root)
export const stagingRoot = stagingOf(root)

/** The folder of one plugin in the cache. */
export interface PluginFolder {
  readonly name: string
  /** By name; undefined if the files are not exactly those of one build. */
  readonly versions: ReadonlyMap<string, Build | undefined>
  /** The version that readers choose. */
  readonly active: string | undefined
  /** The owner that the sidecar names; undefined without a sidecar, null if it is invalid. */
  readonly sidecar: string | null | undefined
}

export interface CacheContents {
  readonly plugins: ReadonlyArray<PluginFolder>
  /** Entries of the cache that are no version, sidecar, plugin folder or marketplace. */
  readonly unexpected: ReadonlyArray<string>
  /** The entries of staging. */
  readonly staged: ReadonlyArray<string>
}

/** The builds that a cache may contain. */
export interface KnownBuilds {
  readonly ownersOf: (name: string) => ReadonlyArray<Build["owner"]>
  readonly filesOf: (build: Build) => Files
}

const knownBuilds: KnownBuilds = { ownersOf: () => ["A", "B", "C", null], filesOf }
const text = new TextDecoder()
const isVersion = Schema.is(PluginVersion.PluginVersion)

interface Child {
  readonly name: string
  readonly path: string
  readonly entry: MemoryFileSystem.Entry
}

/** The entries of each folder of a snapshot, by the folder's path. */
type Children = ReadonlyMap<string, ReadonlyArray<Child>>

const childrenOf = (snapshot: MemoryFileSystem.Snapshot): Children =>
  Map.groupBy(
    Object.entries(snapshot).map(([path, entry]) => ({ name: basename(path), path, entry })),
    ({ path }) => dirname(path)
  )

const below = (children: Children, folder: string): ReadonlyArray<Child> =>
  children.get(folder) ?? []

/** Everything below a folder except folders, by path with the prefix `above`. */
const filesBelow = (children: Children, folder: string, above: string): Array<[string, unknown]> =>
  below(children, folder).flatMap(({ name, path, entry }) =>
    entry.type === "Directory"
      ? filesBelow(children, path, `${above}${name}/`)
      : [[above + name, entry.type === "File" ? { mode: entry.mode, bytes: entry.bytes } : entry]]
  )

const buildOf = (
  children: Children,
  { filesOf, ownersOf }: KnownBuilds,
  versionRoot: string,
  name: string,
  version: string
): Build | undefined => {
  const files = Object.fromEntries(filesBelow(children, versionRoot, ""))
  return ownersOf(name)
    .map((owner) => build(owner, version, name))
    .find((candidate) => isDeepStrictEqual(filesOf(candidate), files))
}

const sidecarOf = (
  entry: MemoryFileSystem.Entry | undefined,
  owners: ReadonlyArray<Build["owner"]>
): PluginFolder["sidecar"] => {
  if (entry === undefined) return undefined
  if (entry.type !== "File" || entry.mode !== 0o600) return null
  const contents = text.decode(entry.bytes)
  return (
    Arr.getSomes(owners.map(Option.fromNullishOr)).find(
      (owner) => InstallMetadata.encode(remoteId(owner)) === contents
    ) ?? null
  )
}

/** A disk in memory, or one that has no inodes in memory. */
type AnyDisk = Pick<MemoryFileSystem.MemoryDisk, "fileSystem" | "snapshot"> & {
  readonly inode?: MemoryFileSystem.MemoryDisk["inode"]
}

export const read = (disk: AnyDisk): CacheContents =>
  readSnapshot(disk.snapshot(`${root}/plugins`), knownBuilds)

/** The contents of any disk, from its snapshot of a home at {@link root}. */
export const readSnapshot = (
  snapshot: MemoryFileSystem.Snapshot,
  knownBuilds: KnownBuilds
): CacheContents => {
  const plugins: Array<PluginFolder> = []
  const unexpected: Array<string> = []
  const children = childrenOf(snapshot)
  for (const { entry, path } of below(children, cacheRoot)) {
    if (entry.type !== "Directory") unexpected.push(path)
    for (const { entry, name, path: baseRoot } of below(children, path)) {
      if (entry.type !== "Directory") {
        unexpected.push(baseRoot)
        continue
      }
      const versions = new Map<string, Build | undefined>()
      for (const child of below(children, baseRoot)) {
        if (child.entry.type === "Directory" && isVersion(child.name)) {
          versions.set(child.name, buildOf(children, knownBuilds, child.path, name, child.name))
        } else if (child.name !== InstallMetadata.fileName) unexpected.push(child.path)
      }
      const sidecar = sidecarOf(
        snapshot[`${baseRoot}/${InstallMetadata.fileName}`],
        knownBuilds.ownersOf(name)
      )
      const active = Option.getOrUndefined(
        PluginVersion.active(
          [...versions.keys()].map((name) => PluginVersion.PluginVersion.make(name))
        )
      )
      plugins.push({ name, versions, active, sidecar })
    }
  }
  return { plugins, unexpected, staged: below(children, stagingRoot).map(({ name }) => name) }
}

/** A plugin's active build as `owner/version`, `absent` without one, or `incomplete`. */
export const activeOf = ({ plugins }: CacheContents, name = "alpha"): string => {
  const folder = plugins.find((plugin) => plugin.name === name)
  if (folder?.active === undefined) return "absent"
  const active = folder.versions.get(folder.active)
  return active === undefined ? "incomplete" : `${active.owner}/${active.version}`
}

/** A message for each version that is incomplete. */
export const incomplete = ({ plugins }: CacheContents): ReadonlyArray<string> =>
  plugins.flatMap(({ name, versions }) =>
    [...versions].flatMap(([version, build]) =>
      build === undefined ? [`${name} ${version} is incomplete`] : []
    )
  )

/** A message for each sidecar that is invalid or names another owner than that of the active version. */
export const wrongSidecars = ({ plugins }: CacheContents): ReadonlyArray<string> =>
  plugins.flatMap(({ active, name, sidecar, versions }) => {
    if (sidecar === null) return [`the sidecar of ${name} is invalid`]
    const build = active === undefined ? undefined : versions.get(active)
    return sidecar === undefined || build === undefined || sidecar === build.owner
      ? []
      : [`the sidecar of ${name} names ${sidecar}, but its files belong to ${build.owner}`]
  })

/** A message for each broken guarantee that must hold at every moment. */
export const violations = (contents: CacheContents): ReadonlyArray<string> => [
  ...contents.unexpected.map((path) => `${path} does not belong in the cache`),
  ...incomplete(contents),
  ...wrongSidecars(contents)
]

/** The plugins on a disk as a new process lists them that only reads. */
export const readerAnswer = Effect.fnUntraced(
  function* (disk: AnyDisk) {
    const store = Context.get(yield* openStore(disk.fileSystem), PluginStore.PluginStore)
    const list = yield* Effect.orDie(store.list)
    return yield* Effect.forEach(list, ({ active, identity, intact, pluginId, versions }) =>
      Effect.map(Effect.option(store.remotePluginId(pluginId)), (id) => ({
        pluginId,
        versions: versions.toSorted(),
        active: Option.getOrUndefined(active),
        intact,
        identity: identity._tag === "Known" ? identity.remotePluginId : undefined,
        remotePluginId: Option.getOrUndefined(Option.flatten(id))
      }))
    )
  },
  Effect.scoped,
  Effect.withTracerEnabled(false)
)

type ReaderAnswer = Effect.Success<ReturnType<typeof readerAnswer>>

/** The answer depends only on the entries that a reader reads, so it is kept by their fingerprint. */
const answers = new Map<string, ReaderAnswer>()

const keptAnswer = Effect.fnUntraced(function* (disk: AnyDisk) {
  if (disk.inode === undefined) return yield* readerAnswer(disk)
  const key = readerFingerprint({ inode: disk.inode })
  const answer = answers.get(key) ?? (yield* readerAnswer(disk))
  answers.set(key, answer)
  return answer
})

/** A message if a new process that only reads gives a wrong answer. */
export const readerMistakes = Effect.fnUntraced(function* (disk: AnyDisk, contents: CacheContents) {
  const answer = yield* keptAnswer(disk)
  const expected = contents.plugins
    .map(({ active, name, sidecar, versions }) => {
      const identity = sidecar === undefined || sidecar === null ? undefined : remoteId(sidecar)
      return {
        pluginId: pluginId(name),
        versions: [...versions.keys()].toSorted(),
        active,
        intact: active !== undefined && versions.get(active) !== undefined,
        identity,
        remotePluginId: active === undefined ? undefined : identity
      }
    })
    .toSorted((left, right) => (left.pluginId < right.pluginId ? -1 : 1))
  return isDeepStrictEqual(answer, expected)
    ? []
    : [`a reader reports ${JSON.stringify(answer)}, expected ${JSON.stringify(expected)}`]
})

/**
 * A message for each difference between a home without running processes and one that has exactly these
 * plugins, their identities, and no leftovers.
 */
export const differences = Effect.fnUntraced(function* (
  disk: AnyDisk,
  wanted: ReadonlyArray<Build>
) {
  const contents = read(disk)
  const actual = contents.plugins.map(
    ({ name, sidecar, versions, active = "none" }) =>
      `${name} ${active} of ${versions.get(active)?.owner}, labelled ${sidecar}`
  )
  const expected = wanted.map(
    ({ name, owner, version }) => `${name} ${version} of ${owner}, labelled ${owner}`
  )
  return [
    ...violations(contents),
    ...(yield* readerMistakes(disk, contents)),
    ...contents.staged.map((name) => `${name} is left in staging`),
    ...Arr.difference(actual, expected).map((plugin) => `${plugin} is unexpected`),
    ...Arr.difference(expected, actual).map((plugin) => `${plugin} is missing`)
  ]
})
