/**
 * Doubt marks: files in staging that outlive a crash.
 *
 * While a version has no sidecar yet, its bytes may be the old or the new plugin's. The mark keeps
 * every process from guessing an identity.
 */
import { Effect } from "effect"
import type * as PluginId from "../../PluginId.ts"
import type { Context } from "./changes.ts"
import { doubtPrefix } from "./staging.ts"
import type { StagingFolder } from "./stagingFolder.ts"

/** An empty file of ours gets the mode that the umask leaves. */
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

  // A mark that stays is swept by the next pass.
  const unmark = (pluginId: PluginId.PluginId) => Effect.ignore(disk.remove(markOf(pluginId)))

  /** Takes the mark away once what ended the doubt is durable. */
  const settleDoubt = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    const baseRoot = reader.baseRootOf(pluginId)
    yield* disk.syncDirectory(baseRoot)
    yield* disk.syncDirectory(path.dirname(baseRoot))
    yield* unmark(pluginId)
  })

  return { markInDoubt, unmark, settleDoubt }
}
