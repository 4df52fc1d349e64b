/**
 * Folders as values that can be compared: paths, modes, bytes, link targets and times.
 */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"

export interface Entry {
  readonly kind: "folder" | "file" | "link" | "other"
  /** The permission bits, set-id and sticky bits among them; in octal. */
  readonly mode: string
  /**
   * The bytes of a file as text if they are UTF-8, otherwise in hexadecimal; the digest of a large file; the
   * target of a link.
   */
  readonly content?: string
}

/** Entries by path below the folder, with `/` between segments. Bytes of a name that are not UTF-8 become `\xff`. */
export type FolderTree = Readonly<Record<string, Entry>>

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const text = (bytes: Uint8Array, otherwise: (bytes: Uint8Array) => string): string => {
  try {
    return decoder.decode(bytes)
  } catch {
    return otherwise(bytes)
  }
}

const escaped = (name: Uint8Array): string =>
  Array.from(name, (byte) =>
    byte < 0x80 ? String.fromCodePoint(byte) : `\\x${byte.toString(16)}`
  ).join("")

const visit = (
  folder: Buffer,
  prefix: string,
  each: (path: string, file: Buffer, stats: Fs.Stats) => void
): void => {
  const names = Fs.readdirSync(folder, { encoding: "buffer" }).toSorted(Buffer.compare)
  for (const name of names) {
    const file = Buffer.concat([folder, Buffer.from("/"), name])
    const path = prefix + text(name, escaped)
    const stats = Fs.lstatSync(file)
    each(path, file, stats)
    if (stats.isDirectory()) visit(file, `${path}/`, each)
  }
}

/** Larger files are compared by their digests. In bytes. */
const largeFile = 1024 * 1024

const contentOf = (file: Buffer): string => {
  const bytes = Fs.readFileSync(file)
  return bytes.length > largeFile
    ? Crypto.hash("sha256", bytes)
    : text(bytes, () => bytes.toString("hex"))
}

const isFolder = (path: string): boolean =>
  Fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** The content of a folder; empty if the folder does not exist. */
export const read = (folder: string): FolderTree => {
  const tree: Record<string, Entry> = {}
  if (!isFolder(folder)) return tree
  visit(Buffer.from(folder), "", (path, file, stats) => {
    const mode = (stats.mode & 0o7777).toString(8).padStart(4, "0")
    tree[path] = stats.isDirectory()
      ? { kind: "folder", mode }
      : stats.isSymbolicLink()
        ? { kind: "link", mode, content: Fs.readlinkSync(file) }
        : stats.isFile()
          ? { kind: "file", mode, content: contentOf(file) }
          : { kind: "other", mode }
  })
  return tree
}

/** The inode and times of every entry of a folder. They stay equal while nothing changes. */
export const stamps = (folder: string): Readonly<Record<string, string>> => {
  const found: Record<string, string> = {}
  if (!isFolder(folder)) return found
  visit(Buffer.from(folder), "", (path, file) => {
    const { ctimeNs, ino, mtimeNs } = Fs.lstatSync(file, { bigint: true })
    found[path] = `${ino} ${mtimeNs} ${ctimeNs}`
  })
  return found
}
