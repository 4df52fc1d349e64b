/**
 * Extracts one gzipped tar into a new folder.
 *
 * A small bundle is inflated, read, checked and completed in memory, and then written with one
 * call. A large bundle streams through the same reader in bounded memory, and is completed on the
 * disk.
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
import type { Disk, Editable } from "../disk/Disk.ts"
import * as Draft from "./draft.ts"
import * as FolderWriter from "./folderWriter.ts"
import * as Inflate from "./inflate.ts"
import * as Unpacker from "./unpacker.ts"

/** The limits of the entries that are written together. */
const batch = { entries: 256, bytes: 1024 * 1024 } as const

/** The errors of the caller. */
interface Refusals<E> {
  readonly gzip: (problem: Inflate.Problem) => E
  readonly tar: (problem: Unpacker.Problem) => E
  /** More bytes arrived than a bundle may have. */
  readonly packedBytes: () => E
}

interface Limits extends Unpacker.Limits {
  readonly PackedBytes: number
}

/** Executes the unpacker's steps in a folder. */
const makeWriter = Effect.fnUntraced(function* (folder: FolderWriter.FolderWriter) {
  const scope = yield* Effect.scope
  let open: { readonly file: FolderWriter.OpenFile; readonly scope: Scope.Closeable } | undefined
  let collected: Array<FolderWriter.Entry> = []
  let bytes = 0

  const flush = Effect.suspend(() => {
    if (collected.length === 0) return Effect.void
    const entries = collected
    collected = []
    bytes = 0
    return folder.create(entries)
  })

  const write = Effect.fnUntraced(function* (steps: ReadonlyArray<Unpacker.Step>) {
    for (const step of steps) {
      switch (step._tag) {
        case "Directory":
        case "File":
          collected.push(step)
          if (step._tag === "File") bytes += step.content.length
          if (collected.length >= batch.entries || bytes >= batch.bytes) yield* flush
          break
        case "Open": {
          // Its folder may be among the entries that have not been written yet.
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

/** Fails if more bytes arrive than a bundle may have. */
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

const isEntry = (step: Unpacker.Step): step is FolderWriter.Entry =>
  step._tag === "Directory" || step._tag === "File"

/** Changes the files of a bundle, in memory or on the disk, before the extraction ends. */
export type Complete<E, R> = (disk: Editable) => Effect.Effect<void, E, R>

/**
 * Extracts a bundle and completes it. On failure and on interruption the folder is removed again.
 */
export const extract = Effect.fnUntraced(function* <E, R, E2, E3, R3>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  directory: string,
  disk: Disk,
  path: Path.Path,
  limits: Limits,
  refusals: Refusals<E2>,
  complete: Complete<E3, R3>
): Effect.fn.Return<
  Unpacker.Unpacker["extracted"],
  E | E2 | E3 | PlatformError.PlatformError,
  R | R3 | Scope.Scope
> {
  const scope = yield* Effect.scope
  const arriving = yield* Channel.toPullScoped(Stream.toChannel(bytes), scope)
  const pull = limited(arriving, limits, refusals)
  const first = yield* Inflate.collect(pull, Inflate.smallMember)
  if (first.isEnd) yield* disk.yieldTurn
  const small = first.isEnd
    ? yield* Effect.fromResult(Result.mapError(Inflate.inflateSmall(first.bytes), refusals.gzip))
    : undefined
  const unpacker = new Unpacker.Unpacker(limits, small?.length)

  const push = (chunk: Uint8Array) =>
    Effect.fromResult(Result.mapError(unpacker.push(chunk), refusals.tar))
  const end = Effect.suspend(() => {
    const problem = unpacker.end()
    return problem === undefined ? Effect.void : Effect.fail(refusals.tar(problem))
  })

  if (small === undefined) {
    const folder = yield* FolderWriter.make(disk, path, directory)
    const { flush, write } = yield* makeWriter(folder)
    const content = yield* Inflate.inflateLarge(first, pull, refusals.gzip)
    yield* Stream.runForEach(content, (chunk) => Effect.flatMap(push(chunk), write))
    yield* end
    yield* flush
    yield* folder.sync
    yield* complete(disk)
  } else {
    const writeAll = Effect.gen(function* () {
      const steps = yield* push(small)
      yield* end
      const draft = Draft.make(path, directory, steps.filter(isEntry))
      yield* complete(draft.disk)
      const folder = yield* FolderWriter.make(disk, path, directory)
      yield* folder.create(draft.entries())
      yield* folder.sync
    })
    yield* Effect.ensuring(writeAll, Inflate.release(small))
  }
  return unpacker.extracted
})
