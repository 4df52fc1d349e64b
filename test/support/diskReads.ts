/**
 * The operations of a pass and the results of those that read. A change of the disk that an operation
 * does not notice has the same effect as the same change after the operation.
 */
import { Effect, type FileSystem, type PlatformError } from "effect"
import { isDeepStrictEqual } from "node:util"
import type * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as FaultyFileSystem from "./FaultyFileSystem.ts"

type Disk = MemoryFileSystem.MemoryDisk

/** One operation, and the disk before it. */
export interface Before {
  readonly operation: FaultyFileSystem.Operation
  readonly disk: Disk
}

/** The operations that an effect makes on a copy of a disk. */
export const operationsOf = Effect.fnUntraced(function* <A, E>(
  start: Disk,
  effect: (disk: Disk) => Effect.Effect<A, E>
) {
  const operations: Array<Before> = []
  const disk = start.clone()
  let steps = -1
  let copy = disk
  const fileSystem = FaultyFileSystem.make(disk.fileSystem, (operation) =>
    Effect.sync(() => {
      // Operations that change nothing share one copy.
      if (disk.steps() !== steps) copy = disk.clone()
      steps = disk.steps()
      operations.push({ operation, disk: copy })
    })
  )
  yield* effect({ ...disk, fileSystem })
  return operations
})

const reads: Readonly<
  Record<
    string,
    (fs: FileSystem.FileSystem, path: string) => Effect.Effect<unknown, PlatformError.PlatformError>
  >
> = {
  lstat: (fs, path) => fs.lstat(path),
  readDirectory: (fs, path) => fs.readDirectory(path),
  readDirectoryEntries: (fs, path) => fs.readDirectoryEntries(path),
  readFile: (fs, path) => fs.readFile(path),
  realPath: (fs, path) => fs.realPath(path)
}

const readOf = ({ file, method }: FaultyFileSystem.Operation) => (file ? undefined : reads[method])

/** True for an operation that is known to read only. */
export const isRead = ({ operation }: Before): boolean => readOf(operation) !== undefined

/**
 * True if the operation only reads and has the same result on both disks. Its caller then does the same
 * on both.
 */
export const isSameOn = Effect.fnUntraced(function* (
  operation: FaultyFileSystem.Operation,
  one: Disk,
  other: Disk
) {
  const read = readOf(operation)
  const [path] = operation.paths
  if (read === undefined || path === undefined) return false
  const answers = yield* Effect.forEach([one, other], ({ fileSystem }) =>
    Effect.exit(read(fileSystem, path))
  )
  return isDeepStrictEqual(answers[0], answers[1])
})
