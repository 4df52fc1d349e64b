/**
 * Two of our processes change one plugin, and one of them uses a listing that is older than the other
 * one's change.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Latch, Scheduler } from "effect"
import * as CacheLock from "../../src/CacheLock.ts"
import * as PluginSync from "../../src/PluginSync.ts"
import "../support/withoutStacks.ts"
import { makeIsNew } from "../support/fingerprints.ts"
import * as CacheContents from "../support/cacheContents.ts"
import * as FaultyFileSystem from "../support/FaultyFileSystem.ts"
import { type Build, build, open, type Services, stage } from "../support/pluginWorld.ts"
import { a1, a2, b2, cached } from "../support/scenarios.ts"

interface Scenario {
  readonly before: ReadonlyArray<Build>
  /** The first listing. */
  readonly stale: ReadonlyArray<Build>
  /** The account's plugins from the other process's change on. */
  readonly now: ReadonlyArray<Build>
}

const scenarios: Readonly<Record<string, Scenario>> = {
  "a removal and an upgrade": { before: [a1], stale: [], now: [a2] },
  "a removal and a change of owner": { before: [a1], stale: [], now: [b2] },
  "a downgrade and an upgrade": { before: [a1], stale: [a1], now: [a2] },
  "two upgrades, the first to an older version": {
    before: [a1],
    stale: [build("A", "1.5.0")],
    now: [a2]
  },
  "a change back of the owner": { before: [a2], stale: [a1], now: [b2] },
  "two first installs": { before: [], stale: [a1], now: [a2] },
  "a first install and another owner's": { before: [], stale: [a1], now: [b2] }
}

/** The ways in which the other process installs the account's plugins. */
const changes: Readonly<
  Record<string, (now: ReadonlyArray<Build>) => Effect.Effect<void, unknown, Services>>
> = {
  "a pass": () => PluginSync.PluginSync.use(({ sync }) => Effect.asVoid(sync)),
  "an install": (now: ReadonlyArray<Build>) =>
    Effect.forEach(now, (build) => stage(build), { discard: true })
}

/** A scheduler whose fibers can be run until all of them are done or wait for other fibers. */
const makeScheduler = () => {
  const ready = new Set<() => void>()
  const scheduler = new Scheduler.MixedScheduler("async", (run) => {
    const once = () => {
      if (ready.delete(once)) run()
    }
    ready.add(once)
    const immediate = setImmediate(once)
    return () => {
      ready.delete(once)
      clearImmediate(immediate)
    }
  })
  const runAll = () => {
    // This loop also runs tasks that become ready meanwhile.
    for (const run of ready) run()
  }
  return { scheduler, runAll }
}

describe("a pass whose listing is older than another process's change", () => {
  for (const [name, { before, now, stale }] of Object.entries(scenarios)) {
    for (const [other, change] of Object.entries(changes)) {
      it.effect(
        `leaves the account's plugins in the cache after ${name} by ${other}`,
        Effect.fnUntraced(function* () {
          const start = yield* cached(...before)
          const isNewOutcome = makeIsNew()

          /** Starts the change before an operation of the pass. False if there is no such operation. */
          const run = Effect.fnUntraced(
            function* (operation: number) {
              const disk = start.clone()
              // Both processes share the lock.
              const lock = Context.get(yield* open(disk.fileSystem), CacheLock.CacheLock)
              let account = stale
              let isBegun = false
              const latch = yield* Latch.make()
              const { runAll, scheduler } = makeScheduler()
              const theirs = yield* open(disk.fileSystem, () => account, { lock })
              // It is forked here because a fiber that our pass forked would hold our lock.
              const other = yield* latch.await.pipe(
                Effect.andThen(change(now)),
                Effect.provideContext(theirs),
                Effect.provideService(Scheduler.Scheduler, scheduler),
                Effect.forkScoped({ startImmediately: true })
              )
              const begin = Effect.gen(function* () {
                isBegun = true
                account = now
                yield* latch.open
                // The other process runs until it is done or must wait for our pass.
                runAll()
              })
              const raced = FaultyFileSystem.make(disk.fileSystem, ({ index }) =>
                index === operation ? begin : Effect.void
              )
              const ours = yield* open(raced, () => account, { lock })
              const { failures } = yield* Context.get(ours, PluginSync.PluginSync).sync
              if (!isBegun) return false
              yield* Fiber.join(other)
              const at = `before operation ${operation}`
              assert.deepStrictEqual(failures, [], at)
              if (!isNewOutcome(disk)) return true
              assert.deepStrictEqual(yield* CacheContents.differences(disk, now), [], at)
              return true
            },
            Effect.scoped,
            Effect.withTracerEnabled(false)
          )

          let operations = 0
          while (yield* run(operations)) operations++
          assert.isAbove(operations, 10)
        }),
        60_000
      )
    }
  }
})
