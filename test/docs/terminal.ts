/**
 * `npm run docs:terminal`: records a run of the built program on a terminal, and writes the picture of
 * it, `docs/terminal.svg`. The backend is on this machine, behind a simulated home connection.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, FileSystem } from "effect"
import { randomBytes } from "node:crypto"
import { fileURLToPath } from "node:url"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import type * as TestPlugin from "../../src/testing/TestPlugin.ts"
import * as Network from "../bench/network.ts"
import * as Certificates from "../support/certificates.ts"
import * as Emulator from "../support/emulator.ts"
import * as Terminal from "../support/terminal.ts"
import { type Frame, picture } from "./picture.ts"

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

const columns = 80
const networkHost = "127.0.0.2"
/** A home connection: 16 Mbit/s. */
const homeNetwork: Network.Network = { roundTrip: 40, rate: 2_000_000 }

/** A plugin with a bundle of so many bytes. */
const plugin = (name: string, version: string, bytes: number): TestPlugin.Options => ({
  name,
  version,
  files: {
    ".codex-plugin/plugin.json": JSON.stringify({ name, version }),
    "assets/pictures.bin": new Uint8Array(randomBytes(bytes))
  }
})

const before = [
  plugin("calendar", "2.0.1", 1000),
  plugin("github", "1.4.0", 1000),
  plugin("notion", "0.9.2", 1000),
  plugin("web-scraper", "3.1.0", 1000)
]

const added = [
  plugin("build-macos-apps", "1.2.0", 4_600_000),
  plugin("figma-to-code", "0.8.3", 2_900_000),
  plugin("kubernetes-ops", "2.1.0", 900_000),
  plugin("linear", "1.0.4", 250_000),
  plugin("sentry-triage", "0.3.1", 1_700_000)
]

/** Prints this command's prompt, and what the terminal shows while it runs. */
const record = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  above: ReadonlyArray<Emulator.Line>
) {
  const prompt: Emulator.Line = [
    { text: "$ ", style: { dim: true } },
    { text: ["codex-plugins", ...args].join(" "), style: { bold: true } }
  ]
  const startedAt = performance.now()
  const frames: Array<Frame> = [{ at: 0, lines: [...above, prompt] }]
  const { code, output } = yield* Terminal.run(args, {
    program: at("dist/bin/codex-plugins.js"),
    columns,
    env,
    onOutput: (output) =>
      void frames.push({
        at: performance.now() - startedAt,
        lines: [...above, prompt, ...Emulator.linesOf(output, columns)]
      })
  })
  if (code !== 0) return yield* Effect.die(new Error(`the program failed:\n${output}`))
  return frames
})

const last = (frames: ReadonlyArray<Frame>) => frames.at(-1)!.lines.slice(0, -1)

const main = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { ca, good } = yield* Certificates.make
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "codex-terminal-" })
  yield* fs.writeFileString(`${folder}/ca.pem`, ca)
  const home = `${folder}/home`
  const backend = yield* TestBackend.make({ plugins: before.map(TestBackend.plugin) })
  const served = yield* backend.serve({ bundles: { ...good, host: networkHost } })
  const open = Network.make(homeNetwork, networkHost)
  const api = new URL(served.baseUrl)
  for (const url of [api, new URL(served.bundleOrigin)]) {
    yield* Effect.acquireRelease(
      Effect.promise(() => open(Number(url.port))),
      (server) => Effect.sync(() => server.close())
    )
  }
  api.hostname = networkHost
  yield* backend.writeHome(home, { ...served, baseUrl: api.href })

  const env = { CODEX_HOME: home, CODEX_CA_CERTIFICATE: `${folder}/ca.pem` }
  yield* record(["sync"], env, [])
  for (const one of added) yield* backend.publish(TestBackend.plugin(one))
  const idOf = (name: string) => TestBackend.plugin(plugin(name, "1.0.0", 0)).id
  yield* backend.update(idOf("github"), plugin("github", "1.5.0", 600_000))
  yield* backend.update(idOf("calendar"), plugin("calendar", "2.1.0", 120_000))
  yield* backend.uninstall(idOf("notion"))

  const synced = yield* record(["sync"], env, [])
  const identified = yield* record(["id", "figma-to-code"], env, last(synced))
  const title = "codex-plugins sync downloads, updates and removes plugins, with its progress"
  const svg = picture(columns, [synced, identified], title)
  yield* fs.writeFileString(at("docs/terminal.svg"), svg)
}).pipe(Effect.scoped)

NodeRuntime.runMain(Effect.provide(main, NodeServices.layer))
