/**
 * Files, folders and symbolic links as a disk stores them, without their names.
 */

const empty = new Uint8Array(0)

/** The attributes that can differ from the durable ones. */
interface Attributes {
  mode: number
  uid: number
  gid: number
  atime: number
  mtime: number
}

interface Synced extends Readonly<Attributes> {
  readonly bytes: Uint8Array
}

abstract class Common implements Attributes {
  readonly ino: number
  readonly birthtime: number
  mode: number
  uid: number
  gid: number
  atime: number
  mtime: number
  /** The number of its names. */
  names = 0
  /** Its state at its last sync, or at its creation; undefined if it has not changed since. */
  synced: Synced | undefined = undefined
  constructor(ino: number, birthtime: number, owner: { mode: number; uid: number; gid: number }) {
    this.ino = ino
    this.birthtime = birthtime
    this.mode = owner.mode
    this.uid = owner.uid
    this.gid = owner.gid
    this.atime = birthtime
    this.mtime = birthtime
  }

  /** An inode with the same number, attributes and content, but without names and entries. */
  abstract duplicate(): Common
}

export class File extends Common {
  readonly type = "File"
  /** Its bytes, followed by zeros beyond `size`. */
  buffer: Uint8Array = empty
  size = 0
  /** True if something else reads the same buffer, which must then be copied before a write. */
  shared = false
  /** The number of its open file descriptions. */
  opens = 0

  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.size)
  }

  /** Makes the buffer at least `size` long and private. */
  reserve(size: number) {
    if (this.shared || this.buffer.length < size) {
      const grown = size > this.buffer.length ? this.size * 2 : 0
      const buffer = new Uint8Array(Math.max(size, grown, this.size))
      buffer.set(this.bytes)
      this.buffer = buffer
      this.shared = false
    }
    this.size = Math.max(this.size, size)
  }

  /** Truncates the file. */
  shorten(size: number) {
    if (size === 0) {
      this.buffer = empty
      this.shared = false
    } else if (!this.shared) this.buffer.fill(0, size, this.size)
    this.size = size
  }

  duplicate(): File {
    const file = assign(this, new File(this.ino, this.birthtime, this))
    file.buffer = this.buffer
    file.size = this.size
    file.shared = this.shared = true
    return file
  }
}

export class Directory extends Common {
  readonly type = "Directory"
  readonly entries = new Map<string, Inode>()
  /** Its parent folder; the root is its own parent. */
  parent: Directory = this

  /** Its entries, ordered by name. */
  sorted(): Array<[name: string, inode: Inode]> {
    const all = [...this.entries]
    for (let index = 1; index < all.length; index++) {
      // Most entries are in order already.
      if (all[index - 1]![0] > all[index]![0]) {
        return all.toSorted(([left], [right]) => (left < right ? -1 : 1))
      }
    }
    return all
  }

  duplicate(): Directory {
    return assign(this, new Directory(this.ino, this.birthtime, this))
  }
}

export class SymbolicLink extends Common {
  readonly type = "SymbolicLink"
  target = ""

  duplicate(): SymbolicLink {
    const link = assign(this, new SymbolicLink(this.ino, this.birthtime, this))
    link.target = this.target
    return link
  }
}

export type Inode = File | Directory | SymbolicLink

/** Saves the durable state of an inode that is about to change. */
export const touch = (inode: Inode): void => {
  if (inode.synced !== undefined) return
  const { atime, gid, mode, mtime, uid } = inode
  const bytes = inode.type === "File" ? inode.bytes : empty
  if (inode.type === "File" && inode.size > 0) inode.shared = true
  inode.synced = { mode, uid, gid, atime, mtime, bytes }
}

export const assign = <A extends Attributes>(from: Readonly<Attributes>, to: A): A => {
  to.mode = from.mode
  to.uid = from.uid
  to.gid = from.gid
  to.atime = from.atime
  to.mtime = from.mtime
  return to
}
