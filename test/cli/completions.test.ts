import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import { run, world } from "../support/shell.ts"

const github = TestBackend.plugin({ name: "github", id: "plugins~Plugin_4a801f4b" })
const both = [
  TestBackend.plugin({ name: "notes" }),
  TestBackend.plugin({ name: "notes", scope: "USER" })
]

/** The completions of the last word. The last line tells the shell how to continue. */
const complete = (...words: ReadonlyArray<string>) =>
  Effect.map(run(["__complete", "--", ...words]), ({ code, stderr, stdout }) => {
    assert.deepStrictEqual([code, stderr], [0, ""])
    return stdout.trimEnd().split("\n")
  })

const values = (lines: ReadonlyArray<string>) =>
  lines.slice(0, -1).map((line) => line.split("\t")[0])

describe("the completion of a command line", () => {
  it.live("offers commands with their descriptions", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* complete("s"), [
        "sync\tDownload what the account has installed, and remove what it has not",
        "search\tFind plugins that the account can install",
        "seed\tCopy the plugins of another home into this one, offline",
        "serve\tAnswer the plugin requests of Codex's app-server protocol",
        ":none"
      ])
      assert.includeMembers(values(yield* complete("")), ["sync", "help"])
      assert.deepStrictEqual(values(yield* complete("help", "un")), ["uninstall"])
    })
  )

  it.live.each([
    [["-"], ["--help", "--log-level", "--version", "--completions"]],
    [
      ["sync", "--re"],
      ["--remove", "--retain", "--retries", "--refresh-with"]
    ],
    [
      ["sync", "--retain", "1h", "--re"],
      ["--remove", "--retries", "--refresh-with"]
    ],
    [
      ["sync", "--remove", ""],
      ["auto", "always", "never"]
    ],
    [
      ["sync", "--remove=a"],
      ["--remove=auto", "--remove=always"]
    ],
    [["sync", "--retain", ""], []],
    [["--log-level", "w"], ["warn"]],
    [["sync", ""], []],
    [["nope", ""], []]
  ] as const)("offers flags and their values: %j", ([words, expected]) =>
    Effect.map(complete(...words), (lines) => assert.deepStrictEqual(values(lines), [...expected]))
  )

  it.live.each([
    [["sync", "--codex-home", ""], ":folders"],
    [["sync", "--seed", "x"], ":folders"],
    [["install", "a@b", "--from", ""], ":folders"],
    [["sync", "--codex-home=/"], ":folders"],
    [["run", "--", ""], ":command"],
    [["run", "--deadline", "1s", "--", "codex", ""], ":command"],
    [["id", "x"], ":none"]
  ] as const)("tells the shell how to continue: %j %s", ([words, directive]) =>
    Effect.map(complete(...words), (lines) => assert.strictEqual(lines.at(-1), directive))
  )

  it.live(
    "offers the names of cached plugins without a request",
    Effect.fnUntraced(function* () {
      const { backend, home, run } = yield* world({ plugins: [github, ...both] })
      yield* run("sync")
      yield* backend.forget
      const names = (command: string, ...words: ReadonlyArray<string>) =>
        Effect.map(complete(command, "--codex-home", home, ...words), values)
      for (const command of ["id", "list", "read", "install", "uninstall", "verify"]) {
        assert.deepStrictEqual(yield* names(command, ""), [
          "github",
          "notes@created-by-me-remote",
          "notes@openai-curated-remote"
        ])
      }
      assert.deepStrictEqual(yield* names("id", "gi"), ["github"])
      assert.deepStrictEqual(yield* names("id", "github@"), ["github@openai-curated-remote"])
      assert.deepStrictEqual(yield* names("id", "plugins~Plugin_4"), [github.id])
      assert.deepStrictEqual(yield* names("id", "github", ""), [])
      assert.deepStrictEqual(yield* names("list", "github", "g"), [])
      assert.deepStrictEqual(yield* backend.requests(), [])
    }, Effect.provide(NodeServices.layer))
  )
})

describe("the completion of a remote id", () => {
  it.live(
    "offers no id that a shell could run as a command",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const { home, run } = yield* world({ plugins: [github] })
      yield* run("sync")
      yield* fs.writeFileString(
        `${home}/plugins/cache/openai-curated-remote/github/.codex-remote-plugin-install.json`,
        JSON.stringify({ schema_version: 1, remote_plugin_id: "plugins~x;touch /tmp/x" })
      )
      assert.deepStrictEqual(values(yield* complete("id", "--codex-home", home, "plugins")), [])
    }, Effect.provide(NodeServices.layer))
  )
})

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url))

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** The commands that start each shell without a user's settings and print the words of a command line. */
const shells = {
  bash: {
    path: "/bin/bash",
    start: ["--norc", "--noprofile", "-i"],
    prepare: (program: string) => [
      "bind 'set enable-bracketed-paste off'",
      `codex-plugins() { if [ "$1" = __complete ]; then ${program} "$@"; else printf '<%s>' "$@"; echo; fi; }`
    ]
  },
  zsh: {
    path: "/usr/bin/zsh",
    start: ["-f", "-i"],
    prepare: (program: string) => [
      "unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D",
      `codex-plugins() { if [ "$1" = __complete ]; then ${program} "$@"; else printf '<%s>' "$@"; echo; fi; }`
    ]
  },
  fish: {
    path: "/usr/bin/fish",
    start: ["--no-config", "-i"],
    prepare: (program: string) => [
      `function codex-plugins; if test "$argv[1]" = __complete; ${program} $argv; else; printf '<%s>' $argv; echo; end; end`
    ]
  }
} as const

/** The words of a line after the tab key in a shell on a real terminal. */
const typed = Effect.fnUntraced(function* (shell: keyof typeof shells, home: string, line: string) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "completions-" })
  const script = `${folder}/script`
  yield* fs.makeDirectory(`${folder}/some folder`)
  yield* fs.writeFileString(script, (yield* run(["--completions", shell])).stdout)
  const { path, prepare, start } = shells[shell]
  const program = [process.execPath, main].map(quote).join(" ")
  const lines = [...prepare(program), `. ${script}`, `cd ${folder}`, `${line}\t`, "exit"]
  const handle = yield* ChildProcess.make(
    "/usr/bin/script",
    ["-qfec", [path, ...start].map(quote).join(" "), "/dev/null"],
    {
      env: {
        PATH: process.env["PATH"],
        HOME: folder,
        CODEX_HOME: home,
        TERM: shell === "fish" ? "dumb" : "xterm"
      },
      // Input is lost if the shell has not started yet.
      stdin: Stream.make(...lines).pipe(
        Stream.mapEffect((line) => Effect.as(Effect.sleep("700 millis"), `${line}\r`)),
        Stream.concat(Stream.never),
        Stream.encodeText
      )
    }
  )
  const output = yield* Stream.mkString(Stream.decodeText(handle.stdout))
  // Zsh removes the slash after a folder.
  return /^(<.*>)\r?$/m.exec(output)?.[1]?.replace("/>", ">") ?? output
}, Effect.scoped)

describe.each(Object.keys(shells) as ReadonlyArray<keyof typeof shells>)("in %s", (shell) => {
  const isHere = Fs.existsSync("/usr/bin/script") && Fs.existsSync(shells[shell].path)

  it.live.skipIf(!isHere)(
    "the tab key completes commands, flags, folders, names and ids",
    Effect.fnUntraced(function* () {
      const { home, run } = yield* world({ plugins: [github, ...both] })
      yield* run("sync")
      const results = yield* Effect.forEach(
        [
          ["codex-plugins unin", "<uninstall>"],
          ["codex-plugins sync --dry", "<sync><--dry-run>"],
          ["codex-plugins sync --remove=al", "<sync><--remove=always>"],
          ["codex-plugins id gi", "<id><github>"],
          ["codex-plugins id notes@op", "<id><notes@openai-curated-remote>"],
          ["codex-plugins id plugins~Plugin_4", "<id><plugins~Plugin_4a801f4b>"],
          ["codex-plugins sync --seed so", "<sync><--seed><some folder>"]
        ] as const,
        ([line, expected]) =>
          Effect.map(typed(shell, home, line), (words) => ({ line, words, expected })),
        { concurrency: 4 }
      )
      for (const { expected, line, words } of results) assert.strictEqual(words, expected, line)
    }, Effect.provide(NodeServices.layer)),
    120_000
  )
})
