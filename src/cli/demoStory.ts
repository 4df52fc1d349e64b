/**
 * The life of a cached plugin: the real services, a backend on 127.0.0.1 and a temporary home.
 */
import { Console, Duration, Effect, FileSystem, Path } from "effect"
import * as InstallMetadata from "../InstallMetadata.ts"
import * as NodeCodexPlugins from "../NodeCodexPlugins.ts"
import * as PluginId from "../PluginId.ts"
import * as PluginStore from "../PluginStore.ts"
import * as PluginSync from "../PluginSync.ts"
import * as TestBackend from "../testing/TestBackend.ts"
import { printPlugins } from "./list.ts"
import { printOutcome, quietly } from "./sync.ts"

const hello = TestBackend.plugin({ name: "hello", version: "1.0.0" })
const weather = TestBackend.plugin({ name: "weather", version: "2.3.1" })
const notes = TestBackend.plugin({ name: "notes", version: "0.9.0", scope: "USER" })

const helloId = PluginId.PluginId.make("hello@openai-curated-remote")

const mine = PluginId.PluginId.make("greeter@my-plugins")

const chapter = (title: string) => Console.log(`\n== ${title}`)

const scenes = Effect.fnUntraced(function* (backend: TestBackend.TestBackend["Service"]) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const store = yield* PluginStore.PluginStore
  const { sync } = yield* PluginSync.PluginSync
  const syncAndShow = Effect.gen(function* () {
    const [took, outcome] = yield* quietly(Effect.timed(sync))
    yield* printOutcome(outcome, Duration.toMillis(took))
    yield* Console.log("")
  })
  const show = Effect.flatMap(store.list, printPlugins)
  const sidecar = store.sidecarPath(helloId)

  yield* chapter("The account has three plugins; the home has none. Sync.")
  yield* syncAndShow
  yield* show

  yield* chapter("Delete one sidecar, as in an old cache. Sync adds it and downloads nothing.")
  yield* fs.remove(sidecar)
  yield* show
  yield* Console.log("")
  yield* backend.forget
  yield* syncAndShow
  yield* Console.log(`downloads: ${(yield* backend.requests({ kind: "bundle" })).length}`)
  yield* Console.log(`${InstallMetadata.fileName}:\n${yield* fs.readFileString(sidecar)}`)

  yield* chapter("The account uninstalls weather. Sync removes it.")
  yield* backend.uninstall(weather.id)
  yield* syncAndShow
  yield* show

  yield* chapter(
    "Install greeter from your own folder. A local plugin has no backend id, and a sync leaves it alone."
  )
  const source = yield* fs.makeTempDirectoryScoped({ prefix: "greeter-" })
  yield* fs.makeDirectory(path.join(source, ".codex-plugin"))
  yield* fs.writeFileString(
    path.join(source, ".codex-plugin", "plugin.json"),
    JSON.stringify({ name: "greeter", version: "0.1.0" })
  )
  yield* store.install({ source, pluginId: mine })
  yield* syncAndShow
  yield* show
})

export const demoStory = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const backend = yield* TestBackend.make({ plugins: [hello, weather, notes] })
  const served = yield* backend.serve()
  const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
  yield* backend.writeHome(home, served)
  yield* Console.log(`a test backend listens at ${served.baseUrl}`)
  yield* Console.log(`the temporary Codex home is ${home}`)
  yield* scenes(backend).pipe(
    Effect.provide(NodeCodexPlugins.layerAt(home, { bundle: { allowLoopbackHttp: true } }))
  )
  yield* Console.log(
    "\nthe backend and the home have been removed; now try: codex-plugins sync --dry-run"
  )
}).pipe(Effect.scoped)
