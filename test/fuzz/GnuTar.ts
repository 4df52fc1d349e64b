/**
 * GNU tar and gzip as the independent reader. They write no file of an archive: extracted bytes go to a
 * pipe, and a list tells to which entries they belong.
 */
import { Data, Effect } from "effect"
import { execFileSync, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Sample } from "./sample.ts"

/** Its listing of one entry. */
export interface Member {
  /** As the first letter of `ls -l`: `-`, `d`, `l`, `h` for a hard link, … */
  readonly type: string
  readonly mode: number
  readonly name: string
  readonly content: Uint8Array
}

export interface Outcome {
  readonly accepted: boolean
  readonly members: ReadonlyArray<Member>
  /** The messages of the programs. */
  readonly words: string
}

export class Unavailable extends Data.TaggedError("Unavailable")<{ readonly message: string }> {}

/** Fails if GNU tar or gzip is missing. */
export const require = Effect.try({
  try: () => {
    const version = `${execFileSync("tar", ["--version"])}`.split("\n")[0]!
    if (!version.includes("GNU tar")) throw version
    return `${version}, ${`${execFileSync("gzip", ["--version"])}`.split("\n")[0]}`
  },
  catch: (cause) =>
    new Unavailable({
      message: `it needs GNU tar, gzip and sh as its independent reader (${cause})`
    })
})

/** Processes are most of the cost, so gzip runs only for archives with an unusual frame. */
const script = `
ulimit -f 8192
for file; do
  gzip=0
  case $file in *.gz) gzip -dc <$file >\${file%.gz}.tar; gzip=$?; file=\${file%.gz}.tar;; esac
  tar -xOvv --no-seek --numeric-owner --utc --quoting-style=c -f - <$file >\${file%.tar}.out
  echo "end $gzip $?" >&2
done
`

const run = (directory: string, files: ReadonlyArray<string>) =>
  Effect.callback<string>((resume) => {
    const child = spawn("sh", ["-c", script, "sh", ...files], {
      cwd: directory,
      env: { PATH: process.env.PATH, LC_ALL: "C" },
      stdio: ["ignore", "ignore", "pipe"]
    })
    const words: Array<Buffer> = []
    child.stderr.on("data", (chunk) => words.push(chunk))
    child.on("close", () => resume(Effect.succeed(Buffer.concat(words).toString("latin1"))))
    return Effect.sync(() => child.kill())
  })

const escapes: Record<string, string> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v"
}

const unquoted = (quoted: string) => {
  const bytes = quoted.replace(/\\([0-7]{3}|.)/g, (_, escape: string) =>
    escape.length === 3
      ? String.fromCharCode(Number.parseInt(escape, 8))
      : (escapes[escape] ?? escape)
  )
  return Buffer.from(bytes, "latin1").toString("utf8")
}

const bits = (text: string) =>
  [...text].reduce((mode, letter) => mode * 2 + (/[-ST]/.test(letter) ? 0 : 1), 0)

const listed = /^(.)([-rwxsStT]{9}) \S+ +(\S+) .*? "((?:[^"\\]|\\.)*)"/

const parse = (words: string, out: Uint8Array): ReadonlyArray<Member> => {
  let offset = 0
  return words.split("\n").flatMap((line) => {
    const match = listed.exec(line)
    if (match === null) return []
    const [, type, mode, size, name] = match
    const path = unquoted(name!)
    const length = type === "-" || type === "C" ? Number(size) : 0
    const content = out.subarray(offset, offset + length)
    offset += length
    return [{ type: type!, mode: bits(mode!), name: path, content }]
  })
}

/** Reads all samples by one shell, in `directory`, which stays empty between two calls. */
export const read = Effect.fnUntraced(function* (
  directory: string,
  samples: ReadonlyArray<Sample>
) {
  const files = samples.map(({ bytes, framing, tar }, i) => {
    const name = framing === "plain" ? `${i}.tar` : `${i}.gz`
    Fs.writeFileSync(Path.join(directory, name), framing === "plain" ? tar : bytes)
    return name
  })
  const words = (yield* run(directory, files)).split(/^end (\d+) (\d+)\n/m)
  const outcomes = samples.map((_, i): Outcome => {
    const said = words[3 * i]!
    const gzip = Number(words[3 * i + 1])
    const tar = Number(words[3 * i + 2])
    const out = Path.join(directory, `${i}.out`)
    // The exit code 2 is only a warning of gzip.
    const accepted = (gzip === 0 || gzip === 2) && tar === 0
    return {
      accepted,
      words: said,
      members: tar === 0 || tar === 2 ? parse(said, Fs.readFileSync(out)) : []
    }
  })
  Fs.rmSync(directory, { recursive: true })
  Fs.mkdirSync(directory)
  return outcomes
})
