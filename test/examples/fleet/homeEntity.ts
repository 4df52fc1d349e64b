/**
 * A home where it is loaded: on one runner at a time, as the cluster sees it.
 */
import { Context, DateTime, Duration, Effect, Option, RcRef } from "effect"
import { PluginInventory, PluginSync } from "effect-codex-plugins"
import { Entity } from "effect/cluster"
import { Rpc } from "effect/rpc"
import { Home } from "./home.ts"
import { homeError, Homes } from "./homes.ts"

const reportOf = ({
  backfilled,
  failures,
  installed,
  kept,
  removed,
  repaired
}: PluginSync.SyncOutcome) => ({
  installed,
  repaired,
  backfilled,
  kept,
  removed,
  failures: failures.map(({ error, pluginId, remotePluginId }) => ({
    pluginId,
    remotePluginId,
    cause: error._tag,
    detail: error.message
  }))
})

const make = Effect.gen(function* () {
  const homes = yield* Homes
  const { entityId: name } = yield* Entity.CurrentAddress
  // Opened at the first message, and again if that failed. Closed when the home is unloaded or
  // moves; a pass that runs then is interrupted, at whatever moment.
  const home = yield* RcRef.make({ acquire: homes.open(name), idleTimeToLive: Duration.infinity })
  const sync = Effect.map(RcRef.get(home), Context.get(PluginSync.PluginSync))
  const inventory = Effect.map(RcRef.get(home), Context.get(PluginInventory.PluginInventory))
  let last: {
    readonly start: DateTime.Utc
    readonly report: ReturnType<typeof reportOf>
  } | null = null

  return Home.of({
    sync: Effect.fnUntraced(function* ({ payload }) {
      // Passes pile up while no runner is there. One that began after them did their work.
      if (last !== null && DateTime.isLessThanOrEqualTo(payload.at, last.start)) return last.report
      const start = yield* DateTime.now
      yield* Effect.logInfo(`${name}: the pass of ${DateTime.formatIso(payload.at)} begins`)
      const report = yield* Effect.flatMap(sync, ({ sync }) => sync).pipe(
        Effect.mapBoth({ onFailure: (error) => homeError(name, error), onSuccess: reportOf })
      )
      last = { start, report }
      return report
    }, Effect.scoped),

    // Forked: both answer while a pass runs.
    ensureReady: ({ payload }) =>
      Effect.flatMap(sync, ({ ensureReady }) => ensureReady(payload)).pipe(
        Effect.mapBoth({
          onFailure: (error) => homeError(name, error),
          onSuccess: ({ error, missing, ready, stale, state }) => ({
            state,
            ready,
            notReady: [...stale, ...missing].map(({ pluginId }) => pluginId),
            detail: error?.message ?? null
          })
        }),
        Effect.scoped,
        Rpc.fork
      ),
    inventory: ({ payload: { pluginId } }) =>
      Effect.flatMap(inventory, ({ all, of }) =>
        pluginId === null ? all : Effect.map(of(pluginId), Option.toArray)
      ).pipe(
        Effect.mapBoth({
          onFailure: (error) => homeError(name, error),
          onSuccess: (entries) =>
            entries.map(({ identity, root, skills, version }) => ({
              identity,
              version,
              root,
              skills: skills.map(({ path }) => path)
            }))
        }),
        Effect.scoped,
        Rpc.fork
      )
  })
})

/** A home that nobody asks for this long is unloaded. */
export const layerWith = (options: { readonly maxIdleTime: Duration.Input }) =>
  Home.toLayer(make, options)

export const layer = layerWith({ maxIdleTime: "10 minutes" })
