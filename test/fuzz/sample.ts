/**
 * Draws random archives. They are well-formed except for changes in a few places that a reader of tar and
 * gzip may misinterpret.
 */
import * as Zlib from "node:zlib"
import * as Archives from "../support/archives.ts"
import type { Random } from "./Random.ts"

export interface Sample {
  readonly tar: Uint8Array
  /** The whole archive. */
  readonly bytes: Uint8Array
  /** The change of the gzip around the tar; `plain` if there is none. */
  readonly framing: Framing
  /** The size of the chunks in which the archive arrives. */
  readonly pieces: number
}

// --- entries -------------------------------------------------------------------------------------

/** A header block and what follows it. */
interface Part {
  readonly header: Uint8Array
  body: Uint8Array
}

const blockOf = 512
const ustar = "ustar\x0000"
const gnu = "ustar  \0"

const utf8 = new TextEncoder()
const bytesOf = (text: string | Uint8Array) => (typeof text === "string" ? utf8.encode(text) : text)

const put = (block: Uint8Array, offset: number, length: number, text: string | Uint8Array) => {
  block.fill(0, offset, offset + length)
  block.set(bytesOf(text).subarray(0, length), offset)
}

/** Corrects the checksum. */
const seal = (block: Uint8Array) => {
  block.fill(0x20, 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  put(block, 148, 8, `${sum.toString(8).padStart(6, "0")}\0 `)
}

const part = (options: Archives.Header, body: string | Uint8Array = ""): Part => ({
  header: Archives.header({ size: bytesOf(body).length, ...options }),
  body: bytesOf(body)
})

const paxPart = (
  records: ReadonlyArray<readonly [key: string, value: string | Uint8Array]>,
  typeflag = "x"
): Part =>
  part(
    { name: "PaxHeaders/x", typeflag },
    Archives.concat(...records.map(([key, value]) => Archives.paxRecord(key, value)))
  )

const longPart = (name: string | Uint8Array, typeflag = "L"): Part =>
  part({ name: "././@LongLink", typeflag, magic: gnu }, Archives.concat(name, "\0"))

const padded = ({ body, header }: Part) =>
  Archives.concat(header, body, new Uint8Array((blockOf - (body.length % blockOf)) % blockOf))

// --- what is drawn -------------------------------------------------------------------------------

const words = "a|b|A|docs|é|e\u0301|ß|SS|x y|..a|c..|😀|-rf".split("|")

const hostileNames = [
  ..."|.|/|//|./|..|../|../x|a/..|a/../b|a/../../b|/etc/x|//a|./..|.//a/.|a//b|a/./b|a/".split("|"),
  ..."./a/|a/.|C:|c:/x|./C:x|ab:c|a\\b|..\\x|a\nb|\u001b[2J|\u007f|\u0085|\u202e|a\r| |a ".split(
    "|"
  ),
  ..."\ufeffa|\ufffd|@x".split("|"),
  "n".repeat(255),
  "n".repeat(256),
  "é".repeat(60),
  `${"d/".repeat(127)}f`,
  "d/".repeat(130)
]

const badUtf8 = new Uint8Array([0x61, 0xff, 0x62])

const typeflags = [...'\x000123456700055xxgLKSVMDNAXZ?"', "\x80", "\xff", " "]

const word = (random: Random) => random.pick(words)

const path = (random: Random) =>
  `${Array.from({ length: random.below(3) }, () => `${word(random)}/`).join("")}${word(random)}${random.below(40)}`

const hostileName = (random: Random): string | Uint8Array =>
  random.oneIn(20) ? badUtf8 : random.pick(hostileNames)

const anyName = (random: Random) => (random.oneIn(3) ? hostileName(random) : path(random))

const body = (random: Random): Uint8Array => {
  const length = random.pick([0, 1, 5, 5, 100, 511, 512, 513, 1500])
  switch (random.below(6)) {
    case 0:
      // A reader that has lost its position finds a valid entry here.
      return Archives.concat(Archives.file("inner", "inner"), Archives.folder("inner.d/"))
    case 1:
      return new Uint8Array(length)
    case 2:
      return random.bytes(length)
    default:
      return bytesOf("text ".repeat(300)).slice(0, length)
  }
}

const mode = (random: Random) =>
  random.pick([
    0o644,
    0o755,
    0o600,
    0o444,
    0,
    0o777,
    0o4755,
    0o7777,
    0o100644,
    random.below(0o10000)
  ])

const paxValues = "|0|1|-1|5|512|1.5|1e3| 1|0x10|99999999999999999999|x".split("|")

const paxKeys = [
  ..."path|path|linkpath|size|size|uid|gid|uname|gname|mtime|atime|ctime|comment|charset".split(
    "|"
  ),
  ..."hdrcharset|SCHILY.xattr.user.a|SCHILY.realsize|SCHILY.filetype|LIBARCHIVE.creationtime".split(
    "|"
  ),
  ..."GNU.sparse.major|GNU.sparse.size|GNU.sparse.name|GNU.volume.size|GNU.dumpdir".split("|"),
  ..."RHT.security.selinux|Size|path |__proto__".split("|")
]

const paxRecord = (random: Random): readonly [string, string | Uint8Array] => {
  const key = random.pick(paxKeys)
  if (key === "hdrcharset") return [key, random.pick(["BINARY", "ISO-IR 10646 2000 UTF-8"])]
  if (key.endsWith("path") || key.endsWith("name")) {
    return [key, random.oneIn(8) ? random.pick(paxValues) : anyName(random)]
  }
  return [key, random.pick(paxValues)]
}

/** A file or folder in one of the forms that tools write. */
const entry = (random: Random): ReadonlyArray<Part> => {
  const name = path(random)
  const content = body(random)
  const options = { name, mode: mode(random) }
  const long = `${"long/".repeat(20 + random.below(10))}${name}`
  switch (random.below(14)) {
    case 0:
      return [part({ ...options, name: `${name}/`, typeflag: "5" })]
    case 1:
      return [part({ ...options, typeflag: "5", magic: random.pick([ustar, gnu, ""]) })]
    case 2:
      return [part({ ...options, name: `${name}/`, typeflag: random.pick(["0", "\0"]) })]
    case 3:
      return [part({ ...options, typeflag: random.pick(["\0", "7"]) }, content)]
    case 4:
      return [part({ ...options, magic: "", typeflag: random.pick(["\0", "0"]) }, content)]
    case 5:
      return [part({ ...options, prefix: path(random) }, content)]
    case 6:
      return [longPart(long), part({ ...options, magic: gnu }, content)]
    case 7:
      return [paxPart([["path", long]]), part(options, content)]
    case 8:
      return [
        paxPart([
          ["comment", "c"],
          ["mtime", "1.5"],
          ["path", name]
        ]),
        part({ name: "cut" }, content)
      ]
    case 9:
      return [paxPart([["size", `${content.length}`]]), part(options, content)]
    case 10:
      return [paxPart([["comment", "0".repeat(40)]], "g"), part(options, content)]
    case 11:
      return [part({ ...options, magic: gnu }, content)]
    default:
      return [part(options, content)]
  }
}

// --- what is changed -----------------------------------------------------------------------------

const numberField = {
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12]
} as const

const base256 = (value: bigint, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  let rest = BigInt.asUintN(length * 8, value)
  for (let i = length - 1; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  bytes[0] = bytes[0]! | 0x80
  return bytes
}

/** A value in one of the forms of a header's field, or in an invalid form. */
const numberText = (random: Random, value: number, length: number): string | Uint8Array => {
  const digits = value.toString(8)
  switch (random.below(14)) {
    case 0:
      return digits
    case 1:
      return `${digits} `
    case 2:
      return `${digits.padStart(length - 2, " ")}\0 `
    case 3:
      return digits.padStart(length, "0")
    case 4:
      return base256(BigInt(value), length)
    case 5:
      return base256(-BigInt(value) - 1n, length)
    case 6:
      return ""
    case 7:
      return " ".repeat(length)
    case 8:
      return `${digits}\0${random.pick(["9", "7", "x"])}`
    case 9:
      return `${digits} ${random.pick(["9", "7", "x"])}`
    case 10:
      return random.pick([
        "8",
        "-1",
        "+1",
        "0x1",
        "1.0",
        "\0\x001",
        "7".repeat(length),
        "-",
        "+A",
        "-A"
      ])
    case 11:
      return random.bytes(length)
    case 12:
      return base256(2n ** BigInt(random.pick([31, 33, 53, 62, 63])), length)
    default:
      return `${digits.padStart(length - 1, "0")}\0`
  }
}

const sizeAround = (random: Random, { body }: Part) =>
  random.pick([
    body.length,
    body.length + 1,
    body.length + 512,
    Math.max(0, body.length - 1),
    Math.max(0, body.length - 512),
    random.pick([0, 1, 5, 511, 512, 513, 1024, 100_000])
  ])

const changeHeader = (random: Random, { body, header }: Part) => {
  switch (random.below(11)) {
    case 0:
    case 1:
      put(header, 156, 1, Uint8Array.of(random.pick(typeflags).charCodeAt(0)))
      break
    case 2:
    case 3: {
      const size = sizeAround(random, { body, header })
      put(header, 124, 12, `${size.toString(8).padStart(11, "0")}\0`)
      break
    }
    case 4: {
      const name = random.pick(["mode", "uid", "gid", "size", "size", "mtime"] as const)
      const [offset, length] = numberField[name]
      const value = name === "size" ? body.length : random.pick([0, 1, 0o644, 0o777777])
      put(header, offset, length, numberText(random, value, length))
      break
    }
    case 5:
      put(header, 0, 100, anyName(random))
      break
    case 6:
      put(header, 345, 155, anyName(random))
      break
    case 7:
      put(
        header,
        257,
        8,
        random.pick([
          ustar,
          gnu,
          "",
          "ustar\0  ",
          "ustar\0\0\0",
          "ustar  1",
          "ustar00\0",
          "USTAR\x0000"
        ])
      )
      break
    case 8:
      // A star header: a shorter prefix, then two times and a mark of its own.
      put(header, 345, 167, `${"p".repeat(random.pick([3, 130, 131]))}`)
      put(header, 476, 12, "00000000001 ")
      put(header, 488, 12, "00000000001 ")
      put(header, 508, 4, "tar\0")
      break
    case 9:
      put(header, 157, 100, path(random))
      break
    default:
      header[random.below(blockOf)] = random.below(256)
  }
  if (!random.oneIn(12)) seal(header)
  if (random.oneIn(20)) {
    // The sum in other forms, a wrong one, or the one that some old tools made of signed bytes.
    const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0)
    const signed = header.reduce(
      (total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : (byte << 24) >> 24),
      0
    )
    put(header, 148, 8, numberText(random, random.pick([sum, Math.max(0, signed), sum + 1]), 8))
  }
}

const extended = (random: Random): Part => {
  switch (random.below(6)) {
    case 0:
      return longPart(anyName(random), random.pick(["L", "K"]))
    case 1:
      return paxPart([paxRecord(random)], "g")
    default: {
      const records = Array.from({ length: 1 + random.below(3) }, () => paxRecord(random))
      if (random.oneIn(4)) records.push([records[0]![0], random.pick(["", "1", "other"])])
      return paxPart(records, random.oneIn(8) ? "X" : "x")
    }
  }
}

/** Damages the text of records. */
const changeRecords = (random: Random, part: Part) => {
  const text = part.body.slice()
  if (text.length === 0) return
  const at = random.below(text.length)
  switch (random.below(5)) {
    case 0:
      text[at] = random.below(256)
      break
    case 1:
      text[0] = random.pick([0x30, 0x31, 0x39, 0x20, 0x2d])
      break
    case 2:
      text[text.length - 1] = random.pick([0, 0x20, 0x78])
      break
    case 3:
      text[at] = random.pick([0, 0x0a, 0x3d])
      break
    default:
      part.body = Archives.concat(text, random.pick(["\0", "\n", "5 a=", "9 path=b\n", " "]))
      put(part.header, 124, 12, `${part.body.length.toString(8).padStart(11, "0")}\0`)
      seal(part.header)
      return
  }
  part.body = text
}

const isExtended = ({ header }: Part) => "xgLK".includes(String.fromCharCode(header[156]!))

const changeParts = (random: Random, parts: Array<Part>) => {
  const at = random.below(parts.length)
  const chosen = parts[at]!
  switch (random.below(12)) {
    case 0:
      parts.splice(random.below(parts.length + 1), 0, {
        header: chosen.header.slice(),
        body: chosen.body
      })
      break
    case 1:
      if (parts.length > 1) parts.splice(at, 1)
      break
    case 2: {
      const other = random.below(parts.length)
      parts[at] = parts[other]!
      parts[other] = chosen
      break
    }
    case 3:
    case 4:
    case 5:
      parts.splice(at, 0, extended(random))
      break
    case 6:
      changeRecords(random, parts.find(isExtended) ?? chosen)
      break
    case 7:
      if (!random.oneIn(4)) break
      parts.splice(at, 0, {
        header: new Uint8Array(blockOf),
        body: random.oneIn(2) ? new Uint8Array() : random.bytes(blockOf)
      })
      break
    default:
      changeHeader(random, chosen)
  }
}

/** Changes a tar without regard for the meaning of its blocks. */
const changeBlocks = (random: Random, tar: Uint8Array): Uint8Array => {
  const block = random.below(tar.length / blockOf) * blockOf
  const other = random.below(tar.length / blockOf) * blockOf
  const cut = random.below(tar.length)
  switch (random.below(7)) {
    case 0:
      return tar.slice(0, cut)
    case 1:
      return tar.slice(0, block)
    case 2:
      return Archives.concat(tar.subarray(0, block), tar.subarray(block + blockOf))
    case 3:
      return Archives.concat(
        tar.subarray(0, block),
        tar.subarray(other, other + blockOf),
        tar.subarray(block)
      )
    case 4:
      return Archives.concat(tar.subarray(0, block), new Uint8Array(blockOf), tar.subarray(block))
    case 5: {
      const copy = tar.slice()
      copy.copyWithin(block, other, other + blockOf)
      return copy
    }
    default: {
      const copy = tar.slice()
      for (let i = random.below(4); i >= 0; i--) copy[random.below(copy.length)] = random.below(256)
      return copy
    }
  }
}

const ending = (random: Random): Uint8Array => {
  switch (random.below(12)) {
    case 0:
      return new Uint8Array()
    case 1:
      return new Uint8Array(blockOf)
    case 2:
      return new Uint8Array(blockOf * 20)
    case 3:
      return Archives.concat(Archives.end, Archives.file("after", "the end"))
    case 4:
      return Archives.concat(Archives.end, random.bytes(random.below(1000)))
    case 5:
      return new Uint8Array(random.below(1024))
    default:
      return Archives.end
  }
}

// --- gzip ----------------------------------------------------------------------------------------

export type Framing = "plain" | "header" | "changed" | "cut" | "trailing" | "members"

const framed = (random: Random, tar: Uint8Array): readonly [Framing, Uint8Array] => {
  const level = random.pick([0, 1, 6])
  const whole = new Uint8Array(Zlib.gzipSync(tar, { level }))
  const rest = whole.subarray(10)
  const at = random.below(whole.length)
  if (!random.oneIn(4)) return ["plain", whole]
  switch (random.below(8)) {
    case 0: {
      const fixed = whole.slice(0, 10)
      const flags = random.pick([1, 2, 4, 8, 16, 24, 28, 30, 31, 32, 64, 128])
      fixed[3] = flags
      const fields = Archives.concat(
        fixed,
        flags & 4 ? "\u0003\0abc" : "",
        flags & 8 ? "name\0" : "",
        flags & 16 ? "comment\0" : ""
      )
      const crc = (Zlib.crc32(fields) & 0xffff) ^ (random.oneIn(3) ? 1 : 0)
      const crcField = flags & 2 ? Uint8Array.of(crc & 0xff, crc >>> 8) : ""
      return ["header", Archives.concat(fields, crcField, rest)]
    }
    case 1:
    case 2: {
      const copy = whole.slice()
      const where = random.oneIn(3)
        ? copy.length - 1 - random.below(8)
        : random.oneIn(3)
          ? random.below(10)
          : at
      copy[where]! ^= 1 << random.below(8)
      return ["changed", copy]
    }
    case 3:
      return ["cut", whole.slice(0, random.oneIn(2) ? whole.length - random.below(12) : at)]
    case 4:
    case 5:
      return [
        "trailing",
        Archives.concat(
          whole,
          random.pick([
            "\0",
            "!",
            "\x1f",
            Uint8Array.of(0x1f, 0x8b),
            new Uint8Array(512),
            whole.subarray(0, at + 1)
          ])
        )
      ]
    case 6: {
      const split = random.below(tar.length + 1)
      return [
        "members",
        Archives.concat(Archives.gzip(tar.subarray(0, split)), Archives.gzip(tar.subarray(split)))
      ]
    }
    default:
      return [
        "members",
        random.oneIn(2)
          ? Archives.concat(Archives.gzip(new Uint8Array()), whole)
          : Archives.concat(whole, Archives.gzip(random.oneIn(2) ? new Uint8Array() : tar))
      ]
  }
}

/** One archive. */
export const draw = (random: Random): Sample => {
  const parts = Array.from({ length: 1 + random.below(4) }, () => entry(random)).flat()
  for (let changes = random.pick([0, 0, 1, 1, 1, 1, 2, 2, 3, 4]); changes > 0; changes--) {
    changeParts(random, parts)
  }
  let tar = Archives.concat(...parts.map(padded), ending(random))
  if (random.oneIn(8)) tar = changeBlocks(random, tar)
  const [framing, bytes] = framed(random, tar)
  return {
    tar,
    bytes,
    framing,
    pieces: random.oneIn(6) ? random.pick([4096, 512, 100, 7]) : 64 * 1024
  }
}

/** An archive with this tar. */
export const plain = (tar: Uint8Array): Sample => ({
  tar,
  bytes: Archives.gzip(tar),
  framing: "plain",
  pieces: 64 * 1024
})
