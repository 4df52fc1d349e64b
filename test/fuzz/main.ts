/**
 * `npm run test:fuzz`: draws random archives from a seed and compares our reader with GNU tar. It exits with
 * 1 if there are findings, and with 0 if GNU tar is missing.
 *
 * `--seed`, `--archives` and `--seconds` set the seed and the end of the run. `--only` tests a single
 * archive of the seed.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Exit, FileSystem } from "effect"
import { parseArgs } from "node:util"
import { corpus } from "./corpus.ts"
import * as GnuTar from "./GnuTar.ts"
import * as Oracle from "./oracle.ts"
import * as Ours from "./ours.ts"
import { Random } from "./Random.ts"
import * as Samples from "./sample.ts"
import * as Show from "./show.ts"
import * as Watchdog from "./watchdog.ts"

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "20261122" },
    archives: { type: "string" },
    seconds: { type: "string" },
    only: { type: "string" }
  }
})
const seed = Number(values.seed)
const first = Number(values.only ?? 0)
const archives =
  values.only === undefined
    ? Number(values.archives ?? (values.seconds === undefined ? 20_000 : Infinity))
    : 1
const seconds = Number(values.seconds ?? Infinity)

/** The input of one process of the independent reader. */
const batchLength = 100

/** The number of findings to reduce and show completely. Ten times as many are shown as one line each. */
const mostShown = 5

/** The number of smaller archives to read while one finding is reduced. */
const mostAttempts = 400

interface Drawn {
  readonly name: string
  readonly sample: Samples.Sample
}

const draw = (index: number): Drawn => ({
  name: `--seed ${seed} --only ${index}`,
  sample: Samples.draw(new Random(seed, index))
})

const known: ReadonlyArray<Drawn> = corpus.map(({ name, tar }) => ({
  name,
  sample: Samples.plain(tar)
}))

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  yield* Console.log(`Independent reader: ${yield* GnuTar.require}`)
  yield* Console.log(`Seed: ${seed}`)
  const directories = [yield* fs.makeTempDirectoryScoped(), yield* fs.makeTempDirectoryScoped()]
  const alive = yield* Watchdog.make

  const readTheirs = (batch: ReadonlyArray<Drawn>) => {
    const half = Math.ceil(batch.length / directories.length)
    return Effect.forEach(
      directories,
      (directory, i) =>
        GnuTar.read(
          directory,
          batch.slice(i * half, (i + 1) * half).map(({ sample }) => sample)
        ),
      { concurrency: "unbounded" }
    ).pipe(Effect.map((halves) => halves.flat()))
  }

  const readOurs = (batch: ReadonlyArray<Drawn>) =>
    Effect.forEach(batch, ({ name, sample }) => {
      alive(name)
      return Ours.read(sample)
    })

  const judge = Effect.fnUntraced(function* (batch: ReadonlyArray<Drawn>) {
    const [theirs, ours] = yield* Effect.all([readTheirs(batch), readOurs(batch)], {
      concurrency: "unbounded"
    })
    return batch.map(({ sample }, i) => Oracle.judge(sample, ours[i]!, theirs[i]!))
  })

  /** Removes blocks of the tar as long as the finding remains. */
  const shrink = Effect.fnUntraced(function* (drawn: Drawn, what: string) {
    let smallest = drawn
    if (drawn.sample.framing !== "plain") return smallest
    let attempts = 0
    for (let length = 1 << 16; length >= 512; length >>= 1) {
      for (let start = 0; start < smallest.sample.tar.length && attempts < mostAttempts;) {
        if (length > smallest.sample.tar.length) break
        attempts++
        const { tar } = smallest.sample
        const rest = Buffer.concat([tar.subarray(0, start), tar.subarray(start + length)])
        const smaller = { ...drawn, sample: Samples.plain(new Uint8Array(rest)) }
        const [verdict] = yield* judge([smaller])
        if (verdict?._tag === "Finding" && Show.kind(verdict.what) === Show.kind(what)) {
          smallest = smaller
        } else start += length
      }
    }
    return smallest
  })

  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 1000
  const counts = new Map<string, number>()
  const findings: Array<readonly [Drawn, string]> = []
  let done = 0
  const take = Effect.fnUntraced(function* (batch: ReadonlyArray<Drawn>) {
    const verdicts = yield* judge(batch)
    for (const [i, verdict] of verdicts.entries()) {
      const kind = verdict._tag === "Refused by ours alone" ? verdict.rule : verdict._tag
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
      if (verdict._tag === "Finding") findings.push([batch[i]!, verdict.what])
    }
    done += batch.length
  })

  if (values.only === undefined) yield* take(known)
  const end = first + archives
  for (let start = first; start < end && elapsed() < seconds; start += batchLength) {
    const length = Math.min(batchLength, end - start)
    yield* take(Array.from({ length }, (_, i) => draw(start + i)))
  }

  const count = (kind: string) => counts.get(kind) ?? 0
  const alone = Oracle.rules.filter((rule) => count(rule) > 0)
  const figures: ReadonlyArray<readonly [string, number]> = [
    ["archives", done],
    ["  of them found earlier", values.only === undefined ? known.length : 0],
    ["seconds", Math.round(elapsed())],
    ["accepted by both, with the same content", count("Accepted by both")],
    ["refused by both", count("Refused by both")],
    ["the same content, but GNU tar minds a time or owner", count("Minded by theirs alone")],
    ["refused by ours alone", alone.reduce((total, rule) => total + count(rule), 0)],
    ...alone.map((rule) => [`  ${rule}`, count(rule)] as const),
    ["findings", findings.length]
  ]
  yield* Console.log(Show.table(figures))
  for (const [drawn, what] of findings.slice(0, mostShown)) {
    const { sample } = yield* shrink(drawn, what)
    yield* Console.log(`\nFINDING: ${drawn.name}: ${what}\n${Show.archive(sample)}`)
  }
  for (const [{ name }, what] of findings.slice(mostShown, 10 * mostShown)) {
    yield* Console.log(`FINDING: ${name}: ${what}`)
  }
  return findings.length === 0 ? 0 : 1
}).pipe(
  Effect.catchTag("Unavailable", ({ message }) =>
    Effect.as(Console.error(`The fuzzer did not run: ${message}.`), 0)
  ),
  Effect.scoped,
  Effect.provide(NodeServices.layer)
)

NodeRuntime.runMain(program, {
  teardown: (exit, leave) => leave(Exit.isSuccess(exit) ? Number(exit.value) : 1)
})
