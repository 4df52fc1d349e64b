/**
 * Installs many plugins that the cache does not have, such as those of a seed.
 *
 * A plugin without a base root has no old version, so it needs none of the careful steps of an
 * activation. Each base root is prepared in staging, complete and synced, and put in place with one
 * rename. So all of them share one staging folder, one hold of the lock for their claims and one
 * for their renames.
 */
import { Effect, type FileSystem } from "effect"
import { folderMode } from "../disk/Disk.ts"
import { isNotFound } from "../platformError.ts"
import type * as CacheLock from "../../CacheLock.ts"
import * as InstallMetadata from "../../InstallMetadata.ts"
import type * as PluginId from "../../PluginId.ts"
import type { PluginVersion } from "../../PluginVersion.ts"
import type { RemotePluginId } from "../../RemotePluginId.ts"
import type { Changes, Context } from "./changes.ts"
import type * as Claims from "./claims.ts"
import type { NewEntry } from "../disk/Disk.ts"
import * as Reads from "../disk/reads.ts"
import { utf8 } from "./sidecars.ts"
import { doubtPrefix } from "./staging.ts"
import { explain } from "./storeError.ts"

/** A plugin to install. */
interface NewPlugin {
  readonly pluginId: PluginId.PluginId
  readonly version: PluginVersion
  /** Null for a local install, which has no identity. */
  readonly remotePluginId: RemotePluginId | null
}

/** A plugin and the folder that will become its version. */
interface Staging<A extends NewPlugin> {
  readonly plugin: A
  /** The folder does not exist, but its parent does. */
  readonly root: string
}

/**
 * Writes and syncs the folders of plugins, and returns the plugins that it has written. The others
 * are not installed.
 */
type Stage<A extends NewPlugin, E, R> = (
  plugins: ReadonlyArray<Staging<A>>
) => Effect.Effect<ReadonlyArray<Staging<A>>, E, R>

const noEntries: ReadonlyArray<FileSystem.DirectoryEntry> = []

/** The preparation of plugins in staging. */
const makePreparation = ({ disk, home, path, reader }: Context) => {
  /** The plugins that need no more than a new base root. A plugin in doubt needs more. */
  const placeable = <A extends NewPlugin>(plugins: ReadonlyArray<A>) =>
    disk.runReads(function* (): Reads.Reads<ReadonlyArray<A>> {
      const names = yield* Reads.recover(Reads.entries(home.staging), isNotFound, noEntries)
      const staged = new Set(names.map(({ name }) => name))
      const found: Array<A> = []
      for (const plugin of plugins) {
        if (staged.has(`${doubtPrefix}${plugin.pluginId}`)) continue
        const baseRoot = yield* Reads.lstat(reader.baseRootOf(plugin.pluginId))
        if (baseRoot === undefined) found.push(plugin)
      }
      return found
    })

  const baseRootIn = (folder: string, nth: number) => path.join(folder, `base-root-${nth}`)

  /**
   * Makes the base roots with their sidecars. Their names are synced later, together with the
   * versions.
   */
  const prepare = (folder: string, plugins: ReadonlyArray<NewPlugin>) =>
    disk.createAll(
      plugins.flatMap(({ remotePluginId }, nth): ReadonlyArray<NewEntry> => {
        const baseRoot = baseRootIn(folder, nth)
        return [
          { _tag: "Folder", path: baseRoot, mode: folderMode },
          ...(remotePluginId === null
            ? []
            : [
                {
                  _tag: "File" as const,
                  path: reader.sidecarOf(baseRoot),
                  mode: InstallMetadata.fileMode,
                  contents: utf8.encode(InstallMetadata.encode(remotePluginId))
                }
              ])
        ]
      })
    )

  return { baseRootIn, placeable, prepare }
}

export const make = (
  context: Context,
  changes: Changes,
  claims: ReturnType<typeof Claims.make>,
  lock: CacheLock.CacheLock["Service"]
) => {
  const { disk, path, reader } = context
  const { baseRootIn, placeable, prepare } = makePreparation(context)

  /**
   * Moves each base root into the cache, unless somebody else has made one meanwhile. Returns the
   * plugins.
   */
  const place = Effect.fnUntraced(function* <A extends NewPlugin>(
    staged: ReadonlyArray<Staging<A>>
  ) {
    const free = new Set(yield* placeable(staged.map(({ plugin }) => plugin)))
    const marketplaces = new Set<string>()
    const placed: Array<A> = []
    for (const { plugin, root } of staged) {
      if (!free.has(plugin)) continue
      const baseRoot = reader.baseRootOf(plugin.pluginId)
      const marketplace = path.dirname(baseRoot)
      // A plugin that fails, for example because its base root has just been created, is left out.
      yield* (marketplaces.has(marketplace) ? Effect.void : changes.ensureFolder(marketplace)).pipe(
        Effect.andThen(changes.rename(path.dirname(root), baseRoot)),
        Effect.match({
          onFailure: () => {},
          onSuccess: () => {
            marketplaces.add(marketplace)
            placed.push(plugin)
          }
        })
      )
    }
    yield* disk.syncDirectories([...marketplaces])
    return placed
  })

  const installIn = Effect.fnUntraced(function* <A extends NewPlugin, E, R>(
    folder: string,
    plugins: ReadonlyArray<A>,
    stage: Stage<A, E, R>
  ) {
    const explained = explain("stage plugins", null)
    yield* explained(prepare(folder, plugins))
    const staged = yield* stage(
      plugins.map((plugin, nth) => ({
        plugin,
        root: path.join(baseRootIn(folder, nth), plugin.version)
      }))
    )
    yield* explained(disk.syncDirectories(staged.map(({ root }) => path.dirname(root))))
    return yield* place(staged).pipe(
      Effect.uninterruptible,
      lock.internals.commit,
      explain("install plugins", null)
    )
  })

  /**
   * Installs plugins that the cache does not have, and returns those that it has installed. It
   * leaves out each plugin that has a base root or a mark of doubt, and each that another caller is
   * installing.
   */
  return <A extends NewPlugin, E, R>(plugins: ReadonlyArray<A>, stage: Stage<A, E, R>) =>
    Effect.gen(function* () {
      const candidates = yield* explain("install plugins", null)(placeable(plugins))
      if (candidates.length === 0) return []
      yield* lock.internals.session
      return yield* claims.holdFree(candidates, (free) =>
        free.length === 0
          ? Effect.succeed([])
          : Effect.acquireUseRelease(
              explain("stage plugins", null)(changes.makeStageFolder),
              (folder) => installIn(folder.path, free, stage),
              (folder) => folder.remove
            )
      )
    }).pipe(
      Effect.scoped,
      Effect.tap(({ length }) => Effect.annotateCurrentSpan({ installed: length })),
      Effect.withSpan("PluginStore.installNew", { attributes: { plugins: plugins.length } })
    )
}
