/**
 * Looks: reads of the disk of which one depends on another, such as all that is read of one plugin.
 *
 * A look is a generator. It yields each read and gets the answer back, or a `PlatformError` thrown at
 * it. So it is written once, and a disk runs it as it can: in one synchronous step, or effect by
 * effect.
 */
import { Effect, type FileSystem, PlatformError } from "effect"

type Failure = PlatformError.PlatformError
type Result<A> = Effect.Effect<A, Failure>

/** The reads that a look can ask for; see the operations of `Disk` of the same names. */
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
  /** Of a file, in bytes. */
  readonly limit?: number | undefined
}

/** Reads that end in a value. Whatever `PlatformError` it throws is the failure of the whole. */
export type Look<A> = Generator<Read, A, unknown>

/** See `Disk.lstat`. */
export function* lstat(path: string): Look<FileSystem.File.Info | undefined> {
  return (yield { method: "lstat", path }) as FileSystem.File.Info | undefined
}

/** See `Disk.entries`. */
export function* entries(folder: string): Look<ReadonlyArray<FileSystem.DirectoryEntry>> {
  return (yield { method: "entries", path: folder }) as ReadonlyArray<FileSystem.DirectoryEntry>
}

/** See `Disk.readFile`. */
export function* readFile(path: string, limit?: number): Look<Uint8Array> {
  return (yield { method: "readFile", path, limit }) as Uint8Array
}

/** As {@link readFile}, with the file's mode. */
export function* file(path: string, limit?: number): Look<File> {
  return (yield { method: "file", path, limit }) as File
}

/** A look that gives another value for certain refusals. */
export function* recover<A, B>(
  look: Look<A>,
  isExpected: (error: Failure) => boolean,
  otherwise: B
): Look<A | B> {
  try {
    return yield* look
  } catch (error) {
    if (PlatformError.isPlatformError(error) && isExpected(error)) return otherwise
    throw error
  }
}

/** The next read of a look, or its value; fails if the look throws a refusal. */
export const step = <A>(
  resume: () => IteratorResult<Read, A>
): IteratorResult<Read, A> | Failure => {
  try {
    return resume()
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

/** Goes on with a look from a step of it, by one effect for each read. */
export const proceed = <A>(
  operations: Operations,
  look: Look<A>,
  at: IteratorResult<Read, A> | Failure,
  next: (at: IteratorResult<Read, A> | Failure) => Result<A> = (at) => proceed(operations, look, at)
): Result<A> => {
  if (PlatformError.isPlatformError(at)) return Effect.fail(at)
  if (at.done === true) return Effect.succeed(at.value)
  return Effect.matchEffect(answerTo(operations, at.value), {
    onFailure: (error) => next(step(() => look.throw(error))),
    onSuccess: (answer) => next(step(() => look.next(answer)))
  })
}

/** Runs a look by one effect for each read. */
export const run = <A>(operations: Operations, make: () => Look<A>): Result<A> =>
  Effect.suspend(() => {
    const look = make()
    return proceed(
      operations,
      look,
      step(() => look.next())
    )
  })
