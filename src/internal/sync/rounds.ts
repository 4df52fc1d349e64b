/**
 * Executes a plan. Plugins that other processes have changed meanwhile are planned again.
 */
import { Array as Arr, Effect } from "effect"
import type { CacheSnapshot } from "../../CacheSnapshot.ts"
import type { InstalledSnapshot } from "../../RemotePlugin.ts"
import type { SyncResult } from "../../SyncEvent.ts"
import * as SyncPlan from "../../SyncPlan.ts"
import type * as ActionRunner from "./actionRunner.ts"
import { deferred, unnecessary } from "./actionSubject.ts"

/** A listing, and the cache as it was before that listing was requested. */
export interface Observation {
  readonly account: InstalledSnapshot
  readonly cached: CacheSnapshot
  readonly plan: SyncPlan.SyncPlan
}

/**
 * The number of times that a plugin is planned again with a new listing before it is left to a
 * later pass.
 */
const newListings = 3

/** The plugin of an action for a row. */
const pluginIdOf = (action: SyncPlan.Action): string | null => {
  switch (action._tag) {
    case "Reject":
    case "Prune":
      return action.pluginId
    case "Remove":
      return null
    default:
      return action.plugin.pluginId
  }
}

interface Slot {
  readonly action: SyncPlan.Action
  result: ActionRunner.Settled
}

const plannedAction = ({ action }: Slot) => action

export interface Options<E> {
  readonly run: ActionRunner.Run
  readonly publish: (result: SyncResult) => Effect.Effect<unknown>
  /** Reads the cache, then requests a new listing. */
  readonly observe: Effect.Effect<Observation, E>
  /** Reads the cache, and plans with an earlier listing. */
  readonly observeAgain: (account: InstalledSnapshot) => Effect.Effect<Observation, E>
  readonly concurrency: number
}

export const make = <E>({ concurrency, observe, observeAgain, publish, run }: Options<E>) => {
  /**
   * Runs actions at once. Those whose plugin another process is installing run last and wait for
   * it.
   */
  const runAll = Effect.fnUntraced(function* (
    slots: ReadonlyArray<Slot>,
    actionOf: (slot: Slot) => SyncPlan.Action,
    cached: CacheSnapshot
  ) {
    const act = run(cached)
    const runEach = (slots: ReadonlyArray<Slot>, options: { readonly wait: boolean }) =>
      Effect.forEach(
        slots,
        Effect.fnUntraced(function* (slot) {
          slot.result = yield* act(actionOf(slot), options)
          if (typeof slot.result !== "string") yield* publish(slot.result)
        }),
        { concurrency, discard: true }
      )
    yield* runEach(slots, { wait: false })
    yield* runEach(
      slots.filter(({ result }) => result === "Claimed"),
      { wait: true }
    )
  })

  /** Plans the changed plugins of an observation. An action that changes something waits for a new listing. */
  const runChanged = Effect.fnUntraced(function* (
    slots: ReadonlyArray<Slot>,
    { cached, plan }: Observation,
    isNewListing: boolean
  ) {
    const planned = new Map(
      plan.actions.filter(SyncPlan.isForRow).map((action) => [pluginIdOf(action), action])
    )
    for (const slot of slots) {
      if (!isNewListing || planned.has(pluginIdOf(slot.action))) continue
      slot.result = unnecessary(slot.action, cached)
      yield* publish(slot.result)
    }
    const actionOf = (slot: Slot) => planned.get(pluginIdOf(slot.action)) ?? slot.action
    const ready = slots.filter(
      (slot) =>
        slot.result === "Changed" &&
        planned.has(pluginIdOf(slot.action)) &&
        (isNewListing || actionOf(slot)._tag === "Keep")
    )
    yield* runAll(ready, actionOf, cached)
  })

  /** Completes the actions whose plugin has changed. Returns the latest listing. */
  const settle = Effect.fnUntraced(function* (
    slots: ReadonlyArray<Slot>,
    account: InstalledSnapshot
  ) {
    const changed = () => slots.filter(({ result }) => result === "Changed")
    if (changed().length === 0) return account
    // Usually another process has done the same, and everything is up to date.
    const again = yield* observeAgain(account)
    yield* runChanged(changed(), again, false)
    let latest = again
    for (let round = 0; round < newListings && changed().length > 0; round++) {
      latest = yield* observe
      yield* runChanged(changed(), latest, true)
    }
    for (const slot of changed()) {
      slot.result = deferred(slot.action, latest.cached)
      yield* publish(slot.result)
    }
    return latest.account
  })

  return Effect.fnUntraced(function* ({ account, cached, plan }: Observation) {
    const slots = plan.actions.map((action): Slot => ({ action, result: "Changed" }))
    // A new version is active before the versions that it supersedes are pruned.
    const [rows, others] = Arr.span(slots, ({ action }) => SyncPlan.isForRow(action))
    yield* runAll(rows, plannedAction, cached)
    const latest = yield* settle(rows, account)
    yield* runAll(others, plannedAction, cached)
    const results = slots.flatMap(({ result }) => (typeof result === "string" ? [] : [result]))
    return { account: latest, results }
  })
}
