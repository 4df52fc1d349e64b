/**
 * The benchmark itself, for a place where nothing but loopback can be reached; `run.ts` makes one.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as CodexBinary from "../codex/support/CodexBinary.ts"
import * as Loopback from "../codex/support/Loopback.ts"
import * as Certificates from "../support/certificates.ts"
import * as Arena from "./arena.ts"
import { bytesOf, type Case, cases } from "./cases.ts"
import * as Contestants from "./contestants.ts"
import * as Line from "./line.ts"
import type { Measurement } from "./measure.ts"
import * as Page from "./page.ts"
import * as Report from "./report.ts"

const usualRounds = 5
const quickRounds = 3

/** In memory where that is possible: a disk's moods would be in every figure. */
const usualFolder = Fs.existsSync("/dev/shm") ? "/dev/shm" : Os.tmpdir()

const rotate = <A>(all: ReadonlyArray<A>, by: number): ReadonlyArray<A> => {
  const start = by % all.length
  return [...all.slice(start), ...all.slice(0, start)]
}

const machine = (folder: string) => ({
  processors: `${Os.availableParallelism()} of ${Os.cpus()[0]?.model.trim()}`,
  memory: `${(Os.totalmem() / 2 ** 30).toFixed(0)} GiB`,
  kernel: `${Os.type()} ${Os.release()}`,
  node: process.version,
  folders: folder
})

const contestantsOf = Effect.fnUntraced(function* ({ cached, line, task, withoutCodex }: Case) {
  if (task === "host") return [Contestants.warmHost("ours"), Contestants.warmHost("baseline")]
  // Codex 0.142 lists no plugin of the backend.
  const versions = CodexBinary.versions.filter(
    (version) =>
      withoutCodex !== true &&
      (version !== "0.142.0" || (task !== "list" && task !== "id" && line === undefined))
  )
  const codex = yield* Effect.forEach(versions, (version) =>
    Effect.map(CodexBinary.locate(version), (binary) => Contestants.codex(version, binary, task))
  )
  const isCold = task === "sync" && cached === "nothing"
  return [
    Contestants.ours(task),
    ...codex.toReversed(),
    ...(isCold ? [Contestants.baseline] : []),
    ...(isCold && line === undefined ? [Contestants.pipeline] : []),
    ...(task === "list" || task === "id" ? [Contestants.start] : []),
    ...(task === "seed" ? [Contestants.start, Contestants.nodeStart] : [])
  ]
})

/** All take their turns in each round, in an order that changes, after one turn that does not count. */
const runCase = Effect.fnUntraced(function* (
  of: Case,
  rounds: number,
  folder: string,
  certificates: Certificates.Certificates
) {
  const arena = yield* Arena.make(folder, certificates, of)
  const contestants = yield* contestantsOf(of)
  const runs = new Map<string, Array<Measurement>>(contestants.map(({ name }) => [name, []]))
  yield* arena.run(contestants[0]!)
  for (let round = 0; round < rounds; round++) {
    for (const contestant of rotate(contestants, round)) {
      const { stdout: _, ...measurement } = yield* arena.run(contestant)
      runs.get(contestant.name)!.push(measurement)
    }
  }
  if (of.line !== undefined) {
    const wall = Line.ownTime(of.line, bytesOf(of))
    const own = { wall, made: undefined, cpu: 0, memory: 0 }
    runs.set(
      Line.ownTimeName,
      Array.from({ length: rounds }, () => own)
    )
  }
  return Report.caseReport(of, rounds, runs)
}, Effect.scoped)

class GrossLoss extends Schema.TaggedError<GrossLoss>()("GrossLoss", {
  goals: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `a gross loss: ${this.goals.join("; ")}`
  }
}

const bench = Command.make(
  "bench",
  {
    quick: Flag.Boolean("quick").pipe(
      Flag.withDescription(
        "A short sample; fails if a ratio is worse than a quarter of its goal in every round"
      ),
      Flag.withDefault(false)
    ),
    json: Flag.String("json").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Write all figures there as well"),
      Flag.optional
    ),
    report: Flag.String("report").pipe(
      Flag.withMetavar("DIR"),
      Flag.withDescription("Write performance.md and performance.svg there"),
      Flag.optional
    ),
    only: Flag.String("case").pipe(
      Flag.withMetavar("TEXT"),
      Flag.withDescription("Only the cases with this text in their name"),
      Flag.optional
    ),
    without: Flag.String("without").pipe(
      Flag.withMetavar("TEXT"),
      Flag.withDescription("Not the cases with this text in their name (can be repeated)"),
      Flag.between(0, Number.MAX_SAFE_INTEGER)
    ),
    folder: Flag.String("folder").pipe(
      Flag.withMetavar("DIR"),
      Flag.withDescription(`Below which homes are made (${usualFolder})`),
      Flag.withDefault(usualFolder)
    ),
    rounds: Flag.Int("rounds").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription(`How often each program takes its turn (${usualRounds})`),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* ({
    folder: parent,
    json,
    only,
    without,
    quick,
    report: reportFolder,
    rounds
  }) {
    yield* Loopback.ensure
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped({
      directory: parent,
      prefix: "codex-plugins-bench-"
    })
    const certificates = yield* Certificates.make
    const chosen = cases.filter(
      ({ name, quick: isQuick }) =>
        (!quick || isQuick) &&
        Option.match(only, { onNone: () => true, onSome: (text) => name.includes(text) }) &&
        !without.some((text) => name.includes(text))
    )
    const roundsOf = (of: Case) =>
      Option.getOrElse(rounds, () => of.rounds ?? (quick ? quickRounds : usualRounds))
    const reports = yield* Effect.forEach(chosen, (of) =>
      Effect.tap(runCase(of, roundsOf(of), folder, certificates), (report) =>
        Console.log(Report.showCase(report))
      )
    )
    const goals = reports.flatMap((report) => report.goals)
    yield* Console.log(Report.showSummary(reports))
    yield* Console.log(Report.showGoals(goals))
    const report: Report.Report = { machine: machine(folder), cases: reports }
    yield* Console.log(
      Object.entries(report.machine)
        .map(([what, which]) => `${what}: ${which}`)
        .join(", ")
    )
    if (Option.isSome(json)) {
      yield* fs.writeFileString(json.value, `${JSON.stringify(report, null, 2)}\n`)
    }
    if (Option.isSome(reportFolder)) {
      const write = (name: string, text: string) =>
        fs.writeFileString(`${reportFolder.value}/${name}`, text)
      yield* write("performance.md", Page.markdown(report))
      yield* write("performance.svg", Page.svg(report))
    }
    const gross = goals.filter((goal) => goal.gross)
    if (quick && gross.length > 0) {
      return yield* new GrossLoss({
        goals: gross.map((goal) => `${goal.case}, ${goal.figure} against ${goal.against}`)
      })
    }
  }, Effect.scoped)
).pipe(Command.withDescription("Measure syncs against released Codex and a shell pipeline"))

bench.pipe(
  Command.run({ version: "0" }),
  Effect.tapCause((cause) => Effect.logError(cause)),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
