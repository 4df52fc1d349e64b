import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import * as CliExit from "../../src/cli/exit.ts"
import { version } from "../../src/cli/version.ts"
import { commands } from "../support/commands.ts"
import { run } from "../support/shell.ts"

describe("codex-plugins", () => {
  it.live.each([{ args: [] }, { args: ["--help"] }])("prints its commands for $args", ({ args }) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run(args)
      assert.deepStrictEqual([code, stderr], [0, ""])
      for (const command of commands) assert.match(stdout, new RegExp(`^  ${command} +[A-Z]`, "m"))
    })
  )

  it.live.each(commands)("describes what %s does and accepts", (command) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run([command, "--help"])
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.include(stdout, `codex-plugins ${command}`)
    })
  )

  it.live("explains its exit codes and environment in its help", () =>
    Effect.map(run(["--help"]), ({ stdout }) => {
      assert.match(stdout, /EXIT CODES\n {2}0 +success\n/)
      assert.include(stdout, "CODEX_HOME")
    })
  )

  it.live("prints the help of a command for `help COMMAND`", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(["help", "sync"]), yield* run(["sync", "--help"]))
    })
  )

  it.live("explains how `run` separates its own flags from the command's", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["run", "sh", "-c", "true"])
      assert.strictEqual(code, 2)
      assert.match(
        stderr,
        /^codex-plugins: Unrecognized flag: -c.*\nusage: .*\n {3}help: put `--` before the command\n$/
      )
      assert.notInclude((yield* run(["sync", "-c"])).stderr, "before the command")
    })
  )

  it.live.each(["--version", "-v", "-V"])("prints its version for %s", (flag) =>
    Effect.map(run([flag]), ({ code, stdout }) => {
      assert.strictEqual(code, 0)
      assert.include(stdout, version)
    })
  )

  it.live.each([
    [["snyc"], "sync"],
    [["help", "snyc"], "sync"],
    [["nope", "--help"], 'Unknown subcommand "nope"'],
    [["list", "--jsn"], "--json"],
    [["list", "not/a/name"], "not/a/name"],
    [["doctor", "extra"], '"extra"'],
    [["id"], "PLUGIN"],
    [["id", "a/b"], "such as hello, hello@openai-curated-remote"],
    [["run"], "COMMAND"],
    [["read", "a/b"], "a remote plugin id of letters, digits, `_`, `-` and `~`"],
    [["uninstall", "../alpha"], "a remote plugin id of letters"],
    [["install"], "PLUGIN"],
    [["sync", "--concurrency", "0"], "a number from 1 to 256"],
    [["sync", "--concurrency", "many"], "number"],
    [["sync", "--retain", "soon"], "a duration such as `30m`, `24h` or `0`"],
    [["sync", "--retain=-1h"], "a duration"],
    [["sync", "--retain=Infinity"], "a duration"],
    [["sync", "--retain", "-1h"], "a duration"],
    [["sync", "--codex-home"], "--codex-home"],
    [["list", "--codex-home", ""], "the path of a folder"],
    [["watch", "--every", "0"], "a duration of at least 1s"],
    [["serve"], "--stdio"]
  ] as const)("exits with 2 for %j and says on stderr how to fix it", ([args, hint]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run(args)
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.match(stderr, /^codex-plugins: /)
      assert.include(stderr, hint)
      assert.notInclude(stderr, "Schema")
    })
  )

  it.live("says once that the environment names no home", () =>
    Effect.map(run(["list"]), ({ code, stderr, stdout }) => {
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.strictEqual(stderr, "codex-plugins: cannot find the Codex home; set CODEX_HOME\n")
    })
  )

  it.live(
    "shows a plugin's whole life, and leaves nothing behind",
    Effect.fnUntraced(function* () {
      const { code, stderr, stdout } = yield* run(["demo"])
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.include(stdout, "downloads: 0")
      assert.match(
        stdout,
        /the backend and the home have been removed; now try: codex-plugins sync --dry-run\n$/
      )
    }, Effect.provide(NodeServices.layer))
  )
})

describe("exit.codeOf", () => {
  it("is 1 for a failure and for a bug", () => {
    assert.strictEqual(CliExit.codeOf(Exit.fail(new Error("no"))), 1)
    assert.strictEqual(CliExit.codeOf(Exit.die(new Error("oh no"))), 1)
  })

  it.each([
    [undefined, 130],
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129]
  ] as const)("is the shell's code for a command that %s interrupted", (signal, code) => {
    assert.strictEqual(CliExit.codeOf(Exit.failCause(Cause.interrupt(1)), signal), code)
  })
})
