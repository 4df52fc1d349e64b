/**
 * Every disk that a process can leave behind when it is killed, or when the power fails.
 */
import { Effect, type Exit } from "effect"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { withoutRandomNames } from "./fingerprints.ts"
import "./withoutStacks.ts"

type Disk = MemoryFileSystem.MemoryDisk

export interface Point {
  /** The moment, for messages. */
  readonly at: string
  readonly disk: Disk
}

export interface Recording<A, E> {
  /** The disk before the first step, between any two, and after the last. */
  readonly points: ReadonlyArray<Point>
  readonly exit: Exit.Exit<A, E>
}

/**
 * Runs an effect on a copy of the disk and copies that disk before each step. A process that is killed
 * there leaves the same disk, because nothing of it runs any more, not even its finalizers.
 */
export const record = Effect.fnUntraced(function* <A, E>(
  from: Disk,
  effect: (disk: Disk) => Effect.Effect<A, E>,
  isPoint: (step: MemoryFileSystem.Step) => boolean = () => true
): Effect.fn.Return<Recording<A, E>> {
  const points: Array<Point> = []
  const disk: Disk = from.clone({
    onStep: (step) => {
      if (isPoint(step)) {
        const { index, path, syscall } = step
        points.push({ at: `before step ${index}, ${syscall} ${path}`, disk: disk.clone() })
      }
      return undefined
    }
  })
  const exit = yield* Effect.exit(effect(disk))
  points.push({ at: "after the last step", disk: disk.clone() })
  return { points, exit }
})

const summaries = new Map<string, string>()

/** A path without random parts, and without the part inside a folder that is staged as a whole. */
const summary = (path: string): string => {
  const known = summaries.get(path)
  if (known !== undefined) return known
  const made = withoutRandomNames(path).replace(/(-stage-\/[a-z-]+\/).*/, "$1")
  summaries.set(path, made)
  return made
}

/** A name for a change of a folder's entries, the same for similar changes. */
export const changeName = ({ operation, path, to = "" }: MemoryFileSystem.EntryChange): string =>
  `${operation} ${summary(path)} ${summary(to)}`

/**
 * The disks that a power loss at a point can leave. Of the unsynced changes, these are kept: none; all
 * changes of folder entries but no file contents; all but one change of an entry (or those inside one
 * staged folder); that change alone; and some random subsets.
 */
export const powerLosses = ({ at, disk }: Point, randomLosses: number): ReadonlyArray<Point> => {
  const { loseNothing, loseSome, loseUnsynced } = MemoryFileSystem
  const after = (lost: string, powerLoss: MemoryFileSystem.PowerLoss): Point => ({
    at: `${at}; a power loss reverts ${lost}`,
    disk: disk.crash(powerLoss)
  })
  const changes = Map.groupBy(disk.unsyncedEntries(), changeName)
  return [
    after("all", loseUnsynced),
    after("all but names", { ...loseUnsynced, entry: loseNothing.entry }),
    ...Array.from(changes, ([name, alike]) => [
      after(`"${name}" alone`, { ...loseNothing, entry: (change) => !alike.includes(change) }),
      after(`all but "${name}"`, { ...loseUnsynced, entry: (change) => alike.includes(change) })
    ]).flat(),
    ...Array.from({ length: randomLosses }, (_, seed) =>
      after(`random subset ${seed}`, loseSome(seed))
    )
  ]
}
