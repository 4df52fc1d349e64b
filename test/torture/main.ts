/**
 * The torture itself, for a place where nothing but loopback can be reached; `run.ts` makes one.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Option, Random, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { fileURLToPath } from "node:url"
import * as CodexBinary from "../codex/support/CodexBinary.ts"
import * as Loopback from "../codex/support/Loopback.ts"
import * as Company from "./company.ts"
import * as Crowd from "./crowd.ts"
import * as Kills from "./kills.ts"
import * as Locks from "./locks.ts"
import * as Overlay from "./overlay.ts"
import * as Report from "./report.ts"

/** The work of one round. */
const usualKills = 200
const crowds = 4
const roundsBesideCodex = 8
const holders = 5
const images = 3

const delivered = fileURLToPath(new URL("../../dist/bin/codex-plugins.js", import.meta.url))

const parts = ["kills", "crowd", "company", "lock", "overlay"] as const

/** At least one promise was broken. */
class Broken extends Schema.TaggedError<Broken>()("Broken", { violations: Schema.Int }) {
  override get message(): string {
    return `${this.violations} violations of what is promised`
  }
}

const torture = Command.make(
  "torture",
  {
    rounds: Flag.Int("rounds").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("Do everything so many times over (1)"),
      Flag.withDefault(1)
    ),
    kills: Flag.Int("kills").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription(`How many passes are killed each time (${usualKills})`),
      Flag.withDefault(usualKills)
    ),
    part: Flag.Literals("part", parts).pipe(
      Flag.withDescription("Only this part of it"),
      Flag.optional
    ),
    codex: Flag.Boolean("codex").pipe(
      Flag.withDescription("Kill released Codex in the same way instead, for comparison"),
      Flag.withDefault(false)
    ),
    program: Flag.String("program").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Another build of our program"),
      Flag.withDefault(delivered)
    ),
    seed: Flag.String("seed").pipe(
      Flag.withMetavar("TEXT"),
      Flag.withDescription("What chance begins with; the moment is"),
      Flag.withDefault(new Date().toISOString())
    )
  },
  Effect.fnUntraced(function* ({ codex, kills, part, program, rounds, seed }) {
    yield* Loopback.ensure
    yield* Console.log(`seed: ${seed}`)
    const isChosen = (name: (typeof parts)[number]) =>
      !codex && Option.getOrElse(part, () => name) === name
    const reports = yield* Effect.forEach(
      [
        ...(isChosen("kills") ? [Kills.ofOurs(program, kills * rounds)] : []),
        ...(isChosen("crowd") ? [Crowd.run(program, crowds * rounds)] : []),
        ...(isChosen("company")
          ? CodexBinary.versions.map((version) =>
              Company.run(program, version, roundsBesideCodex * rounds)
            )
          : []),
        ...(isChosen("lock") ? [Locks.run(program, holders * rounds)] : []),
        ...(isChosen("overlay") ? [Overlay.run(program, images * rounds)] : []),
        ...(codex
          ? CodexBinary.versions.map((version) => Kills.ofCodex(version, kills * rounds))
          : [])
      ],
      (report) => Effect.tap(report, (report) => Console.log(Report.show(report)))
    ).pipe(Random.withSeed(seed))
    const violations = reports.flatMap(({ violations }) => violations).length
    if (violations > 0) return yield* new Broken({ violations })
    yield* Console.log(codex ? "" : "\nnothing lost, nothing wrong, nothing left")
  })
).pipe(Command.withDescription("Kill, crowd and disturb the program, and see what it leaves"))

torture.pipe(
  Command.run({ version: "0" }),
  Effect.tapCause((cause) => Effect.logError(cause)),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
