/**
 * The changes of names that a power loss can still undo, and the names after it. `PowerLoss` in
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

interface Change {
  readonly entry: EntryChange
  /** They are kept or lost together. The first edit of a rename is that of the new name. */
  readonly edits: ReadonlyArray<Edit>
  /** For a `link` or `rename`, the folders around the new name, up to the root. */
  readonly above: ReadonlyArray<Directory>
}

interface Pending extends Change {
  /** True if one of its folders was synced; then it stays unless a folder of `above` is lost. */
  settled: boolean
  /** True once nothing can undo it. */
  durable: boolean
  /** The earlier changes that it needs; undefined until they are computed. */
  needs: Needs | undefined
}

/** Earlier changes that a change depends on. */
interface Needs {
  /** Changes that reach the disk no later than this one. */
  readonly together: ReadonlyArray<Pending>
  /** Changes without which the target folder of this one does not exist. */
  readonly place: ReadonlyArray<Pending>
}

/** The entries of each folder that differ from the present ones. */
type Names = ReadonlyMap<Directory, ReadonlyMap<string, Inode | undefined>>

export class Journal {
  private pending: Array<Pending>
  /** The number of pending changes, from the first, that are in `history`. */
  private resolved = 0
  private history = new History()

  constructor(pending: Array<Pending> = []) {
    this.pending = pending
  }

  /** Computes the needs of each pending change. */
  private resolve() {
    for (; this.resolved < this.pending.length; this.resolved++) {
      const change = this.pending[this.resolved]
      if (change !== undefined) change.needs = this.history.add(change)
    }
  }

  /** Removes changes that nothing can undo and that no other change needs. */
  private keep(pending: Array<Pending>) {
    this.pending = pending
    this.resolved = pending.length
    if (this.history.size <= 2 * pending.length) return
    this.history = new History()
    this.resolved = 0
  }

  record(change: Change): void {
    this.pending.push({ ...change, settled: false, durable: false, needs: undefined })
  }

  /** Syncs everything. */
  clear(): void {
    this.keep([])
  }

  /** Syncs one folder. */
  settle(directory: Directory): void {
    const holds = ({ edits }: Change) => edits.some((edit) => edit.directory === directory)
    if (!this.pending.some(holds)) return
    this.resolve()
    const settled = new Set<Pending>()
    const settle = (change: Pending) => {
      if (change.durable || settled.has(change)) return
      settled.add(change)
      for (const other of change.needs?.together ?? []) settle(other)
    }
    for (const change of this.pending) if (change.settled || holds(change)) settle(change)
    // A settled change that needs nothing that could be lost cannot be lost itself.
    const losable = new Set<Pending>()
    for (const change of this.pending) {
      change.settled = settled.has(change)
      change.durable = change.settled && !needsOneOf(change, losable)
      if (!change.durable) losable.add(change)
    }
    this.keep([...losable])
  }

  unsettled(): ReadonlyArray<EntryChange> {
    return this.pending.filter(({ settled }) => !settled).map(({ entry }) => entry)
  }

  /**
   * The names after a power loss. `survives` decides which unsynced changes reached the disk; it
   * receives the values of `unsettled`.
   */
  outcome(survives: (change: EntryChange) => boolean): Names {
    this.resolve()
    const lost = new Set<Pending>()
    const names = new Map<Directory, Map<string, Inode | undefined>>()
    for (const change of this.pending) {
      const reached = change.settled || survives(change.entry)
      const stands = reached && !needsOneOf(change, lost)
      if (!stands) lost.add(change)
      for (const { after, before, directory, name } of change.edits) {
        const held = getOrMake(names, directory, () => new Map<string, Inode | undefined>())
        if (stands) held.set(name, after)
        else if (!held.has(name)) held.set(name, before)
      }
    }
    return names
  }

  copy(copies: {
    readonly inode: (inode: Inode) => Inode
    readonly directory: (directory: Directory) => Directory
  }): Journal {
    return new Journal(
      this.pending.map((change) => ({
        ...change,
        needs: undefined,
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

const needsOneOf = ({ needs }: Pending, changes: ReadonlySet<Pending>) =>
  needs !== undefined &&
  changes.size > 0 &&
  (needs.together.some((change) => changes.has(change)) ||
    needs.place.some((change) => changes.has(change)))

/** The last changes of each name, inode and folder. */
class History {
  size = 0
  private readonly lastOfName = new Map<Directory, Map<string, Pending>>()
  private readonly lastOfInode = new Map<Inode, Pending>()
  private readonly allWithin = new Map<Directory, Array<Pending>>()

  /** Adds a change that is later than all others, and returns what it needs of them. */
  add(change: Pending): Needs {
    this.size++
    const { above, edits } = change
    const together: Array<Pending> = []
    const place: Array<Pending> = []
    const need = (needs: Array<Pending>, other: Pending | undefined) => {
      if (other === undefined || other === change || other.durable) return
      if (!needs.includes(other)) needs.push(other)
    }
    for (const directory of above) need(place, this.lastOfInode.get(directory))
    const [first, second] = edits
    const moved = second === undefined ? undefined : first?.after
    for (const { after, before, directory, name } of edits) {
      const names = getOrMake(this.lastOfName, directory, () => new Map<string, Pending>())
      need(together, names.get(name))
      names.set(name, change)
      for (const inode of [before, after]) {
        if (inode === undefined) continue
        need(together, this.lastOfInode.get(inode))
        this.lastOfInode.set(inode, change)
      }
      // A folder can be removed only if it is empty.
      if (before?.type === "Directory" && before !== moved)
        for (const other of this.allWithin.get(before) ?? []) need(together, other)
      getOrMake(this.allWithin, directory, () => []).push(change)
    }
    return { together, place }
  }
}
