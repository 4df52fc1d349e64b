/**
 * A plugin's life in six steps, with each program in each role: read it uninstalled, install it, find version
 * and sidecar, delete the sidecar alone, see it come back the same, uninstall it.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Schema, type Scope, Stream } from "effect"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import * as Fs from "node:fs"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import { start } from "./support/AppServerClient.ts"
import * as CodexBinary from "./support/CodexBinary.ts"
import * as Program from "./support/Program.ts"
import * as FolderTree from "./support/FolderTree.ts"
import * as LoopbackBackend from "./support/LoopbackBackend.ts"
import * as OurProgram from "./support/OurProgram.ts"

const sidecarName = ".codex-remote-plugin-install.json"

const sidecarOf = (id: string): FolderTree.Entry => ({
  kind: "file",
  mode: "0600",
  content: `{\n  "schema_version": 1,\n  "remote_plugin_id": "${id}"\n}\n`
})

// --- who acts

interface Setting {
  readonly home: string
  readonly environment: Readonly<Record<string, string>>
}

/** A program that reads, installs and uninstalls. Its start runs a pass. */
interface Actor {
  readonly isInstalled: (id: string) => Effect.Effect<boolean, unknown>
  readonly install: (id: string) => Effect.Effect<unknown, unknown>
  readonly uninstall: (id: string) => Effect.Effect<unknown, unknown>
}

type Begin = (
  setting: Setting
) => Effect.Effect<Actor, unknown, Scope.Scope | OurProgram.OurProgram | NodeServices.NodeServices>

const decodeRead = Schema.decodeUnknownEffect(
  Schema.Struct({
    plugin: Schema.Struct({ summary: Schema.Struct({ installed: Schema.Boolean }) })
  })
)

const named = (id: string) => ({ pluginName: id, remoteMarketplaceName: "any" })

const overAppServer =
  (program: Program.Program): Begin =>
  (setting) =>
    Effect.gen(function* () {
      const server = yield* start(program, setting)
      yield* server.initialize
      assert.isTrue(yield* server.passAfter(0))
      const ask = Effect.fnUntraced(function* (method: string, params: object) {
        const { error, result } = yield* server.request(method, params)
        assert.isUndefined(error)
        return result
      })
      return {
        isInstalled: (id) =>
          Effect.map(
            Effect.flatMap(ask("plugin/read", named(id)), decodeRead),
            ({ plugin }) => plugin.summary.installed
          ),
        install: (id) => ask("plugin/install", named(id)),
        uninstall: (id) => ask("plugin/uninstall", { pluginId: id })
      }
    })

const shell = Effect.fnUntraced(function* ({ environment, home }: Setting, args: Array<string>) {
  const { path } = yield* OurProgram.OurProgram
  const handle = yield* ChildProcess.make(process.execPath, [path, ...args, "--codex-home", home], {
    env: { PATH: process.env["PATH"], HOME: home, ...environment },
    stdin: "ignore",
    stderr: "inherit"
  })
  const [stdout, code] = yield* Effect.all(
    [Stream.mkString(Stream.decodeText(handle.stdout)), handle.exitCode],
    { concurrency: "unbounded" }
  )
  assert.strictEqual(code, 0)
  return stdout
}, Effect.scoped)

const decodeJson = Schema.decodeUnknownEffect(
  Schema.fromJsonString(Schema.Struct({ installed: Schema.Boolean }))
)

const fromShell: Begin = (setting) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<
      OurProgram.OurProgram | ChildProcessSpawner.ChildProcessSpawner
    >()
    const run = (...args: Array<string>) => Effect.provide(shell(setting, args), context)
    yield* run("sync")
    return {
      isInstalled: (id) =>
        Effect.map(Effect.flatMap(run("read", id, "--json"), decodeJson), (_) => _.installed),
      install: (id) => run("install", id),
      uninstall: (id) => run("uninstall", id)
    }
  })

const actors: ReadonlyArray<readonly [name: string, begin: Begin]> = [
  ["Codex 0.142", overAppServer("0.142.0")],
  ["Codex 0.169", overAppServer("0.169.0")],
  ["our app-server", overAppServer("ours")],
  ["our commands", fromShell]
]

const casts = actors.flatMap(([first, begin]) =>
  actors.map(([second, beginAnew]) => ({ first, begin, second, beginAnew }))
)

// --- one cache for two programs

const plugins = [
  TestBackend.plugin({
    name: "hello",
    version: "1.2.3",
    appManifest: { apps: { a: { id: "x" } } }
  }),
  TestBackend.plugin({
    name: "weather",
    version: "2.0.0-rc.1",
    files: { "bin/run": { content: "x", mode: 0o755 } }
  }),
  TestBackend.plugin({ name: "diary", scope: "USER" }),
  TestBackend.plugin({ name: "off", enabled: false }),
  TestBackend.plugin({ name: "team", scope: "WORKSPACE" }),
  TestBackend.plugin({ name: "friend", scope: "WORKSPACE", discoverability: "UNLISTED" })
]

const placeOf = (name: string): string =>
  ({
    diary: "created-by-me-remote",
    team: "workspace-directory",
    friend: "workspace-shared-with-me"
  })[name] ?? "openai-curated-remote"

const decodeInstalled = Schema.decodeUnknownSync(
  Schema.Struct({
    marketplaces: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        plugins: Schema.Array(
          Schema.Struct({
            name: Schema.String,
            remotePluginId: Schema.String,
            installed: Schema.Boolean,
            version: Schema.optionalKey(Schema.String)
          })
        )
      })
    )
  })
)

// --- the tests

const services = Layer.provideMerge(OurProgram.layer, NodeServices.layer)

layer(services, { excludeTestServices: true })("ours and Codex", (it) => {
  describe.each(casts)("$first, then $second", ({ begin, beginAnew }) => {
    it.effect(
      "complete the six steps",
      Effect.fnUntraced(function* () {
        const hello = TestBackend.plugin({
          name: "hello",
          version: "1.2.3",
          installed: false,
          appManifest: { apps: {} }
        })
        const { backend, environment, makeHome } = yield* LoopbackBackend.make({ plugins: [hello] })
        const home = yield* makeHome()
        const cache = `${home}/plugins/cache/openai-curated-remote`
        const sidecar = `hello/${sidecarName}`

        const before = yield* Effect.scoped(
          Effect.gen(function* () {
            const actor = yield* begin({ home, environment })
            assert.isFalse(yield* actor.isInstalled(hello.id))
            assert.isFalse(Fs.existsSync(`${cache}/hello`))

            yield* actor.install(hello.id)
            assert.isTrue(yield* actor.isInstalled(hello.id))
            return FolderTree.read(cache)
          })
        )
        assert.deepStrictEqual(before[sidecar], sidecarOf(hello.id))
        assert.deepStrictEqual(before["hello/1.2.3"], { kind: "folder", mode: "0755" })
        assert.property(before, "hello/1.2.3/.codex-plugin/plugin.json")
        assert.property(before, "hello/1.2.3/.app.json")

        Fs.rmSync(`${cache}/${sidecar}`)
        yield* backend.forget
        yield* Effect.scoped(
          Effect.gen(function* () {
            const actor = yield* beginAnew({ home, environment })
            assert.deepStrictEqual(FolderTree.read(cache), before)
            assert.deepStrictEqual(yield* backend.requests({ kind: "bundle" }), [])

            yield* actor.uninstall(hello.id)
            assert.isFalse(yield* actor.isInstalled(hello.id))
            assert.deepStrictEqual(FolderTree.read(cache), {})
          })
        )
        assert.isFalse(yield* backend.isInstalled(hello.id))
      })
    )
  })

  describe.each(CodexBinary.versions)("ours beside Codex %s", (version) => {
    it.effect(
      "finds nothing to do after Codex, and changes no byte and no time stamp",
      Effect.fnUntraced(function* () {
        const { backend, environment, makeHome } = yield* LoopbackBackend.make({ plugins })
        const home = yield* makeHome()
        yield* Program.run(version, { home, environment })
        const cache = `${home}/plugins/cache`
        const stamps = FolderTree.stamps(cache)
        const tree = FolderTree.read(cache)
        yield* backend.forget
        const report = yield* Program.run("ours", { home, environment })
        assert.deepStrictEqual(report, { pass: "completed", failed: [] })
        assert.deepStrictEqual(yield* backend.requests({ kind: "bundle" }), [])
        assert.deepStrictEqual(FolderTree.read(cache), tree)
        assert.deepStrictEqual(FolderTree.stamps(cache), stamps)
      })
    )

    it.effect(
      "leaves Codex nothing to download, and Codex reports the versions that ours installed",
      Effect.fnUntraced(function* () {
        const { backend, environment, makeHome } = yield* LoopbackBackend.make({ plugins })
        const home = yield* makeHome()
        yield* Program.run("ours", { home, environment })
        const cache = `${home}/plugins/cache`
        const tree = FolderTree.read(cache)
        yield* backend.forget
        const codex = yield* start(version, { home, environment })
        yield* codex.initialize
        assert.isTrue(yield* codex.passAfter(0))
        assert.deepStrictEqual(yield* backend.requests({ kind: "bundle" }), [])
        assert.deepStrictEqual(FolderTree.read(cache), tree)

        const { result } = yield* codex.request("plugin/installed")
        const told = decodeInstalled(result).marketplaces.flatMap(
          ({ name: marketplace, plugins }) =>
            plugins.map(({ installed, name, remotePluginId, version }) => ({
              place: `${marketplace}/${name}`,
              remotePluginId,
              installed,
              version
            }))
        )
        assert.sameDeepMembers(
          told,
          plugins.map(({ id, name, version: release = "1.0.0" }) => ({
            place: `${placeOf(name)}/${name}`,
            remotePluginId: id,
            installed: true,
            // 0.142 tells no version of a remote plugin.
            version: version === "0.142.0" ? undefined : release
          }))
        )
        for (const { name, version: release = "1.0.0" } of plugins) {
          assert.property(tree, `${placeOf(name)}/${name}/${release}`)
        }
      })
    )

    it.effect(
      "adds the missing sidecars to an older cache of Codex, and changes nothing else",
      Effect.fnUntraced(function* () {
        const { backend, environment, makeHome } = yield* LoopbackBackend.make({ plugins })
        const home = yield* makeHome()
        yield* Program.run(version, { home, environment })
        const cache = `${home}/plugins/cache`
        const tree = FolderTree.read(cache)
        const sidecars = Object.keys(tree).filter((path) => path.endsWith(sidecarName))
        assert.lengthOf(sidecars, plugins.length)
        for (const sidecar of sidecars) Fs.rmSync(`${cache}/${sidecar}`)
        // A base root's own time stamp tells that a sidecar came.
        const untouched = (stamps: Readonly<Record<string, string>>) =>
          Object.entries(stamps).filter(
            ([path]) => path.split("/").length !== 2 && !sidecars.includes(path)
          )
        const stamps = FolderTree.stamps(cache)
        yield* backend.forget
        yield* Program.run("ours", { home, environment })
        assert.deepStrictEqual(FolderTree.read(cache), tree)
        assert.deepStrictEqual(untouched(FolderTree.stamps(cache)), untouched(stamps))
        assert.deepStrictEqual(yield* backend.requests({ kind: "bundle" }), [])
      })
    )
  })
})
