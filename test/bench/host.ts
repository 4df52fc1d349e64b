/**
 * A warm host: three passes of one process, each into a new home. It reports the time of the third pass and
 * the longest time for which its event loop was blocked.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as NodeCodexPlugins from "../../src/NodeCodexPlugins.ts"
import * as PluginSync from "../../src/PluginSync.ts"
import * as Baseline from "./baseline.ts"

export interface Result {
  /** The time of the third pass, in milliseconds. */
  readonly pass: number
  /** In milliseconds. */
  readonly longestStall: number
}

const [who, home = ""] = process.argv.slice(2)

const freshHome = (nth: number): string => {
  const fresh = Path.join(home, `pass-${nth}`)
  Fs.mkdirSync(fresh)
  for (const file of ["config.toml", "auth.json"]) {
    Fs.copyFileSync(Path.join(home, file), Path.join(fresh, file))
  }
  return fresh
}

const pass = (home: string) =>
  who === "baseline"
    ? Effect.promise(() => Baseline.run(home).finally(Baseline.close))
    : Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync).pipe(
        Effect.provide(NodeCodexPlugins.layerAt(home))
      )

const program = Effect.gen(function* () {
  yield* pass(freshHome(1))
  yield* pass(freshHome(2))
  const third = freshHome(3)
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const startedAt = performance.now()
  yield* pass(third)
  const took = performance.now() - startedAt
  delays.disable()
  const result: Result = { pass: took, longestStall: delays.max / 1e6 }
  yield* Console.log(JSON.stringify(result))
})

NodeRuntime.runMain(program)
