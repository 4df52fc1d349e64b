/**
 * The fleet of the examples in one process, without a database. `npm run test:fleet` runs it in several.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Cron, DateTime, Duration, Effect, FileSystem, Layer, Path, References } from "effect"
import { CodexPlugins } from "effect-codex-plugins"
import { TestBackend } from "effect-codex-plugins/testing"
import {
  MessageStorage,
  RunnerHealth,
  RunnerStorage,
  Runners,
  Sharding,
  ShardingConfig
} from "effect/cluster"
import { Home, HomeError, Pass } from "./fleet/home.ts"
import * as HomeEntity from "./fleet/homeEntity.ts"
import * as Homes from "./fleet/homes.ts"
import * as Passes from "./fleet/passes.ts"
import { eventually } from "../support/eventually.ts"

const hello = TestBackend.plugin({
  name: "hello",
  version: "1.0.0",
  files: { "skills/greet/SKILL.md": "---\nname: greet\n---\n" }
})

/** The homes `ada` and `bob`, both signed in, and a folder that is no home. */
const layerHomes = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const backend = yield* TestBackend.TestBackend
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "codex-homes-" })
    for (const name of ["ada", "bob"]) yield* backend.writeHome(path.join(folder, name))
    yield* fs.makeDirectory(path.join(folder, "lost"))
    return Homes.layer(folder, (home) => CodexPlugins.layerAt(home))
  })
).pipe(
  Layer.provide(TestBackend.layerHttpClient),
  Layer.provideMerge(TestBackend.layerWith({ plugins: [hello] }))
)

/** Effect's `TestRunner`, except that it looks for messages more often. */
const cluster = Sharding.layer.pipe(
  Layer.provideMerge(Runners.layerNoop),
  Layer.provideMerge(MessageStorage.layerMemory),
  Layer.provide([RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
  Layer.provide(ShardingConfig.layer({ entityMessagePollInterval: "200 millis" }))
)

/** A fleet that has not loaded its homes' entity yet. */
const bare = layerHomes.pipe(
  Layer.provideMerge(cluster),
  Layer.provideMerge(NodeServices.layer),
  Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "None"))
)

const fleet = Layer.provideMerge(HomeEntity.layer, bare)

const pass = Effect.map(DateTime.now, (at) => new Pass({ at }))

describe.concurrent("a fleet", () => {
  it.live("syncs each home with services of its own", () =>
    Effect.gen(function* () {
      const clientOf = yield* Home.client
      const { installed } = yield* clientOf("ada").sync(yield* pass)
      assert.deepStrictEqual(installed, ["hello@openai-curated-remote"])
      const [ada, bob] = yield* Effect.all([
        clientOf("ada").inventory({ pluginId: null }),
        clientOf("bob").inventory({ pluginId: null })
      ])
      assert.deepStrictEqual(
        ada.map(({ identity }) => String(identity.remotePluginId)),
        [hello.id]
      )
      assert.isTrue(
        ada[0]?.skills[0]?.endsWith(
          "/ada/plugins/cache/openai-curated-remote/hello/1.0.0/skills/greet/SKILL.md"
        )
      )
      assert.deepStrictEqual(bob, [])
    }).pipe(Effect.provide(fleet))
  )

  it.live("runs one pass for several requests of the same time or of an earlier one", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      const clientOf = yield* Home.client
      const now = yield* pass
      const earlier = new Pass({ at: DateTime.subtract(now.at, { seconds: 1 }) })
      const reports = yield* Effect.all(
        [now, now, earlier].map((pass) => clientOf("ada").sync(pass)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(reports, [reports[0]!, reports[0]!, reports[0]!])
      assert.lengthOf(yield* backend.requests({ kind: "listing" }), 1)
    }).pipe(Effect.provide(fleet))
  )

  it.live("answers whether a home is ready while a pass runs", () =>
    Effect.gen(function* () {
      const clientOf = yield* Home.client
      const { ready, state } = yield* clientOf("bob").ensureReady({
        deadline: Duration.seconds(30)
      })
      assert.deepStrictEqual(
        { ready, state },
        { ready: ["hello@openai-curated-remote"], state: "Ready" }
      )
    }).pipe(Effect.provide(fleet))
  )

  it.live("says what to do about a home that cannot be used", () =>
    Effect.gen(function* () {
      const clientOf = yield* Home.client
      const remedyOf = (name: string) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(clientOf(name).sync(yield* pass))
          assert.instanceOf(error, HomeError)
          return [error.cause, error.remedy]
        })
      assert.deepStrictEqual(yield* remedyOf("../ada"), ["InvalidName", "Correct"])
      assert.deepStrictEqual(yield* remedyOf("nobody"), ["CodexHomeError", "Correct"])
      assert.deepStrictEqual(yield* remedyOf("lost"), ["NotSignedIn", "SignIn"])
    }).pipe(Effect.provide(fleet))
  )

  it.live("requests a pass for each signed-in home on schedule", () =>
    Effect.gen(function* () {
      const clientOf = yield* Home.client
      const { names } = yield* Homes.Homes
      assert.deepStrictEqual(yield* names, ["ada", "bob"])
      for (const name of yield* names) {
        const inventory = clientOf(name).inventory({ pluginId: null })
        yield* eventually(inventory, (plugins) => plugins.length === 1)
      }
    }).pipe(
      Effect.provide(
        Passes.layer({
          cron: Cron.parseUnsafe("* * * * * *"),
          spread: Duration.millis(100)
        }).pipe(Layer.provideMerge(fleet))
      )
    )
  )

  it.live("unloads a home that has not been used for a while, and loads it again", () =>
    Effect.gen(function* () {
      const clientOf = yield* Home.client
      const { activeEntityCount } = yield* Sharding.Sharding
      yield* clientOf("ada").sync(yield* pass)
      assert.strictEqual(yield* activeEntityCount, 1)
      yield* eventually(activeEntityCount, (count) => count === 0)
      assert.lengthOf(yield* clientOf("ada").inventory({ pluginId: null }), 1)
    }).pipe(
      Effect.provide(Layer.provideMerge(HomeEntity.layerWith({ maxIdleTime: "200 millis" }), bare))
    )
  )
})
