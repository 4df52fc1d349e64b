/**
 * The changes of names that a power loss can still undo, and what it leaves of them. `PowerLoss` in
 * `linuxDisk.ts` describes the model.
 */
import type { Directory, Inode } from "./inode.ts"

/** One name of one folder, before and after a change. */
export interface Edit {
  readonly directory: Directory
  readonly name: string
  readonly before: Inode | undefined
  readonly after: Inode | undefined
}

/** A change of names that was not yet made durable by a sync of its folder. */
export interface EntryChange {
  readonly operation: "create" | "link" | "rename" | "remove"
  readonly path: string
  /** The new name, for a `link` or `rename`. */
  readonly to: string | undefined
}

export interface Change {
  readonly entry: EntryChange
  /** They are kept or lost together. A rename's first is the one of the new name. */
  readonly edits: ReadonlyArray<Edit>
  /** For a `link` or `rename`, the folders around the new name, up to the root. */
  readonly above: ReadonlyArray<Directory>
}

interface Pending extends Change {
  /** True if a folder of it was synced; then it stays unless a folder of `above` is lost. */
  readonly settled: boolean
}

interface Needs {
  /** Changes that reach the disk no later than this one. */
  readonly together: ReadonlyArray<number>
  /** Changes without which the place that this one moves something to is not there. */
  readonly place: ReadonlyArray<number>
}

/** The entries of each folder that differ from the present ones. */
export type Names = ReadonlyMap<Directory, ReadonlyMap<string, Inode | undefined>>

export class Journal {
  private pending: Array<Pending>
  /** What the pending changes need, once it is asked for. */
  private known: ReadonlyArray<Needs> | undefined

  constructor(pending: Array<Pending> = []) {
    this.pending = pending
  }

  private get needs(): ReadonlyArray<Needs> {
    return (this.known ??= needsOf(this.pending))
  }

  private become(pending: Array<Pending>) {
    this.pending = pending
    this.known = undefined
  }

  record(change: Change): void {
    this.pending.push({ ...change, settled: false })
    this.known = undefined
  }

  /** A sync of everything. */
  clear(): void {
    this.become([])
  }

  /** A sync of one folder. */
  settle(directory: Directory): void {
    const holds = ({ edits }: Change) => edits.some((edit) => edit.directory === directory)
    if (!this.pending.some(holds)) return
    const { needs } = this
    const settled = new Set<number>()
    const settle = (index: number) => {
      if (settled.has(index)) return
      settled.add(index)
      for (const other of needs[index]?.together ?? []) settle(other)
    }
    this.pending.forEach((change, index) => {
      if (change.settled || holds(change)) settle(index)
    })
    // A settled change that needs nothing that could be lost cannot be lost itself.
    const losable = new Set<number>()
    this.pending.forEach((_, index) => {
      if (!settled.has(index) || needsOneOf(needs[index], losable)) losable.add(index)
    })
    this.become(
      this.pending.flatMap((change, index) =>
        losable.has(index) ? [{ ...change, settled: settled.has(index) }] : []
      )
    )
  }

  unsettled(): ReadonlyArray<EntryChange> {
    return this.pending.filter(({ settled }) => !settled).map(({ entry }) => entry)
  }

  /**
   * The names that a power loss leaves. `survives` says which unsynced changes reached the disk; it gets
   * the values that `unsettled` gives.
   */
  outcome(survives: (change: EntryChange) => boolean): Names {
    const { needs } = this
    const lost = new Set<number>()
    const names = new Map<Directory, Map<string, Inode | undefined>>()
    this.pending.forEach((change, index) => {
      const reached = change.settled || survives(change.entry)
      const stands = reached && !needsOneOf(needs[index], lost)
      if (!stands) lost.add(index)
      for (const { after, before, directory, name } of change.edits) {
        const held = getOrMake(names, directory, () => new Map<string, Inode | undefined>())
        if (stands) held.set(name, after)
        else if (!held.has(name)) held.set(name, before)
      }
    })
    return names
  }

  copy(copies: {
    readonly inode: (inode: Inode) => Inode
    readonly directory: (directory: Directory) => Directory
  }): Journal {
    return new Journal(
      this.pending.map((change) => ({
        ...change,
        above: change.above.map(copies.directory),
        edits: change.edits.map(({ after, before, directory, name }) => ({
          directory: copies.directory(directory),
          name,
          before: before && copies.inode(before),
          after: after && copies.inode(after)
        }))
      }))
    )
  }
}

const getOrMake = <K, V>(map: Map<K, V>, key: K, make: () => V): V => {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

const needsOneOf = (needs: Needs | undefined, indices: ReadonlySet<number>) =>
  needs !== undefined &&
  (needs.together.some((index) => indices.has(index)) ||
    needs.place.some((index) => indices.has(index)))

/** The earlier changes that each change needs, as indices. */
const needsOf = (changes: ReadonlyArray<Change>): ReadonlyArray<Needs> => {
  const lastOfName = new Map<Directory, Map<string, number>>()
  const lastOfInode = new Map<Inode, number>()
  const allWithin = new Map<Directory, Array<number>>()
  return changes.map(({ above, edits }, index) => {
    const together = new Set<number | undefined>()
    const place = new Set(above.map((directory) => lastOfInode.get(directory)))
    const [first, second] = edits
    const moved = second === undefined ? undefined : first?.after
    for (const { after, before, directory, name } of edits) {
      const names = getOrMake(lastOfName, directory, () => new Map<string, number>())
      together.add(names.get(name))
      names.set(name, index)
      for (const inode of [before, after]) {
        if (inode === undefined) continue
        together.add(lastOfInode.get(inode))
        lastOfInode.set(inode, index)
      }
      // A folder goes only when it is empty.
      if (before?.type === "Directory" && before !== moved)
        for (const other of allWithin.get(before) ?? []) together.add(other)
      getOrMake(allWithin, directory, () => []).push(index)
    }
    const earlier = (indices: ReadonlySet<number | undefined>) =>
      [...indices].flatMap((other) => (other === undefined || other === index ? [] : [other]))
    return { together: earlier(together), place: earlier(place) }
  })
}
