/**
 * The cases that are measured, and their goals.
 */
import * as Bundles from "./bundles.ts"
import type { Task } from "./programs.ts"
import * as Network from "./network.ts"

export interface Case {
  readonly name: string
  /** `host` is the third pass of one process. */
  readonly task: Task | "host"
  readonly plugins: number
  /** The packed size of each bundle, or the sizes of real plugins. */
  readonly bundleBytes: number | "curated"
  /** The delay of each answer of the backend, in milliseconds. */
  readonly latency: number
  /** The simulated network between programs and backend. Default: loopback itself. */
  readonly network?: Network.Network
  /**
   * The cache before: empty, with all plugins, or with all of them and one in its previous version.
   * `elsewhere` is an empty one beside a home that has all plugins.
   */
  readonly cached: "nothing" | "everything" | "all but one upgrade" | "elsewhere"
  /** Codex gives up on a bundle after 60 seconds, so it cannot take part on a very slow network. */
  readonly withoutCodex?: boolean
  readonly goals: ReadonlyArray<Goal>
  /** Part of `--quick`. */
  readonly quick: boolean
  /** The number of rounds, if it is not the usual one. */
  readonly rounds?: number
}

export type Figure = "wall" | "cpu" | "memory"

/** A ratio of two medians. For `wall` the minimum of theirs to ours, otherwise the maximum of ours to theirs. */
export interface Goal {
  readonly against: string
  readonly figure: Figure
  readonly ratio: number
}

const kB = 1_000
const MB = 1_000 * kB

const newest = "Codex 0.169.0"
const bare = "bare Node"
const nodeStart = "Node's start"

const faster = (against: string, ratio: number): Goal => ({ against, figure: "wall", ratio })

/** The processor time and memory of a cold sync. */
const thrift: ReadonlyArray<Goal> = [
  { against: newest, figure: "cpu", ratio: 1.3 },
  { against: newest, figure: "memory", ratio: 0.9 }
]

const base = {
  task: "sync",
  bundleBytes: 100 * kB,
  latency: 0,
  cached: "nothing",
  goals: [],
  quick: false
} as const

const cold = (plugins: number, latency: number, more: Partial<Case> = {}): Case => ({
  ...base,
  name: `cold, ${plugins} plugin${plugins === 1 ? "" : "s"} of 100 kB, ${latency} ms`,
  plugins,
  latency,
  ...more
})

const megabit = 1e6 / 8

/** The packed size of all bundles of a case, in bytes. */
export const bytesOf = ({ bundleBytes, plugins }: Case): number =>
  bundleBytes === "curated"
    ? Array.from({ length: plugins }, (_, n) => Bundles.curatedSize(n, plugins).bytes).reduce(
        (sum, bytes) => sum + bytes,
        0
      )
    : plugins * bundleBytes

const onNetwork = (name: string, network: Network.Network, more: Partial<Case> = {}): Case => ({
  ...base,
  name: `network of ${name}, 50 real plugins`,
  bundleBytes: "curated",
  plugins: 50,
  network,
  ...more
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
  cold(1, 0),
  cold(1, 50),
  cold(50, 0, { goals: [faster(newest, 1), faster(bare, 1 / 1.6), ...thrift], quick: true }),
  cold(50, 50, { goals: [faster(newest, 7), ...thrift], quick: true }),
  cold(200, 0, { goals: [faster(newest, 1.3), ...thrift] }),
  cold(200, 50, { goals: [faster(newest, 12), ...thrift] }),
  cold(50, 0, { name: "cold, 50 real plugins, 0 ms", bundleBytes: "curated" }),
  onNetwork(
    "50 ms and 100 Mbit/s",
    { roundTrip: 50, rate: 100 * megabit },
    {
      goals: [faster(newest, 4.3), faster(Network.minimumName, 1 / 1.15)],
      quick: true
    }
  ),
  onNetwork("50 ms and 100 Mbit/s with slow start", {
    roundTrip: 50,
    rate: 100 * megabit,
    slowStart: true
  }),
  onNetwork(
    "20 ms and 1 Gbit/s",
    { roundTrip: 20, rate: 1000 * megabit },
    {
      goals: [faster(newest, 4)]
    }
  ),
  onNetwork(
    "50 ms and 600 kB/s",
    { roundTrip: 50, rate: 600 * kB },
    {
      name: "network of 50 ms and 600 kB/s, 3 plugins of 20 MB",
      bundleBytes: 20 * MB,
      plugins: 3,
      rounds: 1,
      goals: [faster(Network.minimumName, 1 / 1.1)]
    }
  ),
  {
    ...base,
    name: "warm host, 50 plugins of 100 kB",
    task: "host",
    plugins: 50,
    goals: [faster(bare, 1 / 2)]
  },
  {
    ...base,
    name: "seeded home, 50 plugins of 100 kB; Codex: cold, 50 ms",
    task: "seed",
    plugins: 50,
    latency: 50,
    cached: "elsewhere",
    // 250 ms where bare Node starts in 45.
    goals: [faster(newest, 10), faster(nodeStart, 45 / 250)],
    quick: true
  },
  cold(5, 0, { name: "cold, 5 plugins of 20 MB, 0 ms", bundleBytes: 20 * MB }),
  {
    ...base,
    name: "nothing to do, 200 plugins",
    plugins: 200,
    cached: "everything",
    goals: [faster(newest, 1)],
    quick: true
  },
  { ...base, name: "upgrade of 1 in 200", plugins: 200, cached: "all but one upgrade" },
  offline("list", "list --json, 200 cached", {
    goals: [faster("--version", 1 / 1.3)],
    quick: true
  }),
  offline("id", "id, 200 cached"),
  offline("version", "--version", { plugins: 1 }),
  cold(10, 0, { name: "growth: cold, 10 plugins of 100 kB" }),
  cold(100, 0, { name: "growth: cold, 100 plugins of 100 kB" }),
  cold(1000, 0, { name: "growth: cold, 1,000 plugins of 100 kB", rounds: 3 })
]
