/**
 * The repairs of the doctor. They run under the lock and touch nothing that a live process may use.
 */
import { Clock, Duration, Effect } from "effect"
import * as PluginStore from "../../PluginStore.ts"
import type * as Disk from "../disk/Disk.ts"
import * as manifestFile from "../bundle/manifestFile.ts"
import * as diskChecks from "./diskChecks.ts"

/** Only an intact plugin is restored. */
const isIntact = Effect.fnUntraced(function* (
  disk: diskChecks.Disk,
  files: Disk.Disk,
  source: string
) {
  const { fs, path } = disk
  const name = path.basename(source)
  const entries = yield* fs.readDirectoryEntries(source).pipe(Effect.orElseSucceed(() => []))
  const versions = entries.filter(({ type }) => type === "Directory")
  const intact = yield* Effect.filter(versions, ({ name: version }) =>
    Effect.isSuccess(manifestFile.read(files, path, path.join(source, version), name))
  )
  return intact.length > 0
})

/** Restores backups that hold the only copy, then removes old leftovers. Lists what it did. */
export const run = Effect.fnUntraced(function* (
  disk: diskChecks.Disk,
  files: Disk.Disk,
  store: PluginStore.PluginStore["Service"]
) {
  const { fs, path } = disk
  const done: Array<string> = []
  const emptied = new Set<string>()
  const now = yield* Clock.currentTimeMillis
  // A younger backup may belong to a Codex that is just replacing the plugin.
  const isOld = ({ modifiedAt }: diskChecks.Backup) =>
    now - modifiedAt >= Duration.toMillis(PluginStore.foreignLeftoverAge)

  for (const backup of (yield* diskChecks.backupsOf(disk)).filter(isOld)) {
    if (!backup.isOnlyCopy || !(yield* isIntact(disk, files, backup.source))) continue
    // Version and sidecar come back in one rename, so the identity is the one that was there.
    const isRestored = yield* Effect.isSuccess(fs.rename(backup.source, backup.target))
    if (!isRestored) continue
    done.push(`restored ${backup.target}`)
    emptied.add(backup.folder)
  }

  const cached = yield* store.list
  for (const { folder } of (yield* diskChecks.backupsOf(disk)).filter(
    (backup) => isOld(backup) && !backup.isOnlyCopy
  )) {
    const pluginId = `${path.basename(folder)}@${path.basename(path.dirname(folder))}`
    const target = cached.find((plugin) => plugin.pluginId === pluginId)
    if (target !== undefined && (yield* store.remove(target))) done.push(`removed ${folder}`)
  }
  for (const plugin of yield* store.list) {
    const folder = path.dirname(store.sidecarPath(plugin.pluginId))
    if (!emptied.has(folder)) continue
    const entries = yield* fs.readDirectory(folder).pipe(Effect.orElseSucceed(() => [""]))
    if (entries.length === 0 && (yield* store.remove(plugin))) done.push(`removed ${folder}`)
  }
  yield* store.sweep
  return done
})
