/**
 * A fleet with an account of its own: homes, a database and runners, each runner a process.
 */
import { Context, DateTime, Effect, Layer, Random, type Redacted } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { claimPrefix } from "../../../src/internal/cache/staging.ts"
import * as TestReply from "../../../src/testing/TestReply.ts"
import * as LoopbackBackend from "../../codex/support/LoopbackBackend.ts"
import { Home, Pass } from "../../examples/fleet/home.ts"
import * as CacheContents from "../../support/cacheContents.ts"
import * as Account from "../../torture/account.ts"
import * as Cache from "../../torture/cache.ts"
import * as Postgres from "./postgres.ts"
import * as Runners from "./runners.ts"

/** One server for all tests of a file. */
export class Database extends Context.Service<Database, Redacted.Redacted>()("test/Database") {
  static readonly layer = Layer.effect(Database, Postgres.make)
}

const homeCount = 6

/** The delay of most bundles, so that a test can act in the middle of a pass. */
const slowest = 4000

/** Starts a fleet of two runners until the scope closes. `program` names a file in this folder. */
export const make = Effect.fnUntraced(function* (options: {
  readonly program: string
  readonly environment?: Readonly<Record<string, string>>
}) {
  const databaseUrl = yield* Postgres.newDatabase(yield* Database)
  const { backend, environment, makeHome } = yield* LoopbackBackend.make()
  const account = Account.make(backend)
  for (const name of Account.names) yield* account.install(yield* Account.anyBuild(name))
  const homes = yield* Effect.replicateEffect(makeHome(), homeCount)
  for (const home of homes) {
    Fs.mkdirSync(Cache.stagingOf(home), { recursive: true })
    Fs.mkdirSync(Cache.marketplaceOf(home), { recursive: true })
  }
  const names = homes.map((home) => Path.basename(home))
  const runners = yield* Effect.replicateEffect(
    Runners.start({
      databaseUrl,
      homes: Path.dirname(homes[0] ?? ""),
      environment: {
        FLEET_CRON: "0 0 1 1 *",
        FLEET_SPREAD: "0 seconds",
        ...environment,
        ...options.environment
      },
      program: fileURLToPath(new URL(options.program, import.meta.url))
    }),
    2,
    { concurrency: "unbounded" }
  )
  const client = yield* Layer.build(Runners.layerClient(databaseUrl))
  const clientOf = yield* Effect.provideContext(Home.client, client)

  let latest = ""

  /** One pass of each home, on whatever runner has it. */
  const round = Effect.flatMap(DateTime.now, (at) => {
    latest = DateTime.formatIso(at)
    return Effect.forEach(names, (name) => Effect.result(clientOf(name).sync(new Pass({ at }))), {
      concurrency: "unbounded"
    })
  })

  const stop = Effect.tap(
    Effect.filter(runners, ({ isFree }) => isFree),
    (free) => Effect.forEach(free, ({ signal }) => signal("SIGSTOP"))
  )
  const resume = (stopped: ReadonlyArray<Runners.Runner>) =>
    Effect.forEach(stopped, ({ signal }) => signal("SIGCONT"), { discard: true })

  /** The runners that are installing plugins in the latest round, and the homes of these. */
  const atWork = () => {
    const unfinished = homes.filter((home) => {
      const cache = Cache.read(home)
      return (
        cache.staged.some((name) => name.startsWith(claimPrefix)) &&
        Cache.deviations(cache, account.installed).length > 0
      )
    })
    const begins = (home: string) => `${Path.basename(home)}: the pass of ${latest} begins`
    return runners
      .map((runner) => ({
        runner,
        homes: unfinished.filter((home) => runner.log().includes(begins(home)))
      }))
      .filter(({ homes }) => homes.length > 0)
  }

  return {
    account,
    backend,
    homes,
    runners,
    round,
    /** Executes statements in the fleet's database, each ended by a semicolon. */
    execute: (statements: string) => Postgres.execute(databaseUrl, statements),
    /** Makes passes slow from now on. */
    slow: backend.when(
      { kind: "bundle" },
      TestReply.wait(
        Effect.flatMap(Random.nextIntBetween(0, slowest), (delay) => Effect.sleep(delay))
      )
    ),
    /**
     * Starts rounds until a runner is frozen in the middle of passes. Gives that runner, the homes of
     * these passes, and the round, which goes on.
     */
    freezeAtWork: Effect.gen(function* () {
      while (true) {
        const current = yield* Effect.forkScoped(round)
        while (current.pollUnsafe() === undefined) {
          yield* Effect.sleep(yield* Random.nextIntBetween(20, 300))
          const stopped = yield* stop
          const found = atWork()[0]
          yield* resume(stopped.filter((runner) => runner !== found?.runner))
          if (found !== undefined) return { ...found, round: current }
        }
        // The round ended before a runner was frozen in it.
        yield* Account.change(account)
      }
    }),
    /** A message for each violation in any home at this moment. Runners are stopped meanwhile. */
    wrongs: Effect.acquireUseRelease(
      stop,
      () =>
        Effect.sync(() =>
          homes.flatMap((home) =>
            CacheContents.violations(Cache.read(home)).map(
              (what) => `${Path.basename(home)}: ${what}`
            )
          )
        ),
      resume
    ),
    /** The differences of the homes from the account, and their leftovers. Runners are stopped meanwhile. */
    differences: Effect.acquireUseRelease(
      stop,
      () =>
        Effect.sync(() =>
          homes.flatMap((home) => {
            const cache = Cache.read(home)
            return [...Cache.deviations(cache, account.installed), ...Cache.leftovers(cache)].map(
              (what) => `${Path.basename(home)}: ${what}`
            )
          })
        ),
      resume
    )
  }
})

/** How a home answers a round. */
export type Report = Effect.Success<Fleet["round"]>[number]

export type Fleet = Effect.Success<ReturnType<typeof make>>
