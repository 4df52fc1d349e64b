import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import * as CliFlags from "../../src/cli/flags.ts"
import { make, Screen } from "../../src/cli/screen.ts"
import { commands } from "../support/commands.ts"
import { run } from "../support/shell.ts"

/** The help that a terminal of this width shows. */
const help = (columns: number, ...args: ReadonlyArray<string>) => {
  const terminal = { isTTY: true, columns, write: () => true }
  return run(["help", ...args]).pipe(
    Effect.provideService(Screen, make(terminal, terminal, { NO_COLOR: "1" })),
    Effect.map(({ code, stderr, stdout }) => {
      assert.deepStrictEqual([code, stderr], [0, ""])
      return stdout
    })
  )
}

describe("codex-plugins help", () => {
  it.live.each([40, 80, 120])("fits %d columns for the program and for every command", (columns) =>
    Effect.gen(function* () {
      for (const command of [[], ...commands.map((command) => [command])]) {
        const text = yield* help(columns, ...command)
        const wide = text.split("\n").filter(
          // A variable's name cannot be broken.
          (line) => line.length > columns && line.trim().includes(" ")
        )
        assert.deepStrictEqual(wide, [], command[0])
      }
    })
  )

  it.live("explains the exit codes and every variable", () =>
    Effect.gen(function* () {
      const text = yield* help(80)
      assert.match(text, /^EXIT CODES\n {2}0 +success\n/m)
      for (const variable of ["CODEX_HOME", "NO_COLOR", "HTTPS_PROXY", ...CliFlags.variableNames]) {
        assert.include(text, variable)
      }
    })
  )

  it.live("names the variable of a flag, and has examples", () =>
    Effect.gen(function* () {
      const text = yield* help(80, "sync")
      assert.match(text, /^ {2}--wait DURATION .* \[\$CODEX_PLUGINS_WAIT\]$/ms)
      assert.include(text, "EXAMPLES\n  codex-plugins sync\n      Bring the cache up to date\n")
    })
  )

  it.live("shows each flag in docs/cli.md for the commands that the page lists", () =>
    Effect.gen(function* () {
      const texts = new Map<string, string>()
      for (const command of commands) texts.set(command, yield* help(200, command))
      const page = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8")
      const [, table = ""] = page.split("## Flags of more than one command")
      const rows = Array.from(
        table.split("\n## ")[0]!.matchAll(/^\| `(--[a-z-]+)[^|]*\| ([^|]+) \|/gm),
        ([, flag = "", cell = ""]) => ({ flag, cell })
      )
      assert.isAbove(rows.length, 8)
      for (const { cell, flag } of rows) {
        const named = Array.from(cell.matchAll(/`(\w+)`/g), ([, name]) => name!)
        const listed = cell.startsWith("all")
          ? commands.filter((command) => !named.includes(command))
          : named
        assert.sameMembers(
          commands.filter((command) => new RegExp(`^ .*${flag}\\b`, "m").test(texts.get(command)!)),
          listed,
          flag
        )
      }
    })
  )

  it.live.each(commands)("has an example for %s that the program can parse", (command) =>
    Effect.gen(function* () {
      if (command === "demo") return
      const text = yield* help(200, command)
      const [, examples = ""] = text.split("EXAMPLES\n")
      const lines = examples.split("\n").filter((line) => /^ {2}\S/.test(line))
      assert.isNotEmpty(lines)
      for (const line of lines)
        assert.match(line.trim(), new RegExp(`^codex-plugins ${command}\\b`))
    })
  )
})
