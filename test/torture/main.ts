/**
 * The torture tests. They need a network namespace with nothing but loopback, which `run.ts` makes.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Option, Random, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { fileURLToPath } from "node:url"
import * as CodexBinary from "../codex/support/CodexBinary.ts"
import * as Loopback from "../codex/support/Loopback.ts"
import * as BesideCodex from "./besideCodex.ts"
import * as ManyProcesses from "./manyProcesses.ts"
import * as Kills from "./kills.ts"
import * as Locks from "./locks.ts"
import * as Overlay from "./overlay.ts"
import * as Report from "./report.ts"

/** The work of one round. */
const usualKills = 200
const roundsOfManyProcesses = 4
const roundsBesideCodex = 8
const holders = 5
const images = 3

const delivered = fileURLToPath(new URL("../../dist/bin/codex-plugins.js", import.meta.url))

const parts = ["kills", "many-processes", "beside-codex", "lock", "overlay"] as const

/** At least one guarantee was broken. */
class GuaranteesBroken extends Schema.TaggedError<GuaranteesBroken>()("GuaranteesBroken", {
  violations: Schema.Int
}) {
  override get message(): string {
    return `${this.violations} violations of the guarantees`
  }
}

const torture = Command.make(
  "torture",
  {
    rounds: Flag.Int("rounds").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("The amount of work, as a factor (1)"),
      Flag.withDefault(1)
    ),
    kills: Flag.Int("kills").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription(`The number of passes to kill in each round (${usualKills})`),
      Flag.withDefault(usualKills)
    ),
    part: Flag.Literals("part", parts).pipe(
      Flag.withDescription("Run only this test"),
      Flag.optional
    ),
    codex: Flag.Boolean("codex").pipe(
      Flag.withDescription("Kill released Codex instead, for comparison"),
      Flag.withDefault(false)
    ),
    program: Flag.String("program").pipe(
      Flag.withMetavar("FILE"),
      Flag.withDescription("Another build of our program"),
      Flag.withDefault(delivered)
    ),
    seed: Flag.String("seed").pipe(
      Flag.withMetavar("TEXT"),
      Flag.withDescription("The seed of the random choices; the default is the current time"),
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
        ...(isChosen("many-processes")
          ? [ManyProcesses.run(program, roundsOfManyProcesses * rounds)]
          : []),
        ...(isChosen("beside-codex")
          ? CodexBinary.versions.map((version) =>
              BesideCodex.run(program, version, roundsBesideCodex * rounds)
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
    if (violations > 0) return yield* new GuaranteesBroken({ violations })
    yield* Console.log(codex ? "" : "\nno violations")
  })
).pipe(
  Command.withDescription(
    "Kill the program, run it many times at once and beside Codex, and check the cache"
  )
)

torture.pipe(
  Command.run({ version: "0" }),
  Effect.tapCause((cause) => Effect.logError(cause)),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
