/**
 * What is measured, and what is to be reached.
 */
import type { Task } from "./contestants.ts"

export interface Case {
  readonly name: string
  readonly task: Task
  readonly plugins: number
  /** Of each bundle, packed. */
  readonly bundleBytes: number
  /** Of the backend before each answer, in milliseconds. */
  readonly latency: number
  /** What the cache holds before: nothing, all plugins, or all with one in its version before. */
  readonly cached: "nothing" | "everything" | "all but one upgrade"
  readonly goals: ReadonlyArray<Goal>
  /** Part of `--quick`. */
  readonly quick: boolean
  /** How often all contestants take their turn, where it is not the usual number of times. */
  readonly rounds?: number
}

export type Figure = "wall" | "cpu" | "memory"

/** A ratio of two medians: for `wall` theirs to ours, at least so much; else ours to theirs, at most. */
export interface Goal {
  readonly against: string
  readonly figure: Figure
  readonly ratio: number
  /** What README.md has instead, where the goal was not reached: a gross loss is counted from there. */
  readonly reached?: number | undefined
}

const kB = 1_000
const MB = 1_000 * kB

const newest = "Codex 0.169.0"
const oldest = "Codex 0.142.0"

const faster = (against: string, ratio: number, reached?: number): Goal => ({
  against,
  figure: "wall",
  ratio,
  reached
})

/** The goals of every cold sync but for its speed, with what was reached where one was not. */
const thrift = (reached: {
  readonly cpu: number
  readonly memory: readonly [newest: number, oldest: number]
}): ReadonlyArray<Goal> => [
  { against: newest, figure: "cpu", ratio: 1, reached: reached.cpu },
  { against: oldest, figure: "cpu", ratio: 0.5 },
  { against: newest, figure: "memory", ratio: 0.8, reached: reached.memory[0] },
  { against: oldest, figure: "memory", ratio: 0.9, reached: reached.memory[1] }
]

const base = {
  task: "sync",
  bundleBytes: 100 * kB,
  latency: 0,
  cached: "nothing",
  goals: [],
  quick: false
} as const

const cold = (
  plugins: number,
  latency: number,
  { goals = [], pipeline, ...more }: Partial<Case> & { readonly pipeline?: number | undefined } = {}
): Case => ({
  ...base,
  name: `cold, ${plugins} plugin${plugins === 1 ? "" : "s"} of 100 kB, ${latency} ms`,
  plugins,
  latency,
  goals: [...goals, faster("curl and tar", 1, pipeline)],
  ...more
})

const large = (latency: number, pipeline: number): Case =>
  cold(5, latency, {
    name: `cold, 5 plugins of 20 MB, ${latency} ms`,
    bundleBytes: 20 * MB,
    pipeline
  })

const offline = (task: Task, name: string, more: Partial<Case> = {}): Case => ({
  ...base,
  name,
  task,
  plugins: 200,
  cached: "everything",
  ...more
})

export const cases: ReadonlyArray<Case> = [
  cold(1, 0, { pipeline: 0.17 }),
  cold(1, 50, { pipeline: 0.31 }),
  cold(50, 0, {
    goals: [
      faster(newest, 2, 0.54),
      faster(oldest, 7, 3.39),
      ...thrift({ cpu: 2.3, memory: [1.09, 1.39] })
    ],
    quick: true
  }),
  cold(50, 50, {
    goals: [
      faster(newest, 9, 4.65),
      faster(oldest, 12, 6.96),
      ...thrift({ cpu: 1.97, memory: [1.16, 1.45] })
    ],
    quick: true
  }),
  cold(200, 0, {
    goals: [
      faster(newest, 3, 0.74),
      faster(oldest, 14, 5.32),
      ...thrift({ cpu: 2.16, memory: [1.46, 1.79] })
    ]
  }),
  cold(200, 50, {
    goals: [
      faster(newest, 16, 7.69),
      faster(oldest, 22, 11.6),
      ...thrift({ cpu: 1.92, memory: [1.88, 2.28] })
    ]
  }),
  large(0, 0.79),
  large(50, 0.72),
  {
    ...base,
    name: "nothing to do, 200 plugins",
    plugins: 200,
    cached: "everything",
    goals: [faster(newest, 2, 0.8), faster(oldest, 2, 1.67)],
    quick: true
  },
  { ...base, name: "upgrade of 1 in 200", plugins: 200, cached: "all but one upgrade" },
  offline("list", "list --json, 200 cached", {
    goals: [faster(newest, 1, 0.49)],
    quick: true
  }),
  offline("id", "id, 200 cached"),
  offline("version", "--version", { plugins: 1 }),
  cold(10, 0, { name: "growth: cold, 10 plugins of 100 kB", pipeline: 0.53 }),
  cold(100, 0, { name: "growth: cold, 100 plugins of 100 kB" }),
  cold(1000, 0, { name: "growth: cold, 1,000 plugins of 100 kB", rounds: 3 })
]
