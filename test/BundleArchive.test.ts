import { assert, describe, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import {
  Cause,
  Deferred,
  Effect,
  Exit,
  Fiber,
  FileSystem,
  Layer,
  Path,
  Result,
  Schema,
  Stream
} from "effect"
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { crc32 } from "node:zlib"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import * as BundleArchive from "../src/BundleArchive.ts"
import { concurrency } from "../src/internal/cache/Disk.ts"
import * as FaultyFileSystem from "./support/FaultyFileSystem.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBundle from "../src/testing/TestBundle.ts"
import { corpus } from "./fuzz/corpus.ts"
import * as Archives from "./support/archives.ts"

const { entry, file, folder, gnuLongName, gzip, pax, tar, tarGz } = Archives
const { limits } = BundleArchive

const archives = (options: BundleArchive.Options = {}) =>
  Layer.fresh(BundleArchive.layerWith(options)).pipe(Layer.provide(Path.layer))

const inMemory = (options: MemoryFileSystem.Options = {}) =>
  Layer.provideMerge(archives(), MemoryFileSystem.layerWith(options))

const root = "/tmp/bundle"

const extract = Effect.fnUntraced(function* (
  archive: Uint8Array | Stream.Stream<Uint8Array>,
  directory = root
) {
  const bundles = yield* BundleArchive.BundleArchive
  return yield* bundles.extract(
    archive instanceof Uint8Array ? Archives.chunked(archive) : archive,
    directory
  )
})

const refused = (archive: Uint8Array | Stream.Stream<Uint8Array>) =>
  Effect.flatMap(Effect.flip(extract(archive)), (error) =>
    error._tag === "BundleArchiveError" ? Effect.succeed(error) : Effect.die(error)
  )

const text = new TextDecoder()

/** The extracted tree: folders by their mode, files by mode and content. */
const tree = (disk: MemoryFileSystem.MemoryDisk) =>
  Object.fromEntries(
    Object.entries(disk.snapshot(root)).map(([path, node]) => [
      path.slice(root.length + 1),
      node.type === "File" ? [node.mode, text.decode(node.bytes)] : node.mode
    ])
  )

const extracted = (archive: Uint8Array) =>
  Effect.gen(function* () {
    yield* extract(archive)
    return tree(yield* MemoryFileSystem.Disk)
  }).pipe(Effect.provide(inMemory()))

const nothingIsLeft = Effect.map(MemoryFileSystem.Disk, (disk) =>
  assert.deepStrictEqual(Object.keys(disk.snapshot()), ["/", "/tmp"])
)

const path100 = `${"p".repeat(49)}/${"q".repeat(50)}`
const longPath = Array.from({ length: 30 }, (_, i) => `folder-${i}`).join("/")

describe("accepts", () => {
  it.effect.each<[string, Uint8Array, ReturnType<typeof tree>]>([
    ["no entry", tarGz(), { "": 0o755 }],
    ["a file", tarGz(file("a", "text")), { "": 0o755, a: [0o644, "text"] }],
    [
      "folders without entries of their own",
      tarGz(file("a/b/c", "1"), file("a/b/d", "2")),
      { "": 0o755, a: 0o755, "a/b": 0o755, "a/b/c": [0o644, "1"], "a/b/d": [0o644, "2"] }
    ],
    [
      "folders with an entry, before and after what is in them, and twice",
      tarGz(folder("a/", 0o700), file("a/b"), folder("a"), folder("./a/")),
      { "": 0o755, a: 0o755, "a/b": [0o644, ""] }
    ],
    [
      "what `tar czf x.tgz .` makes: a root entry and `./` before each path",
      tarGz(folder("./", 0o777), folder("./a/"), file("./a/b", "1"), file("././/a//./c", "2")),
      { "": 0o755, a: 0o755, "a/b": [0o644, "1"], "a/c": [0o644, "2"] }
    ],
    [
      "what `git archive` makes: a PAX global header",
      tarGz(pax({ comment: "0".repeat(40) }, "global"), file("a", "1"), file("b", "2")),
      { "": 0o755, a: [0o644, "1"], b: [0o644, "2"] }
    ],
    [
      "modes, but no bits above them",
      tarGz(file("a", "1", 0o4755), file("b", "2", 0o1), file("c", "3", 0), file("d", "4", 0o7777)),
      { "": 0o755, a: [0o755, "1"], b: [0o1, "2"], c: [0, "3"], d: [0o777, "4"] }
    ],
    [
      "ustar prefixes, PAX paths and GNU long names",
      tarGz(
        entry({ name: "name", prefix: path100 }, "1"),
        pax({ path: `x/${longPath}` }),
        file("short", "2"),
        gnuLongName(`y/${longPath}`),
        entry({ name: "cut", magic: "ustar  \0" }, "3")
      ),
      {
        "": 0o755,
        ...folders(path100),
        [`${path100}/name`]: [0o644, "1"],
        ...folders(`x/${longPath}`),
        [`x/${longPath}`]: [0o644, "2"],
        ...folders(`y/${longPath}`),
        [`y/${longPath}`]: [0o644, "3"]
      }
    ],
    [
      "v7 headers, and old folders: regular entries that end in a slash",
      tarGz(
        entry({ name: "a/", typeflag: "\0", magic: "" }),
        entry({ name: "a/b", typeflag: "\0", magic: "" }, "1"),
        entry({ name: "c/" }, "no folder has content"),
        entry({ name: "c/d", typeflag: "7" }, "contiguous")
      ),
      { "": 0o755, a: 0o755, "a/b": [0o644, "1"], c: 0o755, "c/d": [0o644, "contiguous"] }
    ],
    [
      "names that only look dangerous",
      tarGz(file("..a/b..", "1"), file("ab:c", "2"), file(" -rf ~", "3"), file("é/€/😀", "4")),
      {
        "": 0o755,
        "..a": 0o755,
        "..a/b..": [0o644, "1"],
        "ab:c": [0o644, "2"],
        " -rf ~": [0o644, "3"],
        é: 0o755,
        "é/€": 0o755,
        "é/€/😀": [0o644, "4"]
      }
    ],
    ["no end-of-archive marker", gzip(file("a", "1")), { "": 0o755, a: [0o644, "1"] }],
    [
      "anything after the end-of-archive marker",
      gzip(Archives.concat(tar(file("a", "1")), "anything", tar(file("../b")))),
      { "": 0o755, a: [0o644, "1"] }
    ]
  ])("%s", ([, archive, expected]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* extracted(archive), expected)
    })
  )
})

function folders(path: string) {
  const parts = path.split("/")
  return Object.fromEntries(parts.map((_, i) => [parts.slice(0, i + 1).join("/"), 0o755]))
}

const reasonOf = (archive: Uint8Array) =>
  Effect.gen(function* () {
    const error = yield* refused(archive)
    yield* nothingIsLeft
    return error
  }).pipe(Effect.provide(inMemory()))

type Reason = BundleArchive.BundleArchiveError["reason"]

describe("refuses, and leaves nothing", () => {
  const fine = file("fine", "before")
  const unsafe =
    (problem: Extract<Reason, { _tag: "UnsafeName" }>["problem"]) =>
    (path: string): Reason => ({ _tag: "UnsafeName", path, problem })
  const control = unsafe("ControlCharacter")

  const cases: ReadonlyArray<[archive: Uint8Array, reason: Reason]> = [
    // Paths that leave the folder.
    [tarGz(fine, file("../evil")), outside("../evil")],
    [tarGz(fine, file("a/../../evil")), outside("a/../../evil")],
    [tarGz(fine, file("a/../b")), outside("a/../b")],
    [tarGz(fine, file("./..")), outside("./..")],
    [tarGz(fine, folder("..")), outside("..")],
    [tarGz(fine, file("/etc/passwd")), outside("/etc/passwd")],
    [tarGz(fine, folder("/")), outside("/")],
    [tarGz(fine, file("//a")), outside("//a")],
    [tarGz(pax({ path: "/tmp/evil" }), file("a")), outside("/tmp/evil")],
    [tarGz(gnuLongName("../evil"), entry({ name: "a", magic: "ustar  \0" })), outside("../evil")],
    [tarGz(entry({ name: "evil", prefix: ".." })), outside("../evil")],
    [tarGz(entry({ name: "../link", typeflag: "2", linkname: "a" })), outside("../link")],
    // Links.
    [tarGz(fine, entry({ name: "a", typeflag: "2", linkname: "/etc" })), link("a")],
    [tarGz(fine, entry({ name: "a", typeflag: "2", linkname: "fine" })), link("a")],
    [tarGz(fine, entry({ name: "a", typeflag: "1", linkname: "fine" })), link("a")],
    // What is neither file nor folder.
    [tarGz(entry({ name: "tty", typeflag: "3" })), unsupported("tty", "CharDevice")],
    [tarGz(entry({ name: "disk", typeflag: "4" })), unsupported("disk", "BlockDevice")],
    [tarGz(entry({ name: "fifo", typeflag: "6" })), unsupported("fifo", "Fifo")],
    [tarGz(entry({ name: "label", typeflag: "V" })), unsupported("label", "Other")],
    [tarGz(entry({ name: "part", typeflag: "M" })), unsupported("part", "Other")],
    [tarGz(entry({ name: "what", typeflag: "?" })), unsupported("what", "Other")],
    // Names.
    [tarGz(entry({ name: "" }, "a file")), unsafe("Empty")("")],
    [tarGz(entry({ name: "", typeflag: "5" })), unsafe("Empty")("")],
    [tarGz(file(".", "a file")), unsafe("Empty")(".")],
    [tarGz(file("a\nb")), control("a\nb")],
    [tarGz(file("a/\u001b[2J")), control("a/\u001b[2J")],
    [tarGz(file("\u007f")), control("\u007f")],
    [tarGz(file("\u0085")), control("\u0085")],
    [tarGz(file("a\\b")), unsafe("Backslash")("a\\b")],
    [tarGz(file("..\\evil")), unsafe("Backslash")("..\\evil")],
    [tarGz(file("C:")), unsafe("DrivePrefix")("C:")],
    [tarGz(file("./c:/evil")), unsafe("DrivePrefix")("./c:/evil")],
    [tarGz(entry({ name: new Uint8Array([0x61, 0xff]) })), unsafe("NotUtf8")("a\ufffd")],
    // Names that are taken.
    [tarGz(file("a", "1"), file("a", "2")), duplicate("a")],
    [tarGz(file("a/b"), file("./a//b")), duplicate("a/b")],
    [tarGz(folder("a/"), file("a")), duplicate("a")],
    [tarGz(file("a/b"), file("a")), duplicate("a")],
    [tarGz(file("a"), folder("a/")), duplicate("a")],
    [tarGz(file("a"), file("a/b")), below("a/b", "a")],
    [tarGz(file("a"), folder("a/b/c/")), below("a/b/c", "a")],
    [tarGz(file("README"), file("readme")), collides("readme", "README")],
    [tarGz(file("A/b"), file("a/c")), collides("a", "A")],
    [tarGz(file("a/b"), folder("A")), collides("A", "a")],
    [tarGz(file("\u00e9"), file("e\u0301")), collides("e\u0301", "\u00e9")],
    [tarGz(file("\u00c9"), file("e\u0301")), collides("e\u0301", "\u00c9")],
    [tarGz(file("stra\u00dfe"), file("STRASSE")), collides("STRASSE", "stra\u00dfe")],
    [tarGz(file("\u1e9e"), file("\u00df")), collides("\u00df", "\u1e9e")],
    [tarGz(file("\u212a"), file("k")), collides("k", "\u212a")],
    [tarGz(file("\u03c3"), file("\u03c2")), collides("\u03c2", "\u03c3")],
    [tarGz(file("\ufb01"), file("FI")), collides("FI", "\ufb01")]
  ]
  it.effect.each(
    cases.map(([archive, reason]) => ({ name: JSON.stringify(reason), archive, reason }))
  )("$name", ({ archive, reason }) =>
    Effect.gen(function* () {
      const error = yield* reasonOf(archive)
      assert.deepStrictEqual(error.reason, reason)
      assert.notMatch(error.message, /\p{Cc}/u)
      if ("path" in reason && !/\p{Cc}/u.test(`${reason.path}`)) {
        assert.include(error.message, JSON.stringify(reason.path))
      }
    })
  )
})

function outside(path: string): Reason {
  return { _tag: "EntryOutside", path }
}

function link(path: string): Reason {
  return { _tag: "LinkEntry", path }
}

function unsupported(path: string, type: string): Reason {
  return { _tag: "UnsupportedEntry", path, type }
}

function duplicate(path: string): Reason {
  return { _tag: "DuplicatePath", path }
}

function collides(path: string, other: string): Reason {
  return { _tag: "CollidingPath", path, other }
}

function below(path: string, file: string): Reason {
  return { _tag: "EntryBelowFile", path, file }
}

describe("refuses a tar that is not one", () => {
  const gnuSparse = entry({ name: "sparse", typeflag: "S", magic: "ustar  \0" })
  const wrongSum = entry({ name: "a", spoil: (block) => (block[0] = 0x62) })
  const wrongSize = entry({ name: "a", size: 0, spoil: (block) => block.fill(0x39, 124, 135) })

  it.effect.each<{ name: string; archive: Uint8Array; reason: Reason["_tag"] }>([
    { name: "text", archive: gzip(Archives.concat("no tar ".repeat(100))), reason: "MalformedTar" },
    { name: "a header with a wrong checksum", archive: tarGz(wrongSum), reason: "MalformedTar" },
    { name: "a header with a wrong number", archive: tarGz(wrongSize), reason: "MalformedTar" },
    {
      name: "a lone zero block before more entries",
      archive: gzip(Archives.concat(file("a"), new Uint8Array(512), file("b"))),
      reason: "MalformedTar"
    },
    {
      name: "PAX records of a wrong length",
      archive: tarGz(entry({ name: "x", typeflag: "x" }, "99 path=a\n"), file("b")),
      reason: "MalformedTar"
    },
    {
      name: "a PAX path with a NUL",
      archive: tarGz(pax({ path: "a\0b" }), file("b")),
      reason: "MalformedTar"
    },
    { name: "part of a header", archive: gzip(file("a").subarray(0, 100)), reason: "Truncated" },
    {
      name: "part of a body",
      archive: gzip(file("a", "text").subarray(0, 514)),
      reason: "Truncated"
    },
    {
      name: "an extended header without its entry",
      archive: tarGz(pax({ path: "a" })),
      reason: "Truncated"
    },
    { name: "an old GNU sparse file", archive: tarGz(gnuSparse), reason: "UnsupportedEntry" },
    {
      name: "a PAX sparse file",
      archive: tarGz(pax({ "GNU.sparse.major": "1" }), file("a")),
      reason: "UnsupportedEntry"
    }
  ])("$name", ({ archive, reason }) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* reasonOf(archive)).reason._tag, reason)
    })
  )
})

describe("refuses what readers of tar understand differently", () => {
  it.effect.each([...corpus])("$name", ({ reason, tar }) =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* reasonOf(gzip(tar))).reason, reason)
    })
  )

  it.effect("but takes sizes that are told twice and agree", () =>
    Effect.gen(function* () {
      const archive = tarGz(
        pax({ path: "folder/", size: "0" }),
        folder("cut"),
        pax({ path: "folder/file", size: "4" }),
        file("cut", "text"),
        entry({ name: "old/" }, "no folder has content"),
        entry({ name: "star", prefix: "p".repeat(130), tail: "tar\0" }, "1")
      )
      assert.deepStrictEqual(yield* extracted(archive), {
        "": 0o755,
        folder: 0o755,
        "folder/file": [0o644, "text"],
        old: 0o755,
        ["p".repeat(130)]: 0o755,
        [`${"p".repeat(130)}/star`]: [0o644, "1"]
      })
    })
  )
})

/** The archive with some bits of one byte, counted from its end, turned. */
const changed = (archive: Uint8Array, at: number, bits: number) => {
  const copy = archive.slice()
  copy[copy.length + at]! ^= bits
  return copy
}

it.effect.each([
  ["a name", tarGz(file(`\u202e\u001b${"n".repeat(98)}`))],
  ["a long name", tarGz(pax({ path: "../".repeat(10_000) }), file("a"))],
  ["what Tar says", tarGz(pax({ ["\n\0".repeat(10_000)]: "x" }), file("a"))]
] as const)("a message can be shown, whatever is in %s", ([, archive]) =>
  Effect.gen(function* () {
    const { message } = yield* reasonOf(archive)
    assert.notMatch(message, /[\p{C}\p{Zl}\p{Zp}]/u)
    assert.isBelow(message.length, 2000)
  })
)

/** Bytes that deflate does not shorten. */
const noise = (length: number) => new Uint8Array(randomBytes(length))

describe.each([
  { name: "a small gzip member", content: Archives.concat("text ".repeat(50_000)) },
  { name: "a large gzip member", content: noise(400_000) },
  { name: "a small gzip member with much content", content: new Uint8Array(5_000_000) }
])("BundleArchive reads $name", ({ content }) => {
  const whole = tarGz(file("a", content))
  const other = tarGz(file("b"))
  /** The member with these header flags and fields. */
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
  ])("takes $name, however it is cut", ({ archive }) =>
    Effect.gen(function* () {
      // Byte by byte, a large member takes seconds.
      for (const size of [archive.length < 100_000 ? 1 : 101, 997, archive.length]) {
        yield* extract(Archives.chunked(archive, size), `${root}-${size}`)
        const fs = yield* FileSystem.FileSystem
        assert.deepStrictEqual(yield* fs.readFile(`${root}-${size}/a`), content)
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
  ])("refuses $name, however it is cut", ({ archive, reason }) =>
    Effect.gen(function* () {
      for (const size of [7, archive.length]) {
        const error = yield* refused(Archives.chunked(archive, Math.max(1, size)))
        assert.strictEqual(error.reason._tag, reason)
        yield* nothingIsLeft
      }
    }).pipe(Effect.provide(inMemory()))
  )

  it.effect("passes a failure of the stream on", () =>
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

// --- limits

/** A disk on which everything can be written and nothing is kept. */
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

/** What became of an archive: the limit that it exceeds, or what it holds. */
const limitOf = (
  archive: Uint8Array | Stream.Stream<Uint8Array>,
  options: BundleArchive.Options = {}
) => refusedOrExtracted(archive).pipe(Effect.provide(Layer.provide(archives(options), bottomless)))

const refusedOrExtracted = (archive: Uint8Array | Stream.Stream<Uint8Array>) =>
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
    // Beside the blocks: ten bytes of header, the name's end, two bytes of last block, the trailer.
    const rest = length - 21 - Archives.deflated(Archives.end).length
    return Archives.gzipOf([{ bytes: Archives.end }], {
      emptyBlocks: Math.floor(rest / 5) - 1,
      name: "n".repeat(5 + (rest % 5))
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

describe("limits", () => {
  it.effect.each([
    ["PackedBytes", 100 * MiB],
    ["UnpackedBytes", 512 * MiB],
    ["Entries", 50_000],
    ["PathComponents", 128],
    ["NameBytes", 255],
    ["HeaderBytes", MiB],
    ["PaxRecords", 256]
  ] as const)("%s: takes %d, and not one more", ([limit, most]) =>
    Effect.gen(function* () {
      assert.strictEqual(limits[limit], most)
      assert.isObject(yield* limitOf(archivesOf[limit](most)))
      assert.strictEqual(yield* limitOf(archivesOf[limit](most + 1)), limit)
    })
  )

  it.effect("a size that is announced counts before the content comes", () =>
    Effect.gen(function* () {
      const announced = gzip(Archives.header({ name: "big", size: 512 * MiB + 1 }))
      assert.strictEqual(yield* limitOf(announced), "UnpackedBytes")
    })
  )

  it.effect("counts folders that have no entry of their own", () =>
    Effect.gen(function* () {
      const deep = Array.from({ length: 394 }, (_, i) =>
        Archives.concat(pax({ path: `${i}${"/d".repeat(126)}/f` }), file("short"))
      )
      assert.strictEqual(yield* limitOf(tarGz(...deep)), "Entries")
    })
  )

  it.effect("bounds headers without an end", () =>
    Effect.gen(function* () {
      const records = Array.from({ length: 1000 }, (_, i) => [`key-${i}`, "x".repeat(100)])
      const header = pax(Object.fromEntries(records), "global")
      assert.strictEqual(
        yield* limitOf(Archives.gzipOf([{ bytes: header, times: 100 }])),
        "GapBytes"
      )
    })
  )

  it.effect("bounds what follows the last entry", () =>
    Effect.gen(function* () {
      const endless = Archives.gzipOf([{ bytes: tar(file("a")) }, { bytes: zeros, times: 100 }])
      assert.strictEqual(yield* limitOf(endless), "GapBytes")
    })
  )

  it.effect("bounds the tar as a whole", () =>
    Effect.gen(function* () {
      const longHeader = entry({ name: "", typeflag: "K" }, zeros)
      const endless = Archives.gzipOf([
        { bytes: Archives.concat(longHeader, rootEntry), times: 115 }
      ])
      assert.strictEqual(yield* limitOf(endless, { unpackedBytes: 1024 }), "TarBytes")
    })
  )

  it.effect("can be set for the packed and the unpacked bytes", () =>
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
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      })
  )
}, 30_000)

// --- the disk

const sizes = [0, 1, 511, 512, 513, 70_000, 256 * 1024, 256 * 1024 + 1, 400_000] as const

const Node = Schema.Struct({
  parts: Schema.Array(Schema.Literals(["a", "b", "c", "\u00e9", "x y", ".z"])).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(4)
  ),
  size: Schema.Literals(sizes),
  mode: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0o777 }))
})

const bytesOf = (content: string | Uint8Array) =>
  typeof content === "string" ? new TextEncoder().encode(content) : content

const pattern = Uint8Array.from({ length: Math.max(...sizes) }, (_, i) => i ^ (i >> 8))

/** The files among `nodes` whose names do not stand in each other's way, by path. */
const filesOf = (nodes: ReadonlyArray<typeof Node.Type>) => {
  const files: Record<string, TestBundle.File> = {}
  const folders = new Set<string>()
  for (const { mode, parts, size } of nodes) {
    const above = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join("/"))
    const path = parts.join("/")
    if (path in files || folders.has(path) || above.some((folder) => folder in files)) continue
    for (const folder of above) folders.add(folder)
    files[path] = { mode, content: pattern.subarray(0, size) }
  }
  return { files, folders }
}

it.effect.prop(
  "gives back what was packed",
  [Schema.Array(Node).check(Schema.isMaxLength(20))],
  Effect.fnUntraced(function* ([nodes]) {
    const { files, folders } = filesOf(nodes)
    const archive = yield* TestBundle.tarGz(files)
    yield* Effect.gen(function* () {
      const sum = yield* extract(Archives.chunked(archive, 1000))
      const snapshot = (yield* MemoryFileSystem.Disk).snapshot(root)
      const contents = Object.entries(files)
      assert.deepStrictEqual(sum, {
        files: contents.length,
        directories: folders.size,
        bytes: contents.reduce((total, [, { content }]) => total + content.length, 0)
      })
      assert.hasAllKeys(snapshot, [
        root,
        ...[...folders, ...Object.keys(files)].map((path) => `${root}/${path}`)
      ])
      for (const [path, { content, mode }] of contents) {
        const node = snapshot[`${root}/${path}`]
        assert.strictEqual(node?.mode, mode)
        assert.isTrue(node?.type === "File" && Buffer.compare(node.bytes, bytesOf(content)) === 0)
      }
    }).pipe(Effect.provide(inMemory()))
  }),
  { arbitrary: { runs: 40 } }
)

describe("on disk", () => {
  const big = new Uint8Array(700_000).fill(0x78)
  const some = tarGz(
    folder("a/"),
    file("a/run", "1", 0o755),
    file("a/open", "2", 0o666),
    file("a/none", "3", 0),
    file("b/c/read", "4", 0o444),
    file("b/c/big", big, 0o640)
  )
  const modes = {
    "": 0o755,
    a: 0o755,
    b: 0o755,
    "b/c": 0o755,
    "a/run": 0o755,
    "a/open": 0o666,
    "a/none": 0,
    "b/c/read": 0o444,
    "b/c/big": 0o640
  }

  it.effect.each([0, 0o002, 0o022, 0o077, 0o777])("modes hold under the umask %o", (umask) =>
    Effect.gen(function* () {
      yield* extract(some)
      const disk = yield* MemoryFileSystem.Disk
      for (const [path, mode] of Object.entries(modes)) {
        assert.strictEqual(disk.snapshot()[`${root}/${path}`.replace(/\/$/, "")]?.mode, mode, path)
      }
    }).pipe(Effect.provide(inMemory({ umask, uid: 1000, gid: 1000 })))
  )

  it.effect("a power loss afterwards can take no more than the folder's own name", () =>
    Effect.gen(function* () {
      yield* extract(some)
      const { entries, files } = (yield* MemoryFileSystem.Disk).unsynced()
      assert.deepStrictEqual(files, [])
      assert.deepStrictEqual(
        entries.map(({ path }) => path),
        [root]
      )
    }).pipe(Effect.provide(inMemory({ umask: 0o077 })))
  )

  it.effect("a folder that is there already is left alone", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory(root)
      yield* fs.writeFileString(`${root}/mine`, "mine")
      const error = yield* Effect.flip(extract(some))
      assert.isTrue(error._tag === "PlatformError" && error.reason._tag === "AlreadyExists")
      assert.deepStrictEqual(yield* fs.readDirectory(root), ["mine"])
    }).pipe(Effect.provide(inMemory()))
  )

  it.effect("whatever call fails, its error is given and nothing is left", () =>
    Effect.gen(function* () {
      for (let change = 0; ; change++) {
        const disk = yield* MemoryFileSystem.make({ umask: 0o077 })
        const failing = FaultyFileSystem.make(
          disk.fileSystem,
          FaultyFileSystem.failChange(change, "ENOSPC")
        )
        const result = yield* extract(some).pipe(
          Effect.provide(Layer.provide(archives(), Layer.succeed(FileSystem.FileSystem, failing))),
          Effect.result
        )
        if (Result.isSuccess(result)) return assert.isAbove(change, 20)
        assert.strictEqual(result.failure._tag, "PlatformError", `${change}`)
        assert.deepStrictEqual(Object.keys(disk.snapshot()), ["/", "/tmp"], `${change}`)
      }
    })
  )

  it.effect("a removal that fails does not hide why there was one", () =>
    Effect.gen(function* () {
      const disk = yield* MemoryFileSystem.make()
      const keeping = FaultyFileSystem.make(disk.fileSystem, ({ method }) =>
        method === "remove" ? Effect.fail(FaultyFileSystem.errno("EBUSY", "rm", root)) : Effect.void
      )
      const error = yield* Effect.flip(extract(tarGz(file("../evil")))).pipe(
        Effect.provide(Layer.provide(archives(), Layer.succeed(FileSystem.FileSystem, keeping)))
      )
      assert.strictEqual(error._tag, "BundleArchiveError")
    })
  )

  it.effect("an interruption at any point leaves nothing", () =>
    Effect.gen(function* () {
      const chunks = Math.ceil(some.length / 100)
      for (let stopped = 0; stopped <= chunks; stopped++) {
        const reached = yield* Deferred.make<void>()
        const stuck = Stream.concat(
          Archives.chunked(some.subarray(0, stopped * 100), 100),
          Stream.fromEffect(Effect.andThen(Deferred.succeed(reached, undefined), Effect.never))
        )
        const fiber = yield* Effect.forkChild(extract(stuck))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(fiber)
        yield* nothingIsLeft
      }
    }).pipe(Effect.provide(inMemory()))
  )
})

// --- the real disk and real tools

const onDisk = Layer.mergeAll(archives(), Path.layer).pipe(Layer.provideMerge(NodeFileSystem.layer))

const temporaryDirectory = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  fs.makeTempDirectoryScoped({ prefix: "bundle-archive-" })
)

// Calls are under way for real on a real disk only; in memory each is done at once.
it.live("on a real disk, too, an interruption leaves nothing and no call goes on", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = `${yield* temporaryDirectory}/x`
    const some = tarGz(
      ...Array.from({ length: 40 }, (_, i) => file(`${i % 7}/${i}`, pattern.subarray(0, i * 100))),
      file("big", pattern)
    )
    for (const bytes of [500, 5_000, 15_000, 20_000, some.length]) {
      const reached = yield* Deferred.make<void>()
      const stuck = Stream.concat(
        Archives.chunked(some.subarray(0, bytes), 1000),
        Stream.fromEffect(Effect.andThen(Deferred.succeed(reached, undefined), Effect.never))
      )
      const fiber = yield* Effect.forkChild(extract(stuck, directory))
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(fiber)
      assert.isFalse(yield* fs.exists(directory))
      yield* Effect.sleep("5 millis")
      assert.isFalse(yield* fs.exists(directory))
    }
    yield* extract(some, directory)
    assert.deepStrictEqual(yield* fs.readFile(`${directory}/big`), pattern)
  }).pipe(Effect.scoped, Effect.provide(onDisk))
)

/** A disk in memory on which each call takes a while, and what was seen there. */
const slowDisk = Effect.gen(function* () {
  const disk = yield* MemoryFileSystem.make()
  const seen = { underWay: 0, most: 0, atRemoval: undefined as number | undefined, late: 0 }
  const fileSystem = FaultyFileSystem.make(
    disk.fileSystem,
    ({ method }) =>
      Effect.suspend(() => {
        if (seen.atRemoval !== undefined) seen.late++
        if (method === "remove") seen.atRemoval = seen.underWay
        seen.most = Math.max(seen.most, ++seen.underWay)
        return Effect.sleep("1 millis")
      }),
    () => Effect.sync(() => seen.underWay--)
  )
  const layer = Layer.provide(archives(), Layer.succeed(FileSystem.FileSystem, fileSystem))
  return { disk, seen, layer }
})

const many = tarGz(
  ...Array.from({ length: 50 }, (_, i) => file(`${i % 5}/${i}`)),
  file("big", pattern)
)

it.live("makes several calls at once, but never more than a few", () =>
  Effect.gen(function* () {
    const { layer, seen } = yield* slowDisk
    yield* Effect.provide(extract(many), layer)
    assert.strictEqual(seen.most, concurrency)
  })
)

it.live("removes only when no call is under way, and makes none afterwards", () =>
  Effect.gen(function* () {
    for (let millis = 2; millis < 40; millis += 2) {
      const { disk, layer, seen } = yield* slowDisk
      const endless = Stream.concat(Archives.chunked(many), Stream.never)
      const fiber = yield* Effect.forkChild(Effect.provide(extract(endless), layer))
      yield* Effect.sleep(millis)
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep(2)
      assert.deepStrictEqual([seen.atRemoval, seen.late], [0, 0])
      assert.deepStrictEqual(Object.keys(disk.snapshot()), ["/", "/tmp"])
    }
  })
)

/** V8's own collector, which it shows to a context that is made once the flag is set. */
const collect = (() => {
  V8.setFlagsFromString("--expose-gc")
  return Vm.runInNewContext("gc") as () => void
})()

/** What is in use: without what only waits to be collected, whenever V8 may do that. */
const held = () => {
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

it.live("needs no more memory for a bundle of 100 MiB than for a small one", () =>
  Effect.gen(function* () {
    let most = 0
    let writes = 0
    const measured = FileSystem.layerNoop({
      makeDirectory: () => Effect.void,
      lstat: () => Effect.succeed({ mode: 0o755 } as FileSystem.File.Info),
      open: () =>
        Effect.succeed({
          writeAll: () => {
            if (++writes % 16 === 0) most = Math.max(most, held())
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

const filesIn = (archive: Uint8Array) =>
  Effect.map(extracted(archive), (nodes) =>
    Object.fromEntries(Object.entries(nodes).filter(([, node]) => typeof node === "object"))
  )

// The programs need a disk to read from.
describe("reads what other programs pack", () => {
  const long = `${"long-".repeat(12)}/${"name-".repeat(12)}`
  const source: Record<string, [mode: number, content: string]> = {
    "plugin.json": [0o644, "{}"],
    "bin/run": [0o755, "#!/bin/sh\n"],
    "bin/secret": [0o600, "s"],
    "docs/\u00e9t\u00e9 2026.md": [0o644, "x".repeat(100_000)],
    [`${long}/a`]: [0o444, ""],
    ".hidden/-rf": [0o640, "h"]
  }

  const planted = Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* temporaryDirectory
    for (const [path, [mode, content]] of Object.entries(source)) {
      const target = `${directory}/${path}`
      yield* fs.makeDirectory(target.slice(0, target.lastIndexOf("/")), { recursive: true })
      yield* fs.writeFileString(target, content)
      yield* fs.chmod(target, mode)
    }
    return directory
  })

  it.effect.each(["gnu", "oldgnu", "pax", "ustar"])("tar --format=%s", (format) =>
    Effect.gen(function* () {
      const directory = yield* planted
      const archive = execFileSync("tar", ["czf", "-", `--format=${format}`, "-C", directory, "."])
      assert.deepStrictEqual(yield* filesIn(archive), source)
    }).pipe(Effect.scoped, Effect.provide(onDisk))
  )

  it.effect("git archive", () =>
    Effect.gen(function* () {
      const directory = yield* planted
      const git = (...args: ReadonlyArray<string>) =>
        execFileSync("git", ["-C", directory, "-c", "user.name=a", "-c", "user.email=a@b", ...args])
      git("init", "--quiet")
      git("add", ".")
      git("commit", "--quiet", "--message=all")
      const files = yield* filesIn(git("archive", "--format=tar.gz", "HEAD"))
      assert.deepStrictEqual(
        files,
        // Git knows only whether a file can be run.
        Object.fromEntries(
          Object.entries(source).map(([path, [mode, content]]) => [
            path,
            [mode & 0o100 ? 0o775 : 0o664, content]
          ])
        )
      )
    }).pipe(Effect.scoped, Effect.provide(onDisk))
  )
})
