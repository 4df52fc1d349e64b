/**
 * The repairs of the doctor. They run under the lock and change nothing that a live process may
 * use.
 */
import { Clock, Duration, Effect, Option, Schema } from "effect"
import * as PluginId from "../../PluginId.ts"
import * as PluginStore from "../../PluginStore.ts"
import type * as Disk from "../disk/Disk.ts"
import * as ManifestFile from "../bundle/manifestFile.ts"
import * as DiskChecks from "./diskChecks.ts"

/** Only an intact plugin is restored. */
const isIntact = Effect.fnUntraced(function* (
  disk: DiskChecks.Disk,
  files: Disk.Disk,
  source: string
) {
  const { fs, path } = disk
  const name = path.basename(source)
  const entries = yield* fs.readDirectoryEntries(source).pipe(Effect.orElseSucceed(() => []))
  const versions = entries.filter(({ type }) => type === "Directory")
  const intact = yield* Effect.filter(versions, ({ name: version }) =>
    Effect.isSuccess(ManifestFile.read(files, path, path.join(source, version), name))
  )
  return intact.length > 0
})

const decodePluginId = Schema.decodeUnknownOption(PluginId.PluginId)

/**
 * Restores backups that hold the only copy, then removes old leftovers. Returns a list of its
 * changes.
 */
export const run = Effect.fnUntraced(function* (
  disk: DiskChecks.Disk,
  files: Disk.Disk,
  store: PluginStore.PluginStore["Service"]
) {
  const { fs, path } = disk
  const done: Array<string> = []
  const emptied = new Set<string>()
  const now = yield* Clock.currentTimeMillis
  // A younger backup may belong to a Codex process that is just replacing the plugin.
  const isOld = ({ modifiedAt }: Pick<DiskChecks.Backup, "modifiedAt">) =>
    now - modifiedAt >= Duration.toMillis(PluginStore.foreignLeftoverAge)
  const pluginIdOf = (place: string) =>
    decodePluginId(`${path.basename(place)}@${path.basename(path.dirname(place))}`)

  for (const backup of (yield* DiskChecks.backupsOf(disk)).filter(isOld)) {
    if (!backup.isOnlyCopy || !(yield* isIntact(disk, files, backup.source))) continue
    const pluginId = pluginIdOf(backup.target)
    if (Option.isNone(pluginId)) continue
    const restored = store.internals.restore(pluginId.value, backup.source)
    if (!(yield* Effect.isSuccess(restored))) continue
    done.push(`restored ${backup.target}`)
    emptied.add(backup.folder)
  }

  const cached = yield* store.list
  for (const { folder } of (yield* DiskChecks.backupsOf(disk)).filter(
    (backup) => isOld(backup) && !backup.isOnlyCopy
  )) {
    const pluginId = Option.getOrUndefined(pluginIdOf(folder))
    const target = cached.find((plugin) => plugin.pluginId === pluginId)
    if (target !== undefined && (yield* store.remove(target))) done.push(`removed ${folder}`)
  }
  for (const plugin of yield* store.list) {
    const folder = path.dirname(store.sidecarPath(plugin.pluginId))
    if (!path.basename(folder).startsWith(DiskChecks.backupPrefix)) continue
    // A repair that was interrupted may have left it.
    const modifiedAt = yield* DiskChecks.modifiedAtOf(disk, folder)
    if (!emptied.has(folder) && !isOld({ modifiedAt })) continue
    const entries = yield* fs.readDirectory(folder).pipe(Effect.orElseSucceed(() => [""]))
    if (entries.length === 0 && (yield* store.remove(plugin))) done.push(`removed ${folder}`)
  }
  yield* store.sweep
  return done
})
