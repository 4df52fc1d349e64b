import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import * as CodexAppServer from "./support/CodexAppServer.ts"
import * as CodexBinary from "./support/CodexBinary.ts"
import * as FolderTree from "./support/FolderTree.ts"
import * as LoopbackBackend from "./support/LoopbackBackend.ts"

const hello = TestBackend.plugin({ name: "hello", version: "1.2.3" })
const diary = TestBackend.plugin({ name: "diary", version: "2.0.0", scope: "USER" })

const sidecar = (id: string): FolderTree.Entry => ({
  kind: "file",
  mode: "0600",
  content: `{\n  "schema_version": 1,\n  "remote_plugin_id": "${id}"\n}\n`
})

describe.each(CodexBinary.versions)("Codex %s", (version) =>
  layer(NodeServices.layer, { excludeTestServices: true })((it) => {
    it.effect(
      "caches what its account has installed as soon as it starts",
      Effect.fnUntraced(function* () {
        const { backend, environment, makeHome } = yield* LoopbackBackend.make({
          plugins: [hello, diary]
        })
        const home = yield* makeHome()
        const codex = yield* CodexAppServer.start({ version, home, environment })
        const pass = yield* codex.pass()
        assert.isUndefined(pass.error)
        assert.deepStrictEqual(pass.failed, [])

        const cache = FolderTree.read(`${home}/plugins/cache`)
        assert.deepStrictEqual(
          cache["openai-curated-remote/hello/.codex-remote-plugin-install.json"],
          sidecar(hello.id)
        )
        assert.deepStrictEqual(
          cache["created-by-me-remote/diary/.codex-remote-plugin-install.json"],
          sidecar(diary.id)
        )
        assert.property(cache, "openai-curated-remote/hello/1.2.3/.codex-plugin/plugin.json")
        assert.property(cache, "created-by-me-remote/diary/2.0.0/skills/diary/SKILL.md")

        const downloads = yield* backend.requests({ kind: "bundle" })
        assert.sameMembers(
          downloads.map(({ plugin }) => plugin),
          [hello.id, diary.id]
        )
        assert.isTrue(
          downloads.every(
            ({ headers, url }) => url.protocol === "https:" && !headers["authorization"]
          )
        )
      })
    )

    it.effect(
      "answers a client and exits when the client disconnects",
      Effect.fnUntraced(function* () {
        const { environment, makeHome } = yield* LoopbackBackend.make({ plugins: [hello] })
        const home = yield* makeHome()
        const codex = yield* CodexAppServer.start({ version, home, environment })
        const error = yield* Effect.flip(codex.request("plugin/installed", {}))
        assert.propertyVal(error, "message", "plugin/installed failed with -32600: Not initialized")
        assert.deepInclude(yield* codex.initialize, { codexHome: home, platformFamily: "unix" })
        yield* codex.pass()
        assert.deepNestedInclude(
          yield* codex.request("plugin/read", {
            remoteMarketplaceName: "openai-curated-remote",
            pluginName: hello.id
          }),
          { "plugin.summary.installed": true, "plugin.summary.remotePluginId": hello.id }
        )
        assert.isTrue(
          (yield* codex.notifications).some(
            ({ method }) => method === "remoteControl/status/changed"
          )
        )
        assert.strictEqual(yield* codex.stop, 0)
        const ended = yield* Effect.flip(codex.pass(2))
        assert.strictEqual(ended._tag, "ServerEnded")
      })
    )

    it.effect(
      "reports a plugin whose bundle is not an archive, and a listing that fails",
      Effect.fnUntraced(function* () {
        const broken = TestBackend.plugin({
          name: "broken",
          bundle: new TextEncoder().encode("no archive")
        })
        const { backend, environment, makeHome } = yield* LoopbackBackend.make({
          plugins: [hello, broken]
        })
        const codex = yield* CodexAppServer.start({ version, home: yield* makeHome(), environment })
        const pass = yield* codex.pass()
        assert.deepStrictEqual(pass.failed, [broken.id])
        assert.deepStrictEqual(pass.reasons, {
          [broken.id]: "failed to read plugin bundle tar entry: invalid gzip header"
        })

        yield* backend.when({ kind: "listing" }, TestReply.status(503))
        const other = yield* CodexAppServer.start({ version, home: yield* makeHome(), environment })
        assert.include((yield* other.pass()).error, "failed with status 503 Service Unavailable")
      })
    )

    it.effect(
      "runs a command to its end",
      Effect.fnUntraced(function* () {
        const { environment, makeHome } = yield* LoopbackBackend.make()
        const home = yield* makeHome()
        const { exitCode, stdout } = yield* CodexBinary.run(version, ["plugin", "list", "--json"], {
          home,
          environment
        })
        assert.strictEqual(exitCode, 0)
        assert.deepStrictEqual(JSON.parse(stdout), { installed: [], available: [] })
      })
    )
  })
)
