/**
 * An open file of the disk in memory, and the attributes that `stat` gives.
 */
import { ByteSize, FileSystem, Option } from "effect"
import { badArgument, type Calls, checkInteger } from "./calls.ts"
import type { Inode } from "./inode.ts"
import * as Linux from "./linuxDisk.ts"

const fileTypes = { File: 0o100000, Directory: 0o040000, SymbolicLink: 0o120000 }

const sizeOf = (inode: Inode) => {
  switch (inode.type) {
    case "File":
      return inode.size
    case "Directory":
      return Linux.pageSize
    case "SymbolicLink":
      return new TextEncoder().encode(inode.target).length
  }
}

const linksOf = (inode: Inode) => {
  const isRemoved = inode.names === 0 && inode.type === "Directory" && inode.parent !== inode
  if (inode.type !== "Directory" || isRemoved) return inode.names
  let links = 2
  for (const child of inode.entries.values()) if (child.type === "Directory") links++
  return links
}

const noDevice = Option.some(0n)
const blockSize = Option.some(ByteSize.bytes(Linux.pageSize))

export const infoOf = (inode: Inode): FileSystem.File.Info => {
  const size = sizeOf(inode)
  return {
    type: inode.type,
    mtime: Option.some(new Date(inode.mtime)),
    atime: Option.some(new Date(inode.atime)),
    birthtime: Option.some(new Date(inode.birthtime)),
    dev: 1n,
    rdev: noDevice,
    ino: Option.some(BigInt(inode.ino)),
    mode: fileTypes[inode.type] | inode.mode,
    nlink: Option.some(BigInt(linksOf(inode))),
    uid: Option.some(inode.uid),
    gid: Option.some(inode.gid),
    size: ByteSize.bytes(size),
    blksize: blockSize,
    blocks: Option.some(BigInt(Math.ceil(size / Linux.pageSize) * 8))
  }
}

/** Sets the length of an open file; a negative one is 0, as for Node. */
export const truncate = (
  disk: Linux.Disk,
  method: string,
  handle: Linux.Handle,
  length: number
) => {
  checkInteger(method, "len", length, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  disk.ftruncate(handle, Math.max(0, length))
}

export const make = ({ disk, run }: Calls, handle: Linux.Handle): FileSystem.File => {
  const { append } = handle.access
  let cursor = 0n
  const onFile = <A>(method: string, body: () => A) => run(method, handle.fd, body)
  const read = (
    method: string,
    buffer: Uint8Array,
    options: FileSystem.File.ReadOptions | undefined
  ) => {
    const position = options?.position ?? cursor
    if (position < 0n) throw badArgument(method, "Cannot read before the start of the file")
    // Node makes no system call then.
    if (buffer.length === 0) return 0
    const length = disk.read(handle, buffer, Number(position))
    if (options?.position === undefined) cursor += BigInt(length)
    return length
  }
  const write = (buffer: Uint8Array) => {
    const length = disk.write(handle, buffer, Number(cursor))
    if (!append) cursor += BigInt(length)
    return length
  }
  return {
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: onFile("stat", () => infoOf(disk.fstat(handle))),
    sync: onFile("sync", () => disk.fsync(handle)),
    seek: (offset, from) =>
      onFile("seek", () => {
        const position = from === "start" ? offset : cursor + offset
        if (position < 0n) throw badArgument("seek", "Cannot seek before the start of the file")
        cursor = position
        return position
      }),
    read: (buffer, options) => onFile("read", () => read("read", buffer, options)),
    readAlloc: (size, options) =>
      onFile("readAlloc", () => {
        checkInteger("readAlloc", "size", size, 0, Number.MAX_SAFE_INTEGER)
        const buffer = new Uint8Array(size)
        const length = read("readAlloc", buffer, options)
        if (length === 0) return Option.none()
        return Option.some(length === size ? buffer : buffer.slice(0, length))
      }),
    truncate: (length = 0) =>
      onFile("truncate", () => {
        truncate(disk, "truncate", handle, length)
        const end = BigInt(Math.max(0, length))
        if (!append && cursor > end) cursor = end
      }),
    write: (buffer) => onFile("write", () => write(buffer)),
    writeAll: (buffer) =>
      onFile("writeAll", () => {
        let done = 0
        while (done < buffer.length) done += write(buffer.subarray(done))
      })
  }
}
