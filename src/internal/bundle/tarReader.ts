/**
 * A strict tar reader: bytes in, entries out, without an effect for each chunk or block.
 *
 * It reads v7, ustar, PAX and GNU archives. It rejects everything that two readers could interpret
 * differently, because an archive must not mean one thing to a scanner and another here.
 */
import * as Pax from "./paxRecords.ts"
import { blockLength, isZero, parseHeader, type RawHeader, textAt } from "./tarHeader.ts"
import {
  damaged,
  isProblem,
  type Limits,
  malformed,
  type Problem,
  sparse,
  truncated
} from "./tarProblem.ts"

/** The entry's kind, by its type flag. */
type EntryType =
  | "File"
  | "Directory"
  | "Symlink"
  | "Hardlink"
  | "CharDevice"
  | "BlockDevice"
  | "Fifo"
  | "Other"

export interface Header {
  /** The path as in the archive. Bytes that are not UTF-8 become U+FFFD. */
  readonly path: string
  readonly type: EntryType
  /** Bytes of content. */
  readonly size: number
  /** The permission bits, including set-uid, set-gid and sticky. */
  readonly mode: number
  /** The number of PAX records that apply to the entry. */
  readonly paxRecords: number
}

/**
 * One step through an archive. An entry's content follows the entry, in the parts in which it
 * arrives.
 */
type Item =
  | { readonly _tag: "Entry"; readonly header: Header }
  /** A part of the buffer that was pushed, not a copy. */
  | { readonly _tag: "Content"; readonly bytes: Uint8Array; readonly isLast: boolean }
  | { readonly _tag: "Refused"; readonly problem: Problem }

const refused = (problem: Problem): Item => ({ _tag: "Refused", problem })

const padded = (size: number) => Math.ceil(size / blockLength) * blockLength

const types: Readonly<Record<string, EntryType>> = {
  "0": "File",
  "1": "Hardlink",
  "2": "Symlink",
  "3": "CharDevice",
  "4": "BlockDevice",
  "5": "Directory",
  "6": "Fifo",
  // Contiguous files.
  "7": "File"
}

/** Old archives mark folders only by a slash. */
const typeOf = (typeflag: string, path: string): EntryType =>
  typeflag === "\0" ? (path.endsWith("/") ? "Directory" : "File") : (types[typeflag] ?? "Other")

/**
 * Reads one tar. Push a chunk, take items until there are none, then push the next chunk. The
 * reader must not be used after a problem.
 */
export class TarReader {
  private readonly limits: Limits
  private chunk: Uint8Array = new Uint8Array(0)
  /** The next byte of the chunk. */
  private start = 0
  /** Bytes of the tar before the chunk. */
  private before = 0
  /** The part of a block, or of an extended header, that continues in the next chunk. */
  private partial: Uint8Array | undefined
  private filled = 0
  /** An extended header whose data follows. */
  private extended: RawHeader | undefined
  private content = 0
  private padding = 0
  /** The offset at which the last entry's content ended. */
  private contentEnd = 0
  /** The offset of the header block that was read last. */
  private headerAt = 0
  private zeroBlock = false
  private ended = false
  private records: Pax.Records | undefined
  private globals: Pax.Records = new Map()
  private longName = ""
  private hasLongLink = false

  constructor(limits: Limits) {
    this.limits = limits
  }

  /** Adds a chunk. {@link TarReader.next} must have used up the previous one. */
  push(chunk: Uint8Array): void {
    this.before += this.chunk.length
    this.chunk = chunk
    this.start = 0
  }

  /** The next item; undefined if more bytes are needed. */
  next(): Item | undefined {
    if (this.before + this.chunk.length > this.limits.TarBytes) return this.exceeded("TarBytes")
    for (;;) {
      if (this.content > 0) return this.nextContent()
      this.skipPadding()
      if (this.ended) this.start = this.chunk.length
      if (this.offset - this.contentEnd > this.limits.GapBytes) return this.exceeded("GapBytes")
      if (this.start === this.chunk.length) return undefined
      const { extended } = this
      const bytes = this.take(extended === undefined ? blockLength : padded(extended.size))
      if (bytes === undefined) continue
      const item = extended === undefined ? this.block(bytes) : this.extension(extended, bytes)
      if (item !== undefined) return item
    }
  }

  /** The reason why the tar must not end here, if there is one. */
  end(): Problem | undefined {
    const isInside =
      this.content > 0 || this.padding > 0 || this.filled > 0 || this.extended !== undefined
    const isPending = this.records !== undefined || this.longName !== "" || this.hasLongLink
    return this.offset === 0 || isInside || isPending ? truncated : undefined
  }

  private get offset(): number {
    return this.before + this.start
  }

  private exceeded(limit: keyof Limits): Item {
    return refused({ _tag: "LimitExceeded", limit })
  }

  private nextContent(): Item | undefined {
    if (this.start === this.chunk.length) return undefined
    const end = Math.min(this.chunk.length, this.start + this.content)
    const bytes = this.chunk.subarray(this.start, end)
    this.content -= bytes.length
    this.start = end
    this.contentEnd = this.offset
    return { _tag: "Content", bytes, isLast: this.content === 0 }
  }

  private skipPadding(): void {
    const skipped = Math.min(this.padding, this.chunk.length - this.start)
    this.padding -= skipped
    this.start += skipped
  }

  /** The next `length` bytes in one piece, which is copied only if it spans chunks. */
  private take(length: number): Uint8Array | undefined {
    if (this.partial === undefined && this.chunk.length - this.start >= length) {
      return this.chunk.subarray(this.start, (this.start += length))
    }
    const partial = (this.partial ??= new Uint8Array(length))
    const end = Math.min(this.chunk.length, this.start + length - this.filled)
    partial.set(this.chunk.subarray(this.start, end), this.filled)
    this.filled += end - this.start
    this.start = end
    if (this.filled < length) return undefined
    this.partial = undefined
    this.filled = 0
    return partial
  }

  private block(block: Uint8Array): Item | undefined {
    this.headerAt = this.offset - blockLength
    if (isZero(block)) {
      this.ended = this.zeroBlock
      this.zeroBlock = true
      return undefined
    }
    if (this.zeroBlock)
      return refused(damaged("non-zero block after an end-of-archive block", this.headerAt))
    const raw = parseHeader(block, this.headerAt)
    if (isProblem(raw)) return refused(raw)
    switch (raw.typeflag) {
      case "x":
      case "g":
      case "L":
      case "K":
        if (raw.size > this.limits.HeaderBytes) return this.exceeded("HeaderBytes")
        if (raw.size === 0) return this.extension(raw, new Uint8Array(0))
        this.extended = raw
        return undefined
      case "S":
        return refused(sparse)
      default:
        return this.entry(raw)
    }
  }

  /** Handles the data of an extended header, including its padding. */
  private extension({ size, typeflag }: RawHeader, bytes: Uint8Array): Item | undefined {
    this.extended = undefined
    const data = bytes.subarray(0, size)
    if (typeflag === "K") {
      this.hasLongLink = data.length > 0 && data[0] !== 0
      return undefined
    }
    if (typeflag === "L") {
      if (size === 0 || data[0] === 0) {
        return refused(malformed("a GNU long name without a name"))
      }
      // GNU tar also reads the padding.
      if (size < bytes.length && bytes.subarray(0, size + 1).indexOf(0) < 0) {
        return refused(malformed("a GNU long name without an end"))
      }
      this.longName = textAt(data, 0, size)
    } else {
      const records = Pax.parseRecords(data, this.headerAt)
      if (isProblem(records)) return refused(records)
      const problem = typeflag === "g" ? this.addGlobals(records) : this.addRecords(records)
      if (problem !== undefined) return refused(problem)
    }
    return this.longName !== "" && this.records?.has("path") === true
      ? refused(malformed("a GNU long name beside a PAX path"))
      : undefined
  }

  private addRecords(records: Pax.Records): Problem | undefined {
    for (const key of ["path", "size"]) {
      if (records.get(key) === "") return malformed(`a PAX ${key} without a value`)
    }
    this.records = records
    return undefined
  }

  private addGlobals(records: Pax.Records): Problem | undefined {
    const globals = new Map(this.globals)
    for (const [key, value] of records) {
      const found = /^(path$|linkpath$|size$|GNU\.sparse(?=\.))/.exec(key)
      if (found !== null) return malformed(`a PAX ${found[1]} for all entries`)
      if (value === "") globals.delete(key)
      else globals.set(key, value)
    }
    this.globals = globals
    return undefined
  }

  private entry(raw: RawHeader): Item {
    const records =
      this.globals.size === 0
        ? this.records
        : new Map([...this.globals, ...(this.records ?? new Map<string, string>())])
    let { path, size } = raw
    let paxRecords = 0
    if (records !== undefined) {
      const problem = Pax.problemOfRecords(records, this.headerAt)
      if (problem !== undefined) return refused(problem)
      path = records.get("path") ?? path
      size = Number(records.get("size") ?? size)
      for (const key of records.keys()) if (!Pax.fieldKeys.has(key)) paxRecords++
    }
    if (raw.hasOpenStarPrefix) return refused(malformed("a star prefix without an end"))
    if (this.longName !== "") path = this.longName
    this.records = undefined
    this.longName = ""
    this.hasLongLink = false
    this.content = size
    this.padding = padded(size) - size
    this.contentEnd = this.offset
    return {
      _tag: "Entry",
      header: { path, type: typeOf(raw.typeflag, path), size, mode: raw.mode, paxRecords }
    }
  }
}
