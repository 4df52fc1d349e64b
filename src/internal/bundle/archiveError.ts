/**
 * The error of an archive that was rejected, and the limits that it names.
 */
import { Schema, Struct } from "effect"
import * as Message from "../message.ts"
import * as ArchiveTree from "./archiveTree.ts"

const KiB = 1024
const MiB = 1024 * KiB

/** The maximum size of an entry's headers and padding, in bytes. */
const entryOverhead = 2 * KiB

const maxEntries = 50_000

/** The maximum size of a tar whose files have this size together, in bytes. */
export const tarBytes = (unpackedBytes: number) => unpackedBytes + maxEntries * entryOverhead

const defaultUnpackedBytes = 512 * MiB

/**
 * The limits of an archive. `BundleArchive.layerWith` can set the first two.
 *
 * @category constants
 * @since 0.1.0
 */
export const limits = {
  /** Bytes received. The default is that of Codex. */
  PackedBytes: 100 * MiB,
  /** Bytes of all files together. The default is that of Codex. */
  UnpackedBytes: defaultUnpackedBytes,
  /** Entries, together with the parent folders that have no entry of their own. */
  Entries: maxEntries,
  /** Parts of one path. `.` and empty parts do not count. */
  PathComponents: 128,
  /** Bytes of one part of a path, in UTF-8. Common file systems allow no more. */
  NameBytes: 255,
  /** Bytes of one extended header: a GNU long name, or a set of PAX records. */
  HeaderBytes: 1 * MiB,
  /** PAX records that apply to one entry, including those of global headers. */
  PaxRecords: 256,
  /** Bytes between the contents of two entries or after the last. */
  GapBytes: 2 * MiB,
  /** Bytes of the tar: all files, and 2 KiB of headers and padding for each entry. */
  TarBytes: tarBytes(defaultUnpackedBytes)
} as const

/**
 * The name of a limit.
 *
 * @category models
 * @since 0.1.0
 */
export type Limit = keyof typeof limits

/** The reason why an archive is rejected. */
export const Reason = Schema.Union([
  Schema.TaggedUnion({
    NotGzip: {},
    CorruptGzip: {},
    /** The trailer of the gzip member does not match its content. */
    ChecksumMismatch: {},
    /** The stream ended inside the gzip member or inside the tar. */
    Truncated: {},
    /** There is data after the gzip member: another member, padding or anything else. */
    TrailingData: {},
    MalformedTar: { detail: Schema.String },
    /** A symbolic or a hard link. */
    LinkEntry: { path: Schema.String },
    /** A device, a FIFO, a sparse file, or a type that only some tools support. */
    UnsupportedEntry: { path: Schema.optionalKey(Schema.String), type: Schema.String },
    LimitExceeded: {
      limit: Schema.Literals(Struct.keys(limits)),
      /** The limit's value. */
      most: Schema.Number,
      path: Schema.optionalKey(Schema.String)
    }
  }),
  ArchiveTree.Problem
])
export type Reason = typeof Reason.Type

/**
 * An archive was rejected. None of its files is left on disk.
 *
 * @category errors
 * @since 0.1.0
 */
export class BundleArchiveError extends Schema.TaggedError<BundleArchiveError>()(
  "BundleArchiveError",
  { reason: Reason }
) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    return Message.because(
      "the bundle is rejected",
      explain(this.reason),
      isDamaged(this) ? "download it again" : null
    )
  }
}

const damages: ReadonlySet<Reason["_tag"]> = new Set([
  "ChecksumMismatch",
  "CorruptGzip",
  "Truncated"
])

/** True if the archive may be intact on its host and was damaged on the way. */
export const isDamaged = ({ reason }: BundleArchiveError): boolean => damages.has(reason._tag)

const explain = (reason: Reason): string => {
  switch (reason._tag) {
    case "NotGzip":
      return "it is not gzip"
    case "CorruptGzip":
      return "its gzip data is corrupt"
    case "ChecksumMismatch":
      return "its content does not match the gzip checksum"
    case "Truncated":
      return "it ends too early"
    case "TrailingData":
      return "there is more data after its gzip data"
    case "MalformedTar":
      return `its tar is malformed: ${reason.detail}`
    case "LinkEntry":
      return `${show(reason.path)} is a link`
    case "UnsupportedEntry":
      return `${reason.path === undefined ? "an entry" : show(reason.path)} is neither a file nor a folder (type ${reason.type})`
    case "LimitExceeded":
      return `${reason.path === undefined ? "" : `${show(reason.path)}: `}more than ${reason.most} ${limitUnits[reason.limit]}`
    case "EntryOutside":
      return `${show(reason.path)} points outside the bundle`
    case "UnsafeName":
      return `the name ${show(reason.path)} ${nameProblems[reason.problem]}`
    case "DuplicatePath":
      return `${show(reason.path)} appears twice`
    case "CollidingPath":
      return `${show(reason.path)} and ${show(reason.other)} differ only in case or Unicode form`
    case "EntryBelowFile":
      return `${show(reason.path)} is below ${show(reason.file)}, which is a file`
  }
}

const limitUnits: Record<Limit, string> = {
  PackedBytes: "bytes packed",
  UnpackedBytes: "bytes unpacked",
  Entries: "entries",
  PathComponents: "parts in a path",
  NameBytes: "bytes in a name",
  HeaderBytes: "bytes in one extended header",
  PaxRecords: "PAX records for one entry",
  GapBytes: "bytes of headers before an entry, or after the last",
  TarBytes: "bytes of tar"
}

const nameProblems = {
  Empty: "is empty",
  NotUtf8: "is not UTF-8",
  ControlCharacter: "has a control character",
  Backslash: "has a backslash",
  DrivePrefix: "starts with a drive letter"
}

/** Bounds the text's length and escapes invisible characters and those that move the cursor. */
export const printable = (text: string) =>
  (text.length > 200 ? `${text.slice(0, 200)}…` : text).replace(
    /[[\p{C}\p{Z}]--[ ]]/gv,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`
  )

const show = (path: string) => printable(JSON.stringify(path))
