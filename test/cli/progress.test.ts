import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import * as Progress from "../../src/cli/progress.ts"
import * as Screen from "../../src/cli/screen.ts"
import * as Style from "../../src/cli/style.ts"
import * as PluginId from "../../src/PluginId.ts"
import * as RemoteCatalog from "../../src/RemoteCatalog.ts"
import { SyncEvent } from "../../src/SyncEvent.ts"

const alpha = PluginId.PluginId.make("alpha@openai-curated-remote")
const beta = PluginId.PluginId.make("beta@openai-curated-remote")

const after = (...events: ReadonlyArray<SyncEvent>) =>
  events.reduce(Progress.next, Progress.initial)

/** The region 2.3 seconds after the start, at 1.8 MB a second. */
const regionOf = (progress: Progress.Progress, columns: number) =>
  Progress.regionLines({ progress, elapsed: 2300, rate: 1_800_000 }, columns)

describe("the progress of a pass", () => {
  it("says why the pass waits until it continues", () => {
    const waiting = after(SyncEvent.Started(), SyncEvent.Waiting({ for: "lock", pluginId: null }))
    assert.deepStrictEqual(regionOf(waiting, 80), [
      "⠸ Waiting for another process to finish its sync  2 s"
    ])
    const listed = Progress.next(
      waiting,
      SyncEvent.Listed({ rows: 2, duration: Duration.millis(1) })
    )
    assert.strictEqual(listed.waiting, null)
  })

  it("says why the listing is retried until it arrives", () => {
    const retrying = after(
      SyncEvent.Started(),
      SyncEvent.Retrying({
        pluginId: null,
        cause: new RemoteCatalog.RemoteCatalogError({
          operation: "installed",
          remotePluginId: null,
          baseUrl: "https://backend.test",
          reason: { _tag: "Unavailable", status: 429, retryAfter: Duration.seconds(20) }
        }),
        delay: Duration.seconds(20)
      })
    )
    assert.deepStrictEqual(regionOf(retrying, 80), [
      "⠸ Retry in 20 s: the backend https://backend.test answered 429  2 s"
    ])
    const listed = SyncEvent.Listed({ rows: 2, duration: Duration.millis(1) })
    assert.strictEqual(Progress.next(retrying, listed).waiting, null)
  })

  const running = {
    ...after(
      SyncEvent.Progress({ pluginId: alpha, bytes: 500_000, total: 1_000_000 }),
      SyncEvent.Progress({ pluginId: beta, bytes: 3_100_000, total: 20_000_000 })
    ),
    planned: 2
  }

  it("shows the largest downloads as bars if there is room", () => {
    assert.deepStrictEqual(regionOf(running, 80), [
      "⠸ 0/2 plugins  3.6 MB  1.8 MB/s  2 s",
      "  beta   ━━━─────────────────  3.1 MB of 20.0 MB",
      "  alpha  ━━━━━━━━━━──────────  500 kB of 1.0 MB"
    ])
    assert.deepStrictEqual(regionOf(running, 40), [
      "⠸ 0/2 plugins  3.6 MB  1.8 MB/s  2 s",
      "  beta   3.1 MB of 20.0 MB",
      "  alpha  500 kB of 1.0 MB"
    ])
  })

  it("keeps the order of the downloads while bytes arrive", () => {
    const later = Progress.next(
      running,
      SyncEvent.Progress({ pluginId: beta, bytes: 19_900_000, total: 20_000_000 })
    )
    assert.match(regionOf(later, 80)[1]!, /^ {2}beta /)
  })

  it("never fills the last column of a terminal, however narrow it is", () => {
    for (const columns of [20, 40, 59, 60, 80, 200]) {
      for (const line of regionOf(running, columns)) assert.isBelow(line.length, columns)
    }
  })
})

describe("the style of a stream", () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "" }, true],
    [true, { TERM: "dumb" }, false],
    [false, { FORCE_COLOR: "1" }, true],
    [true, { FORCE_COLOR: "0" }, false],
    [false, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
    [true, { CI: "true" }, true]
  ] as const)("that is a terminal (%s), with %j, has colours: %s", (tty, env, is) => {
    assert.strictEqual(Style.isColored(tty, env), is)
  })

  it("breaks lines between words, below the text of the first line", () => {
    assert.strictEqual(
      Style.wrap(" ✗ alpha: its host answered 404", 20),
      " ✗ alpha: its host\n   answered 404"
    )
    assert.strictEqual(Style.wrap("a very-long-word", 8), "a\nvery-long-word")
    assert.strictEqual(Style.wrap(" + alpha 1.0.0", undefined), " + alpha 1.0.0")
  })

  it("counts no column for colours and two for wide characters", () => {
    assert.strictEqual(Style.width(Style.colored.red("✗ 日本")), 6)
    assert.strictEqual(Style.cut("日本語", 5), "日本…")
  })
})

describe("the screen of a terminal", () => {
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

  it("judges the colours of stdout and stderr separately", () => {
    const file = { isTTY: false, columns: 0, write: () => true }
    const { messages, output } = Screen.make(file, stream, {})
    assert.strictEqual(output.red("x"), "x")
    assert.notStrictEqual(messages.red("x"), "x")
  })
})
