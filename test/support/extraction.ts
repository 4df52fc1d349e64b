/**
 * The extraction of archives, for the tests of `BundleArchive`.
 */
import { assert } from "@effect/vitest"
import { Effect, Layer, Path, type Stream } from "effect"
import { randomBytes } from "node:crypto"
import * as BundleArchive from "../../src/BundleArchive.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as Archives from "./archives.ts"

export const archives = (options: BundleArchive.Options = {}) =>
  Layer.fresh(BundleArchive.layerWith(options)).pipe(Layer.provide(Path.layer))

export const inMemory = (options: MemoryFileSystem.Options = {}) =>
  Layer.provideMerge(archives(), MemoryFileSystem.layerWith(options))

export const root = "/tmp/bundle"

export const extract = Effect.fnUntraced(function* (
  archive: Uint8Array | Stream.Stream<Uint8Array>,
  directory = root
) {
  const bundles = yield* BundleArchive.BundleArchive
  return yield* bundles.extract(
    archive instanceof Uint8Array ? Archives.chunked(archive) : archive,
    directory
  )
})

export const rejected = (archive: Uint8Array | Stream.Stream<Uint8Array>) =>
  Effect.flatMap(Effect.flip(extract(archive)), (error) =>
    error._tag === "BundleArchiveError" ? Effect.succeed(error) : Effect.die(error)
  )

const text = new TextDecoder()

/** The extracted tree by path: the mode of each folder, the mode and content of each file. */
export const tree = (disk: MemoryFileSystem.MemoryDisk) =>
  Object.fromEntries(
    Object.entries(disk.snapshot(root)).map(([path, node]) => [
      path.slice(root.length + 1),
      node.type === "File" ? [node.mode, text.decode(node.bytes)] : node.mode
    ])
  )

export const extracted = (archive: Uint8Array) =>
  Effect.gen(function* () {
    yield* extract(archive)
    return tree(yield* MemoryFileSystem.Disk)
  }).pipe(Effect.provide(inMemory()))

export const nothingIsLeft = Effect.map(MemoryFileSystem.Disk, (disk) =>
  assert.deepStrictEqual(Object.keys(disk.snapshot()), ["/", "/tmp"])
)

export const reasonOf = (archive: Uint8Array) =>
  Effect.gen(function* () {
    const error = yield* rejected(archive)
    yield* nothingIsLeft
    return error
  }).pipe(Effect.provide(inMemory()))

export type Reason = BundleArchive.BundleArchiveError["reason"]

/** Bytes that deflate cannot compress. */
export const noise = (length: number) => new Uint8Array(randomBytes(length))
