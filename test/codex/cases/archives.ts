/**
 * Bundles with valid and invalid archives of every kind.
 */
import * as Zlib from "node:zlib"
import * as Archives from "../../support/archives.ts"
import type { Case } from "./Case.ts"
import * as C from "./Case.ts"

const archive = (
  title: string,
  bundle: (name: string) => Uint8Array,
  differs?: C.Differs
): Case => ({ title, make: (name) => ({ plugins: [{ name, bundle: bundle(name) }] }), differs })

/** A slow case, which others should not wait for. */
const alone: typeof archive = (...of) => ({ ...archive(...of), alone: true })

/** An archive of the manifest and these entries. */
const beside = (title: string, entries: ReadonlyArray<Uint8Array>, differs?: C.Differs): Case =>
  archive(title, (name) => Archives.tarGz(C.manifest(name), ...entries), differs)

/** An archive of the manifest, changed as a tar. */
const tar = (title: string, change: (tar: Uint8Array) => Uint8Array, differs?: C.Differs): Case =>
  archive(title, (name) => Archives.gzip(change(Archives.tar(C.manifest(name)))), differs)

/** An archive of the manifest, changed as a gzip member. */
const gzip = (
  title: string,
  change: (member: Uint8Array, name: string) => Uint8Array,
  differs?: C.Differs
): Case => archive(title, (name) => change(Archives.tarGz(C.manifest(name)), name), differs)

/** An entry whose header is changed before its checksum is made. */
const patched = (
  change: (header: Uint8Array) => void,
  options: Archives.Header,
  body: string | Uint8Array = ""
): Uint8Array => {
  const entry = Archives.entry(options, body)
  const header = entry.subarray(0, 512)
  change(header)
  header.fill(0x20, 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148)
  return entry
}

const put = (text: string, offset: number) => (header: Uint8Array) =>
  header.set(Buffer.from(text, "latin1"), offset)

const offsets = { mode: 100, user: 108, size: 124, time: 136, type: 156 }

const typed = (typeflag: string, options: Partial<Archives.Header> = {}) =>
  Archives.entry({ name: "odd", typeflag, ...options })

const paxRecords = (...records: ReadonlyArray<string | Uint8Array>): Uint8Array =>
  Archives.entry({ name: "PaxHeaders/x", typeflag: "x" }, Archives.concat(...records))

const extended = (typeflag: "L" | "K", content: string): Uint8Array =>
  Archives.entry({ name: "././@LongLink", typeflag, magic: "ustar  \0" }, content)

const longName = `${"d".repeat(80)}/${"f".repeat(80)}`

const latin1 = (name: string) => new Uint8Array(Buffer.from(name, "latin1"))

/** GNU's base-256 form of a number that fits into four bytes. */
const base256 = (value: number) => {
  const field = Buffer.alloc(12)
  field[0] = 0x80
  field.writeUInt32BE(value, 8)
  return field.toString("latin1")
}

const withoutEnd = (bytes: Uint8Array) => bytes.subarray(0, -Archives.end.length)

const inGzip = (change: (member: Uint8Array) => void) => (member: Uint8Array) => {
  change(member)
  return member
}

/** A gzip member with these flags and these bytes after the first ten of its header. */
const gzipHeader =
  (flags: number, ...more: ReadonlyArray<string | Uint8Array>) =>
  (member: Uint8Array) => {
    const header = member.slice(0, 10)
    header[3] = flags
    return Archives.concat(header, ...more, member.subarray(10))
  }

const sound: ReadonlyArray<Case> = [
  beside("files and folders", [
    Archives.file("a.txt", "a\n"),
    Archives.folder("b/"),
    Archives.file("b/c.txt", "c\n")
  ]),
  beside("folders that no entry makes", [Archives.file("a/b/c/d.txt", "d\n")]),
  beside("empty files and folders", [Archives.file("a.txt"), Archives.folder("b/c/")]),
  beside("binary content", [Archives.file("a.bin", new Uint8Array([0, 255, 128, 13, 10]))]),
  beside("a file of two megabytes", [Archives.file("a.bin", new Uint8Array(2 * 1024 * 1024 + 1))]),
  beside(
    "two thousand files",
    Array.from({ length: 2000 }, (_, i) => Archives.file(`d${i % 20}/${i}`, `${i}`))
  ),
  archive("the manifest last", (name) =>
    Archives.tarGz(Archives.file("a.txt", "a"), C.manifest(name))
  ),
  beside("a file that is named as the sidecar is", [
    Archives.file(C.sidecarName, "content\n"),
    Archives.file(`deep/${C.sidecarName}`, "content\n")
  ]),
  beside("dot files", [Archives.file(".env", "A=1"), Archives.file(".git/HEAD", "ref")]),
  beside("names with spaces, CON, and a dot at the end", [
    Archives.file(" leading.txt"),
    Archives.file("trailing "),
    Archives.file("CON"),
    Archives.file("dot."),
    Archives.file("...")
  ]),
  beside("names in UTF-8", [Archives.file("é/日本語.txt"), Archives.file("😀")])
]

const modes: ReadonlyArray<Case> = [
  beside("modes of files", [
    Archives.file("0600", "", 0o600),
    Archives.file("0755", "", 0o755),
    Archives.file("0777", "", 0o777),
    Archives.file("0444", "", 0o444),
    Archives.file("0111", "", 0o111),
    Archives.file("0000", "", 0o000)
  ]),
  beside("set-id and sticky bits", [
    Archives.file("6755", "", 0o6755),
    Archives.file("1777", "", 0o1777),
    Archives.folder("d/", 0o3777)
  ]),
  beside("modes of folders", [
    Archives.folder("a/", 0o700),
    Archives.folder("b/", 0o777),
    Archives.folder("c/", 0o000),
    Archives.file("c/d.txt", "d")
  ]),
  beside("a mode with the bits of a file's type", [Archives.file("a.txt", "a", 0o100644)]),
  beside(
    "a mode that is no number",
    [patched(put("garbage\0", offsets.mode), { name: "a.txt" }, "a")],
    C.fromBoth("unclear tar", C.rejects)
  ),
  beside(
    "a mode that is blank",
    [patched(put("\0\0\0\0\0\0\0\0", offsets.mode), { name: "a.txt" }, "a")],
    C.fromBoth(
      "as POSIX has it",
      C.installs(C.installedWith({ "a.txt": { content: "a", mode: 0 } }))
    )
  ),
  beside(
    "owner and time that are no numbers",
    [
      patched(put("garbage\0garbage\0", offsets.user), { name: "a.txt" }, "a"),
      patched(put("garbagegarba", offsets.time), { name: "b.txt" }, "b")
    ],
    C.fromBoth("unclear tar", C.rejects)
  ),
  archive("a manifest of mode 0600", (name) =>
    Archives.tarGz(Archives.file(C.manifestPath, C.manifestText(name), 0o600))
  ),
  archive("a manifest of mode 0555", (name) =>
    Archives.tarGz(Archives.file(C.manifestPath, C.manifestText(name), 0o555))
  )
]

const names: ReadonlyArray<Case> = [
  beside(
    "an entry for the root, as tar czf makes it",
    [Archives.folder("./")],
    C.fromBoth("plain tar", C.installs(C.installedWith()))
  ),
  beside(
    "an entry for the root without a slash",
    [Archives.folder(".")],
    C.fromBoth("plain tar", C.installs(C.installedWith()))
  ),
  archive("names that begin with a dot and a slash", (name) =>
    Archives.tarGz(
      Archives.file(`./${C.manifestPath}`, C.manifestText(name)),
      Archives.file("./a.txt", "a")
    )
  ),
  beside("names with a dot or nothing between slashes", [
    Archives.file("a/./b", "b"),
    Archives.file("c//d", "d")
  ]),
  beside("an empty name", [Archives.file("", "a")]),
  beside("an absolute name", [Archives.file("/tmp/evil", "a")]),
  beside("a name that leaves the root", [Archives.file("../evil", "a")]),
  beside("a name that leaves the root and comes back", [Archives.file("a/../b", "a")]),
  beside("a folder that leaves the root", [Archives.folder("a/..")]),
  beside("a prefix that leaves the root", [Archives.entry({ name: "evil", prefix: ".." }, "a")]),
  beside(
    "a name with a backslash",
    [Archives.file("a\\b", "a")],
    C.fromBoth("ambiguous names", C.rejects)
  ),
  beside(
    "a name with a drive",
    [Archives.file("C:/a", "a")],
    C.fromBoth("ambiguous names", C.rejects)
  ),
  beside(
    "a name with a control character",
    [Archives.file("a\nb", "a")],
    C.fromBoth("ambiguous names", C.rejects)
  ),
  beside(
    "a name with a delete character",
    [Archives.file("a\x7fb", "a")],
    C.fromBoth("ambiguous names", C.rejects)
  ),
  beside(
    "a name that is not UTF-8",
    [Archives.entry({ name: latin1("a\xffb") }, "a")],
    C.fromBoth("ambiguous names", C.rejects)
  ),
  beside("a name that holds a NUL", [Archives.entry({ name: "a\0b" }, "a")]),
  beside("a name of 255 bytes", [Archives.gnuLongName("n".repeat(255)), Archives.file("n", "a")]),
  beside("a name of 256 bytes", [Archives.gnuLongName("n".repeat(256)), Archives.file("n", "a")]),
  beside("a path of 128 parts", [
    Archives.gnuLongName(`${"d/".repeat(127)}f`),
    Archives.file("d", "a")
  ]),
  beside(
    "a path of 200 parts",
    [Archives.gnuLongName(`${"d/".repeat(199)}f`), Archives.file("d", "a")],
    C.fromBoth("archive limits", C.rejects)
  ),
  beside("a path of 2500 parts", [
    Archives.gnuLongName(`${"d/".repeat(2499)}f`),
    Archives.file("d", "a")
  ]),
  beside(
    "a regular entry whose name ends in a slash",
    [Archives.file("a/", "a")],
    C.fromBoth(
      "as POSIX has it",
      C.installs((name) => ({
        ...C.installedWith()(name),
        [`${C.curated}/${name}/1.0.0/a`]: C.folder
      }))
    )
  ),
  beside(
    "an empty regular entry whose name ends in a slash",
    [Archives.file("a/")],
    C.fromBoth(
      "as POSIX has it",
      C.installs((name) => ({
        ...C.installedWith()(name),
        [`${C.curated}/${name}/1.0.0/a`]: C.folder
      }))
    )
  ),
  beside("a folder of an old tar, which knows no folders", [
    Archives.entry({ name: "a/", typeflag: "\0", magic: "" })
  ]),
  beside("a prefix", [Archives.entry({ name: "b", prefix: "a/long/prefix" }, "a")]),
  beside("a prefix in an old tar", [
    Archives.entry({ name: "b", prefix: "a/long/prefix", magic: "", typeflag: "\0" }, "a")
  ]),
  beside("an old tar", [Archives.entry({ name: "a", magic: "", typeflag: "\0" }, "a")])
]

const twice: ReadonlyArray<Case> = [
  beside(
    "a file twice",
    [Archives.file("a", "1"), Archives.file("a", "2", 0o600)],
    C.fromBoth("ambiguous names", C.rejects)
  ),
  archive(
    "the manifest twice",
    (name) => Archives.tarGz(Archives.file(C.manifestPath, "{}"), C.manifest(name)),
    C.fromBoth("ambiguous names", C.rejects)
  ),
  beside("a folder twice", [Archives.folder("a/"), Archives.folder("a/")]),
  beside("a folder after what lies in it", [Archives.file("a/b", "b"), Archives.folder("a/")]),
  beside(
    "names that differ in case alone",
    [Archives.file("a", "1"), Archives.file("A", "2")],
    C.fromBoth("ambiguous names", C.rejects)
  ),
  beside(
    "names that differ in Unicode form alone",
    [Archives.file("\u00e9", "1"), Archives.file("e\u0301", "2")],
    C.fromBoth("ambiguous names", C.rejects)
  ),
  beside("a file in a folder's place", [Archives.folder("a/"), Archives.file("a", "1")]),
  beside("a folder in a file's place", [Archives.file("a", "1"), Archives.folder("a/")]),
  beside("an entry below a file", [Archives.file("a", "1"), Archives.file("a/b", "2")])
]

const types: ReadonlyArray<Case> = [
  beside("a symbolic link", [typed("2", { linkname: "a.txt" })]),
  beside("a symbolic link that leaves the root", [typed("2", { linkname: "../../evil" })]),
  beside("a hard link", [Archives.file("a"), typed("1", { linkname: "a" })]),
  beside("a character device", [typed("3")]),
  beside("a block device", [typed("4")]),
  beside("a FIFO", [typed("6")]),
  beside(
    "a contiguous file",
    [typed("7")],
    C.fromBoth("as POSIX has it", C.installs(C.installedWith({ odd: "" })))
  ),
  ...["V", "D", "M", "N", "Z", "A", "X"].map((type) =>
    beside(`an entry of type ${type}`, [typed(type)])
  ),
  beside("a sparse file of old GNU tar", [typed("S", { magic: "ustar  \0" })]),
  beside(
    "a sparse file in PAX records",
    [
      Archives.pax({
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "real.txt",
        "GNU.sparse.realsize": "3"
      }),
      Archives.file("GNUSparseFile.0/real.txt", `1\n0\n3\n${"\0".repeat(505)}abc`)
    ],
    C.fromBoth("unclear tar", C.rejects)
  ),
  beside(
    "a folder with content",
    [Archives.entry({ name: "a/", typeflag: "5" }, "passed over")],
    C.fromBoth("unclear tar", C.rejects)
  )
]

const headers: ReadonlyArray<Case> = [
  beside(
    "a global PAX header, as git archive makes it",
    [Archives.pax({ comment: "0123456789abcdef" }, "global"), Archives.file("a.txt", "a")],
    C.fromBoth("plain tar", C.installs(C.installedWith({ "a.txt": "a" })))
  ),
  beside("a long PAX path", [Archives.pax({ path: longName }), Archives.file("short", "a")]),
  beside("a PAX size", [
    Archives.pax({ size: "3" }),
    patched(put("00000000000\0", offsets.size), { name: "a.txt" }, "abc")
  ]),
  beside("PAX records of times, owners and other things", [
    Archives.pax({ mtime: "1.5", uid: "1", linkpath: "x", "SCHILY.xattr.user.a": "b", odd: "1" }),
    Archives.file("a.txt", "a")
  ]),
  beside(
    "a malformed PAX record",
    [paxRecords("999 path=zz\n"), Archives.file("a.txt", "a")],
    C.fromBoth("unclear tar", C.rejects)
  ),
  beside("a PAX path that leaves the root", [
    Archives.pax({ path: "../evil" }),
    Archives.file("a.txt", "a")
  ]),
  beside("an empty PAX path", [Archives.pax({ path: "" }), Archives.file("a.txt", "a")]),
  beside("a PAX path with a NUL", [Archives.pax({ path: "a\0b" }), Archives.file("a.txt", "a")]),
  beside(
    "two PAX headers for one entry",
    [Archives.pax({ path: "b" }), Archives.pax({ path: "c" }), Archives.file("a.txt", "a")],
    C.fromBoth("as POSIX has it", C.installs(C.installedWith({ c: "a" })))
  ),
  beside("a PAX header for no entry", [Archives.pax({ path: "b" })]),
  beside(
    "a PAX header of a megabyte and more",
    [Archives.pax({ comment: "c".repeat(1024 * 1024) }), Archives.file("a.txt", "a")],
    C.fromBoth("archive limits", C.rejects)
  ),
  beside(
    "three hundred PAX records",
    [
      paxRecords(...Array.from({ length: 300 }, (_, i) => Archives.paxRecord(`k${i}`, "v"))),
      Archives.file("a.txt", "a")
    ],
    C.fromBoth("archive limits", C.rejects)
  ),
  beside("a GNU long name", [Archives.gnuLongName(longName), Archives.file("short", "a")]),
  beside("a GNU long name without its NUL", [extended("L", longName), Archives.file("x", "a")]),
  beside("a GNU long name that leaves the root", [
    Archives.gnuLongName("../evil"),
    Archives.file("x", "a")
  ]),
  beside("a GNU long name for no entry", [Archives.gnuLongName("b")]),
  beside("a GNU long link before a file", [extended("K", "x\0"), Archives.file("a.txt", "a")]),
  beside(
    "a PAX path and a GNU long name for one entry",
    [Archives.pax({ path: "pax" }), Archives.gnuLongName("gnu"), Archives.file("x", "a")],
    C.fromBoth("unclear tar", C.rejects)
  ),
  beside(
    "a GNU long name and a PAX path for one entry",
    [Archives.gnuLongName("gnu"), Archives.pax({ path: "pax" }), Archives.file("x", "a")],
    C.fromBoth("unclear tar", C.rejects)
  ),
  beside("a header whose checksum does not hold", [
    Archives.entry({
      name: "a.txt",
      spoil: (block) => {
        block[0] = 0x62
      }
    })
  ]),
  beside("a size that is no number", [
    patched(put("zzzzzzzzzzz\0", offsets.size), { name: "a.txt" }, "a")
  ]),
  beside("a size in base 256", [patched(put(base256(3), offsets.size), { name: "a.txt" }, "abc")]),
  beside("a size with spaces around it", [
    patched(put("         3 \0", offsets.size), { name: "a.txt" }, "abc")
  ])
]

const ends: ReadonlyArray<Case> = [
  tar("no end marker", withoutEnd),
  tar("one block of zeros at the end", (bytes) => bytes.subarray(0, -512)),
  tar(
    "an entry after one block of zeros",
    (bytes) =>
      Archives.concat(bytes.subarray(0, -512), Archives.file("late.txt", "late"), Archives.end),
    C.fromBoth("unclear tar", C.rejects)
  ),
  tar("garbage after the end marker", (bytes) => Archives.concat(bytes, "garbage".repeat(100))),
  tar("an entry after the end marker", (bytes) =>
    Archives.concat(bytes, Archives.file("late.txt", "late"), Archives.end)
  ),
  tar(
    "three megabytes of zeros after the end marker",
    (bytes) => Archives.concat(bytes, new Uint8Array(3 * 1024 * 1024)),
    C.fromBoth("archive limits", C.rejects)
  ),
  tar("a last block that is incomplete", (bytes) =>
    Archives.concat(withoutEnd(bytes), Archives.file("a.txt", "a".repeat(600)).subarray(0, -100))
  ),
  tar("a header that is incomplete", (bytes) =>
    Archives.concat(withoutEnd(bytes), Archives.header({ name: "a.txt" }).subarray(0, 300))
  ),
  tar("content that is incomplete", (bytes) =>
    Archives.concat(withoutEnd(bytes), Archives.header({ name: "a.txt", size: 5000 }), "abc")
  ),
  archive("an empty tar", () => Archives.gzip(Archives.end)),
  archive("nothing in a gzip member", () => Archives.gzip(new Uint8Array())),
  archive("nothing at all", () => new Uint8Array()),
  archive("no gzip", (name) => Archives.tar(C.manifest(name))),
  archive("a page of HTML", () => Buffer.from("<!doctype html><title>Sign in</title>")),
  archive("a folder around everything", (name) =>
    Archives.tarGz(
      Archives.folder(`${name}/`),
      Archives.file(`${name}/${C.manifestPath}`, C.manifestText(name))
    )
  )
]

const members: ReadonlyArray<Case> = [
  gzip(
    "a second gzip member",
    (member) => Archives.concat(member, Archives.gzip(Archives.end)),
    C.fromBoth("damaged gzip", C.rejects)
  ),
  archive("a tar in two gzip members", (name) => {
    const bytes = Archives.tar(C.manifest(name), Archives.file("a.txt", "a".repeat(3000)))
    return Archives.concat(
      Archives.gzip(bytes.subarray(0, 1700)),
      Archives.gzip(bytes.subarray(1700))
    )
  }),
  gzip(
    "garbage after the gzip member",
    (member) => Archives.concat(member, "garbage"),
    C.fromBoth("damaged gzip", C.rejects)
  ),
  gzip(
    "zeros after the gzip member",
    (member) => Archives.concat(member, new Uint8Array(512)),
    C.fromBoth("damaged gzip", C.rejects)
  ),
  gzip(
    "a gzip checksum that does not hold",
    inGzip((member) => {
      member[member.length - 8]! ^= 1
    }),
    C.fromBoth("damaged gzip", C.rejects)
  ),
  gzip(
    "a gzip length that does not hold",
    inGzip((member) => {
      member[member.length - 4]! ^= 1
    }),
    C.fromBoth("damaged gzip", C.rejects)
  ),
  gzip(
    "no gzip trailer",
    (member) => member.subarray(0, -8),
    C.fromBoth("damaged gzip", C.rejects)
  ),
  gzip(
    "half a gzip trailer",
    (member) => member.subarray(0, -4),
    C.fromBoth("damaged gzip", C.rejects)
  ),
  archive("a gzip member that is cut short", (name) => {
    const member = Archives.tarGz(C.manifest(name), Archives.file("a.txt", "abc".repeat(5000)))
    return member.subarray(0, Math.floor(member.length / 2))
  }),
  archive("deflate data that is corrupt", (name) => {
    const member = Archives.tarGz(
      C.manifest(name),
      Archives.file("a.bin", Zlib.deflateRawSync(Buffer.from("x".repeat(9999))))
    )
    member.fill(0xff, 40, 60)
    return member
  }),
  gzip(
    "a file name, a comment and an extra field in the gzip header",
    gzipHeader(0x1c, new Uint8Array([3, 0, 1, 2, 3]), "name.tar\0", "comment\0")
  ),
  gzip("a gzip header checksum that does not hold", gzipHeader(0x02, new Uint8Array([1, 2]))),
  gzip("reserved flags in the gzip header", gzipHeader(0x20)),
  gzip(
    "a gzip method that is not deflate",
    inGzip((member) => {
      member[2] = 7
    })
  )
]

const MiB = 1024 * 1024

const limits: ReadonlyArray<Case> = [
  alone(
    "51 MiB packed",
    (name) =>
      // Stored without compression, so that it is as large as its content.
      Zlib.gzipSync(Archives.tar(C.manifest(name), Archives.file("a", new Uint8Array(51 * MiB))), {
        level: 0
      }),
    C.asNewer("larger bundles")
  ),
  alone(
    "251 MiB unpacked",
    (name) => Archives.tarGz(C.manifest(name), Archives.file("a", new Uint8Array(251 * MiB))),
    C.asNewer("larger bundles")
  ),
  beside("a folder that declares 260 MiB and has nothing", [
    Archives.header({ name: "a/", typeflag: "5", size: 260 * MiB })
  ]),
  alone(
    "50,001 entries",
    (name) =>
      Archives.tarGz(
        C.manifest(name),
        Buffer.concat(Array.from({ length: 50_001 }, () => Archives.folder("a/")))
      ),
    C.fromBoth("archive limits", C.rejects)
  )
]

export const archives: ReadonlyArray<Case> = [
  ...sound,
  ...modes,
  ...names,
  ...twice,
  ...types,
  ...headers,
  ...ends,
  ...members,
  ...limits
]
