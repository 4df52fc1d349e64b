/**
 * Every disk that a process can leave behind when it is killed, or when the power goes.
 */
import { Effect, type Exit } from "effect"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { withoutChance } from "./fingerprints.ts"
import "./withoutStacks.ts"

type Disk = MemoryFileSystem.MemoryDisk

export interface Point {
  /** For messages. */
  readonly at: string
  readonly disk: Disk
}

export interface Recording<A, E> {
  /** The disk before the first step, between any two, and after the last. */
  readonly points: ReadonlyArray<Point>
  readonly exit: Exit.Exit<A, E>
}

/**
 * Runs an effect on a copy of the disk and takes a picture before each step. A process that is killed
 * there leaves the same: nothing of it runs any more, its finalizers included.
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

/** Without what differs from run to run, and without what lies in a folder that is staged as a whole. */
const summary = (path: string): string => {
  const known = summaries.get(path)
  if (known !== undefined) return known
  const made = path
    .split("/")
    .map(withoutChance)
    .join("/")
    .replace(/(-stage-\/[a-z-]+\/).*/, "$1")
  summaries.set(path, made)
  return made
}

/** A name for a change of names, the same for similar ones. */
export const changeName = ({ operation, path, to = "" }: MemoryFileSystem.EntryChange): string =>
  `${operation} ${summary(path)} ${summary(to)}`

/**
 * The disks that a power loss at a point can leave. These of the unsynced changes remain: none, all
 * names without contents, all but one change of names (or those inside one staged folder), that one
 * alone, and some mixtures.
 */
export const powerLosses = ({ at, disk }: Point, mixtures: number): ReadonlyArray<Point> => {
  const { loseNothing, loseSome, loseUnsynced } = MemoryFileSystem
  const after = (lost: string, powerLoss: MemoryFileSystem.PowerLoss): Point => ({
    at: `${at}; a power loss takes ${lost}`,
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
    ...Array.from({ length: mixtures }, (_, seed) => after(`mixture ${seed}`, loseSome(seed)))
  ]
}
