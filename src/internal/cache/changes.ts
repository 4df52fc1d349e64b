/**
 * The single steps of all changes to the cache.
 */
import { Duration, Effect, type Path, type PlatformError, Schedule } from "effect"
import * as Deletions from "./deletions.ts"
import type * as Disk from "../disk/Disk.ts"
import * as Doubts from "./doubts.ts"
import type { Liveness } from "../lock/liveness.ts"
import type * as CacheReader from "./reader.ts"
import * as Sidecars from "./sidecars.ts"
import * as StagingFolder from "./stagingFolder.ts"
import { fail, heldFilePatience, isHeld, type Reason } from "./storeError.ts"

/** The interval at which a rename of a held file is retried. */
const heldInterval = Duration.millis(100)

const heldSchedule = Schedule.forever.pipe(Schedule.upTo({ duration: heldFilePatience }))

/** The disk, the paths and the reader that the parts of the store share. */
export interface Context {
  readonly disk: Disk.Disk
  readonly path: Path.Path
  /** The paths of the cache and of its staging folder. */
  readonly home: { readonly cache: string; readonly staging: string }
  readonly reader: Effect.Success<typeof CacheReader.make>
  readonly liveness: Liveness
}

/** Renames a folder or file into, within or out of the cache. */
export type Rename = (
  from: string,
  to: string
) => Effect.Effect<void, PlatformError.PlatformError | Reason>

/** The steps of one home. */
export type Changes = ReturnType<typeof make>

export const make = (context: Context) => {
  const { disk, home } = context

  const renameHeld: Rename = (from, to) =>
    Effect.delay(disk.rename(from, to), heldInterval).pipe(
      Effect.retry({ schedule: heldSchedule, while: isHeld }),
      Effect.catchIf(isHeld, (cause) =>
        fail({ _tag: "Held", path: from.startsWith(home.staging) ? to : from, cause })
      )
    )

  // A schedule costs more than all the rest, and nearly every rename succeeds at once.
  const rename: Rename = (from, to) =>
    Effect.catchIf(disk.rename(from, to), isHeld, () => renameHeld(from, to))

  const staging = StagingFolder.make(context)
  const doubts = Doubts.make(context, staging)
  const sidecars = Sidecars.make(context, staging)
  const deletions = Deletions.make(context, staging, doubts, sidecars, rename)
  return { rename, ...staging, ...doubts, ...sidecars, ...deletions }
}
