/**
 * The files below a folder, and how two folders differ.
 */
import { Effect, type FileSystem, type Path, type PlatformError } from "effect"

/** Entries by their path below the root, with `/` between names. Folders are not listed. */
type FileTree = ReadonlyMap<string, Entry>

interface Entry {
  readonly type: FileSystem.File.Type
  /** In bytes. */
  readonly size: bigint
  readonly isExecutable: boolean
}

/** The differences between a folder and the expected one. */
export interface Difference {
  /** All lists here are sorted. */
  readonly added: ReadonlyArray<string>
  readonly missing: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
}

/** The number of files that are compared at the same time. */
const concurrency = 8

/** Lists everything below a folder; links are listed, not followed. */
export const read = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  path: Path.Path,
  root: string
): Effect.fn.Return<FileTree, PlatformError.PlatformError> {
  const tree = new Map<string, Entry>()
  const folders = [""]
  // The loop continues over the folders that it appends.
  for (const folder of folders) {
    for (const { name, type } of yield* fs.readDirectoryEntries(path.join(root, folder))) {
      const below = `${folder}${name}`
      if (type === "Directory") {
        folders.push(`${below}/`)
        continue
      }
      const info = yield* fs.lstat(path.join(root, below))
      tree.set(below, {
        type: info.type,
        size: info.size,
        isExecutable: (info.mode & 0o100) !== 0
      })
    }
  }
  return tree
})

const isEqual = (self: Uint8Array, that: Uint8Array): boolean =>
  self.length === that.length && self.every((byte, index) => byte === that[index])

/**
 * Compares a folder with the expected one: kinds, sizes, bytes, and whether the owner may execute
 * a file. Files in `optional` may be missing.
 */
export const compare = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  path: Path.Path,
  root: string,
  expectedRoot: string,
  optional: (file: string) => boolean
): Effect.fn.Return<Difference, PlatformError.PlatformError> {
  const found = yield* read(fs, path, root)
  const expected = yield* read(fs, path, expectedRoot)
  const changed = yield* Effect.filter(
    [...expected.keys()].filter((file) => found.has(file)),
    Effect.fnUntraced(function* (file) {
      const [self, that] = [found.get(file)!, expected.get(file)!]
      const isAlike =
        self.type === that.type &&
        self.size === that.size &&
        self.isExecutable === that.isExecutable
      if (!isAlike) return true
      const [bytes, expectedBytes] = yield* Effect.all([
        fs.readFile(path.join(root, file)),
        fs.readFile(path.join(expectedRoot, file))
      ])
      return !isEqual(bytes, expectedBytes)
    }),
    { concurrency }
  )
  return {
    added: [...found.keys()].filter((file) => !expected.has(file)).toSorted(),
    missing: [...expected.keys()].filter((file) => !found.has(file) && !optional(file)).toSorted(),
    changed: changed.toSorted()
  }
})
