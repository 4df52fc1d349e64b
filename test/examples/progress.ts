import { Effect, Stream } from "effect"
import { PluginSync } from "effect-codex-plugins"

/** Runs a pass and shows each of its events. */
export const syncWithProgress = <E, R>(show: (event: string) => Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    const { events, sync } = yield* PluginSync.PluginSync
    yield* events.pipe(
      Stream.runForEach((event) => show(event._tag)),
      Effect.forkScoped({ startImmediately: true })
    )
    return yield* sync
  }).pipe(Effect.scoped)
