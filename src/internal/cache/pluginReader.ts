/**
 * Reads one cached plugin: its versions, its identity, and whether its active version is intact.
 */
import { Effect, Equivalence, type FileSystem, Option, type Path, Result } from "effect"
import * as SmallFile from "../smallFile.ts"
import { isNotFound } from "../platformError.ts"
import { type CachedPlugin, Identity } from "../../CacheSnapshot.ts"
import * as InstallMetadata from "../../InstallMetadata.ts"
import * as PluginId from "../../PluginId.ts"
import type { PluginVersion } from "../../PluginVersion.ts"
import type { RemotePluginId } from "../../RemotePluginId.ts"
import * as ManifestFile from "../bundle/manifestFile.ts"
import { type BaseRoot, type BaseRoots, baseRootWith, fingerprint, mtimeOf } from "./baseRoots.ts"
import type * as Disk from "../disk/Disk.ts"
import * as Reads from "../disk/reads.ts"

/** The number of times that a base root is read again because it has changed meanwhile. */
const raceRetries = 8

/**
 * The state of a plugin, as text. Two reads give the same text only if nobody has changed the
 * plugin in between.
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

const noEntries: ReadonlyArray<FileSystem.DirectoryEntry> = []

const isSameFolder = (
  self: ReadonlyArray<FileSystem.DirectoryEntry>,
  that: ReadonlyArray<FileSystem.DirectoryEntry>
): boolean =>
  self.length === that.length &&
  self.every(({ name, type }, nth) => name === that[nth]?.name && type === that[nth]?.type)

const isSameVersion = Option.makeEquivalence<PluginVersion>(Equivalence.String)

/** The identity in a sidecar; `exact`: the sidecar has exactly the bytes that Codex writes. */
type SidecarResult = Result.Result<
  Option.Option<{ readonly remotePluginId: RemotePluginId; readonly exact: boolean }>,
  InstallMetadata.InstallMetadataError
>

const noSidecar: SidecarResult = Result.succeedNone

/** The identity that follows from a sidecar and a mark of doubt. */
const identityWith = (sidecar: SidecarResult, inDoubt: boolean): Identity =>
  Result.match(sidecar, {
    onFailure: (error) => Identity.Unreadable({ error }),
    onSuccess: Option.match({
      onNone: () => (inDoubt ? Identity.InDoubt() : Identity.Absent()),
      onSome: Identity.Known
    })
  })

export const make = (
  disk: Disk.Disk,
  path: Path.Path,
  { baseRootOf, partsReads, sidecarOf, versionRootOf }: BaseRoots
) => {
  /** Never fails: an error is the reason why the sidecar cannot be read. */
  function* sidecarReads(
    pluginId: PluginId.PluginId,
    contents: BaseRoot
  ): Reads.Reads<SidecarResult> {
    if (contents.sidecar === undefined) return noSidecar
    const path = sidecarOf(baseRootOf(pluginId))
    const corrupt = (reason: InstallMetadata.CorruptInstallMetadata["reason"]) =>
      Result.fail(new InstallMetadata.CorruptInstallMetadata({ path, pluginId, reason }))
    // A link is not followed, because it could lead to any file of the user.
    if (contents.sidecar !== "File") return corrupt("NotAFile")
    const file = Reads.recover(Reads.readFile(path, SmallFile.maxBytes), isNotFound, undefined)
    const bytes = yield* Reads.recover(file, () => true, null)
    if (bytes === null) return corrupt("Inaccessible")
    if (bytes === undefined) return noSidecar
    return Result.map(InstallMetadata.decodeResult(bytes, path, pluginId), (remotePluginId) =>
      Option.some({ remotePluginId, exact: InstallMetadata.isExact(bytes, remotePluginId) })
    )
  }

  const readSidecarResult = (pluginId: PluginId.PluginId, contents: BaseRoot) =>
    Effect.orDie(disk.runReads(() => sidecarReads(pluginId, contents)))

  const readSidecar = (pluginId: PluginId.PluginId, contents: BaseRoot) =>
    Effect.flatMap(readSidecarResult(pluginId, contents), Effect.fromResult)

  const identityOf = (
    pluginId: PluginId.PluginId,
    contents: BaseRoot,
    inDoubt: boolean
  ): Effect.Effect<Identity> =>
    Effect.map(readSidecarResult(pluginId, contents), (sidecar) => identityWith(sidecar, inDoubt))

  function* pluginReads(
    pluginId: PluginId.PluginId,
    inDoubt: boolean
  ): Reads.Reads<Option.Option<CachedPlugin>> {
    const baseRoot = baseRootOf(pluginId)
    // The folder is examined before its entries, so that a later comparison reveals a change in
    // between.
    const info = yield* Reads.lstat(baseRoot)
    if (info?.type !== "Directory") return Option.none()
    // An unreadable base root counts as empty. An install there reports the reason.
    const entriesReads = () => Reads.recover(Reads.entries(baseRoot), () => true, noEntries)
    let contents = baseRootWith(yield* entriesReads())
    let identity = identityWith(yield* sidecarReads(pluginId, contents), inDoubt)
    // The sidecar was read after the versions, so it may belong to a version that was installed in
    // between.
    for (let retries = 0; identity._tag === "Known" && retries < raceRetries; retries++) {
      const entries = yield* entriesReads()
      if (isSameFolder(entries, contents.entries)) break
      const now = baseRootWith(entries)
      if (isSameVersion(now.active, contents.active)) break
      contents = now
      identity = identityWith(yield* sidecarReads(pluginId, contents), inDoubt)
    }
    const { active, versions } = contents
    const [activeInfo, sidecarInfo] = yield* partsReads(baseRoot, contents)
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
    return Option.some({
      ...plugin,
      intact: yield* ManifestFile.hasValidManifest(
        path,
        versionRootOf(baseRoot, active.value),
        PluginId.name(pluginId)
      ),
      activeSince: mtimeOf(versions.length === 1 ? info : (activeInfo ?? info))
    })
  }

  return { readSidecar, identityOf, pluginReads }
}
