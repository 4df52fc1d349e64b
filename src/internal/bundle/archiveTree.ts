/**
 * The names that an archive may use: each stays inside the bundle's folder and means the same
 * single file on every file system.
 */
import { Result, Schema } from "effect"

/** The reason why an entry's name is rejected. */
export const Problem = Schema.TaggedUnion({
  /** Absolute, or with a `..`. */
  EntryOutside: { path: Schema.String },
  UnsafeName: {
    path: Schema.String,
    problem: Schema.Literals(["Empty", "NotUtf8", "ControlCharacter", "Backslash", "DrivePrefix"])
  },
  /** The name is taken: by an earlier entry, or by a folder that contains an earlier entry. */
  DuplicatePath: { path: Schema.String },
  /** The names differ only in case or Unicode form. */
  CollidingPath: { path: Schema.String, other: Schema.String },
  EntryBelowFile: { path: Schema.String, file: Schema.String }
})
export type Problem = typeof Problem.Type

/**
 * The components of an entry's path, without empty and `.` components. The archive's root has none.
 */
export const components = (path: string): Result.Result<ReadonlyArray<string>, Problem> => {
  const unsafe = (problem: Extract<Problem, { _tag: "UnsafeName" }>["problem"]) =>
    Result.fail({ _tag: "UnsafeName", path, problem } as const)
  if (path === "") return unsafe("Empty")
  // Effect's `Tar` puts this character in place of bytes that are not UTF-8.
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

/** Equal for names that some file system treats as the same. */
const fold = (path: string) =>
  /^[\x20-\x7e]*$/.test(path)
    ? path.toUpperCase()
    : // Lower case comes first, so that `ẞ` and `ß` both become `SS`.
      path.normalize("NFD").toLowerCase().toUpperCase().normalize("NFD")

export type NodeType = "File" | "Directory"

/** The files and folders of an archive's entries so far. */
export class ArchiveTree {
  private readonly types = new Map<string, NodeType>([["", "Directory"]])
  private readonly spellings = new Map<string, string>()

  /**
   * Adds an entry and returns the parent folders that no earlier entry has created, parents first.
   * A folder may appear again without any effect.
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
