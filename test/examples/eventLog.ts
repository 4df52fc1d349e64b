import { DateTime, Effect, FileSystem, Stream } from "effect"
import { PluginSync, SyncEventJson } from "effect-codex-plugins"

/** Appends a line of JSON to the file for each event of each pass, until the scope closes. */
export const logEvents = Effect.fn("logEvents")(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const { events } = yield* PluginSync.PluginSync
  yield* events.pipe(
    Stream.filter(({ _tag }) => _tag !== "Progress"),
    Stream.runForEach((event) =>
      Effect.flatMap(DateTime.now, (now) => {
        const line = { time: DateTime.formatIso(now), ...SyncEventJson.encode(event) }
        return fs.writeFileString(file, `${JSON.stringify(line)}\n`, { flag: "a" })
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
})
