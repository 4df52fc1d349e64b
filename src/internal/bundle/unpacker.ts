/**
 * Turns the bytes of a tar into the steps that extract it, and rejects anything unsafe. It runs no
 * effect and does not access the disk.
 */
import { Bytes, Result } from "effect"
import * as ArchiveTree from "./archiveTree.ts"
import type * as TarProblem from "./tarProblem.ts"
import * as TarReader from "./tarReader.ts"

/** The limits of {@link Unpacker}. */
export interface Limits extends TarProblem.Limits {
  readonly UnpackedBytes: number
  readonly Entries: number
  readonly PathComponents: number
  readonly NameBytes: number
  readonly PaxRecords: number
}

export type Problem =
  | ArchiveTree.Problem
  | Exclude<TarProblem.Problem, { readonly _tag: "UnsupportedEntry" | "LimitExceeded" }>
  | { readonly _tag: "LinkEntry"; readonly path: string }
  | { readonly _tag: "UnsupportedEntry"; readonly path?: string; readonly type: string }
  | { readonly _tag: "LimitExceeded"; readonly limit: keyof Limits; readonly path?: string }

/** One change to the folder. Paths are relative to it; parents come first. */
export type Step =
  | { readonly _tag: "Directory"; readonly path: string }
  | {
      readonly _tag: "File"
      readonly path: string
      readonly mode: number
      readonly content: Uint8Array
    }
  /** Opens a large file, whose content follows in `Append` steps up to `Close`. */
  | { readonly _tag: "Open"; readonly path: string; readonly mode: number }
  | { readonly _tag: "Append"; readonly bytes: Uint8Array }
  | { readonly _tag: "Close" }

/** Larger files are written in parts while they are read, unless the whole tar is in memory. */
const wholeFileBytes = 256 * 1024

const utf8 = new TextEncoder()

const exceeded = (limit: keyof Limits, path?: string): Problem => ({
  _tag: "LimitExceeded",
  limit,
  ...(path === undefined ? {} : { path })
})

const typeOf = ({ path, type }: TarReader.Header): ArchiveTree.NodeType | Problem => {
  switch (type) {
    case "File":
      // Old archives mark folders only by a slash.
      return path.endsWith("/") ? "Directory" : "File"
    case "Directory":
      return "Directory"
    case "Symlink":
    case "Hardlink":
      return { _tag: "LinkEntry", path }
    default:
      return { _tag: "UnsupportedEntry", path, type }
  }
}

/** Reads one tar. Must not be used after a problem. */
export class Unpacker {
  private readonly limits: Limits
  private readonly wholeFile: number
  private readonly reader: TarReader.TarReader
  private readonly tree = new ArchiveTree.ArchiveTree()
  private steps: Array<Step> = []
  private entries = 0
  private announced = 0
  /** The file whose content comes next. Without a file, content is skipped. */
  private file: { readonly path: string; readonly mode: number } | undefined
  /** The content so far of a small file; undefined for a large one. */
  private pieces: Array<Uint8Array> | undefined

  readonly extracted = { files: 0, directories: 0, bytes: 0 }

  /** A file of at most `wholeFile` bytes becomes one step. */
  constructor(limits: Limits, wholeFile: number = wholeFileBytes) {
    this.limits = limits
    this.wholeFile = wholeFile
    this.reader = new TarReader.TarReader(limits)
  }

  /** Adds a chunk and returns the steps that are complete now. They refer to the chunk's memory. */
  push(chunk: Uint8Array): Result.Result<ReadonlyArray<Step>, Problem> {
    this.reader.push(chunk)
    this.steps = []
    for (;;) {
      const item = this.reader.next()
      if (item === undefined) return Result.succeed(this.steps)
      switch (item._tag) {
        case "Entry": {
          const problem = this.enter(item.header)
          if (problem !== undefined) return Result.fail(problem)
          break
        }
        case "Content":
          this.take(item.bytes, item.isLast)
          break
        case "Refused":
          return Result.fail(item.problem)
      }
    }
  }

  /** The reason why the tar must not end here, if there is one. */
  end(): Problem | undefined {
    return this.reader.end()
  }

  private enter(header: TarReader.Header): Problem | undefined {
    const { mode, path, size } = header
    this.entries += 1
    this.announced += size
    if (this.entries > this.limits.Entries) return exceeded("Entries")
    if (this.announced > this.limits.UnpackedBytes) return exceeded("UnpackedBytes", path)
    if (header.paxRecords > this.limits.PaxRecords) return exceeded("PaxRecords", path)
    if (header.type === "Directory" && size > 0) {
      return { _tag: "MalformedTar", detail: `${JSON.stringify(path)} is a folder with content` }
    }
    const parts = ArchiveTree.components(path)
    if (Result.isFailure(parts)) return parts.failure
    if (parts.success.length > this.limits.PathComponents) return exceeded("PathComponents", path)
    if (parts.success.some((part) => this.isLongName(part))) return exceeded("NameBytes", path)
    const type = typeOf(header)
    if (typeof type === "object") return type
    const name = parts.success.join("/")
    const missing = this.tree.add(name, type)
    if (Result.isFailure(missing)) return missing.failure
    this.extracted.directories += missing.success.length
    if (this.extracted.directories > this.limits.Entries) return exceeded("Entries")
    for (const directory of missing.success) this.steps.push({ _tag: "Directory", path: directory })
    this.file = type === "File" ? { path: name, mode: mode & 0o777 } : undefined
    if (this.file === undefined) return undefined
    this.extracted.files += 1
    this.extracted.bytes += size
    this.pieces = size <= this.wholeFile ? [] : undefined
    if (this.pieces === undefined) this.steps.push({ _tag: "Open", ...this.file })
    else if (size === 0) this.take(new Uint8Array(0), true)
    return undefined
  }

  private take(bytes: Uint8Array, isLast: boolean): void {
    if (this.file === undefined) return
    if (this.pieces === undefined) {
      this.steps.push({ _tag: "Append", bytes })
      if (isLast) this.steps.push({ _tag: "Close" })
      return
    }
    this.pieces.push(bytes)
    if (!isLast) return
    const content = this.pieces.length === 1 ? bytes : Bytes.concat(this.pieces)
    this.steps.push({ _tag: "File", ...this.file, content })
    this.pieces = undefined
    this.file = undefined
  }

  private isLongName(name: string): boolean {
    const most = this.limits.NameBytes
    // A UTF-16 unit takes at most three bytes.
    return name.length * 3 > most && utf8.encode(name).length > most
  }
}
