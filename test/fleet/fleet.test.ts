/**
 * The fleet of the examples: real runner processes that share homes, and a real PostgreSQL.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Layer, Result, Schedule } from "effect"
import * as Fs from "node:fs"
import * as Account from "../torture/account.ts"
import * as Fleet from "./support/fleet.ts"

const services = Layer.provideMerge(Fleet.Database.layer, NodeServices.layer)

/** The regular maintenance that the document describes. */
const deletion = /```sql\n(.*?)```/s.exec(
  Fs.readFileSync(new URL("../../docs/fleet.md", import.meta.url), "utf8")
)![1]!

/** The tests wait for leases to expire most of the time. */
const options = { concurrent: true, timeout: 150_000 }

const isComplete = (report: Fleet.Report) =>
  Result.isSuccess(report) && report.success.failures.length === 0

/** Repeats rounds until no home asks to try again later. */
const complete = (fleet: Fleet.Fleet) =>
  fleet.round.pipe(
    Effect.repeat({
      until: (reports) => reports.every(isComplete),
      schedule: Schedule.upTo(Schedule.spaced("1 second"), { times: 20 })
    }),
    Effect.tap((reports) => Effect.sync(() => assert.isTrue(reports.every(isComplete))))
  )

layer(services, { excludeTestServices: true, timeout: 60_000 })("a fleet of two runners", (it) => {
  for (const [signal, ending] of [
    ["SIGKILL", "is killed"],
    ["SIGTERM", "is stopped"]
  ] as const) {
    it.effect(
      `continues the passes of a runner that ${ending} in the middle of them on the other one`,
      () =>
        Effect.gen(function* () {
          const fleet = yield* Fleet.make({ program: "impatientRunner.ts" })
          yield* fleet.slow
          const { round, runner } = yield* fleet.freezeAtWork
          yield* runner.signal(signal)
          yield* runner.signal("SIGCONT")
          assert.deepStrictEqual(yield* fleet.wrongs, [])
          const reports = yield* Fiber.join(round)
          assert.deepStrictEqual(
            reports.filter((report) => !isComplete(report)),
            []
          )
          assert.isFalse(yield* runner.isFree)
          assert.deepStrictEqual(yield* fleet.wrongs, [])
          yield* complete(fleet)
          assert.deepStrictEqual(yield* fleet.differences, [])
        }),
      options
    )
  }

  it.effect(
    "goes on syncing on its schedule after one of them is killed, without being asked",
    () =>
      Effect.gen(function* () {
        const fleet = yield* Fleet.make({
          program: "impatientRunner.ts",
          environment: { FLEET_CRON: "*/2 * * * * *", FLEET_SPREAD: "500 millis" }
        })
        const isUpToDate = Effect.repeat(fleet.differences, {
          until: (differences) => differences.length === 0,
          schedule: Schedule.spaced("500 millis")
        })
        yield* isUpToDate
        // The documented deletion of handled messages does not disturb the schedule.
        yield* fleet.execute(deletion.replaceAll("7 days", "0 seconds"))
        yield* fleet.runners[0]!.signal("SIGKILL")
        yield* Account.change(fleet.account)
        yield* isUpToDate
        assert.deepStrictEqual(yield* fleet.wrongs, [])
      }),
    options
  )

  it.effect(
    "does not touch the plugins that a frozen runner is installing, and has no wrong identity when it wakes up",
    () =>
      Effect.gen(function* () {
        const fleet = yield* Fleet.make({ program: "impatientRunner.ts" })
        const { frozen, reports } = yield* freezeOne(fleet)
        for (const [index, home] of fleet.homes.entries()) {
          const report = reports[index]!
          // The pass fails if the runner was frozen in the middle of a commit.
          const causes = Result.match(report, {
            onFailure: (error) => ("cause" in error ? [error.cause] : [error._tag]),
            onSuccess: ({ failures }) => failures.map(({ cause }) => cause)
          })
          if (!frozen.homes.includes(home)) assert.deepStrictEqual(causes, [], home)
          assert.isTrue(
            causes.every((cause) => /^(?:CacheLock|PluginStore)Error$/.test(String(cause)))
          )
        }
        yield* wakeUp(fleet, frozen.runner)
      }),
    options
  )

  it.effect(
    "syncs the homes of a frozen runner without locks, and has no wrong identity when it wakes up",
    () =>
      Effect.gen(function* () {
        const fleet = yield* Fleet.make({ program: "unlockedRunner.ts" })
        const { frozen, reports } = yield* freezeOne(fleet)
        assert.isTrue(reports.every(isComplete))
        yield* Account.change(fleet.account)
        yield* complete(fleet)
        assert.deepStrictEqual(yield* fleet.differences, [])
        yield* wakeUp(fleet, frozen.runner)
      }),
    options
  )
})

/** Freezes a runner in the middle of passes until the other one has answered for all of its homes. */
const freezeOne = Effect.fnUntraced(function* (fleet: Fleet.Fleet) {
  yield* complete(fleet)
  yield* Account.change(fleet.account)
  yield* fleet.slow
  const frozen = yield* fleet.freezeAtWork
  const reports = yield* Fiber.join(frozen.round)
  assert.deepStrictEqual(yield* fleet.wrongs, [])
  yield* fleet.backend.behave
  return { frozen, reports }
})

/** Lets a frozen runner continue, and checks the homes meanwhile. */
const wakeUp = Effect.fnUntraced(function* (
  fleet: Fleet.Fleet,
  runner: Fleet.Fleet["runners"][number]
) {
  yield* Account.change(fleet.account)
  yield* runner.signal("SIGCONT")
  for (let look = 0; look < 20; look++) {
    yield* Effect.sleep("50 millis")
    assert.deepStrictEqual(yield* fleet.wrongs, [])
  }
  yield* complete(fleet)
  yield* complete(fleet)
  assert.deepStrictEqual(yield* fleet.differences, [])
  assert.isTrue(yield* runner.isFree)
})
