/**
 * Decides whether the results of the two readers are consistent. Our reader rejects more than GNU tar does.
 * Each archive that only our reader rejects must show the reason, in the archive itself or in the output of
 * GNU tar. If our reader accepts an archive, GNU tar must list the same files, contents and modes.
 * Everything else is a finding.
 */
import type { BundleArchiveError } from "../../src/BundleArchive.ts"
import type * as GnuTar from "./GnuTar.ts"
import type * as Ours from "./ours.ts"
import type { Sample } from "./sample.ts"
import { difference, type Tree } from "./Tree.ts"

/** The reasons to reject archives that GNU tar accepts. */
export const rules = [
  // The extraction would be unsafe or differ between systems.
  "a link",
  "a device, a FIFO or a type of some tools only",
  "a sparse file",
  "a path that leaves the folder",
  "a file without a name",
  "a name that is not UTF-8",
  "a control character in a name",
  "a backslash in a name",
  "a drive in a name",
  "a name of more than 255 bytes",
  "a path of more than 128 parts",
  "a path that comes twice or below a file",
  "two names that some file systems take for one",
  // The archive is incomplete or has more after its end, so it may have been changed in transit.
  "more after the gzip member",
  "a flag of the gzip header that must not be set",
  "a last block that is cut short",
  "a lone zero block before more",
  "an extended header without its entry",
  "a malformed number",
  "a malformed PAX record",
  // Other readers interpret the archive differently, and GNU tar may do so too.
  "a folder with content",
  "a PAX path, size or sparse file for all entries",
  "a PAX path or size without a value, or twice",
  "a GNU long name that is empty, open or beside a PAX path",
  "a star prefix that is open",
  "a mode or size that is blank or after a NUL"
] as const
export type Rule = (typeof rules)[number]

export type Verdict =
  | { readonly _tag: "Accepted by both" }
  | { readonly _tag: "Refused by both" }
  | { readonly _tag: "Refused by ours alone"; readonly rule: Rule }
  /** For values that our reader ignores. */
  | { readonly _tag: "Minded by theirs alone" }
  | { readonly _tag: "Finding"; readonly what: string }

type Reason = BundleArchiveError["reason"]

const blockLength = 512

const parts = (name: string) => name.split("/").filter((part) => part !== "" && part !== ".")

const isFolder = ({ name, type }: GnuTar.Member) =>
  type === "d" || ("-C".includes(type) && name.endsWith("/"))

const ancestors = (path: string) => {
  const all = path.split("/")
  return all.slice(1).map((_, i) => all.slice(0, i + 1).join("/"))
}

/** The tree of a list, or a message if the list makes no tree. */
const treeOf = (members: ReadonlyArray<GnuTar.Member>): Tree | string => {
  const tree: Tree = { files: new Map(), folders: new Set() }
  for (const member of members) {
    const { content, mode, type } = member
    const name = JSON.stringify(member.name)
    const path = parts(member.name).join("/")
    if (!isFolder(member) && !"-C".includes(type)) return `${name} has the type ${type} in theirs`
    if (tree.files.has(path)) return `${name} comes twice in theirs`
    for (const folder of ancestors(path)) {
      if (tree.files.has(folder)) return `${name} lies below a file in theirs`
      tree.folders.add(folder)
    }
    if (!isFolder(member)) {
      if (path === "" || tree.folders.has(path)) return `${name} is a file and a folder in theirs`
      tree.files.set(path, { mode: mode & 0o777, content })
    } else if (path !== "") tree.folders.add(path)
  }
  return tree
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1")

const blocksOf = (tar: Uint8Array) => latin1(tar).match(/[^]{512}/g) ?? []

/** The size in a header, in octal or in GNU tar's base-256. */
const sizeOf = (header: string) =>
  header[124]! < "\x80"
    ? Number.parseInt(`0${header.slice(124, 136).trim()}`, 8)
    : Number.parseInt(Buffer.from(header.slice(125, 136), "latin1").toString("hex"), 16)

/** The types of all headers that can be found without reading extended headers. */
const typesOf = (tar: Uint8Array) => {
  const types: Array<string> = []
  for (let at = 0; at + blockLength <= tar.length;) {
    const block = latin1(tar.subarray(at, at + blockLength))
    if (/^\0*$/.test(block)) break
    types.push(block[156]!)
    at += blockLength * (1 + Math.ceil(sizeOf(block) / blockLength))
  }
  return types
}

/** True if more bytes follow the first gzip member. */
const goesOn = ({ framing }: Sample) => framing === "trailing" || framing === "members"

/** True if the tar has a header that another must follow: the last one, or one that names its format. */
const hasExtended = (tar: Uint8Array) =>
  "xgLK".includes(typesOf(tar).at(-1) ?? "none") ||
  blocksOf(tar).some((block) => block.startsWith("ustar", 257) && "xgLK".includes(block[156]!))

/** True if the extended header at the start consists of records only, and these of text. */
const hasRecords = (tar: Uint8Array) => {
  let text = latin1(tar).slice(blockLength)
  text = text.slice(0, sizeOf(latin1(tar)))
  if (text.includes("\0")) return false
  while (text !== "") {
    const length = Number(/^[1-9]\d* /.exec(text)?.[0])
    if (!(length <= text.length)) return false
    if (!/^\d+ [^=]+=[^]*\n$/.test(text.slice(0, length))) return false
    text = text.slice(length)
  }
  return true
}

/** A known difference between the readers: our result, the rule, and the headers that it needs. */
const ambiguities: ReadonlyArray<readonly [RegExp, Rule, types: string]> = [
  [/ is a folder with content$/, "a folder with content", "5\0"],
  [/^a PAX [\w.]+ for all entries$/, "a PAX path, size or sparse file for all entries", "g"],
  [/^a PAX \w+ (without a value|twice)$/, "a PAX path or size without a value, or twice", "x"],
  [/^a GNU long name /, "a GNU long name that is empty, open or beside a PAX path", "L"]
]

const ruleOfMalformed = (detail: string, tar: Uint8Array): Rule | undefined => {
  for (const [pattern, rule, types] of ambiguities) {
    if (!pattern.test(detail)) continue
    return typesOf(tar).some((type) => types.includes(type)) ? rule : undefined
  }
  if (detail.startsWith("an unclear ")) {
    const fields = blocksOf(tar).flatMap((block) => [block.slice(100, 108), block.slice(124, 136)])
    return fields.some((field) => /^ +$|^ *\0[\0 ]*[^\0 ]/.test(field))
      ? "a mode or size that is blank or after a NUL"
      : undefined
  }
  if (detail.startsWith("a star prefix ")) {
    return latin1(tar).includes("tar\0") ? "a star prefix that is open" : undefined
  }
  const after = /^non-zero block after .*at byte (\d+)/.exec(detail)
  if (after !== null) {
    const zeros = tar.subarray(Number(after[1]) - blockLength, Number(after[1]))
    return zeros.every((byte) => byte === 0) ? "a lone zero block before more" : undefined
  }
  const number = /field at offset (\d+) .*at byte (\d+)/.exec(detail)
  if (number !== null) {
    const start = Number(number[1]) + Number(number[2])
    const length = number[1] === "124" || number[1] === "136" ? 12 : 8
    const field = latin1(tar.subarray(start, start + length))
    return /^[\0 ]*[0-7]*[\0 ]*$/.test(field) ? undefined : "a malformed number"
  }
  if (/^negative \w+ |^mtime is out of range /.test(detail)) return "a malformed number"
  const value = /^invalid PAX \w+ "(.*)"/.exec(detail)
  if (value !== null) {
    return /^\d{1,15}$/.test(value[1]!) ? undefined : "a malformed PAX record"
  }
  const records = /^(?:malformed|invalid) PAX record.*\(header at byte (\d+)\)/s.exec(detail)
  return records !== null && !hasRecords(tar.subarray(Number(records[1])))
    ? "a malformed PAX record"
    : undefined
}

const nameProblems: Record<
  Extract<Reason, { _tag: "UnsafeName" }>["problem"],
  readonly [Rule, (name: string) => boolean]
> = {
  Empty: ["a file without a name", (name) => parts(name).length === 0],
  NotUtf8: ["a name that is not UTF-8", (name) => name.includes("\ufffd")],
  ControlCharacter: ["a control character in a name", (name) => /[\0-\x1f\x7f-\x9f]/.test(name)],
  Backslash: ["a backslash in a name", (name) => name.includes("\\")],
  DrivePrefix: ["a drive in a name", (name) => /^[a-zA-Z]:/.test(parts(name)[0] ?? "")]
}

/** A comparison of names that does not depend on our own folding. */
const letters = new Intl.Collator("und", { sensitivity: "base", usage: "search" })

/** The rule by which only our reader rejects an archive, if the archive shows it. */
const ruleOf = (reason: Reason, sample: Sample, { members }: GnuTar.Outcome): Rule | undefined => {
  const paths = members.map(({ name }) => parts(name))
  const shown = (shows: boolean, rule: Rule) => (shows ? rule : undefined)
  switch (reason._tag) {
    case "LinkEntry":
      return shown(
        members.some(({ type }) => "lh".includes(type)),
        "a link"
      )
    case "UnsupportedEntry":
      return reason.type.startsWith("GNU sparse")
        ? shown(
            /GNU\.sparse\./.test(latin1(sample.tar)) || typesOf(sample.tar).includes("S"),
            "a sparse file"
          )
        : shown(
            members.some(({ type }) => !"-dClh".includes(type)) ||
              // GNU tar has its own type of folder, and knows extended headers of Solaris.
              typesOf(sample.tar).some((type) => "DX".includes(type)),
            "a device, a FIFO or a type of some tools only"
          )
    case "EntryOutside":
      return shown(
        members.some(({ name }) => name.startsWith("/") || name.split("/").includes("..")),
        "a path that leaves the folder"
      )
    case "UnsafeName": {
      const [rule, holds] = nameProblems[reason.problem]
      return shown(
        members.some(({ name }) => holds(name)),
        rule
      )
    }
    case "DuplicatePath":
    case "EntryBelowFile":
      return shown(typeof treeOf(members) === "string", "a path that comes twice or below a file")
    case "CollidingPath": {
      const all = new Set(paths.map((path) => path.join("/")))
      for (const path of all) for (const folder of ancestors(path)) all.add(folder)
      return shown(
        reason.path !== reason.other &&
          all.has(reason.path) &&
          all.has(reason.other) &&
          letters.compare(reason.path, reason.other) === 0,
        "two names that some file systems take for one"
      )
    }
    case "LimitExceeded": {
      const tooLong = paths.flat().some((part) => Buffer.byteLength(part) > 255)
      if (reason.limit === "NameBytes") return shown(tooLong, "a name of more than 255 bytes")
      return shown(
        reason.limit === "PathComponents" && paths.some(({ length }) => length > 128),
        "a path of more than 128 parts"
      )
    }
    case "TrailingData":
      return shown(goesOn(sample), "more after the gzip member")
    case "CorruptGzip":
      return shown(
        (sample.bytes[3]! & 0xe2) !== 0,
        "a flag of the gzip header that must not be set"
      )
    case "Truncated":
      return sample.tar.length % blockLength !== 0
        ? "a last block that is cut short"
        : shown(hasExtended(sample.tar), "an extended header without its entry")
    case "MalformedTar":
      return ruleOfMalformed(reason.detail, sample.tar)
    default:
      return undefined
  }
}

const errorsOf = ({ words }: GnuTar.Outcome) =>
  words
    .split("\n")
    .filter((line) => /^(tar|gzip): /.test(line))
    .filter((line) => !/Exiting with|Ignoring unknown extended|A lone zero block/.test(line))

/** GNU tar's messages about times, owners and parts of volumes, which our reader does not extract. */
const minded =
  /(invalid|Extended header) ([acm]time|[ug]id|GNU\.volume\.\w+|GNU\.dumpdir)=|where numeric ([ug]id|time)_t|out of ([ug]id|time)_t range/

const finding = (what: string): Verdict => ({ _tag: "Finding", what })

export const judge = (sample: Sample, ours: Ours.Outcome, theirs: GnuTar.Outcome): Verdict => {
  switch (ours._tag) {
    case "Broken":
      return finding(ours.promise)
    case "Accepted": {
      if (goesOn(sample)) return finding("accepted, with more after the gzip member")
      const errors = errorsOf(theirs)
      if (!theirs.accepted && !(errors.length > 0 && errors.every((text) => minded.test(text)))) {
        return finding(`accepted, but ${errors.join("; ") || "GNU tar refuses it"}`)
      }
      const tree = treeOf(theirs.members)
      const other = typeof tree === "string" ? tree : difference(ours.tree, tree)
      if (other !== undefined) return finding(`accepted, but ${other}`)
      return { _tag: theirs.accepted ? "Accepted by both" : "Minded by theirs alone" }
    }
    case "Refused": {
      if (!theirs.accepted) return { _tag: "Refused by both" }
      const rule = ruleOf(ours.reason, sample, theirs)
      return rule === undefined
        ? finding(`refused without a reason that shows: ${JSON.stringify(ours.reason)}`)
        : { _tag: "Refused by ours alone", rule }
    }
  }
}
