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
import { readable } from "./fingerprints.ts"
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

export const cacheRoot = `${root}/plugins/cache`
export const stagingRoot = `${root}/plugins/.remote-plugin-install-staging`

/** One plugin's base root. */
export interface Standing {
  readonly name: string
  /** By name; undefined where the files are not those of one build. */
  readonly versions: ReadonlyMap<string, Build | undefined>
  /** The one that readers take. */
  readonly active: string | undefined
  /** Whose name it bears; undefined without a sidecar, null where it is no exact one. */
  readonly sidecar: string | null | undefined
}

export interface Truth {
  readonly plugins: ReadonlyArray<Standing>
  /** Entries of the cache that are no version, sidecar, base root or marketplace. */
  readonly strangers: ReadonlyArray<string>
  /** The entries of staging. */
  readonly staged: ReadonlyArray<string>
}

/** Who may have made the plugins of a cache, and what is in them. */
export interface Makers {
  readonly ownersOf: (name: string) => ReadonlyArray<Build["owner"]>
  readonly filesOf: (build: Build) => Files
}

const makers: Makers = { ownersOf: () => ["A", "B", "C", null], filesOf }
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

/** What is at and below a folder that is no folder itself, by path below `above`. */
const leaves = (children: Children, folder: string, above: string): Array<[string, unknown]> =>
  below(children, folder).flatMap(({ name, path, entry }) =>
    entry.type === "Directory"
      ? leaves(children, path, `${above}${name}/`)
      : [[above + name, entry.type === "File" ? { mode: entry.mode, bytes: entry.bytes } : entry]]
  )

const buildOf = (
  children: Children,
  { filesOf, ownersOf }: Makers,
  versionRoot: string,
  name: string,
  version: string
): Build | undefined => {
  const files = Object.fromEntries(leaves(children, versionRoot, ""))
  return ownersOf(name)
    .map((owner) => build(owner, version, name))
    .find((candidate) => isDeepStrictEqual(filesOf(candidate), files))
}

const sidecarOf = (
  entry: MemoryFileSystem.Entry | undefined,
  owners: ReadonlyArray<Build["owner"]>
): Standing["sidecar"] => {
  if (entry === undefined) return undefined
  if (entry.type !== "File" || entry.mode !== 0o600) return null
  const contents = text.decode(entry.bytes)
  return (
    Arr.getSomes(owners.map(Option.fromNullishOr)).find(
      (owner) => InstallMetadata.encode(remoteId(owner)) === contents
    ) ?? null
  )
}

export const read = (disk: MemoryFileSystem.MemoryDisk): Truth =>
  readSnapshot(disk.snapshot(`${root}/plugins`), makers)

/** The same of any disk's snapshot of a home at {@link root}. */
export const readSnapshot = (snapshot: MemoryFileSystem.Snapshot, makers: Makers): Truth => {
  const plugins: Array<Standing> = []
  const strangers: Array<string> = []
  const children = childrenOf(snapshot)
  for (const { entry, path } of below(children, cacheRoot)) {
    if (entry.type !== "Directory") strangers.push(path)
    for (const { entry, name, path: baseRoot } of below(children, path)) {
      if (entry.type !== "Directory") {
        strangers.push(baseRoot)
        continue
      }
      const versions = new Map<string, Build | undefined>()
      for (const child of below(children, baseRoot)) {
        if (child.entry.type === "Directory" && isVersion(child.name)) {
          versions.set(child.name, buildOf(children, makers, child.path, name, child.name))
        } else if (child.name !== InstallMetadata.fileName) strangers.push(child.path)
      }
      const sidecar = sidecarOf(
        snapshot[`${baseRoot}/${InstallMetadata.fileName}`],
        makers.ownersOf(name)
      )
      const active = Option.getOrUndefined(
        PluginVersion.active(
          [...versions.keys()].map((name) => PluginVersion.PluginVersion.make(name))
        )
      )
      plugins.push({ name, versions, active, sidecar })
    }
  }
  return { plugins, strangers, staged: below(children, stagingRoot).map(({ name }) => name) }
}

/** A plugin's active build as `owner/version`; `absent` without one, `torn` where it is no whole one. */
export const activeOf = ({ plugins }: Truth, name = "alpha"): string => {
  const standing = plugins.find((plugin) => plugin.name === name)
  if (standing?.active === undefined) return "absent"
  const active = standing.versions.get(standing.active)
  return active === undefined ? "torn" : `${active.owner}/${active.version}`
}

/** Versions that are not whole, in words. */
export const torn = ({ plugins }: Truth): ReadonlyArray<string> =>
  plugins.flatMap(({ name, versions }) =>
    [...versions].flatMap(([version, build]) =>
      build === undefined ? [`${name} ${version} is not whole`] : []
    )
  )

/** Sidecars that are none, or name another than the owner of the active version, in words. */
export const misnamed = ({ plugins }: Truth): ReadonlyArray<string> =>
  plugins.flatMap(({ active, name, sidecar, versions }) => {
    if (sidecar === null) return [`the sidecar of ${name} is not one`]
    const build = active === undefined ? undefined : versions.get(active)
    return sidecar === undefined || build === undefined || sidecar === build.owner
      ? []
      : [`the sidecar of ${name} names ${sidecar}, the bytes are of ${build.owner}`]
  })

/** Broken promises, in words. They hold at every moment; empty if nothing is wrong. */
export const violations = (truth: Truth): ReadonlyArray<string> => [
  ...truth.strangers.map((path) => `${path} does not belong into the cache`),
  ...torn(truth),
  ...misnamed(truth)
]

/** What a new process that only reads says of the plugins on a disk. */
export const readings = Effect.fnUntraced(
  function* (disk: MemoryFileSystem.MemoryDisk) {
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

type Told = Effect.Success<ReturnType<typeof readings>>

/** It says the same of disks on which all that it looks at is the same, so one of them is asked. */
const told = new Map<string, Told>()

/** Wrong answers of a new process that only reads, in words. */
export const untruths = Effect.fnUntraced(function* (
  disk: MemoryFileSystem.MemoryDisk,
  truth: Truth
) {
  const key = readable(disk)
  const answer = told.get(key) ?? (yield* readings(disk))
  told.set(key, answer)
  const expected = truth.plugins
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
    : [`a reader says ${JSON.stringify(answer)}, but it is ${JSON.stringify(expected)}`]
})

/** How a home at rest differs from one that has these plugins, identities included, and no leftovers. */
export const differences = Effect.fnUntraced(function* (
  disk: MemoryFileSystem.MemoryDisk,
  wanted: ReadonlyArray<Build>
) {
  const truth = read(disk)
  const standing = truth.plugins.map(
    ({ name, sidecar, versions, active = "none" }) =>
      `${name} ${active} of ${versions.get(active)?.owner}, said to be of ${sidecar}`
  )
  const expected = wanted.map(
    ({ name, owner, version }) => `${name} ${version} of ${owner}, said to be of ${owner}`
  )
  return [
    ...violations(truth),
    ...(yield* untruths(disk, truth)),
    ...truth.staged.map((name) => `${name} is left in staging`),
    ...Arr.difference(standing, expected).map((plugin) => `${plugin} stands`),
    ...Arr.difference(expected, standing).map((plugin) => `${plugin} does not stand`)
  ]
})
