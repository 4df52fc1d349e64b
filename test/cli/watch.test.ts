import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { intercepted } from "../../src/cli/signals.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import { codexPlugins } from "../support/builtPrograms.ts"
import { eventually } from "../support/eventually.ts"
import { world } from "../support/shell.ts"

const alpha = TestBackend.plugin({ name: "alpha" })

// The first two tests use the one signal handler of this process. Tests of a file run one by one.
describe("codex-plugins watch", () => {
  it.live(
    "prints one line for each pass and exits with 0 after a signal",
    Effect.fnUntraced(function* () {
      const { backend, home, run } = yield* world({ plugins: [alpha] })
      const fs = yield* FileSystem.FileSystem
      const has = (version: string) =>
        fs.exists(`${home}/plugins/cache/openai-curated-remote/alpha/${version}`)
      const watching = yield* Effect.forkChild(run("watch", "--every", "1s"))
      yield* eventually(has("1.0.0"))
      yield* backend.update(alpha.id, { version: "2.0.0" })
      yield* eventually(has("2.0.0"))
      yield* backend.forget
      // A third pass has begun, so the lines of the first two are printed.
      yield* eventually(
        Effect.map(backend.requests({ kind: "listing" }), (requests) => requests.length > 0)
      )
      assert.isTrue(intercepted("SIGTERM"))
      const { code, stderr, stdout } = yield* Fiber.join(watching)
      assert.deepStrictEqual([code, stderr], [0, ""])
      const lines = stdout.split("\n")
      const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
      assert.match(lines[0]!, new RegExp(`^${time} Installed 1 \\([\\d.]+ s\\): \\+ alpha 1.0.0$`))
      assert.match(stdout, /^\S+ Updated 1 \([\d.]+ s\): ~ alpha 1\.0\.0 → 2\.0\.0$/m)
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "reports a failed pass, and continues when the backend works again",
    Effect.fnUntraced(function* () {
      const { backend, run } = yield* world({ plugins: [alpha] })
      yield* backend.when({ kind: "listing" }, TestReply.status(401))
      const watching = yield* Effect.forkChild(run("watch", "--every", "1s", "--json"))
      // A second pass has begun, so the line of the first is printed.
      yield* eventually(
        Effect.map(backend.requests({ kind: "listing" }), (requests) => requests.length > 1)
      )
      yield* backend.behave
      yield* eventually(
        Effect.map(backend.requests({ kind: "bundle" }), (requests) => requests.length > 0)
      )
      yield* backend.forget
      yield* eventually(
        Effect.map(backend.requests({ kind: "listing" }), (requests) => requests.length > 0)
      )
      assert.isTrue(intercepted("SIGINT"))
      const { code, stdout } = yield* Fiber.join(watching)
      assert.strictEqual(code, 0)
      const passes = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      assert.deepInclude(passes[0], { schemaVersion: 1, event: "failed" })
      assert.strictEqual(passes[0].error.exitCode, 4)
      const finished = passes.find(({ event }) => event === "finished")
      assert.deepInclude(finished, {
        schemaVersion: 1,
        installedPluginIds: ["alpha@openai-curated-remote"]
      })
      assert.isAbove(Date.parse(finished.nextAt), Date.parse(finished.at))
    }, Effect.provide(NodeServices.layer))
  )

  it.live.each([
    { signal: "SIGTERM", program: true },
    { signal: "SIGINT", program: false }
  ] as const)(
    "tells systemd after the first pass, if systemd-notify exists ($program), and stops at $signal",
    ({ program, signal }) =>
      Effect.gen(function* () {
        const { home } = yield* world()
        const fs = yield* FileSystem.FileSystem
        const bin = yield* fs.makeTempDirectoryScoped({ prefix: "bin-" })
        if (program) {
          yield* fs.writeFileString(
            `${bin}/systemd-notify`,
            `#!/bin/sh\necho "$* to $NOTIFY_SOCKET" >> "${bin}/told"\n`,
            { mode: 0o755 }
          )
        }
        const handle = yield* ChildProcess.make(
          process.execPath,
          [yield* Effect.promise(codexPlugins), "watch", "--every", "1s", "--codex-home", home],
          { env: { PATH: bin, NOTIFY_SOCKET: "/run/test/notify" }, stdin: "ignore" }
        )
        const lines = Stream.splitLines(Stream.decodeText(handle.stdout))
        const passes = yield* Stream.runCollect(Stream.take(lines, 2))
        for (const line of passes) assert.include(line, "Already up to date")
        if (program) {
          yield* eventually(fs.exists(`${bin}/told`))
          assert.strictEqual(
            yield* fs.readFileString(`${bin}/told`),
            "--ready to /run/test/notify\n"
          )
        }
        process.kill(Number(handle.pid), signal)
        assert.strictEqual(Number(yield* handle.exitCode), 0)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
