/**
 * The built program as a process: wrong usage, few resources, and readers that stop reading.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as TestReply from "../../src/testing/TestReply.ts"
import { Authority, make } from "./support/homes.ts"
import { inShell, program } from "./support/program.ts"

const isLinux = process.platform === "linux"

const memoryOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(Fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024

const mebibyte = 1024 * 1024

layer(Layer.merge(Authority.layer, NodeServices.layer), { excludeTestServices: true })((it) => {
  describe("a command", () => {
    it.effect.each([
      [["list", "--json"]],
      [["id", "alpha"]],
      [["sync", "--json"]],
      [["sync", "--dry-run", "--json"]],
      [["doctor", "--offline"]]
    ])("fails if its output cannot be written: %j", ([args = []]) =>
      Effect.gen(function* () {
        if (!isLinux) return
        const { home, run, succeed } = yield* make
        yield* succeed(home, ["sync"])
        const { code } = yield* run(home, args, inShell("exec >/dev/full"))
        assert.strictEqual(code, 1)
      })
    )

    it.effect.each([
      [["sync", "--retain", "-1h"]],
      [["sync", "--codex-home", ""]],
      [["sync", "--concurrency", "many"]],
      [["no-such-command"]],
      [["list", "--no-such-flag"]]
    ])("exits with 2 if it is used wrongly: %j", ([args = []]) =>
      Effect.gen(function* () {
        const { home, run } = yield* make
        const { code, output } = yield* run(home, args)
        assert.strictEqual(code, 2, output)
        assert.isFalse(Fs.existsSync(Path.join(home, "plugins")))
      })
    )

    it.effect("explains that the working folder was deleted", () =>
      Effect.gen(function* () {
        const { home, root, run } = yield* make
        const gone = Path.join(root, "gone")
        Fs.mkdirSync(gone)
        const { code, output } = yield* run(
          home,
          ["list"],
          inShell(`cd ${gone} && rmdir ${gone} && export CODEX_HOME=relative`)
        )
        assert.strictEqual(code, 1, output)
        assert.notInclude(output, "bug")
        assert.notInclude(output, "    at ")
      })
    )

    it.effect.skipIf(!isLinux)(
      "does not blame the network if it runs out of file descriptors",
      () =>
        Effect.gen(function* () {
          const { home, run } = yield* make
          for (const limit of [24, 26, 28, 32]) {
            const { code, output } = yield* run(home, ["sync"], inShell(`ulimit -n ${limit}`))
            if (code === 0) return
            assert.notInclude(output, "check the network", `${limit}: ${output}`)
          }
        })
    )

    it.effect.each(["?", "#", "?a=1", " "])("refuses a base URL that ends in %j", (end) =>
      Effect.gen(function* () {
        const { home, run } = yield* make
        const file = Path.join(home, "config.toml")
        const config = Fs.readFileSync(file, "utf8")
        Fs.writeFileSync(file, config.replace(/^(chatgpt_base_url = ".*)"$/m, `$1${end}"`))
        const { code, output } = yield* run(home, ["sync"])
        assert.strictEqual(code, 1, output)
        assert.include(output, "chatgpt_base_url")
      })
    )

    it.effect("says in words how long a server asks to wait", () =>
      Effect.gen(function* () {
        const { backend, home, run } = yield* make
        yield* backend.when(
          { kind: "listing" },
          TestReply.status(429, { "retry-after": "99999999999999999999999" })
        )
        const { code, output } = yield* run(home, ["sync"])
        assert.notStrictEqual(code, 0)
        assert.notMatch(output, /e\+\d/)
      })
    )
  })

  describe("serve --stdio", () => {
    const initialize = `${JSON.stringify({
      id: 0,
      method: "initialize",
      params: { clientInfo: { name: "test", version: "9" } }
    })}\n`

    it.effect.skipIf(!isLinux)("stops reading requests while its client reads no answers", () =>
      Effect.gen(function* () {
        const { environment, home } = yield* make
        const { accepted, memory } = yield* Effect.promise(async () => {
          const server = spawn(process.execPath, [program, "serve", "--stdio"], {
            env: { ...environment, CODEX_HOME: home },
            stdio: ["pipe", "pipe", "ignore"]
          })
          server.stdin.on("error", () => {})
          server.stdin.write(initialize)
          await new Promise((resolve) => server.stdout.once("readable", resolve))
          // From here on nobody reads.
          const request = `${JSON.stringify({ id: 1, method: "plugin/installed", params: {} })}\n`
          const batch = request.repeat(1000)
          let accepted = 0
          let last = Date.now()
          while (Date.now() - last < 2000 && accepted < 200 * mebibyte) {
            const isTaken = await new Promise<boolean>((resolve) => {
              const timer = setTimeout(resolve, 2000, false)
              server.stdin.write(batch, () => {
                clearTimeout(timer)
                resolve(true)
              })
            })
            if (!isTaken) break
            accepted += batch.length
            last = Date.now()
          }
          const memory = memoryOf(server.pid ?? 0)
          server.kill("SIGKILL")
          return { accepted, memory }
        })
        assert.isBelow(accepted, 20 * mebibyte)
        assert.isBelow(memory, 400 * mebibyte)
      })
    )

    it.effect.skipIf(!isLinux)(
      "does not hold a line of 300 MB in memory, and answers the next one",
      () =>
        Effect.gen(function* () {
          const { environment, home } = yield* make
          const { answers, memory } = yield* Effect.promise(async () => {
            const server = spawn(process.execPath, [program, "serve", "--stdio"], {
              env: { ...environment, CODEX_HOME: home },
              stdio: ["pipe", "pipe", "ignore"]
            })
            let text = ""
            server.stdout.on("data", (data) => (text += String(data)))
            server.stdin.write(initialize)
            const piece = "x".repeat(mebibyte)
            let memory = 0
            for (let i = 0; i < 300; i++) {
              await new Promise((resolve) => server.stdin.write(piece, resolve))
              if (i % 20 === 0) memory = Math.max(memory, memoryOf(server.pid ?? 0))
            }
            server.stdin.end('\n{"id":2,"method":"plugin/installed","params":{}}\n')
            await new Promise((resolve) => server.once("close", resolve))
            return { answers: text.trim().split("\n"), memory }
          })
          assert.isBelow(memory, 400 * mebibyte)
          assert.isTrue(answers.some((line) => JSON.parse(line).id === 2))
          assert.isTrue(answers.every((line) => line.length < mebibyte))
        })
    )
  })
})
