/**
 * Figures as medians with their range, ratios run by run, and which goals they reach.
 */
import type { Case, Figure, Goal } from "./cases.ts"
import type { Measurement } from "./measure.ts"

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface ProgramReport {
  readonly name: string
  readonly runs: ReadonlyArray<Measurement>
  readonly wall: Summary
  /** The time until the last sidecar existed, if the program continues after that. */
  readonly made: Summary | undefined
  readonly cpu: Summary
  readonly memory: Summary
  /** The longest time for which the event loop was blocked, if it is known. */
  readonly stall: Summary | undefined
  /** To ours of the same round; `wall` and `made` theirs to ours, else ours to theirs. */
  readonly ratios: Readonly<Record<Figure, Summary>> & { readonly made: Summary | undefined }
}

export interface GoalReport extends Goal {
  readonly case: string
  readonly measured: Summary
  readonly met: boolean
  /** Less than a quarter of the goal, even in the best round: a busy machine alone does not do that. */
  readonly gross: boolean
}

export interface CaseReport {
  readonly name: string
  readonly rounds: number
  readonly programs: ReadonlyArray<ProgramReport>
  readonly goals: ReadonlyArray<GoalReport>
}

export interface Report {
  readonly machine: Readonly<Record<string, string>>
  readonly cases: ReadonlyArray<CaseReport>
}

/** The name of the program with which the others are compared. */
const ours = "ours"

const summaryOf = (values: ReadonlyArray<number>): Summary => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return {
    median: sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2,
    min: sorted[0]!,
    max: sorted.at(-1)!
  }
}

const contestantReport = (
  name: string,
  runs: ReadonlyArray<Measurement>,
  ours: ReadonlyArray<Measurement>
): ProgramReport => {
  const figure = (of: Figure) => summaryOf(runs.map((run) => run[of]))
  const share = (of: Figure) => summaryOf(runs.map((run, round) => ours[round]![of] / run[of]))
  const made = runs.flatMap((run) => run.made ?? [])
  const isMade = made.length === runs.length
  return {
    name,
    runs,
    wall: figure("wall"),
    made: isMade ? summaryOf(made) : undefined,
    cpu: figure("cpu"),
    memory: figure("memory"),
    stall: runs.every(({ stall }) => stall !== undefined)
      ? summaryOf(runs.map(({ stall = 0 }) => stall))
      : undefined,
    ratios: {
      wall: summaryOf(runs.map((run, round) => run.wall / ours[round]!.wall)),
      made: isMade ? summaryOf(made.map((moment, round) => moment / ours[round]!.wall)) : undefined,
      cpu: share("cpu"),
      memory: share("memory")
    }
  }
}

/** Speed is judged by the last sidecar where a case makes them all: that is before it is reported. */
const goalReport = (of: Case, goal: Goal, { ratios }: ProgramReport): GoalReport => {
  const isSpeed = goal.figure === "wall"
  const measured = isSpeed ? (ratios.made ?? ratios.wall) : ratios[goal.figure]
  const shareOf = (value: number) => (isSpeed ? value / goal.ratio : goal.ratio / value)
  return {
    ...goal,
    case: of.name,
    measured,
    met: shareOf(measured.median) >= 1,
    gross: shareOf(isSpeed ? measured.max : measured.min) < 1 / 4
  }
}

export const caseReport = (
  of: Case,
  rounds: number,
  runs: ReadonlyMap<string, ReadonlyArray<Measurement>>
): CaseReport => {
  const programs = [...runs].map(([name, all]) => contestantReport(name, all, runs.get(ours)!))
  const goals = of.goals.flatMap((goal) => {
    const rival = programs.find(({ name }) => name === goal.against)
    return rival === undefined ? [] : [goalReport(of, goal, rival)]
  })
  return { name: of.name, rounds, programs, goals }
}

const range = ({ max, median, min }: Summary, show: (value: number) => string) =>
  `${show(median)} (${show(min)}–${show(max)})`

const whole = (value: number) => value.toFixed(0)
const megabytes = (value: number) => (value / 1e6).toFixed(0)
const ratio = (value: number) => (value >= 9.95 ? value.toFixed(1) : value.toFixed(2))

const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")

/** A network has no processes, so there is nothing to compare. */
const shown = (ratios: Summary) => (Number.isFinite(ratios.max) ? range(ratios, ratio) : "")

const rowsOf = (report: ProgramReport): ReadonlyArray<ReadonlyArray<string>> => {
  const { cpu, made, memory, name, ratios, wall } = report
  const isOurs = name === ours
  const rest = [
    range(cpu, whole),
    range(memory, megabytes),
    ...(isOurs
      ? ["", "", ""]
      : [range(ratios.wall, ratio), shown(ratios.cpu), shown(ratios.memory)])
  ]
  if (made === undefined || ratios.made === undefined) return [[name, range(wall, whole), ...rest]]
  return [
    [`${name}, last sidecar`, range(made, whole), "", "", range(ratios.made, ratio), "", ""],
    [`${name}, reported done`, range(wall, whole), ...rest]
  ]
}

export const showCase = ({ programs, name, rounds }: CaseReport): string =>
  `### ${name} (${rounds} rounds)\n\n${table(
    [
      "",
      "wall, ms",
      "CPU, ms",
      "peak memory, MB",
      "ours is so many times as fast",
      "our CPU to theirs",
      "our memory to theirs"
    ],
    programs.flatMap(rowsOf)
  )}\n`

/** One line for each case: our time, and how many times as fast our program is as each of the others. */
export const showSummary = (cases: ReadonlyArray<CaseReport>): string => {
  const ofAll = cases.flatMap(({ programs }) => programs.map(({ name }) => name))
  const rivals = [...new Set(ofAll)].filter((name) => name !== ours)
  const rows = cases.map(({ programs, name }) => {
    const of = (rival: string) => programs.find((program) => program.name === rival)
    const own = of(ours)!
    return [
      name,
      range(own.wall, whole),
      range(own.cpu, whole),
      range(own.memory, megabytes),
      ...rivals.map((rival) => {
        const ratios = of(rival)?.ratios
        return ratios === undefined ? "" : range(ratios.made ?? ratios.wall, ratio)
      })
    ]
  })
  return `### All cases\n\n${table(
    [
      "case",
      "wall, ms",
      "CPU, ms",
      "peak memory, MB",
      ...rivals.map((rival) => `times as fast as ${rival}`)
    ],
    rows
  )}\n`
}

const figureNames: Record<Figure, string> = {
  wall: "times as fast",
  cpu: "of its CPU",
  memory: "of its memory"
}

export const showGoals = (goals: ReadonlyArray<GoalReport>): string =>
  `### Goals\n\n${table(
    ["case", "against", "goal", "reached", ""],
    goals.map((goal) => [
      goal.case,
      goal.against,
      `${goal.figure === "wall" ? "≥" : "≤"} ${goal.ratio} ${figureNames[goal.figure]}`,
      range(goal.measured, ratio),
      goal.met ? "met" : goal.gross ? "**grossly missed**" : "**missed**"
    ])
  )}\n`
