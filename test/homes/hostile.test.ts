/**
 * The built program as a process, against other users, a broken disk and a hostile backend.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import {
  alpha,
  Authority,
  beta,
  lines,
  make,
  marketplace,
  sidecarName,
  versionsOf,
  whole
} from "./support/homes.ts"
import { inShell } from "./support/program.ts"
import { stagingOf } from "../support/homePaths.ts"

const isLinux = process.platform === "linux"
const isRoot = process.getuid?.() === 0

const cacheOf = (home: string) => Path.join(home, "plugins/cache", marketplace)

/** Characters that could mislead a terminal or a reader, except line ends. */
// oxlint-disable-next-line no-control-regex -- the test looks for control characters
const raw = /[\0-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/

/** A name or id that clears the screen, sets the title, fakes a line and reverses text. */
const nasty = "x\u001b[2J\u001b]0;title\u0007\u009b31m\nfaked line\u202e"

const mebibyte = 1024 * 1024

layer(Layer.merge(Authority.layer, NodeServices.layer), { excludeTestServices: true })((it) => {
  describe("other users of the machine", () => {
    it.effect("find nothing of the program in the shared temporary folder", () =>
      Effect.gen(function* () {
        const { home, root, run } = yield* make
        const temporary = Path.join(root, "tmp")
        Fs.mkdirSync(temporary, { mode: 0o777 })
        execFileSync("mkfifo", [Path.join(temporary, "node-compile-cache")])
        const { code, output } = yield* run(
          home,
          ["sync"],
          inShell(`export TMPDIR=${temporary} HOME=${temporary}`)
        )
        assert.strictEqual(code, 0, output)
        assert.deepStrictEqual(Fs.readdirSync(temporary), ["node-compile-cache"])
      })
    )

    it.effect("cannot write to the folders of a sync, whatever the umask is", () =>
      Effect.gen(function* () {
        const { home, succeed } = yield* make
        for (const [umask, parents] of [
          ["000", 0o755],
          ["022", 0o755],
          ["077", 0o700]
        ] as const) {
          Fs.rmSync(Path.join(home, "plugins"), { recursive: true, force: true })
          yield* succeed(home, ["sync"], inShell(`umask ${umask}`))
          const modes = ["plugins", "plugins/cache", `plugins/cache/${marketplace}`].map(
            (folder) => Fs.statSync(Path.join(home, folder)).mode & 0o777
          )
          assert.deepStrictEqual(modes, [parents, parents, parents], `umask ${umask}`)
          const open = Fs.readdirSync(home, { recursive: true, encoding: "utf8" }).filter(
            (name) => (Fs.statSync(Path.join(home, name)).mode & 0o022) !== 0
          )
          assert.deepStrictEqual(open, [], `umask ${umask}`)
        }
      })
    )

    it.effect("gain nothing from links and pipes in the staging folder", () =>
      Effect.gen(function* () {
        const { home, root, run } = yield* make
        const staging = stagingOf(home)
        const precious = Path.join(root, "precious")
        Fs.mkdirSync(staging, { recursive: true })
        Fs.writeFileSync(precious, "precious")
        for (const name of ["codex-plugins-lock-holder", "codex-plugins-x", "anything"]) {
          Fs.symlinkSync(precious, Path.join(staging, name))
        }
        execFileSync("mkfifo", [Path.join(staging, "codex-plugins-y")])
        const { code, output } = yield* run(home, ["sync"])
        assert.strictEqual(code, 0, output)
        assert.strictEqual(Fs.readFileSync(precious, "utf8"), "precious")
        assert.deepStrictEqual(versionsOf(home, "alpha"), ["1.0.0"])
      })
    )

    it.effect("cannot stop list with a marketplace folder that nobody may read", () =>
      Effect.gen(function* () {
        const { home, root, succeed } = yield* make
        yield* succeed(home, ["sync"])
        const foreign = Path.join(home, "plugins/cache/foreign")
        Fs.mkdirSync(foreign, { mode: 0o000 })
        Fs.chmodSync(root, 0o755)
        for (const sidecar of ["alpha", "beta"]) {
          Fs.chmodSync(Path.join(cacheOf(home), sidecar, sidecarName), 0o644)
        }
        const listed = yield* succeed(home, ["list", "--json"], (command) =>
          isRoot
            ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", ...command]
            : command
        )
        Fs.chmodSync(foreign, 0o700)
        assert.deepStrictEqual(lines(listed), [whole(alpha), whole(beta)])
      })
    )
  })

  describe("a file of the home", () => {
    it.effect.each([
      ["auth.json", "a pipe", (path: string) => execFileSync("mkfifo", [path])],
      ["config.toml", "a pipe", (path: string) => execFileSync("mkfifo", [path])],
      ["auth.json", "a device", (path: string) => Fs.symlinkSync("/dev/zero", path)],
      ["config.toml", "a device", (path: string) => Fs.symlinkSync("/dev/zero", path)],
      [
        "auth.json",
        "3 GB",
        (path: string) => {
          Fs.writeFileSync(path, "")
          Fs.truncateSync(path, 3e9)
        }
      ]
    ] as const)("fails a sync at once: %s is %s", ([name, , plant]) =>
      Effect.gen(function* () {
        const { home, run } = yield* make
        Fs.rmSync(Path.join(home, name))
        plant(Path.join(home, name))
        const { code, output } = yield* run(home, ["sync"])
        assert.include([1, 4], code, output)
        assert.include(output, Path.join(home, name))
        assert.isFalse(Fs.existsSync(Path.join(home, "plugins/cache")))
      })
    )

    it.effect("is not read if it is a sidecar or a manifest of 3 GB", () =>
      Effect.gen(function* () {
        const { home, succeed } = yield* make
        yield* succeed(home, ["sync"])
        Fs.truncateSync(Path.join(cacheOf(home), "alpha", sidecarName), 3e9)
        Fs.truncateSync(Path.join(cacheOf(home), "beta/1.0.0/.codex-plugin/plugin.json"), 3e9)
        const listed = lines(
          yield* succeed(home, ["list", "--json"], inShell("ulimit -v 30000000"))
        )
        assert.strictEqual(listed[0], "alpha 1.0.0 whole unreadable")
        assert.match(listed[1] ?? "", /^beta .*broken/)
      })
    )

    it.effect("is named with a remedy by sync and doctor if it is a damaged lock", () =>
      Effect.gen(function* () {
        const { home, run, succeed } = yield* make
        Fs.mkdirSync(Path.join(home, "plugins"))
        const lock = Path.join(home, "plugins/.codex-plugins.lock")
        Fs.writeFileSync(lock, "hi\n")
        for (const args of [["sync"], ["doctor"]]) {
          const { code, output } = yield* run(home, args)
          assert.strictEqual(code, 1, output)
          // Lines are wrapped at the width of the terminal.
          const text = output.replaceAll(/\s+/g, " ")
          assert.include(text, lock)
          assert.include(text, "delete it while no other codex-plugins process runs")
        }
        Fs.rmSync(lock)
        yield* succeed(home, ["sync"])
      })
    )

    it.effect("is not created in a home that is not signed in", () =>
      Effect.gen(function* () {
        const { home, run } = yield* make
        Fs.rmSync(Path.join(home, "auth.json"))
        const { code } = yield* run(home, ["sync"])
        assert.notStrictEqual(code, 0)
        assert.deepStrictEqual(Fs.readdirSync(home), ["config.toml"])
      })
    )
  })

  describe("text from the backend and the disk", () => {
    it.effect("reaches the terminal without control characters", () =>
      Effect.gen(function* () {
        const { backend, home, run, succeed } = yield* make
        yield* succeed(home, ["sync"])
        yield* backend.publish(TestBackend.plugin({ name: "a", id: "a", row: { name: nasty } }))
        yield* backend.publish(TestBackend.plugin({ name: "b", id: `b${nasty}` }))
        yield* backend.publish(TestBackend.plugin({ name: "c", version: nasty }))
        yield* backend.publish(
          TestBackend.plugin({ name: "d", description: nasty, release: { display_name: nasty } })
        )
        yield* backend.publish(
          TestBackend.plugin({ name: "e", bundle: { [`skills/${nasty}`]: "text" } })
        )
        const base = Path.join(cacheOf(home), "gamma")
        Fs.cpSync(Path.join(cacheOf(home), "alpha"), base, { recursive: true })
        Fs.writeFileSync(
          Path.join(base, sidecarName),
          JSON.stringify({ schema_version: 1, remote_plugin_id: `g${nasty}` })
        )
        const odd = nasty.replaceAll("/", "")
        Fs.mkdirSync(Path.join(cacheOf(home), odd, "1.0.0"), { recursive: true })
        Fs.mkdirSync(Path.join(home, "plugins/cache", odd, "x", "1.0.0"), { recursive: true })
        const staging = stagingOf(home)
        Fs.mkdirSync(Path.join(staging, `codex-plugins-${odd}`), { recursive: true })
        for (const args of [
          ["list"],
          ["list", "--json"],
          ["id", "gamma"],
          ["id", `gamma@${marketplace}`, "--json"],
          ["read", "d"],
          ["read", "d", "--json"],
          ["search", "d"],
          ["verify"],
          ["doctor"],
          ["sync", "--dry-run"],
          ["sync", "--dry-run", "--json"],
          ["sync", "--log-level", "all"],
          ["sync", "--json"],
          ["doctor", "--json"],
          ["id", nasty],
          ["uninstall", nasty],
          ["install", nasty],
          ["sync", "--codex-home", `/none/${nasty}`]
        ]) {
          const { output } = yield* run(home, args)
          const found = raw.exec(output)
          assert.isNull(found, `${args.join(" ")}: ${JSON.stringify(output)}`)
          // The user's own input may have several lines.
          if (!args.some((arg) => arg.includes(nasty))) {
            assert.notMatch(output, /^faked line/m, args.join(" "))
          }
        }
      })
    )
  })

  describe("a plugin", () => {
    it.effect("cannot use the sidecar's name as its version", () =>
      Effect.gen(function* () {
        const { backend, home, root, run, succeed } = yield* make
        yield* succeed(home, ["sync"])
        yield* backend.update(alpha.id, { version: sidecarName })
        assert.strictEqual((yield* run(home, ["sync"])).code, 3)
        const source = Path.join(root, "source")
        Fs.mkdirSync(Path.join(source, ".codex-plugin"), { recursive: true })
        Fs.writeFileSync(
          Path.join(source, ".codex-plugin/plugin.json"),
          JSON.stringify({ name: "alpha", version: sidecarName })
        )
        const local = yield* run(home, ["install", "--from", source, `alpha@${marketplace}`])
        assert.notStrictEqual(local.code, 0, local.output)
        assert.deepStrictEqual(lines(yield* succeed(home, ["list", "--json"])), [
          whole(alpha),
          whole(beta)
        ])
      })
    )

    it.effect("from a user's folder loses its set-uid bits", () =>
      Effect.gen(function* () {
        const { home, root, succeed } = yield* make
        const source = Path.join(root, "source")
        Fs.mkdirSync(Path.join(source, ".codex-plugin"), { recursive: true })
        Fs.writeFileSync(
          Path.join(source, ".codex-plugin/plugin.json"),
          JSON.stringify({ name: "mine", version: "1.0.0" })
        )
        Fs.writeFileSync(Path.join(source, "tool"), "")
        Fs.chmodSync(Path.join(source, "tool"), 0o6755)
        yield* succeed(home, ["install", "--from", source, "mine@local"])
        const tool = Path.join(home, "plugins/cache/local/mine/1.0.0/tool")
        assert.strictEqual(Fs.statSync(tool).mode & 0o7777, 0o755)
      })
    )

    it.effect("is not copied into itself", () =>
      Effect.gen(function* () {
        const { home, run } = yield* make
        Fs.mkdirSync(Path.join(home, ".codex-plugin"))
        Fs.writeFileSync(
          Path.join(home, ".codex-plugin/plugin.json"),
          JSON.stringify({ name: "mine", version: "1.0.0" })
        )
        const { code, output } = yield* run(home, ["install", "--from", home, "mine@local"])
        assert.strictEqual(code, 0, output)
        const version = Path.join(home, "plugins/cache/local/mine/1.0.0")
        const copied = Fs.readdirSync(version, { recursive: true, encoding: "utf8" })
        assert.deepStrictEqual(
          copied.filter((name) => name.includes("plugin-install-staging") || name.includes("mine")),
          []
        )
      })
    )

    it.effect("with a manifest of 240 MB fails on its own, in little memory", () =>
      Effect.gen(function* () {
        const { backend, home, run, succeed } = yield* make
        const huge = `{"name":"alpha","version":"1.0.0","x":[${"{},".repeat(80 * mebibyte)}{}]}`
        yield* backend.update(alpha.id, { bundle: { ".codex-plugin/plugin.json": huge } })
        const { code, output } = yield* run(
          home,
          ["sync"],
          // Node reserves much more address space than it uses, so its heap is limited instead.
          inShell("export NODE_OPTIONS=--max-old-space-size=256")
        )
        assert.strictEqual(code, 3, output)
        assert.match(output, /alpha.*manifest|manifest.*alpha|plugin\.json/s)
        assert.deepStrictEqual(lines(yield* succeed(home, ["list", "--json"])), [whole(beta)])
      })
    )

    it.effect("with a lone surrogate in its id is refused, as Codex does", () =>
      Effect.gen(function* () {
        const { backend, home, run } = yield* make
        yield* backend.when(
          { kind: "listing" },
          TestReply.mapJson((page) => page),
          (reply) => {
            const text = new TextDecoder().decode(reply.body)
            const body = new TextEncoder().encode(text.replace(alpha.id, "\\ud800x"))
            return { ...reply, body, contentLength: body.length }
          }
        )
        const { code } = yield* run(home, ["sync"])
        assert.notStrictEqual(code, 0)
        assert.isFalse(Fs.existsSync(Path.join(cacheOf(home), "alpha")))
      })
    )

    it.effect("with two names that differ only in case changes nothing", () =>
      Effect.gen(function* () {
        const { backend, home, run } = yield* make
        yield* backend.publish(TestBackend.plugin({ name: "Alpha", id: "other" }))
        assert.strictEqual((yield* run(home, ["sync"])).code, 3)
        assert.deepStrictEqual(Fs.readdirSync(cacheOf(home)), ["beta"])
      })
    )

    it.effect.skipIf(!isLinux || !isRoot)(
      "keeps its identity if its version cannot be moved during a change of owner",
      () =>
        Effect.gen(function* () {
          const { backend, home, run, succeed } = yield* make
          yield* succeed(home, ["sync"])
          const version = Path.join(cacheOf(home), "alpha/1.0.0")
          const chattr = (flag: string) => {
            try {
              execFileSync("chattr", [flag, version], { stdio: "ignore" })
              return true
            } catch {
              return false
            }
          }
          if (!chattr("+i")) return
          yield* backend.remove(alpha.id)
          yield* backend.publish(TestBackend.plugin({ name: "alpha", id: "plugins~Plugin_new" }))
          const { code } = yield* run(home, ["sync"])
          chattr("-i")
          assert.strictEqual(code, 3)
          const [listed] = lines(yield* succeed(home, ["list", "--json"]))
          assert.notStrictEqual(listed, "alpha 1.0.0 whole plugins~Plugin_new")
        })
    )
  })
})
