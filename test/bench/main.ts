/**
 * The benchmark. It needs a network namespace with nothing but loopback, which `run.ts` makes.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as CodexBinary from "../codex/support/CodexBinary.ts"
import * as Loopback from "../codex/support/Loopback.ts"
import * as Certificates from "../support/certificates.ts"
import * as Setup from "./setup.ts"
import { bytesOf, type Case, cases } from "./cases.ts"
import * as Programs from "./programs.ts"
import * as Network from "./network.ts"
import type { Measurement } from "./measure.ts"
import * as Page from "./page.ts"
import * as Report from "./report.ts"

const usualRounds = 5
const quickRounds = 3

/** A folder in memory if there is one, because the speed of a disk varies. */
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

const programsOf = Effect.fnUntraced(function* ({ cached, network, task, withoutCodex }: Case) {
  if (task === "host") return [Programs.warmHost("ours"), Programs.warmHost("baseline")]
  // Codex 0.142 lists no plugin of the backend.
  const versions = CodexBinary.versions.filter(
    (version) =>
      withoutCodex !== true &&
      (version !== "0.142.0" || (task !== "list" && task !== "id" && network === undefined))
  )
  const codex = yield* Effect.forEach(versions, (version) =>
    Effect.map(CodexBinary.locate(version), (binary) => Programs.codex(version, binary, task))
  )
  const isCold = task === "sync" && cached === "nothing"
  return [
    Programs.ours(task),
    ...codex.toReversed(),
    ...(isCold ? [Programs.baseline] : []),
    ...(isCold && network === undefined ? [Programs.pipeline] : []),
    ...(task === "list" || task === "id" ? [Programs.start] : []),
    ...(task === "seed" ? [Programs.start, Programs.nodeStart] : [])
  ]
})

/** Runs all programs in each round, in a different order each time, after one run that does not count. */
const runCase = Effect.fnUntraced(function* (
  of: Case,
  rounds: number,
  folder: string,
  certificates: Certificates.Certificates
) {
  const setup = yield* Setup.make(folder, certificates, of)
  const programs = yield* programsOf(of)
  const runs = new Map<string, Array<Measurement>>(programs.map(({ name }) => [name, []]))
  yield* setup.run(programs[0]!)
  for (let round = 0; round < rounds; round++) {
    for (const program of rotate(programs, round)) {
      const { stdout: _, ...measurement } = yield* setup.run(program)
      runs.get(program.name)!.push(measurement)
    }
  }
  if (of.network !== undefined) {
    const wall = Network.minimumTime(of.network, bytesOf(of))
    const own = { wall, made: undefined, cpu: 0, memory: 0 }
    runs.set(
      Network.minimumName,
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
