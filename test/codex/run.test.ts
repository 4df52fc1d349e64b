/**
 * Sessions of released Codex, started alone and through our program: hooks of a home that had no
 * plugins, and versions that a running session still uses.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as Fs from "node:fs"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import * as CodexAppServer from "./support/CodexAppServer.ts"
import * as CodexBinary from "./support/CodexBinary.ts"
import * as Program from "./support/Program.ts"
import * as HttpServer from "./support/HttpServer.ts"
import * as LoopbackBackend from "./support/LoopbackBackend.ts"
import * as OurProgram from "./support/OurProgram.ts"

/** A model that answers every prompt with the same message. */
const modelServer = Effect.gen(function* () {
  const item = {
    type: "message",
    role: "assistant",
    id: "message-1",
    content: [{ type: "output_text", text: "Done." }]
  }
  const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 }
  const events = [
    { type: "response.created", response: { id: "response-1" } },
    { type: "response.output_item.done", item },
    { type: "response.completed", response: { id: "response-1", output: [item], usage } }
  ]
  return yield* HttpServer.serve((request, response) => {
    request.resume()
    if (request.method !== "POST") return response.writeHead(404).end()
    response.setHeader("content-type", "text/event-stream")
    return response.end(
      events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("")
    )
  })
})

/** A plugin whose hook leaves a file in the home when a session starts. */
const greeter = TestBackend.plugin({
  name: "greeter",
  version: "1.0.0",
  files: {
    ".codex-plugin/plugin.json": JSON.stringify({
      name: "greeter",
      version: "1.0.0",
      hooks: "./hooks/hooks.json"
    }),
    "hooks/hooks.json": JSON.stringify({
      hooks: {
        SessionStart: [
          { hooks: [{ type: "command", command: 'touch "$CODEX_HOME/session-started"' }] }
        ]
      }
    })
  }
})

const setting = Effect.gen(function* () {
  const { backend, environment, makeHome } = yield* LoopbackBackend.make({ plugins: [greeter] })
  // The line to the bundle is slower than the start of Codex.
  yield* backend.when({ kind: "bundle" }, TestReply.delay("3 seconds"))
  const home = yield* makeHome()
  const model = yield* modelServer
  const args = [
    "exec",
    "--skip-git-repo-check",
    "--dangerously-bypass-hook-trust",
    "-c",
    'model_provider="loopback"',
    "-c",
    `model_providers.loopback={name="loopback",base_url="${model}",wire_api="responses"}`,
    "Say that you are done."
  ]
  return { home, environment, args }
})

const ran = ({ home }: { readonly home: string }) => Fs.existsSync(`${home}/session-started`)

layer(Layer.provideMerge(OurProgram.layer, NodeServices.layer), { excludeTestServices: true })(
  "the first session of a home",
  (it) => {
    describe.each(CodexBinary.versions)("with Codex %s", (version) => {
      it.effect(
        "misses the hook of its plugin if Codex is started alone",
        Effect.fnUntraced(function* () {
          const { args, environment, home } = yield* setting
          const result = yield* CodexBinary.run(version, args, { home, environment })
          assert.strictEqual(result.exitCode, 0, result.stderr)
          assert.isFalse(ran({ home }))
        })
      )

      it.effect(
        "runs the hook of its plugin if `codex-plugins run` starts Codex",
        Effect.fnUntraced(function* () {
          const { args, environment, home } = yield* setting
          const { path } = yield* OurProgram.OurProgram
          const codex = yield* CodexBinary.locate(version)
          const handle = yield* ChildProcess.make(
            process.execPath,
            [path, "run", "--deadline", "30s", "--", codex, ...args],
            {
              env: { PATH: process.env["PATH"], HOME: home, CODEX_HOME: home, ...environment },
              stdin: "ignore",
              stdout: "ignore"
            }
          )
          const [stderr, exitCode] = yield* Effect.all(
            [Stream.mkString(Stream.decodeText(handle.stderr)), handle.exitCode],
            { concurrency: "unbounded" }
          )
          assert.strictEqual(exitCode, 0, stderr)
          assert.isTrue(ran({ home }))
        })
      )
    })
  }
)

/** A home that holds one version of a plugin, and an account that has the next one. */
const outdated = Effect.gen(function* () {
  const hello = TestBackend.plugin({ name: "hello", version: "1.0.0" })
  const { backend, environment, makeHome } = yield* LoopbackBackend.make({ plugins: [hello] })
  const home = yield* makeHome()
  yield* Program.run("ours", { home, environment })
  yield* backend.update(hello.id, { version: "2.0.0" })
  const versions = Effect.sync(() =>
    Fs.readdirSync(`${home}/plugins/cache/openai-curated-remote/hello`)
      .filter((name) => !name.startsWith("."))
      .toSorted()
  )
  assert.deepStrictEqual(yield* versions, ["1.0.0"])
  return { home, environment, versions }
})

layer(Layer.provideMerge(OurProgram.layer, NodeServices.layer), { excludeTestServices: true })(
  "the version that a running session uses",
  (it) => {
    describe.each(CodexBinary.versions)("with Codex %s", (version) => {
      it.effect(
        "is deleted by a second Codex that finds a newer release",
        Effect.fnUntraced(function* () {
          const { environment, home, versions } = yield* outdated
          yield* Program.run(version, { home, environment })
          assert.deepStrictEqual(yield* versions, ["2.0.0"])
        })
      )

      it.effect(
        "outlives a second Codex after our program has installed the newer release",
        Effect.fnUntraced(function* () {
          const { environment, home, versions } = yield* outdated
          yield* Program.run("ours", { home, environment, retain: "24h" })
          const codex = yield* CodexAppServer.start({ version, home, environment })
          assert.isUndefined((yield* codex.pass()).error)
          assert.deepStrictEqual(yield* versions, ["1.0.0", "2.0.0"])
        })
      )
    })
  }
)
