import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { codexPlugins } from "../support/builtPrograms.ts"

const program = Effect.promise(codexPlugins)

const initialize = `${JSON.stringify({
  id: 0,
  method: "initialize",
  params: { clientInfo: { name: "test", version: "9" } }
})}\n`

/** A command of the program as a process of its own, with these variables and `PATH`. */
const spawn = (
  args: ReadonlyArray<string>,
  options: Pick<ChildProcess.CommandOptions, "stdin"> & { readonly env?: Record<string, string> }
) =>
  Effect.flatMap(program, (program) =>
    ChildProcess.make(process.execPath, [program, ...args], {
      ...options,
      env: { PATH: process.env["PATH"], ...options.env }
    })
  )

const text = <E>(bytes: Stream.Stream<Uint8Array, E>) => Stream.mkString(Stream.decodeText(bytes))

// These tests start processes, because only those have an exit, an environment and pipes.
describe("the program in a process", () => {
  it.live(
    "ends with the command's code, results on stdout and all else on stderr",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      const run = Effect.fnUntraced(function* (env: Record<string, string>) {
        const handle = yield* spawn(["list", "--json"], { env, stdin: "ignore" })
        return yield* Effect.all([handle.exitCode, text(handle.stdout), text(handle.stderr)], {
          concurrency: "unbounded"
        })
      })
      assert.deepEqual(yield* run({ CODEX_HOME: home }), [
        0,
        '{\n  "schemaVersion": 1,\n  "installed": []\n}\n',
        ""
      ])
      const [code, stdout, stderr] = yield* run({ CODEX_HOME: `${home}/none` })
      assert.strictEqual(Number(code), 1)
      assert.deepInclude(JSON.parse(stdout).error, { tag: "CodexHomeError", reason: "Missing" })
      assert.strictEqual(
        stderr,
        `codex-plugins: the Codex home ${home}/none does not exist; create it, or point CODEX_HOME at another\n`
      )
    }, Effect.provide(NodeServices.layer))
  )

  it.live.skipIf(process.platform !== "linux")(
    "exits with 1 when its output cannot be written",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      const handle = yield* ChildProcess.make(
        "sh",
        ["-c", '"$@" > /dev/full', "sh", process.execPath, yield* program].concat([
          "list",
          "--codex-home",
          home
        ]),
        { env: { PATH: process.env["PATH"] }, stdin: "ignore" }
      )
      const [code, stderr] = yield* Effect.all([handle.exitCode, text(handle.stderr)], {
        concurrency: "unbounded"
      })
      assert.deepEqual(
        [Number(code), stderr.includes("cannot write the output: ENOSPC")],
        [1, true]
      )
    }, Effect.provide(NodeServices.layer))
  )

  it.live.each([
    ["SIGTERM", 143],
    ["SIGHUP", 129]
  ] as const)("exits with the shell's code after %s", ([signal, expected]) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      const handle = yield* spawn(["serve", "--stdio", "--codex-home", home], {
        stdin: Stream.concat(Stream.encodeText(Stream.make(initialize)), Stream.never)
      })
      // An answer shows that the server runs.
      yield* Stream.runHead(handle.stdout)
      process.kill(Number(handle.pid), signal)
      assert.strictEqual(Number(yield* handle.exitCode), expected)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live(
    "serves until stdin ends",
    Effect.fnUntraced(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      const handle = yield* spawn(["serve", "--stdio", "--codex-home", home], {
        stdin: Stream.encodeText(Stream.make(initialize))
      })
      const [code, stdout, stderr] = yield* Effect.all(
        [handle.exitCode, text(handle.stdout), text(handle.stderr)],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(code, 0)
      assert.strictEqual(JSON.parse(stdout).result.codexHome, home)
      assert.notInclude(stderr, "codex-plugins:")
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "ends `serve` without an error when nobody reads its answers",
    Effect.fnUntraced(
      function* () {
        const fs = yield* FileSystem.FileSystem
        const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
        // `true` closes the pipe without reading from it.
        const handle = yield* ChildProcess.make(
          "sh",
          [
            "-c",
            '{ "$@"; echo "ended with $?" >&2; } | true',
            "sh",
            process.execPath,
            yield* program
          ].concat(["serve", "--stdio", "--codex-home", home]),
          {
            env: { PATH: process.env["PATH"] },
            // The client's end stays open.
            stdin: Stream.concat(Stream.encodeText(Stream.make(initialize)), Stream.never)
          }
        )
        assert.include(yield* text(handle.stderr), "ended with 0")
      },
      Effect.scoped,
      Effect.provide(NodeServices.layer)
    )
  )
})
