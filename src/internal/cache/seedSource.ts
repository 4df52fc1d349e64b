/**
 * Another home's cache, from which versions are copied.
 */
import { Data, Effect, FileSystem, Option, Path, type PlatformError } from "effect"
import type { CachedPlugin } from "../../CacheSnapshot.ts"
import * as CodexHome from "../../CodexHome.ts"
import type { InvalidManifest } from "../../PluginManifest.ts"
import * as PluginId from "../../PluginId.ts"
import type { PluginVersion } from "../../PluginVersion.ts"
import type { RemotePluginId } from "../../RemotePluginId.ts"
import * as manifestFile from "../bundle/manifestFile.ts"
import * as Disk from "./Disk.ts"
import * as cacheReader from "./reader.ts"

/** Why a version is not copied. */
export type SkipReason = "Broken" | "InDoubt" | "UnreadableIdentity" | "ChangedDuringCopy"

export class Skipped extends Data.TaggedError("Skipped")<{ readonly reason: SkipReason }> {}

/** A version that can be copied. */
export interface SeedVersion {
  readonly pluginId: PluginId.PluginId
  readonly version: PluginVersion
  /** Null for a version without a sidecar. */
  readonly remotePluginId: RemotePluginId | null
  /** Witnesses that the source is unchanged. */
  readonly plugin: CachedPlugin
}

/** A file of up to so many bytes is copied through memory. */
const smallFile = 64 * 1024

/** How many files are copied at a time. */
const concurrency = 8

/** How often a version is copied again because its source changed meanwhile. */
const copyRetries = 3

const copyableOf = (plugin: CachedPlugin): Effect.Effect<SeedVersion, Skipped> => {
  const { active, identity, pluginId } = plugin
  if (Option.isNone(active) || !plugin.intact) {
    return Effect.fail(new Skipped({ reason: "Broken" }))
  }
  switch (identity._tag) {
    case "InDoubt":
      return Effect.fail(new Skipped({ reason: "InDoubt" }))
    case "Unreadable":
      return Effect.fail(new Skipped({ reason: "UnreadableIdentity" }))
    case "Absent":
    case "Known":
      return Effect.succeed({
        pluginId,
        version: active.value,
        remotePluginId: identity._tag === "Known" ? identity.remotePluginId : null,
        plugin
      })
  }
}

/** Opens the cache of the home at this path, which must be a folder. Writes nothing there. */
export const open = Effect.fnUntraced(function* (from: string) {
  const fs = yield* FileSystem.FileSystem
  const disk = yield* Disk.make
  const path = yield* Path.Path
  const reader = yield* Effect.provide(cacheReader.make, CodexHome.layerAt(from), { local: true })

  /** Copies a file, synced. To read and write a small one takes fewer operations. */
  const copyFile = Effect.fnUntraced(function* (source: string, target: string) {
    const info = yield* disk.lstat(source)
    if (info === undefined || info.size > smallFile) {
      yield* disk.copyFile(source, target)
      return yield* disk.syncFile(target)
    }
    const contents = yield* disk.readFile(source)
    yield* disk.createFile(target, contents, { mode: info.mode & 0o777 })
  })

  /**
   * Copies files and folders, synced. Links and devices are left out. The kernel shares the blocks
   * of a copied file where the file system can; a write to either file then separates them.
   */
  const copyTree = Effect.fnUntraced(function* (source: string, target: string) {
    const folders = [""]
    const files: Array<string> = []
    // The loop continues over the folders that it appends.
    for (const folder of folders) {
      yield* disk.makeDirectory(path.join(target, folder))
      const { mode } = yield* fs.stat(path.join(source, folder))
      yield* disk.chmod(path.join(target, folder), mode & 0o777)
      for (const { name, type } of yield* disk.entries(path.join(source, folder))) {
        if (type === "Directory") folders.push(path.join(folder, name))
        if (type === "File") files.push(path.join(folder, name))
      }
    }
    yield* Effect.forEach(
      files,
      (file) => copyFile(path.join(source, file), path.join(target, file)),
      { concurrency, discard: true }
    )
    for (const folder of folders.toReversed()) {
      yield* disk.syncDirectory(path.join(target, folder))
    }
  })

  const isUnchanged = ({ plugin, version }: SeedVersion) =>
    Effect.map(
      reader.read(plugin.pluginId),
      Option.exists(
        (now) => now.fingerprint === plugin.fingerprint && Option.contains(now.active, version)
      )
    )

  /**
   * Copies a version into a folder that does not exist, checks that the source stayed the same, and
   * checks the copy's manifest.
   */
  const copy = (
    plugin: CachedPlugin,
    target: string
  ): Effect.Effect<SeedVersion, Skipped | InvalidManifest | PlatformError.PlatformError> =>
    Effect.gen(function* () {
      const seed = yield* copyableOf(plugin)
      const discard = Effect.ignore(disk.remove(target))
      yield* Effect.gen(function* () {
        yield* copyTree(path.join(reader.baseRootOf(seed.pluginId), seed.version), target)
        if (!(yield* isUnchanged(seed))) return yield* new Skipped({ reason: "ChangedDuringCopy" })
        yield* manifestFile.read(disk, path, target, PluginId.name(seed.pluginId))
      }).pipe(Effect.onError(() => discard))
      return seed
    })

  /** As `copy`, but reads a source that changed meanwhile again. */
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

  return { list: reader.list, read: reader.read, copy: copyCurrent }
})
