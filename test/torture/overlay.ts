/**
 * A cache that came with a container image: passes on a real overlay mount are killed and completed.
 */
import { Effect, Option, Random } from "effect"
import { ChildProcess } from "effect/process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as CacheContents from "../support/cacheContents.ts"
import * as Account from "./account.ts"
import * as Setup from "./setup.ts"
import * as Cache from "./cache.ts"
import * as Report from "./report.ts"

/** How many passes are killed on each image before one completes. */
const killsPerImage = 6

/** The longest time before a pass is killed, in milliseconds. */
const longestLife = 400

/** The time limit of a pass that must complete, in seconds. */
const patience = 120

/**
 * Mounts the image at the home, runs a command, kills it after a time, and copies the cache out.
 * The mount belongs to a mount namespace that ends with the command.
 */
const script = `
image=$1 upper=$2 work=$3 home=$4 out=$5 limit=$6
shift 6
mount -t overlay overlay -o "lowerdir=$image,upperdir=$upper,workdir=$work" "$home" || exit 99
timeout -s KILL "$limit" "$@"
code=$?
rm -rf "$out" && mkdir "$out" && cp -a "$home/plugins" "$out/plugins" || exit 98
exit $code`

/** Fails unless the mount refuses to rename a folder of the image, which the test requires. */
const renames = `
const [from, to] = process.argv.slice(1)
try {
  require("node:fs").renameSync(from, to)
} catch (error) {
  process.exit(error.code === "EXDEV" ? 0 : 97)
}
process.exit(96)`

interface Image {
  readonly home: string
  readonly out: string
  /** The words before a command that kill it after this number of seconds. */
  readonly within: (seconds: number) => ReadonlyArray<string>
}

/** Turns the present contents of a home into an image. */
const bake = (home: string): Image => {
  const [image, upper, work, out] = ["image", "upper", "work", "out"].map((name) =>
    Path.join(Path.dirname(home), `${Path.basename(home)}-${name}`)
  ) as [string, string, string, string]
  Fs.renameSync(home, image)
  for (const folder of [home, upper, work]) Fs.mkdirSync(folder)
  return {
    home,
    out,
    within: (seconds) => [
      "unshare",
      "-m",
      "sh",
      "-c",
      script,
      "sh",
      image,
      upper,
      work,
      home,
      out,
      String(seconds)
    ]
  }
}

/** Versions that are incomplete although they have a manifest, so that readers trust them. */
const trustedButIncomplete = (cache: Cache.Cache, out: string) =>
  CacheContents.incomplete(cache).filter((message) => {
    const [, name = "", version = ""] = /^(\S+) (\S+) is incomplete$/.exec(message) ?? []
    return Fs.existsSync(
      Path.join(Cache.marketplaceOf(out), name, version, ".codex-plugin/plugin.json")
    )
  })

const round = Effect.fnUntraced(function* (setup: Setup.Setup) {
  const { account, command, makeHome, succeed } = setup
  const home = yield* makeHome
  for (const name of Account.names) yield* account.install(yield* Account.anyBuild(name))
  yield* succeed(home, ["sync"])
  const image = bake(home)

  const run = (args: ReadonlyArray<string>, seconds: number) =>
    Effect.map(Setup.end(command(home, args, image.within(seconds))), (ended) => ({
      ...ended,
      code: Option.getOrElse(ended.exitCode, () => -1)
    }))

  const [name] = Account.names
  const [first = "", ...words] = image.within(patience)
  const probe = yield* Setup.end(
    ChildProcess.make(
      first,
      [
        ...words,
        process.execPath,
        "-e",
        renames,
        Path.join(Cache.marketplaceOf(home), name),
        Path.join(Cache.stagingOf(home), "probe")
      ],
      { stdin: "ignore" }
    )
  )
  const violations: Array<string> = []
  if (!Option.contains(probe.exitCode, 0)) {
    violations.push(`the mount did not refuse a rename: ${probe.stderr}`)
  }

  let killed = 0
  for (let nth = 0; nth < killsPerImage; nth++) {
    yield* Account.change(account)
    const life = (yield* Random.next) * longestLife
    const { code, stderr } = yield* run(["sync", "--retain", "0"], life / 1000)
    if (code === 137) killed++
    else if (code !== 0) violations.push(`a pass ended with ${code}: ${stderr}`)
    const cache = Cache.read(image.out)
    violations.push(
      ...CacheContents.wrongSidecars(cache).map((what) => `after kill ${nth + 1}: ${what}`),
      ...trustedButIncomplete(cache, image.out).map((what) => `after kill ${nth + 1}: ${what}`)
    )
  }

  yield* Account.change(account)
  const last = yield* run(["sync", "--retain", "0"], patience)
  if (last.code !== 0) violations.push(`the last pass ended with ${last.code}: ${last.stderr}`)
  const cache = Cache.read(image.out)
  violations.push(
    ...Cache.deviations(cache, account.installed),
    ...CacheContents.incomplete(cache),
    ...CacheContents.wrongSidecars(cache),
    ...Cache.leftovers(cache)
  )
  return { killed, violations }
})

/** Runs our program on this number of images. */
export const run = Effect.fnUntraced(function* (program: string, images: number) {
  const rounds: Array<{ readonly killed: number; readonly violations: ReadonlyArray<string> }> = []
  for (let nth = 0; nth < images; nth++) {
    rounds.push(yield* Effect.scoped(Effect.flatMap(Setup.make(program), round)))
  }
  return Report.make({
    title: "a cache that came with an image, on an overlay mount",
    figures: [
      ["images", images],
      ["passes killed", rounds.reduce((sum, { killed }) => sum + killed, 0)],
      ["completed passes", images]
    ],
    violations: rounds.flatMap(({ violations }, n) =>
      violations.map((what) => `on image ${n + 1}: ${what}`)
    )
  })
}, Effect.scoped)
