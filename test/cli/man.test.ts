import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as Fs from "node:fs"
import * as Flags from "../../src/cli/flags.ts"
import { run } from "../support/shell.ts"

/** The text that a reader of manual pages shows. */
const shown = Effect.fnUntraced(function* (command: string, ...args: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const file = `${yield* fs.makeTempDirectoryScoped({ prefix: "man-" })}/codex-plugins.1`
  yield* fs.writeFileString(file, (yield* run(["__man"])).stdout)
  const handle = yield* ChildProcess.make(command, [...args, file], {
    env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", MANWIDTH: "80" },
    stdin: "ignore"
  })
  return yield* Stream.mkString(Stream.decodeText(handle.stdout))
}, Effect.scoped)

describe("the manual page", () => {
  it.live("has the commands, flags, variables and exit codes of the help", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run(["__man"])
      assert.deepStrictEqual([code, stderr], [0, ""])
      const text = stdout.replaceAll(/\\(.)/g, (_, character) => (character === "-" ? "-" : ""))
      for (const command of ["sync", "search", "watch", "demo"]) {
        assert.include(text, `\n.SS ${command}\n`)
      }
      for (const word of ["--refresh-with PROGRAM", "143", ...Flags.variableNames]) {
        assert.include(text, word)
      }
    })
  )

  it.live("has no line that roff reads as a request", () =>
    Effect.map(run(["__man"]), ({ stdout }) => {
      const requests = stdout.split("\n").filter((line) => /^[.']/.test(line))
      assert.isNotEmpty(requests)
      for (const line of requests) assert.match(line, /^\.(?:TH|SH|SS|TP|PP|RS|RE|nf|fi|br)\b/)
    })
  )

  it.live.skipIf(!Fs.existsSync("/usr/bin/mandoc"))(
    "passes the check of mandoc, but for a date that it does not have",
    Effect.fnUntraced(function* () {
      const problems = (yield* shown("mandoc", "-T", "lint")).split("\n")
      assert.deepStrictEqual(
        problems.filter((line) => line !== "" && !line.includes("missing date")),
        []
      )
    }, Effect.provide(NodeServices.layer))
  )

  it.live.skipIf(!Fs.existsSync("/usr/bin/man") || !Fs.existsSync("/usr/bin/groff"))(
    "is shown by man in 80 columns",
    Effect.fnUntraced(function* () {
      const text = yield* shown("man", "-P", "cat", "-l")
      assert.include(text, "codex-plugins - keep a Codex home's plugins up to date")
      for (const line of text.split("\n")) assert.isAtMost(line.length, 80)
    }, Effect.provide(NodeServices.layer))
  )
})
