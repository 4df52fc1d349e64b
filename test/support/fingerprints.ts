/**
 * Descriptions and fingerprints of a disk's plugins, without the random parts of names.
 */
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import { root } from "./pluginWorld.ts"
import { cacheOf, stagingOf } from "./homePaths.ts"

type Disk = MemoryFileSystem.MemoryDisk

/** A name of a file or folder without its random parts. */
const withoutRandomParts = (name: string): string =>
  name
    .replace(/^(codex-plugins-[a-z]+-)[0-9a-z-]+$/, "$1")
    .replace(/^(codex-plugins-claim-)[0-9a-f]{32}-[0-9a-f]{8}-/, "$1")

/** A path without the random parts of its names. */
export const withoutRandomNames = (path: string): string =>
  path.split("/").map(withoutRandomParts).join("/")

/** One entry of a disk as text, and a number for that text. */
interface Line {
  readonly id: number
  readonly text: string
}

type File = Extract<MemoryFileSystem.Inode, { readonly type: "File" }>

/** By buffer. A buffer that several disks share is never written again. */
const texts = new WeakMap<Uint8Array, string>()

const textOf = (file: File): string => {
  const isKept = file.shared && file.buffer.length === file.size
  const known = isKept ? texts.get(file.buffer) : undefined
  if (known !== undefined) return known
  const text = Buffer.from(file.bytes).toString("latin1")
  if (isKept) texts.set(file.buffer, text)
  return text
}

/** A number for most entries, which are folders or files whose contents do not count. */
const keyOf = ({ mode, type }: MemoryFileSystem.Inode, contents: string): string | number => {
  if (type === "Directory") return mode
  return contents === "" ? -mode - (type === "File" ? 1 : 2 ** 16) : `${type} ${mode} ${contents}`
}

/** A path of a fingerprint. Everything in a folder that is staged as a whole has the same path. */
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
      const path = `${this.path}/${withoutRandomParts(name)}`
      const isWhole = /-stage-\/[a-z-]+$/.test(path)
      child = new PathOfLines(path, this.isStaged || path.endsWith("-stage-"), isWhole)
      this.children.set(name, child)
    }
    return child
  }

  private line(inode: MemoryFileSystem.Inode): Line {
    const isRead = inode.type === "File" && !this.isStaged
    const contents = isRead ? textOf(inode) : ""
    const key = keyOf(inode, contents)
    let line = this.lines.get(key)
    if (line === undefined) {
      const text = `${this.path} ${inode.type} ${inode.mode} ${contents.replaceAll("\n", " ")}`
      line = lines.get(text) ?? { id: lines.size, text }
      lines.set(text, line)
      this.lines.set(key, line)
    }
    return line
  }

  addTo(all: Array<Line>, inode: MemoryFileSystem.Inode) {
    all.push(this.line(inode))
    if (inode.type !== "Directory") return
    for (const [name, child] of inode.entries) this.child(name).addTo(all, child)
  }
}

const lines = new Map<string, Line>()
const plugins = new PathOfLines("", false, false)
const caches = new PathOfLines("/cache", false, false)

/** The entries of the disk's plugins. Those of a folder that is staged as a whole may repeat. */
const linesOf = (disk: Disk): ReadonlyArray<Line> => {
  const all: Array<Line> = []
  const inode = disk.inode(`${root}/plugins`)
  if (inode !== undefined) plugins.addTo(all, inode)
  return all
}

const idsOf = (lines: ReadonlyArray<Line>): string => {
  const ids = new Uint32Array(lines.length)
  for (let index = 0; index < lines.length; index++) ids[index] = lines[index]!.id
  ids.sort()
  let count = 0
  for (const id of ids) if (count === 0 || ids[count - 1] !== id) ids[count++] = id
  return Buffer.from(ids.buffer, 0, 4 * count).toString("latin1")
}

/** The entries of the disk's plugins, one per line. */
export const description = (disk: Disk): string =>
  [...new Set(linesOf(disk))]
    .map(({ text }) => text)
    .toSorted()
    .join("\n")

/** The same for disks on which every later operation has the same effect. */
export const fingerprint = (disk: Disk): string => idsOf(linesOf(disk))

/**
 * The same for disks on which a process that only reads finds the same: it reads the cache and the names
 * in staging.
 */
export const readerFingerprint = (disk: Pick<Disk, "inode">): string => {
  const all: Array<Line> = []
  const cache = disk.inode(cacheOf(root))
  if (cache !== undefined) caches.addTo(all, cache)
  const staging = disk.inode(stagingOf(root))
  const names =
    staging?.type === "Directory" ? Array.from(staging.entries.keys(), withoutRandomParts) : []
  return `${idsOf(all)} ${names.toSorted().join("/")}`
}

/** Makes a filter that is true for the first disk with each {@link fingerprint}. */
export const makeIsNew = (): ((disk: Disk) => boolean) => {
  const known = new Set<string>()
  return (disk) => {
    const { size } = known
    return known.add(fingerprint(disk)).size > size
  }
}
