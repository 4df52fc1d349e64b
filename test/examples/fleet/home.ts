/**
 * One home of the fleet: the messages that it answers.
 */
import { DateTime, PrimaryKey, Schema } from "effect"
import { PluginId, PluginIdentity, PluginVersion } from "effect-codex-plugins"
import { ClusterSchema, DeliverAt, Entity } from "effect/cluster"
import { Rpc } from "effect/rpc"

/** The home could not do what it was asked to do. */
export class HomeError extends Schema.TaggedError<HomeError>()("HomeError", {
  home: Schema.String,
  /** The tag of the error behind it, such as `NotSignedIn`. */
  cause: Schema.String,
  detail: Schema.String,
  /** `SignIn`: a person has to sign in. `TryLater`: the next pass may succeed. */
  remedy: Schema.Literals(["SignIn", "TryLater", "Correct"])
}) {
  override get message(): string {
    return `home ${this.home}: ${this.detail}`
  }
}

/** One pass. Its time is its name, so a pass that is asked for twice runs once. */
export class Pass extends Schema.Class<Pass>("Pass")({ at: Schema.DateTimeUtc }) {
  [PrimaryKey.symbol](): string {
    return DateTime.formatIso(this.at)
  }
  [DeliverAt.symbol](): DateTime.DateTime {
    return this.at
  }
}

export const Failure = Schema.Struct({
  pluginId: Schema.NullOr(Schema.String),
  remotePluginId: Schema.NullOr(Schema.String),
  cause: Schema.String,
  detail: Schema.String
})

/** The outcome of a pass. */
export const Report = Schema.Struct({
  installed: Schema.Array(Schema.String),
  repaired: Schema.Array(Schema.String),
  backfilled: Schema.Array(Schema.String),
  kept: Schema.Array(Schema.String),
  removed: Schema.Array(Schema.String),
  failures: Schema.Array(Failure)
})

/** The state of the plugins when a session opens. */
export const Readiness = Schema.Struct({
  state: Schema.String,
  ready: Schema.Array(Schema.String),
  notReady: Schema.Array(Schema.NullOr(Schema.String)),
  detail: Schema.NullOr(Schema.String)
})

/** One cached plugin. Its paths are good on every machine that has the home at the same place. */
export const Plugin = Schema.Struct({
  identity: PluginIdentity.Identity,
  version: PluginVersion.PluginVersion,
  root: Schema.String,
  skills: Schema.Array(Schema.String)
})

export const Home = Entity.make("Home", [
  // Persisted: a pass that dies with its runner runs again on the next one.
  Rpc.make("sync", { payload: Pass, success: Report, error: HomeError }).annotate(
    ClusterSchema.Persisted,
    true
  ),
  // Someone waits for these two, and asks again if the runner dies.
  Rpc.make("ensureReady", {
    payload: { deadline: Schema.Duration },
    success: Readiness,
    error: HomeError
  }),
  Rpc.make("inventory", {
    payload: { pluginId: Schema.NullOr(PluginId.PluginId) },
    success: Schema.Array(Plugin),
    error: HomeError
  })
])
