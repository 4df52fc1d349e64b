/**
 * Findings of the fuzzer: tars that other readers interpret differently from the decoder. Each must be
 * rejected.
 */
import type { BundleArchiveError } from "../../src/BundleArchive.ts"
import * as Archives from "../support/archives.ts"

const { concat, entry, file, folder, gnuLongName, pax, paxRecord, tar } = Archives

const malformed = (detail: string): BundleArchiveError["reason"] => ({
  _tag: "MalformedTar",
  detail
})

/** A block that one reader takes for an entry and another for the content of the entry before. */
const hidden = file("hidden", "text")

const longNameOf = (length: number, text: string) =>
  entry({ name: "././@LongLink", typeflag: "L", magic: "ustar  \0", size: length }, text)

export const corpus: ReadonlyArray<{
  readonly name: string
  readonly tar: Uint8Array
  readonly reason: BundleArchiveError["reason"]
}> = [
  {
    name: "a folder with content",
    tar: tar(entry({ name: "d/", typeflag: "5" }, hidden)),
    reason: malformed('"d/" is a folder with content')
  },
  {
    name: "an old folder with content",
    tar: tar(entry({ name: "d/", typeflag: "\0", magic: "" }, hidden)),
    reason: malformed('"d/" is a folder with content')
  },
  {
    name: "a folder with content by PAX",
    tar: tar(pax({ size: `${hidden.length}` }), folder("d/"), hidden),
    reason: malformed('"d/" is a folder with content')
  },
  {
    name: "one path for all entries",
    tar: tar(pax({ path: "other" }, "global"), file("a", "1")),
    reason: malformed("a PAX path for all entries")
  },
  {
    name: "one size for all entries",
    tar: tar(pax({ size: "1" }, "global"), file("a", "12345")),
    reason: malformed("a PAX size for all entries")
  },
  {
    name: "a PAX path without a value",
    tar: tar(pax({ path: "" }), file("a")),
    reason: malformed("a PAX path without a value")
  },
  {
    name: "two PAX sizes, the first of them none",
    tar: tar(
      entry({ name: "x", typeflag: "x" }, concat(paxRecord("size", "1.5"), paxRecord("size", "0"))),
      file("a")
    ),
    reason: malformed("a PAX size twice")
  },
  {
    name: "a PAX path before a GNU long name",
    tar: tar(pax({ path: "by-pax" }), gnuLongName("by-gnu"), file("a")),
    reason: malformed("a GNU long name beside a PAX path")
  },
  {
    name: "a PAX path after a GNU long name",
    tar: tar(gnuLongName("by-gnu"), pax({ path: "by-pax" }), file("a")),
    reason: malformed("a GNU long name beside a PAX path")
  },
  {
    name: "an empty GNU long name",
    tar: tar(longNameOf(0, ""), file("a")),
    reason: malformed("a GNU long name without a name")
  },
  {
    name: "a GNU long name that goes on in the padding",
    tar: tar(longNameOf(4, "long/name"), file("a")),
    reason: malformed("a GNU long name without an end")
  },
  {
    name: "a star prefix longer than star's",
    tar: tar(starHeader("p".repeat(131))),
    reason: malformed("a star prefix without an end")
  },
  {
    name: "a blank mode",
    tar: tar(entry({ name: "a", mode: " ".repeat(8) })),
    reason: malformed("an unclear mode")
  },
  {
    name: "a mode after a NUL",
    tar: tar(entry({ name: "a", mode: "\x001" })),
    reason: malformed("an unclear mode")
  },
  {
    name: "an empty GNU sparse name for all entries",
    tar: tar(pax({ "GNU.sparse.name": "" }, "global"), file("a", "1")),
    reason: malformed("a PAX GNU.sparse for all entries")
  },
  { name: "nothing at all", tar: new Uint8Array(), reason: { _tag: "Truncated" } }
]

/** A header as star ends it: two times after a prefix of 131 bytes, and a mark. */
function starHeader(prefix: string) {
  const time = "00000000001 "
  return Archives.header({ name: "name", prefix: `${prefix}${time}${time}`, tail: "tar\0" })
}
