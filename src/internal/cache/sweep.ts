/**
 * The removal of what dead processes left in staging.
 */
import {
  Clock,
  Duration,
  Effect,
  type FileSystem,
  Option,
  Schema,
  type PlatformError
} from "effect"
import * as PluginId from "../../PluginId.ts"
import type { Changes, Context } from "./changes.ts"
import type * as Leases from "./leases.ts"
import type { Liveness } from "./liveness.ts"
import { mtimeOf } from "./reader.ts"
import { doubtPrefix, lockHolderName, ownerPrefix, prefix } from "./staging.ts"

/**
 * How old what another program left in staging must be before it is swept. Codex downloads for 60
 * seconds at the most, so nothing this old belongs to a living one.
 *
 * @category constants
 * @since 0.1.0
 */
export const foreignLeftoverAge = Duration.hours(1)

/** How many entries are handled at a time. */
const concurrency = 16

const decodePluginId = Schema.decodeUnknownOption(PluginId.PluginId)

export const make = (
  { disk, home, path, reader }: Context,
  { settleDoubt, syncStaging }: Changes,
  leases: ReturnType<typeof Leases.make<PlatformError.PlatformError>>,
  liveness: Liveness
) => {
  const { entriesOf, infoOf, locate } = reader

  const sweepDoubt = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    const { active, sidecar } = yield* locate(pluginId)
    if (Option.isNone(active) || sidecar !== undefined) yield* settleDoubt(pluginId)
  })

  const sweepEntry = Effect.fnUntraced(function* ({ name, type }: FileSystem.DirectoryEntry) {
    const entry = path.join(home.staging, name)
    const inDoubt = decodePluginId(name.replace(doubtPrefix, ""))
    if (name.startsWith(doubtPrefix) && Option.isSome(inDoubt)) {
      return yield* sweepDoubt(inDoubt.value)
    }
    if (name.startsWith(ownerPrefix)) {
      // The file of a dead owner is removed where one was there; a file that is none, below.
      if (yield* liveness.isAlive(home.staging, name.slice(ownerPrefix.length))) return
    }
    if (yield* leases.isLive(name)) return
    if (name.startsWith(prefix)) {
      // Entries that were renamed into it must not come back in parts after a power loss.
      if (type === "Directory") yield* disk.syncDirectory(entry)
    } else {
      const info = yield* infoOf(entry)
      const now = yield* Clock.currentTimeMillis
      const age = info === undefined ? 0 : now - mtimeOf(info)
      if (age < Duration.toMillis(foreignLeftoverAge)) return
    }
    yield* disk.remove(entry)
  })

  const sweep = Effect.gen(function* () {
    // A link is not followed; the first change that needs the folder says so.
    if ((yield* infoOf(home.staging))?.type !== "Directory") return
    const leftovers = (yield* entriesOf(home.staging)).filter(({ name }) => name !== lockHolderName)
    if (leftovers.some(({ name }) => name.startsWith(prefix))) yield* syncStaging
    yield* Effect.forEach(
      leftovers,
      (leftover) =>
        // A leftover that cannot be removed does no harm.
        Effect.ignore(sweepEntry(leftover), {
          log: "Warn",
          message: `could not sweep ${leftover.name} out of ${home.staging}`
        }),
      { concurrency, discard: true }
    )
  })

  const hasLeftovers = Effect.gen(function* () {
    if ((yield* infoOf(home.staging))?.type !== "Directory") return false
    for (const { name } of yield* entriesOf(home.staging)) {
      if (name === lockHolderName || (yield* leases.isLive(name))) continue
      if (name.startsWith(ownerPrefix)) {
        if (yield* liveness.isAlive(home.staging, name.slice(ownerPrefix.length))) continue
      }
      if (name.startsWith(prefix) || name.startsWith(doubtPrefix)) return true
      const info = yield* infoOf(path.join(home.staging, name))
      const age = info === undefined ? 0 : (yield* Clock.currentTimeMillis) - mtimeOf(info)
      if (age >= Duration.toMillis(foreignLeftoverAge)) return true
    }
    return false
  })

  return { sweep, hasLeftovers }
}
