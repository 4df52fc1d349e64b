/**
 * A strict tar reader: bytes in, entries out, without an effect for each chunk or block.
 *
 * It reads v7, ustar, PAX and GNU archives. It refuses everything that two readers could understand
 * differently, because an archive must not mean one thing to a scanner and another one here.
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
export type EntryType =
  | "File"
  | "Directory"
  | "Symlink"
  | "Hardlink"
  | "CharDevice"
  | "BlockDevice"
  | "Fifo"
  | "Other"

export interface Header {
  /** As the archive spells it. Bytes that are not UTF-8 are U+FFFD. */
  readonly path: string
  readonly type: EntryType
  /** Bytes of content. */
  readonly size: number
  /** Permission bits, with the set-uid, set-gid and sticky ones. */
  readonly mode: number
  /** PAX records in force that the other fields do not show. */
  readonly paxRecords: number
}

/** One step through an archive. An entry's content follows it, in as many parts as it arrives in. */
export type Item =
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

/** Old archives mark folders by a slash alone. */
const typeOf = (typeflag: string, path: string): EntryType =>
  typeflag === "\0" ? (path.endsWith("/") ? "Directory" : "File") : (types[typeflag] ?? "Other")

/**
 * Reads one tar. Push a chunk, take items until there are none, push the next chunk. After a refusal
 * the reader is of no further use.
 */
export class TarReader {
  private readonly limits: Limits
  private chunk: Uint8Array = new Uint8Array(0)
  /** The next byte of the chunk. */
  private start = 0
  /** Bytes of the tar before the chunk. */
  private before = 0
  /** Part of a block, or of an extended header, whose rest is in the next chunk. */
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

  /** Adds bytes. The chunk before must have been used up by {@link TarReader.next}. */
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

  /** Why the tar may not end here, if it may not. */
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

  /** So many bytes in one piece, which is copied only if it is spread over chunks. */
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

  /** Takes the data of an extended header, with its padding. */
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
      // GNU tar reads on in the padding.
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
