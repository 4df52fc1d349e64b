/**
 * Reads of the disk that depend on one another, such as those of one plugin.
 *
 * They are a generator, which yields each read and receives its answer, or a thrown
 * `PlatformError`. So they are written once, and each disk runs them in its own way: in one
 * synchronous step, or with one effect for each read.
 */
import { Effect, type FileSystem, PlatformError } from "effect"

type Failure = PlatformError.PlatformError
type Result<A> = Effect.Effect<A, Failure>

/** The possible reads; see the operations of `Disk` with the same names. */
export interface Operations {
  readonly lstat: (path: string) => Result<FileSystem.File.Info | undefined>
  readonly entries: (folder: string) => Result<ReadonlyArray<FileSystem.DirectoryEntry>>
  readonly readFile: (path: string, limit?: number) => Result<Uint8Array>
}

/** A regular file. */
export interface File {
  readonly bytes: Uint8Array
  readonly mode: number
}

/** One read. */
export interface Read {
  readonly method: keyof Operations | "file"
  readonly path: string
  /** The maximum size of a file, in bytes. */
  readonly limit?: number | undefined
}

/** Reads that return a value. A `PlatformError` that they throw is their failure. */
export type Reads<A> = Generator<Read, A, unknown>

/** See `Disk.lstat`. */
export function* lstat(path: string): Reads<FileSystem.File.Info | undefined> {
  return (yield { method: "lstat", path }) as FileSystem.File.Info | undefined
}

/** See `Disk.entries`. */
export function* entries(folder: string): Reads<ReadonlyArray<FileSystem.DirectoryEntry>> {
  return (yield { method: "entries", path: folder }) as ReadonlyArray<FileSystem.DirectoryEntry>
}

/** See `Disk.readFile`. */
export function* readFile(path: string, limit?: number): Reads<Uint8Array> {
  return (yield { method: "readFile", path, limit }) as Uint8Array
}

/** As {@link readFile}, with the file's mode. */
export function* file(path: string, limit?: number): Reads<File> {
  return (yield { method: "file", path, limit }) as File
}

/** Returns another value for expected errors. */
export function* recover<A, B>(
  reads: Reads<A>,
  isExpected: (error: Failure) => boolean,
  otherwise: B
): Reads<A | B> {
  try {
    return yield* reads
  } catch (error) {
    if (PlatformError.isPlatformError(error) && isExpected(error)) return otherwise
    throw error
  }
}

/** The next read, or the returned value, or the error that was thrown. */
export const step = <A>(next: () => IteratorResult<Read, A>): IteratorResult<Read, A> | Failure => {
  try {
    return next()
  } catch (error) {
    if (PlatformError.isPlatformError(error)) return error
    throw error
  }
}

const answerTo = (operations: Operations, { limit, method, path }: Read): Result<unknown> => {
  if (method !== "file") return operations[method](path, limit)
  return Effect.flatMap(operations.readFile(path, limit), (bytes) =>
    Effect.map(operations.lstat(path), (info): File => ({ bytes, mode: info?.mode ?? 0 }))
  )
}

/** Continues from a step, with one effect for each read. */
export const resume = <A>(
  operations: Operations,
  reads: Reads<A>,
  at: IteratorResult<Read, A> | Failure,
  next: (at: IteratorResult<Read, A> | Failure) => Result<A> = (at) => resume(operations, reads, at)
): Result<A> => {
  if (PlatformError.isPlatformError(at)) return Effect.fail(at)
  if (at.done === true) return Effect.succeed(at.value)
  return Effect.matchEffect(answerTo(operations, at.value), {
    onFailure: (error) => next(step(() => reads.throw(error))),
    onSuccess: (answer) => next(step(() => reads.next(answer)))
  })
}

/** Runs reads with one effect for each. */
export const run = <A>(operations: Operations, make: () => Reads<A>): Result<A> =>
  Effect.suspend(() => {
    const reads = make()
    return resume(
      operations,
      reads,
      step(() => reads.next())
    )
  })
