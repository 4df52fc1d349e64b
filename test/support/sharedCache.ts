/**
 * A process that installs, replaces and removes plugins in a home and prints the resulting files. The first
 * argument is the home. It runs in a mount namespace, whose files the test itself cannot read.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, FileSystem, Layer, Option } from "effect"
import * as CacheLock from "../../src/CacheLock.ts"
import * as CodexHome from "../../src/CodexHome.ts"
import * as PluginStore from "../../src/PluginStore.ts"
import { layer as platform } from "../../src/cli/platform.ts"
import { build, pluginId, stage, versionOf } from "./pluginWorld.ts"

/** Installs two plugins, upgrades one, changes the owner of the other, and removes the first. */
export const exercise = Effect.gen(function* () {
  const store = yield* PluginStore.PluginStore
  const fs = yield* FileSystem.FileSystem
  const home = yield* CodexHome.CodexHome
  yield* stage(build("A", "1.0.0"))
  yield* stage(build("B", "1.0.0", "beta"))
  yield* stage(build("A", "2.0.0"))
  yield* stage(build("C", "1.0.0", "beta"))
  yield* store.prune(pluginId("alpha"), versionOf(build("A", "1.0.0")))
  const listed = yield* store.list
  const [alpha] = listed
  const isRemoved = yield* store.remove(alpha!)
  yield* store.sweep
  return {
    location: store.location,
    staging: home.staging,
    listed: listed.map(({ active, identity, pluginId, versions }) => ({
      pluginId,
      active: Option.getOrNull(active),
      versions,
      identity: identity._tag === "Known" ? identity.remotePluginId : identity._tag
    })),
    isRemoved,
    staged: (yield* fs.readDirectory(home.staging)).filter((name) => !name.includes("owner-"))
  }
})

/** The services of a home, with the lock that processes share. */
export const services = (home: string) =>
  PluginStore.layer.pipe(
    Layer.provideMerge(CacheLock.layer),
    Layer.provideMerge(CodexHome.layerAt(home)),
    Layer.provideMerge(platform)
  )

if (import.meta.main) {
  exercise.pipe(
    Effect.flatMap((found) => Console.log(JSON.stringify(found))),
    Effect.provide(services(process.argv[2]!)),
    NodeRuntime.runMain
  )
}
