import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { fileURLToPath } from "node:url"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import * as Shell from "../support/shell.ts"

const alpha = TestBackend.plugin({ name: "alpha" })

/** A home whose commands can have variables. */
const world = Effect.fnUntraced(function* () {
  const made = yield* Shell.world({ plugins: [alpha] })
  return {
    ...made,
    runWith: (env: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
      Shell.run([...args, "--codex-home", made.home], { env })
  }
})

describe("the flag --offline", () => {
  it.live(
    "lets sync say what is cached without a request",
    Effect.fnUntraced(function* () {
      const { backend, run, runWith } = yield* world()
      yield* run("sync")
      yield* backend.forget
      const offline = {
        code: 0,
        stdout: "Offline: 1 plugin cached, not compared with the account\n",
        stderr: ""
      }
      assert.deepStrictEqual(yield* run("sync", "--offline"), offline)
      assert.deepStrictEqual(yield* runWith({ CODEX_PLUGINS_OFFLINE: "1" }, "sync"), offline)
      assert.strictEqual((yield* run("sync", "--offline", "--quiet")).stdout, "")
      assert.deepStrictEqual(JSON.parse((yield* run("sync", "--offline", "--json")).stdout), {
        schemaVersion: 1,
        skipped: "Offline",
        cachedPluginIds: ["alpha@openai-curated-remote"]
      })
      assert.strictEqual((yield* run("sync", "--offline", "--check")).code, 2)
      assert.deepStrictEqual(yield* backend.requests(), [])
    }, Effect.provide(NodeServices.layer))
  )

  it.live.each([
    [["search"]],
    [["read", "alpha"]],
    [["verify"]],
    [["install", alpha.id]],
    [["watch"]]
  ] as const)("set as a variable, fails %j at once, which needs the backend", ([args]) =>
    Effect.gen(function* () {
      const { backend, runWith } = yield* world()
      assert.deepStrictEqual(yield* runWith({ CODEX_PLUGINS_OFFLINE: "true" }, ...args), {
        code: 1,
        stdout: "",
        stderr:
          "codex-plugins: the command needs the backend, and CODEX_PLUGINS_OFFLINE is set; unset it\n"
      })
      assert.deepStrictEqual(yield* backend.requests(), [])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live(
    "lets run start its command without asking the backend",
    Effect.fnUntraced(function* () {
      const { backend, home } = yield* world()
      const run = (...args: ReadonlyArray<string>) =>
        Shell.run(["run", "--codex-home", home, ...args, "--", "true"])
      assert.strictEqual((yield* run("--offline")).code, 0)
      assert.deepStrictEqual(yield* backend.requests(), [])
    }, Effect.provide(NodeServices.layer))
  )
})

describe("the flags --verbose and --quiet", () => {
  it.live(
    "print more and less of a sync",
    Effect.fnUntraced(function* () {
      const { run, runWith } = yield* world()
      yield* run("sync")
      assert.strictEqual((yield* run("sync", "--quiet")).stdout, "")
      assert.strictEqual((yield* runWith({ CODEX_PLUGINS_QUIET: "yes" }, "sync")).stdout, "")
      for (const { stdout } of [
        yield* run("sync", "--verbose"),
        yield* runWith({ CODEX_PLUGINS_VERBOSE: "1" }, "sync")
      ]) {
        assert.match(stdout, /^ = alpha 1\.0\.0 \(up to date\)\nAlready up to date/)
      }
    }, Effect.provide(NodeServices.layer))
  )

  it.live(
    "show and hide what other commands find in good order",
    Effect.fnUntraced(function* () {
      const { home, run } = yield* world()
      yield* run("sync")
      const fs = yield* FileSystem.FileSystem
      const other = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      const seed = (...args: ReadonlyArray<string>) =>
        Shell.run(["seed", "--from", home, "--codex-home", other, ...args])
      assert.include((yield* seed("--quiet")).stdout, " + alpha")
      assert.deepStrictEqual(yield* seed("--quiet"), { code: 0, stdout: "", stderr: "" })
      assert.deepStrictEqual(yield* run("verify", "--quiet"), { code: 0, stdout: "", stderr: "" })
      assert.include((yield* run("verify", "--verbose")).stdout, " ✓ alpha 1.0.0\n")
    }, Effect.provide(NodeServices.layer))
  )
})

describe("the flag --timeout", () => {
  it.live.each([
    [["search"]],
    [["read", "alpha"]],
    [["verify"]],
    [["install", alpha.id]],
    [["sync"]]
  ] as const)("ends %j while the backend is silent, and exits with 5", ([args]) =>
    Effect.gen(function* () {
      const { backend, run, runWith } = yield* world()
      yield* backend.when({}, TestReply.silence)
      for (const { code, stderr } of [
        yield* run(...args, "--timeout", "100ms"),
        yield* runWith({ CODEX_PLUGINS_TIMEOUT: "0.1s" }, ...args)
      ]) {
        assert.strictEqual(code, 5)
        assert.match(stderr, /^codex-plugins: the (?:command|pass) did not finish within 100ms; /m)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("the flag --wait", () => {
  it.live(
    "limits the wait for another process's lock, and exits with 5",
    Effect.fnUntraced(
      function* () {
        const { backend, home, run, runWith } = yield* world()
        yield* run("sync")
        yield* backend.update(alpha.id, { version: "2.0.0" })
        const fs = yield* FileSystem.FileSystem
        const source = yield* fs.makeTempDirectoryScoped()
        yield* fs.makeDirectory(`${source}/.codex-plugin`)
        yield* fs.writeFileString(`${source}/.codex-plugin/plugin.json`, '{"name":"beta"}')
        const script = fileURLToPath(new URL("../support/holdLock.ts", import.meta.url))
        const holder = yield* ChildProcess.make(process.execPath, [script, home])
        yield* Stream.runHead(holder.stdout)
        for (const args of [
          ["install", "beta@mine", "--from", source],
          ["uninstall", alpha.id],
          ["sync"]
        ]) {
          for (const { code, stderr } of [
            yield* run(...args, "--wait", "0"),
            yield* runWith({ CODEX_PLUGINS_WAIT: "0" }, ...args)
          ]) {
            assert.strictEqual(code, 5, `${args.join(" ")}: ${stderr}`)
            assert.include(stderr, "lock")
          }
        }
      },
      Effect.scoped,
      Effect.provide(NodeServices.layer)
    )
  )
})

describe("a variable with a value that no flag takes", () => {
  it.live.each([
    [{ CODEX_PLUGINS_QUIET: "maybe" }, "invalid value of CODEX_PLUGINS_QUIET: Expected"],
    [{ CODEX_PLUGINS_CONCURRENCY: "x" }, "invalid value of CODEX_PLUGINS_CONCURRENCY: Expected"],
    [{ CODEX_PLUGINS_REMOVE: "x" }, "invalid value of CODEX_PLUGINS_REMOVE: Expected"],
    [{ CODEX_PLUGINS_WAIT: "soon" }, "a duration such as"]
  ] as const)("is a usage error: %j", ([env, message]) =>
    Effect.gen(function* () {
      const { runWith } = yield* world()
      const { code, stderr, stdout } = yield* runWith(env, "sync")
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.include(stderr, message)
      assert.notInclude(stderr, "Schema")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
