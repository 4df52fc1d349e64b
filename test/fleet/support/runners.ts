/**
 * Runners of the fleet as processes, and a client of theirs.
 */
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Option, Redacted, Schedule, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import { freePort } from "./freePort.ts"

/** Short times, so that a test sees shards move. */
const timing = {
  SHARDS_PER_GROUP: "24",
  SHARD_LOCK_REFRESH_INTERVAL: "2 seconds",
  SHARD_LOCK_EXPIRATION: "6 seconds",
  ENTITY_MESSAGE_POLL_INTERVAL: "500 millis",
  REFRESH_ASSIGNMENTS_INTERVAL: "500 millis",
  RUNNER_HEALTH_CHECK_INTERVAL: "1 second",
  ENTITY_TERMINATION_TIMEOUT: "1 second"
}

const sources = new URL("../../support/sources.ts", import.meta.url).href
const runner = fileURLToPath(new URL("../../examples/fleet/runner.ts", import.meta.url))

export interface Runner {
  readonly pid: number
  /** The output so far. */
  readonly log: () => string
  /** Sends a signal. SIGSTOP waits until the process stands still. */
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** True if it has neither ended nor been stopped. */
  readonly isFree: Effect.Effect<boolean>
}

/** The state of a process as the kernel names it, such as `T` for a stopped one. */
const stateOf = (pid: number): string | undefined => {
  try {
    return /^State:\s+(\S)/m.exec(Fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
  } catch {
    return undefined
  }
}

/** Starts a runner until the scope closes. */
export const start = Effect.fnUntraced(function* (options: {
  readonly databaseUrl: Redacted.Redacted
  readonly homes: string
  readonly environment: Readonly<Record<string, string>>
  readonly program?: string | undefined
}) {
  const port = yield* freePort
  const handle = yield* ChildProcess.make(
    process.execPath,
    ["--import", sources, options.program ?? runner],
    {
      env: {
        PATH: process.env["PATH"],
        HOST: "127.0.0.1",
        PORT: String(port),
        DATABASE_URL: Redacted.value(options.databaseUrl),
        FLEET_HOMES: options.homes,
        ...timing,
        ...options.environment
      },
      stdin: "ignore",
      killSignal: "SIGKILL"
    }
  )
  const lines: Array<string> = []
  yield* handle.all.pipe(
    Stream.decodeText,
    Stream.runForEach((text) => Effect.sync(() => lines.push(text))),
    Effect.ignore,
    Effect.forkScoped
  )
  const { pid } = handle
  const isFree = Effect.sync(() => ["R", "S", "D"].includes(stateOf(pid) ?? ""))
  const stopped = Effect.repeat(isFree, {
    until: (isFree) => !isFree,
    schedule: Schedule.spaced("2 millis")
  })
  return {
    pid,
    log: () => lines.join(""),
    signal: Effect.fnUntraced(function* (signal) {
      // A runner that has ended needs no signal.
      yield* Effect.ignore(Effect.try(() => process.kill(pid, signal)))
      if (signal === "SIGSTOP") yield* stopped
    }),
    isFree
  } satisfies Runner as Runner
})

/** A client of the fleet that runs no home. */
export const layerClient = (databaseUrl: Redacted.Redacted) =>
  NodeClusterSocket.layer({
    clientOnly: true,
    shardingConfig: {
      runnerAddress: Option.none(),
      shardsPerGroup: Number(timing.SHARDS_PER_GROUP),
      refreshAssignmentsInterval: "500 millis",
      shardLockExpiration: "6 seconds",
      entityReplyPollInterval: "200 millis"
    }
  }).pipe(Layer.provide(PgClient.layer({ url: databaseUrl })))
