/**
 * The removal of leftovers of dead processes from staging.
 */
import { Clock, Duration, Effect, type FileSystem, Option, Schema } from "effect"
import type * as CacheLock from "../../CacheLock.ts"
import * as PluginId from "../../PluginId.ts"
import type { Changes, Context } from "./changes.ts"
import { mtimeOf } from "./baseRoots.ts"
import { changeWith } from "./installs.ts"
import { doubtPrefix, lockHolderName, ownerOf, prefix } from "./staging.ts"
import { explain } from "./storeError.ts"

/**
 * The age at which other programs' entries in staging are swept. Codex downloads for at most 60
 * seconds, so an entry this old belongs to no running process.
 *
 * @category constants
 * @since 0.1.0
 */
export const foreignLeftoverAge = Duration.hours(1)

/** The number of entries that are handled at the same time. */
const concurrency = 16

const decodePluginId = Schema.decodeUnknownOption(PluginId.PluginId)

export const make = (
  { disk, home, liveness, path, reader }: Context,
  { settleDoubt, syncStaging }: Changes,
  lock: CacheLock.CacheLock["Service"]
) => {
  const { entriesOf, infoOf, locate } = reader

  /** True for an entry whose owner still runs. An owner with several entries is examined once. */
  const makeIsLive = () => {
    const owners = new Map<string, Effect.Effect<boolean>>()
    return Effect.fnUntraced(function* (name: string) {
      const owner = ownerOf(name)
      if (owner === undefined) return false
      const isAlive =
        owners.get(owner) ?? (yield* Effect.cached(liveness.isAlive(home.staging, owner)))
      owners.set(owner, isAlive)
      return yield* isAlive
    })
  }

  const sweepDoubt = Effect.fnUntraced(function* (pluginId: PluginId.PluginId) {
    const { active, sidecar } = yield* locate(pluginId)
    if (Option.isNone(active) || sidecar !== undefined) yield* settleDoubt(pluginId)
  })

  const sweepEntry = Effect.fnUntraced(function* (
    { name, type }: FileSystem.DirectoryEntry,
    isLive: (name: string) => Effect.Effect<boolean>
  ) {
    const entry = path.join(home.staging, name)
    const inDoubt = decodePluginId(name.replace(doubtPrefix, ""))
    if (name.startsWith(doubtPrefix) && Option.isSome(inDoubt)) {
      return yield* sweepDoubt(inDoubt.value)
    }
    if (yield* isLive(name)) return
    if (name.startsWith(prefix)) {
      // Otherwise a power loss could bring back parts of what was renamed into the folder.
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
    // A link is not followed; the first change that needs the folder reports it.
    if ((yield* infoOf(home.staging))?.type !== "Directory") return
    const leftovers = (yield* entriesOf(home.staging)).filter(({ name }) => name !== lockHolderName)
    if (leftovers.some(({ name }) => name.startsWith(prefix))) yield* syncStaging
    const isLive = makeIsLive()
    yield* Effect.forEach(
      leftovers,
      (leftover) =>
        // A leftover that cannot be removed does no harm.
        Effect.ignore(sweepEntry(leftover, isLive), {
          log: "Warn",
          message: `could not sweep ${leftover.name} out of ${home.staging}`
        }),
      { concurrency, discard: true }
    )
  })

  const hasLeftovers = Effect.gen(function* () {
    if ((yield* infoOf(home.staging))?.type !== "Directory") return false
    const isLive = makeIsLive()
    for (const { name } of yield* entriesOf(home.staging)) {
      if (name === lockHolderName || (yield* isLive(name))) continue
      if (name.startsWith(prefix) || name.startsWith(doubtPrefix)) return true
      const info = yield* infoOf(path.join(home.staging, name))
      const age = info === undefined ? 0 : (yield* Clock.currentTimeMillis) - mtimeOf(info)
      if (age >= Duration.toMillis(foreignLeftoverAge)) return true
    }
    return false
  })

  return {
    sweep: sweep.pipe(
      changeWith(lock)("sweep the staging folder", null),
      Effect.withSpan("PluginStore.sweep")
    ),
    hasLeftovers: hasLeftovers.pipe(
      Effect.tap((hasLeftovers) => Effect.annotateCurrentSpan({ hasLeftovers })),
      explain("look for leftovers", null),
      Effect.withSpan("PluginStore.hasLeftovers")
    )
  }
}
