/**
 * Extracts one gzipped tar into a new folder.
 *
 * A small bundle is inflated, read and checked in one go and then written with one call. A large one
 * streams through the same reader in bounded memory.
 */
import {
  type Array as Arr,
  Channel,
  Effect,
  Exit,
  type Path,
  type PlatformError,
  Result,
  Scope,
  Stream
} from "effect"
import type { Disk } from "../cache/Disk.ts"
import * as FolderWriter from "./folderWriter.ts"
import * as Inflate from "./inflate.ts"
import * as Unpacker from "./unpacker.ts"

/** Entries that are gathered before they are written together. */
const batch = { entries: 256, bytes: 1024 * 1024 } as const

/** The errors that refusals become. */
export interface Refusals<E> {
  readonly gzip: (problem: Inflate.Problem) => E
  readonly tar: (problem: Unpacker.Problem) => E
  /** More bytes arrived than a bundle may have. */
  readonly packedBytes: () => E
}

export interface Limits extends Unpacker.Limits {
  readonly PackedBytes: number
}

/** Carries out the unpacker's steps in a folder. */
const makeWriter = Effect.fnUntraced(function* (folder: FolderWriter.FolderWriter) {
  const scope = yield* Effect.scope
  let open: { readonly file: FolderWriter.OpenFile; readonly scope: Scope.Closeable } | undefined
  let gathered: Array<FolderWriter.Entry> = []
  let bytes = 0

  const flush = Effect.suspend(() => {
    if (gathered.length === 0) return Effect.void
    const entries = gathered
    gathered = []
    bytes = 0
    return folder.create(entries)
  })

  const write = Effect.fnUntraced(function* (steps: ReadonlyArray<Unpacker.Step>) {
    for (const step of steps) {
      switch (step._tag) {
        case "Directory":
        case "File":
          gathered.push(step)
          if (step._tag === "File") bytes += step.content.length
          if (gathered.length >= batch.entries || bytes >= batch.bytes) yield* flush
          break
        case "Open": {
          // Its folder may be among the entries that are not written yet.
          yield* flush
          const fileScope = yield* Scope.fork(scope)
          const file = yield* Scope.provide(folder.openFile(step.path, step.mode), fileScope)
          open = { file, scope: fileScope }
          break
        }
        case "Append":
          yield* open!.file.write(step.bytes)
          break
        case "Close":
          yield* open!.file.sync
          yield* Scope.close(open!.scope, Exit.void)
      }
    }
  })

  return { write, flush }
})

/** Fails if there is more than a bundle may have. */
const limited = <E, E2, R>(
  pull: Inflate.Chunks<E, R>,
  { PackedBytes }: Limits,
  { packedBytes }: Refusals<E2>
): Inflate.Chunks<E | E2, R> => {
  let packed = 0
  return Effect.flatMap(
    pull,
    (chunks): Effect.Effect<Arr.NonEmptyReadonlyArray<Uint8Array>, E2> => {
      for (const { length } of chunks) packed += length
      return packed > PackedBytes ? Effect.fail(packedBytes()) : Effect.succeed(chunks)
    }
  )
}

/** Extracts a bundle. On failure and on interruption the folder is removed again. */
export const extract = Effect.fnUntraced(function* <E, R, E2>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  directory: string,
  disk: Disk,
  path: Path.Path,
  limits: Limits,
  refusals: Refusals<E2>
): Effect.fn.Return<
  Unpacker.Unpacker["extracted"],
  E | E2 | PlatformError.PlatformError,
  R | Scope.Scope
> {
  const scope = yield* Effect.scope
  const folder = yield* FolderWriter.make(disk, path, directory)
  const { flush, write } = yield* makeWriter(folder)
  const unpacker = new Unpacker.Unpacker(limits)

  const push = (chunk: Uint8Array) =>
    Effect.fromResult(Result.mapError(unpacker.push(chunk), refusals.tar))
  const end = Effect.suspend(() => {
    const problem = unpacker.end()
    return problem === undefined ? Effect.void : Effect.fail(refusals.tar(problem))
  })

  const arriving = yield* Channel.toPullScoped(Stream.toChannel(bytes), scope)
  const pull = limited(arriving, limits, refusals)
  const first = yield* Inflate.gather(pull, Inflate.smallMember)
  const small = first.isEnd
    ? yield* Effect.fromResult(Result.mapError(Inflate.inflateSmall(first.bytes), refusals.gzip))
    : undefined
  if (small === undefined) {
    const content = yield* Inflate.inflateLarge(first, pull, refusals.gzip)
    yield* Stream.runForEach(content, (chunk) => Effect.flatMap(push(chunk), write))
    yield* end
    yield* flush
  } else {
    const writeAll = Effect.gen(function* () {
      const steps = yield* push(small)
      yield* end
      yield* write(steps)
      yield* flush
    })
    yield* Effect.ensuring(writeAll, Inflate.release(small))
  }
  yield* folder.sync
  return unpacker.extracted
})
