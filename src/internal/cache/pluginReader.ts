/**
 * Reads one plugin of the cache: its versions, its identity and the condition of its active version.
 */
import { Effect, Equivalence, Option, type Path, type PlatformError } from "effect"
import { type CachedPlugin, Identity } from "../../CacheSnapshot.ts"
import * as InstallMetadata from "../../InstallMetadata.ts"
import * as PluginId from "../../PluginId.ts"
import type { PluginVersion } from "../../PluginVersion.ts"
import type { RemotePluginId } from "../../RemotePluginId.ts"
import * as manifestFile from "../bundle/manifestFile.ts"
import {
  type BaseRoot,
  type BaseRoots,
  baseRootWith,
  emptyBaseRoot,
  fingerprint,
  isNotFound,
  mtimeOf
} from "./baseRoots.ts"
import type * as Disk from "./Disk.ts"

/** The identity in a sidecar, and whether the sidecar has exactly the bytes that Codex writes. */
export interface Sidecar {
  readonly remotePluginId: RemotePluginId
  readonly exact: boolean
}

/** A sidecar of more bytes is not read. Codex writes less than a hundred. */
const smallFile = 1024 * 1024

/** The number of times that a base root is read again because it changed meanwhile. */
const raceRetries = 8

/**
 * Everything that is known of a plugin, as text. Two looks give the same text only if nobody has
 * changed the plugin in between.
 */
export const stateOf = (plugin: Option.Option<CachedPlugin>): string =>
  Option.match(plugin, {
    onNone: () => "absent",
    onSome: ({ identity, intact, fingerprint }) => {
      const details =
        identity._tag === "Known"
          ? [identity.remotePluginId, identity.exact]
          : identity._tag === "Unreadable"
            ? [identity.error.message]
            : []
      return JSON.stringify([fingerprint, intact, identity._tag, ...details])
    }
  })

const isSameVersion = Option.makeEquivalence<PluginVersion>(Equivalence.String)

export const make = (
  disk: Disk.Disk,
  path: Path.Path,
  { baseRootOf, infoOf, partsOf, sidecarOf }: BaseRoots
) => {
  const readSidecar = (
    pluginId: PluginId.PluginId,
    contents: BaseRoot
  ): Effect.Effect<Option.Option<Sidecar>, InstallMetadata.InstallMetadataError> => {
    if (contents.sidecar === undefined) return Effect.succeedNone
    const path = sidecarOf(baseRootOf(pluginId))
    const corrupt = (reason: InstallMetadata.CorruptInstallMetadata["reason"]) =>
      Effect.fail(new InstallMetadata.CorruptInstallMetadata({ path, reason }))
    // A link is not followed: it could name any file of the user's.
    if (contents.sidecar !== "File") return corrupt("NotAFile")
    return Effect.matchEffect(disk.readFile(path, smallFile), {
      onFailure: (error) => (isNotFound(error) ? Effect.succeedNone : corrupt("Inaccessible")),
      onSuccess: (bytes) =>
        Effect.map(InstallMetadata.decode(bytes, path), (remotePluginId) =>
          Option.some({ remotePluginId, exact: InstallMetadata.isExact(bytes, remotePluginId) })
        )
    })
  }

  const identityOf = (
    pluginId: PluginId.PluginId,
    contents: BaseRoot,
    inDoubt: boolean
  ): Effect.Effect<Identity> =>
    Effect.match(readSidecar(pluginId, contents), {
      onFailure: (error): Identity => Identity.Unreadable({ error }),
      onSuccess: Option.match({
        onNone: () => (inDoubt ? Identity.InDoubt() : Identity.Absent()),
        onSome: Identity.Known
      })
    })

  const readPlugin = Effect.fnUntraced(function* (
    pluginId: PluginId.PluginId,
    inDoubt: boolean
  ): Effect.fn.Return<Option.Option<CachedPlugin>, PlatformError.PlatformError> {
    const baseRoot = baseRootOf(pluginId)
    // The folder is examined before its entries, so that a change in between shows later.
    const info = yield* infoOf(baseRoot)
    if (info?.type !== "Directory") return Option.none()
    // An unreadable base root counts as empty. An install there reports the reason.
    const look = Effect.match(disk.entries(baseRoot), {
      onFailure: () => emptyBaseRoot,
      onSuccess: baseRootWith
    })
    let contents = yield* look
    let identity = yield* identityOf(pluginId, contents, inDoubt)
    // The sidecar was read after the versions: it may belong to a version that was installed meanwhile.
    for (let retries = 0; identity._tag === "Known" && retries < raceRetries; retries++) {
      const now = yield* look
      if (isSameVersion(now.active, contents.active)) break
      contents = now
      identity = yield* identityOf(pluginId, contents, inDoubt)
    }
    const { active, versions } = contents
    const [activeInfo, sidecarInfo] = yield* partsOf(baseRoot, contents)
    const plugin = {
      pluginId,
      versions,
      active,
      identity,
      fingerprint: fingerprint(info, contents, activeInfo, sidecarInfo)
    }
    if (Option.isNone(active)) {
      return Option.some({ ...plugin, intact: false, activeSince: mtimeOf(info) })
    }
    const root = path.join(baseRoot, active.value)
    return Option.some({
      ...plugin,
      intact: yield* Effect.isSuccess(manifestFile.read(disk, path, root, PluginId.name(pluginId))),
      activeSince: mtimeOf(versions.length === 1 ? info : (activeInfo ?? info))
    })
  })

  return { readSidecar, identityOf, readPlugin }
}
