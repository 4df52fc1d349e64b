import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { corpus } from "./fuzz/corpus.ts"
import * as Archives from "./support/archives.ts"
import { extracted, reasonOf, type Reason, type tree } from "./support/extraction.ts"

const { entry, file, folder, gnuLongName, gzip, pax, tar, tarGz } = Archives

const path100 = `${"p".repeat(49)}/${"q".repeat(50)}`
const longPath = Array.from({ length: 30 }, (_, i) => `folder-${i}`).join("/")

describe("BundleArchive accepts an archive", () => {
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

describe("BundleArchive rejects an archive and leaves nothing behind", () => {
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
    // Neither files nor folders.
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

describe("BundleArchive rejects a malformed tar", () => {
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

describe("an archive that tar readers interpret differently", () => {
  it.effect.each([...corpus])("is rejected by BundleArchive: $name", ({ reason, tar }) =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* reasonOf(gzip(tar))).reason, reason)
    })
  )

  it.effect("is accepted by BundleArchive if it gives a size twice with the same value", () =>
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

it.effect.each([
  ["a name", tarGz(file(`\u202e\u001b${"n".repeat(98)}`))],
  ["a long name", tarGz(pax({ path: "../".repeat(10_000) }), file("a"))],
  ["an error of the tar reader", tarGz(pax({ ["\n\0".repeat(10_000)]: "x" }), file("a"))]
] as const)("an error of BundleArchive has a safe message, whatever %s contains", ([, archive]) =>
  Effect.gen(function* () {
    const { message } = yield* reasonOf(archive)
    assert.notMatch(message, /[\p{C}\p{Zl}\p{Zp}]/u)
    assert.isBelow(message.length, 2000)
  })
)
