/**
 * The names that an archive may use: they stay inside its folder, and each means one file, the same
 * on every file system.
 */
import { Result, Schema } from "effect"

/** Why an entry's name is refused. */
export const Problem = Schema.TaggedUnion({
  /** Absolute, or with a `..`. */
  EntryOutside: { path: Schema.String },
  UnsafeName: {
    path: Schema.String,
    problem: Schema.Literals(["Empty", "NotUtf8", "ControlCharacter", "Backslash", "DrivePrefix"])
  },
  /** The name is taken: by an earlier entry, or by a folder that an earlier entry lies in. */
  DuplicatePath: { path: Schema.String },
  /** The names differ, but not after Unicode normalisation and case folding. */
  CollidingPath: { path: Schema.String, other: Schema.String },
  EntryBelowFile: { path: Schema.String, file: Schema.String }
})
export type Problem = typeof Problem.Type

/**
 * The components of an entry's path, without the empty and `.` ones that change nothing: none for
 * the archive's root.
 */
export const components = (path: string): Result.Result<ReadonlyArray<string>, Problem> => {
  const unsafe = (problem: Extract<Problem, { _tag: "UnsafeName" }>["problem"]) =>
    Result.fail({ _tag: "UnsafeName", path, problem } as const)
  if (path === "") return unsafe("Empty")
  // Tar puts this character where bytes are not UTF-8.
  if (path.includes("\uFFFD")) return unsafe("NotUtf8")
  if (/\p{Cc}/u.test(path)) return unsafe("ControlCharacter")
  if (path.includes("\\")) return unsafe("Backslash")
  const parts = path.split("/").filter((part) => part !== "" && part !== ".")
  if (path.startsWith("/") || parts.includes("..")) {
    return Result.fail({ _tag: "EntryOutside", path })
  }
  if (/^[a-z]:/i.test(parts[0] ?? "")) return unsafe("DrivePrefix")
  return Result.succeed(parts)
}

/** The same for names that a file system may take for one. */
const fold = (path: string) =>
  /^[\x20-\x7e]*$/.test(path)
    ? path.toUpperCase()
    : // Lower case first: only so do `ẞ` and `ß` both become `SS`.
      path.normalize("NFD").toLowerCase().toUpperCase().normalize("NFD")

export type NodeType = "File" | "Directory"

/** What an archive's entries have made so far. */
export class ArchiveTree {
  private readonly types = new Map<string, NodeType>([["", "Directory"]])
  private readonly spellings = new Map<string, string>()

  /**
   * Takes an entry in and gives the folders that it needs and no earlier entry made, parents
   * first. A folder may be named again: that says nothing new.
   */
  add(path: string, type: NodeType): Result.Result<ReadonlyArray<string>, Problem> {
    const missing: Array<string> = []
    const problem =
      type === "Directory"
        ? this.enter(path, path, missing)
        : (this.enter(parentOf(path), path, missing) ?? this.claim(path, type))
    return problem === undefined ? Result.succeed(missing) : Result.fail(problem)
  }

  private enter(folder: string, path: string, missing: Array<string>): Problem | undefined {
    const type = this.types.get(folder)
    if (type === "Directory") return undefined
    if (type === "File") {
      return folder === path
        ? { _tag: "DuplicatePath", path }
        : { _tag: "EntryBelowFile", path, file: folder }
    }
    const problem = this.enter(parentOf(folder), path, missing) ?? this.claim(folder, "Directory")
    missing.push(folder)
    return problem
  }

  private claim(path: string, type: NodeType): Problem | undefined {
    if (path === "") return { _tag: "UnsafeName", path: ".", problem: "Empty" }
    if (this.types.has(path)) return { _tag: "DuplicatePath", path }
    const folded = fold(path)
    const other = this.spellings.get(folded)
    if (other !== undefined) return { _tag: "CollidingPath", path, other }
    this.spellings.set(folded, path)
    this.types.set(path, type)
    return undefined
  }
}

const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf("/")))
