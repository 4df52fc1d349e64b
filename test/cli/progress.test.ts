import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import * as Progress from "../../src/cli/progress.ts"
import * as Screen from "../../src/cli/screen.ts"
import * as PluginId from "../../src/PluginId.ts"
import { SyncEvent } from "../../src/SyncEvent.ts"

const alpha = PluginId.PluginId.make("alpha@openai-curated-remote")
const beta = PluginId.PluginId.make("beta@openai-curated-remote")

const after = (...events: ReadonlyArray<SyncEvent>) =>
  events.reduce(Progress.next, Progress.initial)

describe("the progress of a pass", () => {
  it("says why it waits, until the pass goes on", () => {
    const waiting = after(SyncEvent.Started(), SyncEvent.Waiting({ for: "lock", pluginId: null }))
    assert.deepStrictEqual(Progress.regionLines(waiting, 1500, 80), [
      "⠴ Waiting for another process to finish its sync  1.5 s"
    ])
    const listed = Progress.next(
      waiting,
      SyncEvent.Listed({ rows: 2, duration: Duration.millis(1) })
    )
    assert.strictEqual(listed.waiting, null)
  })

  it("shows the largest running downloads, and fits a narrow terminal", () => {
    const progress = {
      ...after(
        SyncEvent.Progress({ pluginId: alpha, bytes: 500_000, total: 1_000_000 }),
        SyncEvent.Progress({ pluginId: beta, bytes: 3_100_000, total: 20_000_000 })
      ),
      planned: 2
    }
    assert.deepStrictEqual(Progress.regionLines(progress, 2000, 80), [
      "⠋ 0/2 plugins  3.6 MB  1.8 MB/s  2.0 s",
      "  beta  3.1 MB of 20.0 MB",
      "  alpha  500 kB of 1.0 MB"
    ])
    for (const line of Progress.regionLines(progress, 2000, 20)) assert.isBelow(line.length, 20)
  })
})

describe("the screen", () => {
  const stream = { isTTY: true, columns: 0, write: () => true } as const

  it("counts 0 columns as 80", () => {
    assert.strictEqual(Screen.make(stream, stream, {}).columns(), 80)
  })

  it.each([
    [{}, true],
    [{ CI: "" }, true],
    [{ CI: "1" }, false],
    [{ TERM: "dumb" }, false]
  ] as const)("with %j is live: %s", (env, isLive) => {
    assert.strictEqual(Screen.make(stream, stream, env).isLive, isLive)
  })
})
