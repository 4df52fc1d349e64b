/**
 * Doubt marks: files in staging that outlive a crash.
 *
 * While a version has no sidecar yet, its bytes may be those of the old or the new plugin. The mark
 * prevents processes from guessing an identity.
 */
import { Effect } from "effect"
import type * as PluginId from "../../PluginId.ts"
import type { Context } from "./changes.ts"
import { doubtPrefix } from "./staging.ts"
import type { StagingFolder } from "./stagingFolder.ts"

/** An empty file gets the mode that the umask allows. */
export const emptyFile = { mode: 0o666, exactMode: false }

export type Doubts = ReturnType<typeof make>

export const make = (
  { disk, home, path, reader }: Context,
  { ensureFolder, syncStaging }: Pick<StagingFolder, "ensureFolder" | "syncStaging">
) => {
  const markOf = (pluginId: PluginId.PluginId) =>
    path.join(home.staging, `${doubtPrefix}${pluginId}`)

  const markInDoubt = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    yield* ensureFolder(home.staging)
    yield* disk
      .createFile(markOf(pluginId), new Uint8Array(), emptyFile)
      .pipe(Effect.catchReason("PlatformError", "AlreadyExists", () => Effect.void))
    yield* syncStaging
  })

  // The next pass sweeps a mark that cannot be removed.
  const unmark = (pluginId: PluginId.PluginId) => Effect.ignore(disk.remove(markOf(pluginId)))

  /** Removes the mark once the change that ends the doubt is durable. */
  const settleDoubt = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    const baseRoot = reader.baseRootOf(pluginId)
    yield* disk.syncDirectory(baseRoot)
    yield* disk.syncDirectory(path.dirname(baseRoot))
    yield* unmark(pluginId)
  })

  return { markInDoubt, unmark, settleDoubt }
}
