/**
 * Every disk that a process can leave behind when it is killed, or when the power goes.
 */
import { Effect, type Exit } from "effect"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { root } from "./pluginWorld.ts"

// Passes ask for much that is not there, and to make the stack of each such error takes half the time.
Error.stackTraceLimit = 0

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

/** A name without what differs from run to run. */
const withoutChance = (name: string): string =>
  name
    .replace(/^(codex-plugins-[a-z]+-)[0-9a-z-]+$/, "$1")
    .replace(/^(codex-plugins-claim-)[0-9a-f]{32}-[0-9a-f]{8}-/, "$1")

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
  const changes = Map.groupBy(disk.unsynced().entries, changeName)
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

/** One entry of a disk in words, and a number that stands for them. */
interface Line {
  readonly id: number
  readonly text: string
}

/** A path of a fingerprint. All that is in a folder which is staged as a whole has one path. */
class PathOfLines {
  private readonly children = new Map<string, PathOfLines>()
  private readonly lines = new Map<string | number, Line>()
  readonly path: string
  private readonly isStaged: boolean
  private readonly isWhole: boolean

  constructor(path: string, isStaged: boolean, isWhole: boolean) {
    this.path = path
    this.isStaged = isStaged
    this.isWhole = isWhole
  }

  private child(name: string): PathOfLines {
    if (this.isWhole) return this
    let child = this.children.get(name)
    if (child === undefined) {
      const path = `${this.path}/${withoutChance(name)}`
      const isWhole = /-stage-\/[a-z-]+$/.test(path)
      child = new PathOfLines(path, this.isStaged || path.endsWith("-stage-"), isWhole)
      this.children.set(name, child)
    }
    return child
  }

  private line(inode: MemoryFileSystem.Inode): Line {
    const isRead = inode.type === "File" && !this.isStaged
    const contents = isRead ? Buffer.from(inode.bytes).toString("latin1") : ""
    const key = inode.type === "Directory" ? inode.mode : `${inode.type} ${inode.mode} ${contents}`
    let line = this.lines.get(key)
    if (line === undefined) {
      const text = `${this.path} ${inode.type} ${inode.mode} ${contents.replaceAll("\n", " ")}`
      line = lines.get(text) ?? { id: lines.size, text }
      lines.set(text, line)
      this.lines.set(key, line)
    }
    return line
  }

  addTo(all: Set<Line>, inode: MemoryFileSystem.Inode) {
    all.add(this.line(inode))
    if (inode.type !== "Directory") return
    for (const [name, child] of inode.entries) this.child(name).addTo(all, child)
  }
}

const lines = new Map<string, Line>()
const plugins = new PathOfLines("", false, false)

/** The entries of the disk's plugins, in words. */
const linesOf = (disk: Disk): ReadonlySet<Line> => {
  const all = new Set<Line>()
  const inode = disk.inode(`${root}/plugins`)
  if (inode !== undefined) plugins.addTo(all, inode)
  return all
}

/** The entries of the disk's plugins, one a line. */
export const description = (disk: Disk): string =>
  Array.from(linesOf(disk), ({ text }) => text)
    .toSorted()
    .join("\n")

/** The same for disks from which everything goes on in the same way. */
export const fingerprint = (disk: Disk): string => {
  const ids = Uint32Array.from(linesOf(disk), ({ id }) => id).toSorted()
  return Buffer.from(ids.buffer).toString("latin1")
}

/** True for the first of the disks from which everything goes on in the same way. */
export const firstOfItsKind = (): ((disk: Disk) => boolean) => {
  const known = new Set<string>()
  return (disk) => {
    const { size } = known
    return known.add(fingerprint(disk)).size > size
  }
}
