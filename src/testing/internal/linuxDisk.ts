/**
 * A disk in memory and Linux's system calls on it.
 */
import type * as Errno from "./errno.ts"
import { assign, Directory, File, SymbolicLink, touch } from "./inode.ts"
import type { Inode } from "./inode.ts"
import { Journal } from "./nameJournal.ts"
import type { Edit, EntryChange } from "./nameJournal.ts"
import { Stopped } from "./stopped.ts"

/** Bytes of a page; a longer write can be stopped half-way. */
export const pageSize = 4096

/** The longest name, in bytes of UTF-8 (`NAME_MAX` of Linux). */
const nameMax = 255

/** The longest path, in bytes of UTF-8, without its closing NUL (`PATH_MAX` of Linux). */
const pathMax = 4095

/** The maximum number of symbolic links in one path (`MAXSYMLINKS` of Linux). */
const linksMax = 40

/** The largest file, in bytes, so that a stray offset is refused before it takes all memory. */
const fileSizeMax = 2 ** 31

const READ = 4
const WRITE = 2
const SEARCH = 1

/** The reason why a system call failed, and the names in its cause. */
export class Failure extends Error {
  readonly code: Errno.Code
  readonly syscall: string
  readonly path: string | undefined
  readonly dest: string | undefined
  constructor(code: Errno.Code, syscall: string, path?: string, dest?: string) {
    super(code)
    this.code = code
    this.syscall = syscall
    this.path = path
    this.dest = dest
  }
}

/** Makes the failure of one call, whichever of its paths causes it. */
type Refuse = (code: Errno.Code) => Failure

const refusing =
  (syscall: string, path?: string, dest?: string): Refuse =>
  (code) =>
    new Failure(code, syscall, path, dest)

/** The flags of open(2). */
export interface Access {
  readonly read: boolean
  readonly write: boolean
  readonly append: boolean
  readonly create: boolean
  readonly exclusive: boolean
  readonly truncate: boolean
  readonly noFollow: boolean
}

/** An open file description. */
export interface Handle {
  readonly fd: number
  readonly inode: File | Directory
  readonly path: string
  readonly access: Access
  closed: boolean
}

/**
 * One atomic change of the disk: a name that is created, moved or removed, the write of up to half
 * of a buffer, or a sync. An operation such as a recursive `remove` or a `writeFile` makes many.
 */
export interface Step {
  /** The number of earlier steps. */
  readonly index: number
  /** The system call, such as `open`, `write`, `unlink` or `fsync`. */
  readonly syscall: string
  readonly path: string
}

interface Settings {
  readonly umask: number
  readonly uid: number
  readonly gid: number
  readonly capacity: number
  readonly caseInsensitive: boolean
  readonly onStep: ((step: Step) => Errno.Code | "Stop" | undefined) | undefined
}

/**
 * Decides how much of the unsynced changes a power loss leaves.
 *
 * The model is weaker than ext4, XFS and btrfs. It is about what programs must expect to be safe on
 * all of them (fsync(2); Pillai and others, "All File Systems Are Not Created Equal", OSDI 2014):
 * - Only a `sync` of a file makes its content and attributes durable, and only a `sync` of a folder
 *   the names in it. The one says nothing of the file's own name, the other nothing of the folder's
 *   own name or of what is in the files. A new file or folder has the mode that it was made with.
 * - Each change of names is kept or lost as a whole. File systems commit both ends of a rename in
 *   one transaction: what was moved is at its old name or at its new one, never at neither or both.
 *   So a sync of either folder makes it durable, and if the folder around the new name is lost
 *   itself, the rename is undone.
 * - The changes are kept or lost independently, also those in one folder. Only these keep their order:
 *   changes of one name, changes of the names of one file or folder, and what emptied a folder and
 *   its removal.
 * - Content that was written but not synced is what the policy says.
 */
export interface PowerLoss {
  /** True if a change of names reached the disk. Not called for synced changes. */
  readonly entry: (change: EntryChange) => boolean
  /** Returns the content of a file that was written after its last sync. */
  readonly content: (file: {
    readonly path: string
    readonly synced: Uint8Array
    readonly written: Uint8Array
  }) => Uint8Array
  /** True if changes of mode, owner and times after the last sync reached the disk. */
  readonly attributes: (path: string) => boolean
}

/** The end of a path: the last folder, the last name, and the inode of that name if there is one. */
interface Place {
  readonly directory: Directory
  /** The name in the folder. */
  readonly name: string
  /** The name in the path. On a case-insensitive disk it may differ from `name`. */
  readonly given: string
  readonly inode: Inode | undefined
  /** Set if the path ends in `.` or `..` or is the root, which cannot be created or removed. */
  readonly special: "Root" | "Dot" | "DotDot" | undefined
  /** True if the path ends in `/`. */
  readonly slash: boolean
}

const tooLong = (text: string, max: number) =>
  text.length > max || (text.length * 3 > max && Buffer.byteLength(text) > max)

const split = (path: string) => {
  const names: Array<string> = []
  for (let end = path.length; end > 0;) {
    const slash = path.lastIndexOf("/", end - 1)
    if (slash < end - 1) names.push(path.slice(slash + 1, end))
    end = slash
  }
  return names
}

/** The number of paths that are kept in split form. Most calls use one of a few paths. */
const keptPaths = 2048
const kept = new Map<string, ReadonlyArray<string>>()

/** The names of a path, the last one first, in a new array. */
const backwards = (path: string): Array<string> => {
  let names = kept.get(path)
  if (names === undefined) {
    if (kept.size === keptPaths) kept.clear()
    kept.set(path, (names = split(path)))
  }
  return names.slice()
}

/** True if `directory` is `folder` or is below it. */
const isWithin = (directory: Directory, folder: Inode | undefined) => {
  for (let at = directory; at !== at.parent; at = at.parent) if (at === folder) return true
  return false
}

/**
 * Equal for names that are the same on a case-insensitive disk, which ignores case and Unicode
 * form.
 */
const fold = (name: string) => name.normalize("NFD").toUpperCase().toLowerCase()

export class Disk {
  readonly settings: Settings
  readonly root: Directory
  /** The time of the next calls, in milliseconds since 1970. */
  now: number
  steps = 0
  stopped = false
  private used = 0
  private lastInode = 0
  private lastDescriptor = 2
  private lastTemporary = 0
  private journal = new Journal()

  constructor(settings: Settings, now: number, root?: Directory) {
    this.settings = settings
    this.now = now
    this.root = root ?? new Directory(++this.lastInode, now, this.owner(0o755))
  }

  /** A new suffix for a temporary name: six characters, as with mkdtemp(3). */
  nextTemporary() {
    return (this.lastTemporary++).toString(36).padStart(6, "0")
  }

  /** Called before each change, after all checks of the disk itself. */
  private step(syscall: string, path: string, refuse: Refuse) {
    const verdict = this.settings.onStep?.({ index: this.steps, syscall, path })
    this.steps++
    if (verdict === "Stop") {
      this.stopped = true
      throw new Stopped()
    }
    if (verdict !== undefined) throw refuse(verdict)
  }

  // --- paths and permissions -------------------------------------------------------------------

  private allows(inode: Inode, wanted: number) {
    const { gid, uid } = this.settings
    if (uid === 0) return true
    const shift = uid === inode.uid ? 6 : gid === inode.gid ? 3 : 0
    return ((inode.mode >> shift) & wanted) === wanted
  }

  private owns(inode: Inode) {
    return this.settings.uid === 0 || this.settings.uid === inode.uid
  }

  /** The spelling of `name` in `directory`; `name` itself if there is no such entry. */
  private storedName(directory: Directory, name: string): string {
    if (!this.settings.caseInsensitive || directory.entries.has(name)) return name
    const folded = fold(name)
    for (const stored of directory.entries.keys()) if (fold(stored) === folded) return stored
    return name
  }

  /**
   * Follows `path`. `last` says what to do if its last name is a symbolic link: follow it (and, to
   * create a file, refuse a closing `/`), take the link itself (but follow it before a closing `/`),
   * or never follow it, as calls that change the name do.
   */
  private walk(
    path: string,
    last: "Follow" | "Create" | "NoFollow" | "Name",
    refuse: Refuse
  ): Place {
    if (path === "") throw refuse("ENOENT")
    if (tooLong(path, pathMax)) throw refuse("ENAMETOOLONG")
    let directory = this.root
    let slash = path.endsWith("/")
    let special: Place["special"] = "Root"
    let links = 0
    const names = backwards(path)
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      if (!this.allows(directory, SEARCH)) throw refuse("EACCES")
      if (name === "." || name === "..") {
        special = name === "." ? "Dot" : "DotDot"
        if (name === "..") directory = directory.parent
        continue
      }
      if (tooLong(name, nameMax)) throw refuse("ENAMETOOLONG")
      special = "Root"
      const stored = this.storedName(directory, name)
      const inode = directory.entries.get(stored)
      const isLast = names.length === 0
      if (isLast && slash && last === "Create") throw refuse("EISDIR")
      const follow =
        !isLast || last === "Follow" || last === "Create" || (slash && last === "NoFollow")
      if (inode?.type === "SymbolicLink" && follow) {
        if (++links > linksMax) throw refuse("ELOOP")
        if (inode.target.startsWith("/")) directory = this.root
        if (isLast && inode.target.endsWith("/")) slash = true
        names.push(...backwards(inode.target))
        continue
      }
      if (isLast) {
        const isFile = inode !== undefined && inode.type !== "Directory"
        if (isFile && slash && last !== "Name") throw refuse("ENOTDIR")
        return { directory, name: stored, given: name, inode, special: undefined, slash }
      }
      if (inode === undefined) throw refuse("ENOENT")
      if (inode.type !== "Directory") throw refuse("ENOTDIR")
      directory = inode
    }
    return { directory: directory.parent, name: ".", given: ".", inode: directory, special, slash }
  }

  private find(path: string, last: "Follow" | "NoFollow", refuse: Refuse): Inode {
    const { inode } = this.walk(path, last, refuse)
    if (inode === undefined) throw refuse("ENOENT")
    return inode
  }

  private mayEdit(directory: Directory, refuse: Refuse) {
    if (!this.allows(directory, WRITE | SEARCH)) throw refuse("EACCES")
  }

  private mayRemove(directory: Directory, inode: Inode, refuse: Refuse) {
    this.mayEdit(directory, refuse)
    const sticky = (directory.mode & 0o1000) !== 0
    if (sticky && !this.owns(inode) && !this.owns(directory)) throw refuse("EPERM")
  }

  // --- changes ---------------------------------------------------------------------------------

  private release(inode: Inode) {
    if (inode.type === "File" && inode.names === 0 && inode.opens === 0) this.used -= inode.size
  }

  private edit(
    operation: EntryChange["operation"],
    edits: ReadonlyArray<Edit>,
    path: string,
    to?: string
  ) {
    const above: Array<Directory> = []
    for (const { after, before, directory, name } of edits) {
      touch(directory)
      directory.mtime = this.now
      if (before !== undefined) before.names--
      if (after === undefined) directory.entries.delete(name)
      else {
        directory.entries.set(name, after)
        after.names++
        if (after.type === "Directory") after.parent = directory
        if (to !== undefined) {
          for (let at = directory; at !== at.parent; at = at.parent) above.push(at)
        }
      }
    }
    for (const { before } of edits) if (before !== undefined) this.release(before)
    this.journal.record({ entry: { operation, path, to }, edits, above })
  }

  private owner(mode: number) {
    return { mode, uid: this.settings.uid, gid: this.settings.gid }
  }

  private create<A extends Inode>({ directory, name }: Place, path: string, inode: A): A {
    this.edit("create", [{ directory, name, before: undefined, after: inode }], path)
    return inode
  }

  // --- system calls ----------------------------------------------------------------------------

  stat(path: string): Inode {
    return this.find(path, "Follow", refusing("stat", path))
  }

  lstat(path: string): Inode {
    return this.find(path, "NoFollow", refusing("lstat", path))
  }

  access(path: string, wanted: { readonly readable: boolean; readonly writable: boolean }) {
    const refuse = refusing("access", path)
    const inode = this.find(path, "Follow", refuse)
    const bits = (wanted.readable ? READ : 0) | (wanted.writable ? WRITE : 0)
    if (!this.allows(inode, bits)) throw refuse("EACCES")
  }

  chmod(path: string, mode: number) {
    const refuse = refusing("chmod", path)
    const inode = this.find(path, "Follow", refuse)
    if (!this.owns(inode)) throw refuse("EPERM")
    this.step("chmod", path, refuse)
    touch(inode)
    inode.mode = mode & 0o7777
  }

  /** -1 leaves an id as it is. */
  chown(path: string, uid: number, gid: number) {
    const refuse = refusing("chown", path)
    const inode = this.find(path, "Follow", refuse)
    const same = (uid === -1 || uid === inode.uid) && (gid === -1 || gid === inode.gid)
    if (this.settings.uid !== 0 && !(same && this.owns(inode))) throw refuse("EPERM")
    this.step("chown", path, refuse)
    touch(inode)
    if (uid !== -1) inode.uid = uid
    if (gid !== -1) inode.gid = gid
  }

  utimes(path: string, atime: number, mtime: number) {
    const refuse = refusing("utime", path)
    const inode = this.find(path, "Follow", refuse)
    if (!this.owns(inode)) throw refuse("EPERM")
    this.step("utime", path, refuse)
    touch(inode)
    inode.atime = atime
    inode.mtime = mtime
  }

  mkdir(path: string, mode: number, syscall: "mkdir" | "mkdtemp" = "mkdir") {
    const refuse = refusing(syscall, path)
    const place = this.walk(path, "Name", refuse)
    if (place.inode !== undefined) throw refuse("EEXIST")
    this.mayEdit(place.directory, refuse)
    this.step(syscall, path, refuse)
    const owner = this.owner(mode & 0o1777 & ~this.settings.umask)
    this.create(place, path, new Directory(++this.lastInode, this.now, owner))
  }

  symlink(target: string, path: string) {
    const refuse = refusing("symlink", target, path)
    if (target === "") throw refuse("ENOENT")
    if (tooLong(target, pathMax)) throw refuse("ENAMETOOLONG")
    const place = this.walk(path, "Name", refuse)
    if (place.inode !== undefined) throw refuse("EEXIST")
    if (place.slash) throw refuse("ENOENT")
    this.mayEdit(place.directory, refuse)
    this.step("symlink", path, refuse)
    const link = new SymbolicLink(++this.lastInode, this.now, this.owner(0o777))
    link.target = target
    this.create(place, path, link)
  }

  readlink(path: string) {
    const refuse = refusing("readlink", path)
    const inode = this.find(path, "NoFollow", refuse)
    if (inode.type !== "SymbolicLink") throw refuse("EINVAL")
    return inode.target
  }

  link(from: string, to: string) {
    const refuse = refusing("link", from, to)
    const inode = this.find(from, "NoFollow", refuse)
    const { directory, inode: existing, name, slash } = this.walk(to, "Name", refuse)
    if (existing !== undefined) throw refuse("EEXIST")
    if (slash) throw refuse("ENOENT")
    this.mayEdit(directory, refuse)
    if (inode.type === "Directory") throw refuse("EPERM")
    this.step("link", to, refuse)
    this.edit("link", [{ directory, name, before: undefined, after: inode }], from, to)
  }

  unlink(path: string) {
    const refuse = refusing("unlink", path)
    const { directory, inode, name, slash, special } = this.walk(path, "Name", refuse)
    if (special !== undefined) throw refuse("EISDIR")
    if (inode === undefined) throw refuse("ENOENT")
    if (slash && inode.type !== "Directory") throw refuse("ENOTDIR")
    this.mayRemove(directory, inode, refuse)
    if (inode.type === "Directory") throw refuse("EISDIR")
    this.step("unlink", path, refuse)
    this.edit("remove", [{ directory, name, before: inode, after: undefined }], path)
  }

  rmdir(path: string) {
    const refuse = refusing("rmdir", path)
    const { directory, inode, name, special } = this.walk(path, "Name", refuse)
    if (special === "Root") throw refuse("EBUSY")
    if (special === "Dot") throw refuse("EINVAL")
    if (special === "DotDot") throw refuse("ENOTEMPTY")
    if (inode === undefined) throw refuse("ENOENT")
    this.mayRemove(directory, inode, refuse)
    if (inode.type !== "Directory") throw refuse("ENOTDIR")
    if (inode.entries.size > 0) throw refuse("ENOTEMPTY")
    this.step("rmdir", path, refuse)
    this.edit("remove", [{ directory, name, before: inode, after: undefined }], path)
  }

  rename(from: string, to: string) {
    const refuse = refusing("rename", from, to)
    const source = this.walk(from, "Name", refuse)
    const target = this.walk(to, "Name", refuse)
    const { inode } = source
    const replaced = target.inode
    if (source.special !== undefined || target.special !== undefined) throw refuse("EBUSY")
    if (inode === undefined) throw refuse("ENOENT")
    const isDirectory = inode.type === "Directory"
    if (!isDirectory && (source.slash || target.slash)) throw refuse("ENOTDIR")
    if (isWithin(target.directory, inode)) throw refuse("EINVAL")
    if (isWithin(source.directory, replaced)) throw refuse("ENOTEMPTY")
    if (inode === replaced) {
      const isSame = source.directory === target.directory && source.name === target.name
      if (isSame && target.given !== target.name)
        this.changeCase(source, target.given, from, to, refuse)
      return
    }
    this.mayRemove(source.directory, inode, refuse)
    if (replaced === undefined) this.mayEdit(target.directory, refuse)
    else this.mayRemove(target.directory, replaced, refuse)
    if (isDirectory && replaced !== undefined && replaced.type !== "Directory")
      throw refuse("ENOTDIR")
    if (!isDirectory && replaced?.type === "Directory") throw refuse("EISDIR")
    // The `..` of a folder that changes its parent is rewritten.
    const rewritten = isDirectory && source.directory !== target.directory
    if (rewritten && !this.allows(inode, WRITE)) throw refuse("EACCES")
    if (replaced?.type === "Directory" && replaced.entries.size > 0) throw refuse("ENOTEMPTY")
    this.step("rename", from, refuse)
    const edits = [
      { directory: target.directory, name: target.name, before: replaced, after: inode },
      { directory: source.directory, name: source.name, before: inode, after: undefined }
    ]
    this.edit("rename", edits, from, to)
  }

  /** Changes only the case of a name in a case-insensitive folder. */
  private changeCase(source: Place, name: string, from: string, to: string, refuse: Refuse) {
    const { directory, inode } = source
    if (inode === undefined) return
    this.mayRemove(directory, inode, refuse)
    this.step("rename", from, refuse)
    const edits = [
      { directory, name, before: undefined, after: inode },
      { directory, name: source.name, before: inode, after: undefined }
    ]
    this.edit("rename", edits, from, to)
  }

  readdir(path: string): Directory {
    const refuse = refusing("scandir", path)
    const inode = this.find(path, "Follow", refuse)
    if (inode.type !== "Directory") throw refuse("ENOTDIR")
    if (!this.allows(inode, READ)) throw refuse("EACCES")
    return inode
  }

  open(path: string, access: Access, mode: number): Handle {
    const refuse = refusing("open", path)
    const follow = !access.noFollow && !(access.create && access.exclusive)
    const last = follow
      ? access.create
        ? "Create"
        : "Follow"
      : access.create
        ? "Name"
        : "NoFollow"
    const place = this.walk(path, last, refuse)
    if (access.create && place.slash && place.special === undefined) throw refuse("EISDIR")
    let { inode } = place
    if (inode === undefined) {
      if (!access.create) throw refuse("ENOENT")
      this.mayEdit(place.directory, refuse)
      this.step("open", path, refuse)
      const owner = this.owner(mode & 0o7777 & ~this.settings.umask)
      inode = this.create(place, path, new File(++this.lastInode, this.now, owner))
    } else {
      if (access.create && access.exclusive) throw refuse("EEXIST")
      if (inode.type === "SymbolicLink") throw refuse("ELOOP")
      if (inode.type === "Directory" && (access.write || access.create)) throw refuse("EISDIR")
      const bits = (access.read ? READ : 0) | (access.write ? WRITE : 0)
      if (!this.allows(inode, bits)) throw refuse("EACCES")
      if (inode.type === "File" && access.truncate) {
        this.step("open", path, refuse)
        this.resize(inode, 0)
      }
    }
    if (inode.type === "File") inode.opens++
    return { fd: ++this.lastDescriptor, inode, path, access, closed: false }
  }

  close(handle: Handle) {
    handle.closed = true
    if (handle.inode.type !== "File") return
    handle.inode.opens--
    this.release(handle.inode)
  }

  fstat(handle: Handle): Inode {
    if (handle.closed) throw new Failure("EBADF", "fstat")
    return handle.inode
  }

  fsync(handle: Handle) {
    const refuse = refusing("fsync")
    if (handle.closed) throw refuse("EBADF")
    this.step("fsync", handle.path, refuse)
    handle.inode.synced = undefined
    if (handle.inode.type === "Directory") this.journal.settle(handle.inode)
  }

  /** Copies from the file into `buffer`; returns the number of bytes, 0 at the end. */
  read(handle: Handle, buffer: Uint8Array, position: number) {
    const { access, closed, inode } = handle
    if (closed || !access.read) throw new Failure("EBADF", "read")
    if (inode.type === "Directory") throw new Failure("EISDIR", "read")
    const bytes = inode.bytes.subarray(position, position + buffer.length)
    buffer.set(bytes)
    return bytes.length
  }

  /**
   * Writes at `position`, or at the end of a file that was opened to append; returns the number of
   * written bytes.
   */
  write(handle: Handle, data: Uint8Array, position: number) {
    const refuse = refusing("write")
    const { access, closed, inode } = handle
    if (closed || !access.write || inode.type === "Directory") throw refuse("EBADF")
    if (data.length === 0) return 0
    const start = access.append ? inode.size : position
    if (start + data.length > fileSizeMax) throw refuse("EFBIG")
    const room = inode.size + this.settings.capacity - this.used - start
    if (room <= 0) throw refuse("ENOSPC")
    const length = Math.min(data.length, room)
    const half = length > pageSize ? Math.ceil(length / 2 / pageSize) * pageSize : length
    this.put(handle, inode, data.subarray(0, half), start, refuse)
    // A kill can end a long write between two pages.
    if (half < length) this.put(handle, inode, data.subarray(half, length), start + half, refuse)
    return length
  }

  private put(handle: Handle, file: File, data: Uint8Array, start: number, refuse: Refuse) {
    this.step("write", handle.path, refuse)
    touch(file)
    this.written(file)
    this.reserve(file, start + data.length)
    file.buffer.set(data, start)
  }

  /** A write by anybody but root clears the set-uid and set-gid bits. */
  private written(file: File) {
    file.mtime = this.now
    if (this.settings.uid !== 0) file.mode &= (file.mode & 0o010) === 0 ? ~0o4000 : ~0o6000
  }

  ftruncate(handle: Handle, size: number) {
    const refuse = refusing("ftruncate")
    const { access, closed, inode } = handle
    if (closed) throw refuse("EBADF")
    if (!access.write || inode.type === "Directory") throw refuse("EINVAL")
    if (size > fileSizeMax) throw refuse("EFBIG")
    if (size - inode.size > this.settings.capacity - this.used) throw refuse("ENOSPC")
    this.step("ftruncate", handle.path, refuse)
    this.resize(inode, size)
  }

  private resize(file: File, size: number) {
    touch(file)
    this.written(file)
    if (size > file.size) return this.reserve(file, size)
    this.used -= file.size - size
    file.shorten(size)
  }

  private reserve(file: File, size: number) {
    this.used += Math.max(0, size - file.size)
    file.reserve(size)
  }

  // --- the whole disk --------------------------------------------------------------------------

  /** Makes everything durable, as sync(2) does. */
  sync() {
    this.journal.clear()
    this.visit((_, inode) => {
      inode.synced = undefined
    })
  }

  unsynced() {
    const files: Array<string> = []
    this.visit((path, inode) => {
      if (inode.type === "File" && inode.synced !== undefined) files.push(path)
    })
    return { entries: this.unsyncedEntries(), files }
  }

  unsyncedEntries() {
    return this.journal.unsettled()
  }

  /** Visits every inode with its path: folders before their entries, and names in order. */
  visit(f: (path: string, inode: Inode) => void, under = "/") {
    const go = (path: string, inode: Inode) => {
      f(path === "" ? "/" : path, inode)
      if (inode.type !== "Directory") return
      for (const [name, child] of inode.sorted()) go(`${path}/${name}`, child)
    }
    const inode = this.at(under)
    if (inode !== undefined) go(under === "/" ? "" : under, inode)
  }

  /** The inode at a path. Links are not followed. */
  at(path: string): Inode | undefined {
    let inode: Inode | undefined = this.root
    for (const name of backwards(path).toReversed())
      inode = inode?.type === "Directory" ? inode.entries.get(name) : undefined
    return inode
  }

  /** A copy of the disk in which no file is open. */
  clone(settings: Settings): Disk {
    const disk = this.heir(settings)
    const directories = new Map([[this.root, disk.root]])
    const others = new Map<Inode, Inode>()
    const fill = (from: Inode, to: Inode) => {
      to.synced = from.synced
      to.names = from.names
      if (to.type === "File" && to.names > 0) disk.used += to.size
    }
    const directory = (from: Directory): Directory => {
      const known = directories.get(from)
      if (known !== undefined) return known
      const to = from.duplicate()
      directories.set(from, to)
      return fillDirectory(from, to)
    }
    const inode = (from: Inode): Inode => {
      if (from.type === "Directory") return directory(from)
      const known = others.get(from)
      if (known !== undefined) return known
      const to = from.duplicate()
      others.set(from, to)
      fill(from, to)
      return to
    }
    const fillDirectory = (from: Directory, to: Directory) => {
      fill(from, to)
      to.parent = directory(from.parent)
      for (const [name, child] of from.entries) to.entries.set(name, inode(child))
      return to
    }
    fillDirectory(this.root, disk.root)
    disk.journal = this.journal.copy({ inode, directory })
    return disk
  }

  /** The disk after a power loss, with everything on it durable. */
  crash(powerLoss: PowerLoss, settings: Settings): Disk {
    const disk = this.heir(settings)
    const names = this.journal.outcome(powerLoss.entry)
    const copies = new Map<Inode, Inode>()
    const fill = (path: string, from: Inode, to: Inode) => {
      const { synced } = from
      if (synced !== undefined && !powerLoss.attributes(path === "" ? "/" : path))
        assign(synced, to)
      if (from.type === "File" && to.type === "File") {
        if (synced !== undefined && !equal(synced.bytes, from.bytes)) {
          const both = { synced: synced.bytes.slice(), written: from.bytes.slice() }
          to.buffer = powerLoss.content({ path, ...both }).slice()
          to.size = to.buffer.length
        }
        disk.used += to.size
      }
      if (from.type !== "Directory" || to.type !== "Directory") return
      for (const [name, inode] of entriesWith(from, names.get(from))) {
        if (inode === undefined) continue
        let child = copies.get(inode)
        if (child === undefined) {
          child = inode.duplicate()
          copies.set(inode, child)
          fill(`${path}/${name}`, inode, child)
        }
        child.names++
        if (child.type === "Directory") child.parent = to
        to.entries.set(name, child)
      }
    }
    fill("", this.root, disk.root)
    return disk
  }

  private heir(settings: Settings) {
    const disk = new Disk(settings, this.now, this.root.duplicate())
    disk.lastInode = this.lastInode
    disk.lastTemporary = this.lastTemporary
    return disk
  }
}

/** A folder's entries after a change of some names. */
const entriesWith = (
  folder: Directory,
  changed: ReadonlyMap<string, Inode | undefined> | undefined
): ReadonlyMap<string, Inode | undefined> => {
  if (changed === undefined) return folder.entries
  const entries = new Map<string, Inode | undefined>(folder.entries)
  for (const [name, inode] of changed) entries.set(name, inode)
  return entries
}

const equal = (left: Uint8Array, right: Uint8Array) => {
  if (left.length !== right.length) return false
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false
  return true
}
