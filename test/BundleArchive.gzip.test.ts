import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { crc32 } from "node:zlib"
import * as BundleArchive from "../src/BundleArchive.ts"
import * as Archives from "./support/archives.ts"
import {
  extract,
  inMemory,
  noise,
  nothingIsLeft,
  type Reason,
  rejected,
  root
} from "./support/extraction.ts"

const { file, gzip, tar, tarGz } = Archives

/** The archive with some inverted bits in one byte, which is counted from the end. */
const changed = (archive: Uint8Array, at: number, bits: number) => {
  const copy = archive.slice()
  copy[copy.length + at]! ^= bits
  return copy
}

/** The lengths at which a member is cut: every byte of its frame, and some bytes of its data. */
const cut = (archive: Uint8Array): ReadonlyArray<Stream.Stream<Uint8Array>> => {
  const frame = 50
  const [start, end] = [archive.subarray(0, frame), archive.subarray(-frame)]
  const data = archive.subarray(frame, -frame)
  return [
    archive.length <= 10_000
      ? Archives.chunked(archive, 1)
      : Archives.chunked(start, 1).pipe(
          Stream.concat(Archives.chunked(data, 997)),
          Stream.concat(Archives.chunked(end, 1))
        ),
    Archives.chunked(archive, Math.max(1, archive.length))
  ]
}

describe.each([
  { name: "a small gzip member", content: Archives.concat("text ".repeat(50_000)) },
  { name: "a large gzip member", content: noise(400_000) },
  { name: "a small gzip member with much content", content: new Uint8Array(4_200_000) }
])("BundleArchive reads $name", ({ content }) => {
  const whole = tarGz(file("a", content))
  const other = tarGz(file("b"))
  /** A member with these header flags and fields. */
  const withHeader = (flags: number, ...fields: ReadonlyArray<string | Uint8Array>) => {
    const fixed = whole.slice(0, 10)
    fixed[3] = flags
    return Archives.concat(fixed, ...fields, whole.subarray(10))
  }
  const withHeaderCrc = (wrong: number) => {
    const start = withHeader(2).subarray(0, 10)
    const crc = (crc32(start) & 0xffff) ^ wrong
    return withHeader(2, new Uint8Array([crc & 0xff, crc >>> 8]))
  }

  it.effect.each([
    { name: "a plain header", archive: whole },
    { name: "an extra field", archive: withHeader(4, "\u0003\0abc") },
    { name: "a name and a comment", archive: withHeader(24, "name\0", "comment\0") },
    { name: "a checksum of the header", archive: withHeaderCrc(0) }
  ])("accepts $name, in chunks of any size", ({ archive }) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      for (const [n, stream] of cut(archive).entries()) {
        yield* extract(stream, `${root}-${n}`)
        assert.strictEqual(Buffer.compare(yield* fs.readFile(`${root}-${n}/a`), content), 0)
      }
    }).pipe(Effect.provide(inMemory()))
  )

  it.effect.each<{ name: string; archive: Uint8Array; reason: Reason["_tag"] }>([
    { name: "something else", archive: tar(file("a")), reason: "NotGzip" },
    {
      name: "another method of compression",
      archive: changed(whole, 2 - whole.length, 1),
      reason: "NotGzip"
    },
    {
      name: "a name without an end",
      archive: withHeader(8, "n".repeat(200_000)),
      reason: "CorruptGzip"
    },
    { name: "reserved flags", archive: withHeader(0x80), reason: "CorruptGzip" },
    { name: "a wrong checksum of the header", archive: withHeaderCrc(1), reason: "CorruptGzip" },
    { name: "corrupt data", archive: changed(whole, 10 - whole.length, 6), reason: "CorruptGzip" },
    { name: "a wrong checksum", archive: changed(whole, -5, 1), reason: "ChecksumMismatch" },
    { name: "a wrong length", archive: changed(whole, -1, 1), reason: "ChecksumMismatch" },
    { name: "nothing", archive: new Uint8Array(), reason: "Truncated" },
    { name: "part of a header", archive: whole.subarray(0, 9), reason: "Truncated" },
    { name: "a header alone", archive: whole.subarray(0, 10), reason: "Truncated" },
    { name: "half of the data", archive: whole.subarray(0, whole.length / 2), reason: "Truncated" },
    { name: "no trailer", archive: whole.subarray(0, -8), reason: "Truncated" },
    { name: "part of a trailer", archive: whole.subarray(0, -1), reason: "Truncated" },
    { name: "a second member", archive: Archives.concat(whole, other), reason: "TrailingData" },
    {
      name: "the same member twice",
      archive: Archives.concat(whole, whole),
      reason: "TrailingData"
    },
    {
      name: "an empty member before",
      archive: Archives.concat(gzip(new Uint8Array()), whole),
      reason: "TrailingData"
    },
    {
      name: "an empty member after",
      archive: Archives.concat(whole, gzip(new Uint8Array())),
      reason: "TrailingData"
    },
    { name: "a byte after", archive: Archives.concat(whole, "!"), reason: "TrailingData" },
    { name: "a zero after", archive: Archives.concat(whole, "\0"), reason: "TrailingData" },
    {
      name: "zero padding after",
      archive: Archives.concat(whole, new Uint8Array(512)),
      reason: "TrailingData"
    }
  ])("rejects $name, in chunks of any size", ({ archive, reason }) =>
    Effect.gen(function* () {
      for (const stream of cut(archive)) {
        const error = yield* rejected(stream)
        assert.strictEqual(error.reason._tag, reason)
        yield* nothingIsLeft
      }
    }).pipe(Effect.provide(inMemory()))
  )

  it.effect("fails if the stream fails", () =>
    Effect.gen(function* () {
      const broken = Stream.concat(
        Archives.chunked(whole.subarray(0, 100)),
        Stream.fail("cut off" as const)
      )
      const bundles = yield* BundleArchive.BundleArchive
      assert.strictEqual(yield* Effect.flip(bundles.extract(broken, root)), "cut off")
      yield* nothingIsLeft
    }).pipe(Effect.provide(inMemory()))
  )
})
