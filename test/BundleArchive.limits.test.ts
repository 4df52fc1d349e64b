import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, FileSystem, Layer, type Stream } from "effect"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import * as BundleArchive from "../src/BundleArchive.ts"
import * as Archives from "./support/archives.ts"
import { archives, extract, noise } from "./support/extraction.ts"

const { entry, file, folder, gzip, pax, tar, tarGz } = Archives
const { limits } = BundleArchive

/** A disk that accepts every write and keeps nothing. */
const bottomless = FileSystem.layerNoop({
  makeDirectory: () => Effect.void,
  remove: () => Effect.void,
  chmod: () => Effect.void,
  lstat: () => Effect.succeed({ mode: 0o755 } as FileSystem.File.Info),
  open: () =>
    Effect.succeed({
      writeAll: () => Effect.void,
      sync: Effect.void
    } as unknown as FileSystem.File)
})

/** The result of an archive: the limit that it exceeds, or its content. */
const limitOf = (
  archive: Uint8Array | Stream.Stream<Uint8Array>,
  options: BundleArchive.Options = {}
) => rejectedOrExtracted(archive).pipe(Effect.provide(Layer.provide(archives(options), bottomless)))

const rejectedOrExtracted = (archive: Uint8Array | Stream.Stream<Uint8Array>) =>
  Effect.catchTag(extract(archive), "BundleArchiveError", ({ message, reason }) => {
    if (reason._tag !== "LimitExceeded") return Effect.die(reason)
    assert.include(message, `more than ${reason.most} `)
    return Effect.succeed(reason.limit)
  })

const MiB = 1024 * 1024
const zeros = new Uint8Array(MiB)
const rootEntry = folder("./")

/** Archives with one more or less of something, by the limit that counts it. */
const archivesOf = {
  PackedBytes: (length: number) => {
    // Stored content is the fastest to read.
    const block = new Uint8Array(64 * 1024 - 512)
    const stored = block.length + Archives.storedOverhead
    const times = Math.floor(length / stored) - 1
    const header = Archives.header({ name: "big", size: times * block.length })
    // The overhead is ten bytes of header, the end of the name, two bytes of the last block, and the trailer.
    const rest = length - 21 - Archives.deflated(header).length - times * stored
    return Archives.gzipOf([{ bytes: header }, { bytes: block, times, stored: true }], {
      name: "n".repeat(rest)
    })
  },
  UnpackedBytes: (length: number) =>
    Archives.gzipOf([
      { bytes: file("small", zeros) },
      { bytes: Archives.header({ name: "big", size: length - MiB }) },
      { bytes: zeros, times: Math.ceil(length / MiB) - 1 }
    ]),
  Entries: (entries: number) => Archives.gzipOf([{ bytes: rootEntry, times: entries }]),
  PathComponents: (parts: number) =>
    tarGz(pax({ path: `./${Array.from({ length: parts }, () => "p").join("//")}` }), file("short")),
  NameBytes: (bytes: number) => {
    const name = "\u20ac".repeat(Math.floor(bytes / 3)) + "x".repeat(bytes % 3)
    return tarGz(pax({ path: `a/${name}` }), file("short"))
  },
  HeaderBytes: (bytes: number) => {
    const key = "comment"
    const value = bytes - `${bytes} ${key}=\n`.length
    return tarGz(pax({ [key]: "x".repeat(value) }), file("a"))
  },
  PaxRecords: (records: number) => {
    const own = Array.from({ length: records - 1 }, (_, i) => [`key-${i}`, "value"])
    return tarGz(pax({ all: "entries" }, "global"), pax(Object.fromEntries(own)), file("a"))
  }
} satisfies Partial<
  Record<BundleArchive.Limit, (count: number) => Uint8Array | Stream.Stream<Uint8Array>>
>

describe("the limits of BundleArchive", () => {
  it.effect.each([
    ["PackedBytes", 100 * MiB],
    ["UnpackedBytes", 512 * MiB],
    ["Entries", 50_000],
    ["PathComponents", 128],
    ["NameBytes", 255],
    ["HeaderBytes", MiB],
    ["PaxRecords", 256]
  ] as const)("of %s accept %d and reject one more", ([limit, most]) =>
    Effect.gen(function* () {
      assert.strictEqual(limits[limit], most)
      assert.isObject(yield* limitOf(archivesOf[limit](most)))
      assert.strictEqual(yield* limitOf(archivesOf[limit](most + 1)), limit)
    })
  )

  it.effect("apply to an announced size before the content arrives", () =>
    Effect.gen(function* () {
      const announced = gzip(Archives.header({ name: "big", size: 512 * MiB + 1 }))
      assert.strictEqual(yield* limitOf(announced), "UnpackedBytes")
    })
  )

  it.effect("count folders that have no entry of their own", () =>
    Effect.gen(function* () {
      const deep = Array.from({ length: 394 }, (_, i) =>
        Archives.concat(pax({ path: `${i}${"/d".repeat(126)}/f` }), file("short"))
      )
      assert.strictEqual(yield* limitOf(tarGz(...deep)), "Entries")
    })
  )

  it.effect("reject headers that never end", () =>
    Effect.gen(function* () {
      const records = Array.from({ length: 1000 }, (_, i) => [`key-${i}`, "x".repeat(100)])
      const header = pax(Object.fromEntries(records), "global")
      assert.strictEqual(
        yield* limitOf(Archives.gzipOf([{ bytes: header, times: 100 }])),
        "GapBytes"
      )
    })
  )

  it.effect("apply to the bytes after the last entry", () =>
    Effect.gen(function* () {
      const endless = Archives.gzipOf([{ bytes: tar(file("a")) }, { bytes: zeros, times: 100 }])
      assert.strictEqual(yield* limitOf(endless), "GapBytes")
    })
  )

  it.effect("apply to the whole tar", () =>
    Effect.gen(function* () {
      const longHeader = entry({ name: "", typeflag: "K" }, zeros)
      const endless = Archives.gzipOf([
        { bytes: Archives.concat(longHeader, rootEntry), times: 115 }
      ])
      assert.strictEqual(yield* limitOf(endless, { unpackedBytes: 1024 }), "TarBytes")
    })
  )

  it.effect("can be set for packed and unpacked bytes", () =>
    Effect.gen(function* () {
      const archive = tarGz(file("a", noise(2000)))
      const packedBytes = archive.length
      assert.isObject(yield* limitOf(archive, { packedBytes, unpackedBytes: 2000 }))
      assert.strictEqual(yield* limitOf(archive, { packedBytes: packedBytes - 1 }), "PackedBytes")
      assert.strictEqual(yield* limitOf(archive, { unpackedBytes: 1999 }), "UnpackedBytes")
    })
  )

  it.effect.each([0, -1, 1.5, Number.NaN, Infinity])(
    "must be a positive integer, not %d",
    (value) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(limitOf(tarGz(), { packedBytes: value }))
        assert.isTrue(Exit.hasDies(exit))
      })
  )
}, 30_000)

/** V8's garbage collector, which is available in a context that is made after the flag is set. */
const collect = (() => {
  V8.setFlagsFromString("--expose-gc")
  return Vm.runInNewContext("gc") as () => void
})()

/** The bytes in use after a garbage collection. */
const held = () => {
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

it.live("BundleArchive needs no more memory for a bundle of 100 MiB than for a small one", () =>
  Effect.gen(function* () {
    let most = 0
    let writes = 0
    const measured = FileSystem.layerNoop({
      makeDirectory: () => Effect.void,
      lstat: () => Effect.succeed({ mode: 0o755 } as FileSystem.File.Info),
      open: () =>
        Effect.succeed({
          writeAll: () => {
            if (++writes % 64 === 0) most = Math.max(most, held())
            return Effect.yieldNow
          },
          sync: Effect.void
        } as unknown as FileSystem.File)
    })
    const part = new Uint8Array(MiB / 8)
    const archive = Archives.gzipOf([
      ...Array.from({ length: 200 }, (_, i) => ({ bytes: file(`${i}`, part) })),
      { bytes: Archives.header({ name: "big", size: 75 * MiB }) },
      { bytes: part, times: 600 }
    ])
    const before = held()
    const { bytes } = yield* Effect.provide(extract(archive), Layer.provide(archives(), measured))
    assert.strictEqual(bytes, 100 * MiB)
    assert.isBelow((most - before) / MiB, 64)
  })
)
