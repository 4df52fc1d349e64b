/**
 * Many processes sync one home at once.
 */
import { Effect, Option } from "effect"
import * as CacheContents from "../support/cacheContents.ts"
import * as Account from "./account.ts"
import * as Setup from "./setup.ts"
import * as Cache from "./cache.ts"
import * as Report from "./report.ts"

const processes = 16

/** One round. Each plugin has changed since the round before. */
const round = Effect.fnUntraced(function* (setup: Setup.Setup, home: string) {
  const { account, backend, command } = setup
  for (const name of Account.names) {
    yield* account.install(yield* Account.anyBuild(name, account.installed.get(name)?.version))
  }
  yield* backend.forget
  const startedAt = performance.now()
  const ended = yield* Effect.all(
    Array.from({ length: processes }, () => Setup.end(command(home, ["sync"]))),
    { concurrency: "unbounded" }
  )
  const took = performance.now() - startedAt
  const downloads = yield* backend.requests({ kind: "bundle" })
  const cache = Cache.read(home)
  const failed = ended.filter(({ exitCode }) => !Option.contains(exitCode, 0))
  return {
    took,
    waited: ended.filter(({ stderr }) => stderr.includes("waiting for process")).length,
    failed: failed.map(({ stderr }) => `a process failed: ${stderr}`),
    downloads: downloads.length,
    unshared: [...account.installed.values()].flatMap((build) => {
      const count = downloads.filter(({ plugin }) => plugin === Account.remoteId(build)).length
      return count === 1 ? [] : [`${build.name} was downloaded ${count} times`]
    }),
    left: Cache.leftovers(cache),
    broken: [...Cache.deviations(cache, account.installed), ...CacheContents.violations(cache)]
  }
})

export const run = Effect.fnUntraced(function* (program: string, count: number) {
  const setup = yield* Setup.make(program)
  const home = yield* setup.makeHome
  const rounds = yield* Effect.replicateEffect(round(setup, home), count)
  return Report.make({
    title: `${processes} processes sync one home at once`,
    figures: [
      ["rounds", count],
      ["time of each round", rounds.map(({ took }) => Report.milliseconds(took)).join(", ")],
      ["processes that failed", rounds.flatMap(({ failed }) => failed).length],
      [
        "processes that named the process they waited for",
        rounds.reduce((sum, { waited }) => sum + waited, 0)
      ],
      ["plugins to download in each round", Account.names.length],
      ["downloads", rounds.map(({ downloads }) => downloads).join(", ")],
      ["entries left", rounds.flatMap(({ left }) => left).length]
    ],
    violations: rounds.flatMap(({ broken, failed, left, unshared }, n) =>
      [...failed, ...unshared, ...broken, ...left].map((what) => `in round ${n + 1}, ${what}`)
    )
  })
}, Effect.scoped)
