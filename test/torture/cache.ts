/**
 * The cache of a home on a real disk, compared with the contents of its files.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { isDeepStrictEqual } from "node:util"
import * as CacheLock from "../../src/CacheLock.ts"
import * as CacheContents from "../support/cacheContents.ts"
import * as PluginWorld from "../support/pluginWorld.ts"
import { snapshotOf } from "../support/realDisk.ts"
import { knownBuilds, type RemoteBuild } from "./account.ts"

export interface Cache extends CacheContents.CacheContents {
  /** Entries beside cache and staging other than the lock. */
  readonly outside: ReadonlyArray<string>
}

const inHome = (home: string, path: string) =>
  Path.join(home, Path.relative(PluginWorld.root, path))

export const stagingOf = (home: string): string => inHome(home, CacheContents.stagingRoot)

export const marketplaceOf = (home: string): string =>
  Path.join(inHome(home, CacheContents.cacheRoot), PluginWorld.marketplace)

export const baseRootsOf = (home: string): ReadonlyArray<string> =>
  Fs.readdirSync(marketplaceOf(home)).map((name) => Path.join(marketplaceOf(home), name))

/** The content of a home while nobody changes it. */
export const read = (home: string): Cache => {
  const plugins = Path.join(home, "plugins")
  const snapshot = snapshotOf(plugins, Path.join(PluginWorld.root, "plugins"))
  const known = new Set([
    ...[CacheContents.cacheRoot, CacheContents.stagingRoot].map((path) => Path.basename(path)),
    CacheLock.fileName
  ])
  return {
    ...CacheContents.readSnapshot(snapshot, knownBuilds),
    outside: Fs.readdirSync(plugins).filter((name) => !known.has(name))
  }
}

export const pluginFolderOf = (
  cache: Cache,
  name: string
): CacheContents.PluginFolder | undefined => cache.plugins.find((plugin) => plugin.name === name)

/** The leftovers of processes that have ended. */
export const leftovers = ({
  outside,
  plugins,
  staged,
  unexpected
}: Cache): ReadonlyArray<string> => [
  ...staged.map((name) => `${name} in staging`),
  ...unexpected,
  ...plugins.filter(({ name }) => !isKnown(name)).map(({ name }) => `${name} in the cache`),
  ...outside.map((name) => `${name} beside the cache`)
]

const isKnown = (name: string) => /^(?:plugin|visitor)-\d+$/.test(name)

/** A message for each difference between the cache and the result of a complete pass. */
export const deviations = (
  cache: Cache,
  installed: ReadonlyMap<string, RemoteBuild>
): ReadonlyArray<string> => {
  const missing = [...installed].flatMap(([name, { owner, version }]) => {
    const sidecar = pluginFolderOf(cache, name)?.sidecar
    const active = CacheContents.activeOf(cache, name)
    return active === `${owner}/${version}` && sidecar === owner
      ? []
      : [`${name} is ${active}, labelled ${sidecar}; expected ${owner}/${version}`]
  })
  const stale = cache.plugins.flatMap(({ name }) =>
    installed.has(name) ? [] : [`${name} is cached, but not installed`]
  )
  return [...missing, ...stale]
}

/** The remote id that a reader must find. */
export const identityOf = (folder: CacheContents.PluginFolder | undefined): string | undefined =>
  folder?.active === undefined || typeof folder.sidecar !== "string"
    ? undefined
    : PluginWorld.remoteId(folder.sidecar)

interface Listed {
  readonly pluginId: string
  readonly version?: string
  readonly installed: boolean
  readonly source?: { readonly id?: string }
}

/** A message if `list --json` differs from the files. */
export const readerMistakes = (cache: Cache, stdout: string): ReadonlyArray<string> => {
  const { installed }: { readonly installed: ReadonlyArray<Listed> } = JSON.parse(stdout)
  const listed = installed.map(({ installed, pluginId, source, version }) => ({
    pluginId,
    version,
    installed,
    id: source?.id
  }))
  const expected = cache.plugins
    .map((plugin) => ({
      pluginId: PluginWorld.pluginId(plugin.name) as string,
      version: plugin.active,
      installed: plugin.active !== undefined,
      id: typeof plugin.sidecar === "string" ? PluginWorld.remoteId(plugin.sidecar) : undefined
    }))
    .toSorted((a, b) => (a.pluginId < b.pluginId ? -1 : 1))
  return isDeepStrictEqual(listed, expected)
    ? []
    : [`list prints ${JSON.stringify(listed)}, expected ${JSON.stringify(expected)}`]
}
