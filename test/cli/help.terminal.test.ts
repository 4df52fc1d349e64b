import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Terminal from "../support/terminal.ts"

describe.skipIf(!Terminal.isAvailable)("help on a terminal", () => {
  it.live.each([
    [{}, true],
    [{ NO_COLOR: "1" }, false],
    [{ TERM: "dumb" }, false],
    [{ NO_COLOR: "", FORCE_COLOR: "1" }, true]
  ] as const)("with %j is coloured: %s", ([env, isColored]) =>
    Effect.gen(function* () {
      const { output } = yield* Terminal.run(["help", "id"], { columns: 40, env })
      assert.strictEqual(output.includes("\u001b["), isColored)
      for (const line of Terminal.screenOf(output)) assert.isAtMost(line.length, 40)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
