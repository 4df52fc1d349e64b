/**
 * What every runner of the fleet consists of. Settings come from the environment.
 */
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import { PgClient } from "@effect/sql-pg"
import { Config, Cron, Duration, Effect, Layer } from "effect"
import * as NodeCodexPlugins from "effect-codex-plugins/node"
import * as HomeEntity from "./homeEntity.ts"
import * as Homes from "./homes.ts"
import * as Passes from "./passes.ts"

const config = Config.all({
  homes: Config.String("FLEET_HOMES"),
  cron: Config.String("FLEET_CRON").pipe(Config.withDefault("0 * * * *")),
  spread: Config.Duration("FLEET_SPREAD").pipe(Config.withDefault(Duration.minutes(30)))
})

// Address, shards and timing come from the environment, too; see `ShardingConfig` of Effect.
const cluster = NodeClusterSocket.layer().pipe(
  Layer.provide(PgClient.layerConfig({ url: Config.Redacted("DATABASE_URL") }))
)

/** The homes, their passes and the cluster. */
export const layer = (servicesAt: Parameters<typeof Homes.layer>[1]) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { cron, homes, spread } = yield* config
      return Layer.merge(
        HomeEntity.layer,
        Passes.layer({ cron: yield* Effect.fromResult(Cron.parse(cron)), spread })
      ).pipe(Layer.provide(Homes.layer(homes, servicesAt)))
    })
  ).pipe(Layer.provide([cluster, NodeCodexPlugins.layerHttp, NodeCodexPlugins.layerPlatform]))
