import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { randomBytes } from "node:crypto"
import { posix } from "node:path"
import { expect } from "vitest"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import * as Emulator from "../support/emulator.ts"
import { world } from "../support/shell.ts"
import * as Terminal from "../support/terminal.ts"

const plugins = ["alpha", "beta", "gamma"].map((name) => TestBackend.plugin({ name }))

const gammaId = "plugins~Plugin_gamma"

const slowWorld = Effect.fnUntraced(function* () {
  const made = yield* world({ plugins })
  yield* made.backend.when({ kind: "bundle" }, TestReply.delay("700 millis"))
  return made
})

const widths = [80, 40] as const

/** Runs a command on a home. Its messages name the home in the same number of columns everywhere. */
const runOn = (home: string, args: ReadonlyArray<string>, options: Terminal.Options) =>
  Terminal.run([...args, "--codex-home", posix.basename(home)], {
    ...options,
    cwd: posix.dirname(home)
  })

/** Compares screens with the recorded ones. */
const compare = (name: string, columns: number, ...screens: ReadonlyArray<ReadonlyArray<string>>) =>
  Effect.promise(() => {
    const text = screens
      .map((screen) => screen.map(Terminal.withoutTimes).join("\n"))
      .join("\n\n")
      .replaceAll(/codex-home-\w{6}/g, "codex-home-XXXXXX")
      // The terminal echoes Ctrl-C, and the seconds after the first one vary.
      .replaceAll(/\^C$| {2}N s$/gm, "")
      // The bytes of a stalled download that are shown depend on the chunks in which they arrived.
      .replaceAll(/━+─*(?= )/g, "━━━━━━━━━━──────────")
      .replaceAll(/\b\d+ kB(?= +N\/s| of)/g, "N kB")
    return expect(text).toMatchFileSnapshot(`screens/${name}-${columns}.txt`)
  })

/** Plugins with slow downloads. */
const large = (name: string) =>
  TestBackend.plugin({
    name,
    files: {
      ".codex-plugin/plugin.json": JSON.stringify({ name, version: "1.0.0" }),
      noise: new Uint8Array(randomBytes(240_000))
    }
  })

const bundleOf = (name: string) => ({ kind: "bundle", plugin: `plugins~Plugin_${name}` }) as const

/** Changes the row of one plugin in the listing. */
const mapRow = (name: string, f: (row: Record<string, object>) => object) =>
  TestReply.mapJson((json) => ({
    ...json,
    plugins: (json["plugins"] as ReadonlyArray<Record<string, object>>).map((row) =>
      String(row["id"]) === `plugins~Plugin_${name}` ? f(row) : row
    )
  }))

const cacheOf = (home: string) => `${home}/plugins/cache/openai-curated-remote`

// Only a terminal shows how output is drawn and wrapped, and what remains of it.
describe.skipIf(!Terminal.isAvailable)("the screen of a command on a terminal", () => {
  it.live.each(widths)(
    "sync shows each moment of a slow sync in %d columns, and after Ctrl-C what is in place",
    (columns) =>
      Effect.gen(function* () {
        const names = ["alpha", "build-macos-apps", "gamma", "delta"]
        const { backend, home } = yield* world({ plugins: names.map(large) })
        yield* backend.when({ kind: "listing" }, TestReply.delay("1 second"))
        yield* backend.when(bundleOf("build-macos-apps"), TestReply.stall(60_000))
        yield* backend.when(bundleOf("gamma"), TestReply.stall(60_000))
        yield* backend.when(bundleOf("delta"), TestReply.status(503, { "retry-after": "20" }))
        const moments: Array<ReadonlyArray<string>> = []
        const { code, screen } = yield* runOn(home, ["sync"], {
          columns,
          onOutput: (output) => void moments.push(Terminal.screenOf(output, columns)),
          type: { after: /1\/4 plugins[^]*retry in[^]* of 240 kB[^]* of 240 kB/, text: "\u0003" }
        })
        assert.strictEqual(code, 130)
        const first = moments.find((lines) => lines[0] !== "") ?? []
        const last = moments.findLast((lines) => lines.join().includes("gamma")) ?? []
        yield* compare("slow-sync", columns, first, last, screen)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("sync leaves only its results, in colour", () =>
    Effect.gen(function* () {
      const { backend, home } = yield* slowWorld()
      yield* backend.when({ kind: "bundle", plugin: gammaId }, TestReply.status(404))
      const { code, output } = yield* Terminal.run(["sync", "--codex-home", home], { columns: 80 })
      assert.strictEqual(code, 3, output)
      assert.deepStrictEqual(
        Emulator.linesOf(output, 80).map(Emulator.markedOf).map(Terminal.withoutTimes),
        [
          " {green +} {bold alpha} {dim 1.0.0}",
          " {green +} {bold beta} {dim 1.0.0}",
          " {red ✗} {bold gamma}: its host answered 404: the link may have expired",
          "   {cyan help:} sync again to get a new one",
          "Installed 2, {red 1 failed} {dim (N s)}",
          ""
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("sync draws nothing over lines with CI set, and no colours with NO_COLOR", () =>
    Effect.gen(function* () {
      for (const env of [{ CI: "true", NO_COLOR: "1" }, { TERM: "dumb" }] as const) {
        const { home } = yield* slowWorld()
        const { output } = yield* Terminal.run(["sync", "--codex-home", home], { columns: 80, env })
        assert.notInclude(output, "\u001b")
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live.each(widths)(
    "sync names each cause of failure once, with what helps, in %d columns",
    (columns) =>
      Effect.gen(function* () {
        const names = ["a1", "a2", "a3", "bad-archive", "evil", "forbidden", "gone", "plain"]
        const { backend, home } = yield* world({
          plugins: names.map((name) => TestBackend.plugin({ name }))
        })
        yield* backend.when(bundleOf("bad-archive"), TestReply.body("not gzip"))
        yield* backend.when(bundleOf("forbidden"), TestReply.status(403))
        yield* backend.when(bundleOf("gone"), TestReply.status(404))
        yield* backend.when(
          { kind: "listing" },
          mapRow("evil", (row) => ({ ...row, name: "../evil" })),
          mapRow("plain", (row) => ({
            ...row,
            release: { ...row["release"], bundle_download_url: "http://example.com/x" }
          }))
        )
        const { code, screen } = yield* runOn(home, ["sync"], { columns })
        assert.strictEqual(code, 3)
        yield* compare("mixed-failures", columns, screen)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("sync groups plugins that all fail for the same reason", () =>
    Effect.gen(function* () {
      const { backend, home } = yield* world({
        plugins: Array.from({ length: 50 }, (_, nth) => TestBackend.plugin({ name: `p${nth}` }))
      })
      yield* backend.when({ kind: "bundle" }, TestReply.status(404))
      for (const columns of widths) {
        const { code, screen } = yield* runOn(home, ["sync"], { columns })
        assert.strictEqual(code, 3)
        yield* compare("same-failure", columns, screen)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("doctor lists what is wrong with a bad home, and what helps", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { home, run } = yield* world({ plugins })
      yield* run("sync")
      yield* fs.remove(`${home}/auth.json`)
      yield* fs.writeFileString(
        `${cacheOf(home)}/alpha/.codex-remote-plugin-install.json`,
        `{"schema_version":9}`
      )
      const env = { HTTP_PROXY: "socks5://localhost:1", CODEX_CA_CERTIFICATE: "/nope.pem" }
      for (const columns of widths) {
        const { code, screen } = yield* runOn(home, ["doctor"], { columns, env })
        assert.strictEqual(code, 1)
        yield* compare("doctor", columns, screen)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("verify lists the files that differ from the account's bundle", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { backend, home, run } = yield* world({
        plugins: [...plugins, TestBackend.plugin({ name: "delta" })]
      })
      yield* run("sync")
      const cache = cacheOf(home)
      yield* fs.writeFileString(`${cache}/alpha/1.0.0/extra.txt`, "")
      yield* fs.writeFileString(`${cache}/alpha/1.0.0/skills/alpha/SKILL.md`, "")
      yield* fs.remove(`${cache}/beta/1.0.0/skills`, { recursive: true })
      yield* fs.remove(`${cache}/delta`, { recursive: true })
      yield* backend.update(gammaId, { name: "gamma", version: "1.1.0" })
      for (const columns of widths) {
        const { code, screen } = yield* runOn(home, ["verify"], { columns })
        assert.strictEqual(code, 1)
        yield* compare("verify", columns, screen)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("sync prints one line when nothing changed", () =>
    Effect.gen(function* () {
      const { home, run } = yield* world({ plugins })
      yield* run("sync")
      const { code, screen } = yield* runOn(home, ["sync"], { columns: 80 })
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(screen, ["Already up to date (3 plugins, N s)", ""])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live.each([80, 40])("list fits %d columns with ids of real length", (columns) =>
    Effect.gen(function* () {
      const real = TestBackend.plugin({
        name: "kubernetes-ops",
        id: "plugins~Plugin_4a801f4b45ac106fee1221b820cd852b"
      })
      const { home, run } = yield* world({ plugins: [real] })
      yield* run("sync")
      const { screen } = yield* Terminal.run(["list", "--codex-home", home], { columns })
      assert.deepStrictEqual(
        screen,
        columns === 80
          ? [
              "PLUGIN                                VERSION  SOURCE",
              "kubernetes-ops@openai-curated-remote  1.0.0    account",
              ""
            ]
          : ["kubernetes-ops@openai-curated-remote", "  1.0.0  account", ""]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
