/**
 * Another home's cache, from which versions are copied.
 */
import { Data, Effect, Option, Path, type PlatformError, Result } from "effect"
import type { CachedPlugin } from "../../CacheSnapshot.ts"
import * as CodexHome from "../../CodexHome.ts"
import * as PluginId from "../../PluginId.ts"
import type { PluginVersion } from "../../PluginVersion.ts"
import type { RemotePluginId } from "../../RemotePluginId.ts"
import * as ManifestFile from "../bundle/manifestFile.ts"
import { copyTree } from "./copyTree.ts"
import * as Disk from "../disk/Disk.ts"
import * as CacheReader from "./reader.ts"

/** The reason why a version is not copied. */
export type SkipReason = "Broken" | "InDoubt" | "UnreadableIdentity" | "ChangedDuringCopy"

export class Skipped extends Data.TaggedError("Skipped")<{ readonly reason: SkipReason }> {}

/** A version that can be copied. */
export interface SeedVersion {
  readonly pluginId: PluginId.PluginId
  readonly version: PluginVersion
  /** Null for a version without a sidecar. */
  readonly remotePluginId: RemotePluginId | null
  /** The state by which a change of the source is noticed. */
  readonly plugin: CachedPlugin
}

/** The number of versions that are copied at the same time. */
const concurrency = 4

/** The number of times that a version is copied again because its source has changed meanwhile. */
const copyRetries = 3

/** The active version of a plugin, unless it must not be copied. */
export const copyableOf = (plugin: CachedPlugin): Result.Result<SeedVersion, Skipped> => {
  const { active, identity, pluginId } = plugin
  if (Option.isNone(active) || !plugin.intact) {
    return Result.fail(new Skipped({ reason: "Broken" }))
  }
  switch (identity._tag) {
    case "InDoubt":
      return Result.fail(new Skipped({ reason: "InDoubt" }))
    case "Unreadable":
      return Result.fail(new Skipped({ reason: "UnreadableIdentity" }))
    case "Absent":
    case "Known":
      return Result.succeed({
        pluginId,
        version: active.value,
        remotePluginId: identity._tag === "Known" ? identity.remotePluginId : null,
        plugin
      })
  }
}

/** Opens the cache of the home at this path, which must be a folder. Writes nothing there. */
export const open = Effect.fnUntraced(function* (from: string) {
  const disk = yield* Disk.make
  const path = yield* Path.Path
  const reader = yield* Effect.provide(CacheReader.make, CodexHome.layerAt(from), { local: true })

  const rootOf = ({ pluginId, version }: SeedVersion) =>
    path.join(reader.baseRootOf(pluginId), version)

  /** The versions that have not changed. The fingerprint determines the active version. */
  const unchangedAmong = (seeds: ReadonlyArray<SeedVersion>) =>
    Effect.map(
      disk.runAllReads(
        seeds.map(
          ({ pluginId }) =>
            () =>
              reader.fingerprintReads(reader.baseRootOf(pluginId))
        )
      ),
      (now) => new Set(seeds.filter(({ plugin }, nth) => now[nth] === plugin.fingerprint))
    )

  /**
   * Copies versions into folders that do not exist. Returns those whose source has not changed and
   * whose copy has a valid manifest.
   */
  const copyAll = Effect.fnUntraced(function* <
    A extends { readonly plugin: SeedVersion; readonly root: string }
  >(copies: ReadonlyArray<A>) {
    const done = yield* Effect.filter(
      copies,
      ({ plugin, root }) => Effect.isSuccess(copyTree(disk, path, rootOf(plugin), root)),
      { concurrency }
    )
    const unchanged = yield* unchangedAmong(done.map(({ plugin }) => plugin))
    const manifests = yield* disk.runAllReads(
      done.map(
        ({ plugin, root }) =>
          () =>
            ManifestFile.hasValidManifest(path, root, PluginId.name(plugin.pluginId))
      )
    )
    return done.filter(({ plugin }, nth) => unchanged.has(plugin) && manifests[nth] === true)
  })

  /**
   * Copies a version into a folder that does not exist, checks that the source has not changed, and
   * checks the copy's manifest.
   */
  const copy = (
    plugin: CachedPlugin,
    target: string
  ): Effect.Effect<SeedVersion, Skipped | PlatformError.PlatformError> =>
    Effect.gen(function* () {
      const seed = yield* Effect.fromResult(copyableOf(plugin))
      const discard = Effect.ignore(disk.remove(target))
      yield* Effect.gen(function* () {
        yield* copyTree(disk, path, rootOf(seed), target)
        if (!(yield* unchangedAmong([seed])).has(seed)) {
          return yield* new Skipped({ reason: "ChangedDuringCopy" })
        }
        yield* ManifestFile.read(disk, path, target, PluginId.name(seed.pluginId)).pipe(
          Effect.catchTag("InvalidManifest", () => new Skipped({ reason: "Broken" }))
        )
      }).pipe(Effect.onError(() => discard))
      return seed
    })

  /** As `copy`, but starts again if the source has changed meanwhile. */
  const copyCurrent = Effect.fnUntraced(function* (plugin: CachedPlugin, target: string) {
    let current = plugin
    for (let retries = 0; ; retries++) {
      const result = yield* Effect.result(copy(current, target))
      if (result._tag === "Success") return result.success
      const { failure } = result
      const isChanged = failure._tag === "Skipped" && failure.reason === "ChangedDuringCopy"
      const isGone = failure._tag === "PlatformError" && failure.reason._tag === "NotFound"
      if (!(isChanged || isGone) || retries === copyRetries) return yield* Effect.fail(failure)
      const now = yield* reader.read(plugin.pluginId)
      if (Option.isNone(now)) return yield* new Skipped({ reason: "ChangedDuringCopy" })
      current = now.value
    }
  })

  return { list: reader.list, read: reader.read, copy: copyCurrent, copyAll }
})
