/**
 * Another writer of a cache that takes no lock, such as Codex.
 */
import { Effect, type FileSystem, Option, type PlatformError, Schema } from "effect"
import * as InstallMetadata from "../../src/InstallMetadata.ts"
import * as PluginVersion from "../../src/PluginVersion.ts"
import { type Build, remoteId, versionOf } from "./pluginWorld.ts"
import { a1, a2, a3, b1, b2, baseRoot, sidecar } from "./scenarios.ts"

type Step = Effect.Effect<void, PlatformError.PlatformError>

/** The steps of another writer, in order. */
export type Steps = (fs: FileSystem.FileSystem) => ReadonlyArray<Step>

/** A bundle that Codex has unpacked already. */
export const unpacked = "/unpacked"

/** The path to which Codex moves a plugin's folder. */
const backup = "/backup"

/**
 * The steps of Codex for one installed plugin. If the version is active, Codex writes the sidecar. If the
 * version exists beside a greater one, it replaces the plugin's folder. Otherwise it moves the version
 * into the folder and removes the other versions.
 */
export const installs =
  (wanted: Build): Steps =>
  (fs) => {
    const isVersion = Schema.is(PluginVersion.PluginVersion)
    const cachedVersions = Effect.map(
      Effect.orElseSucceed(fs.readDirectory(baseRoot), () => []),
      (names) => names.filter((name) => name !== InstallMetadata.fileName).filter(isVersion)
    )
    let way: "keep" | "replace" | "add" = "add"
    const unlessKept = (step: Step) => Effect.suspend(() => (way === "keep" ? Effect.void : step))
    return [
      Effect.map(cachedVersions, (versions) => {
        const isActive = Option.contains(PluginVersion.active(versions), versionOf(wanted))
        way = isActive ? "keep" : versions.includes(versionOf(wanted)) ? "replace" : "add"
      }),
      Effect.suspend(() => (way === "replace" ? fs.rename(baseRoot, backup) : Effect.void)),
      unlessKept(
        Effect.andThen(
          fs.makeDirectory(baseRoot, { recursive: true }),
          fs.rename(unpacked, `${baseRoot}/${wanted.version}`)
        )
      ),
      unlessKept(
        Effect.flatMap(cachedVersions, (versions) =>
          Effect.forEach(
            versions.filter((version) => version !== wanted.version),
            (version) => fs.remove(`${baseRoot}/${version}`, { recursive: true }),
            { discard: true }
          )
        )
      ),
      fs.remove(backup, { recursive: true, force: true }),
      fs.writeFileString("/sidecar", InstallMetadata.encode(remoteId(wanted.owner ?? "")), {
        mode: InstallMetadata.fileMode
      }),
      Effect.flatMap(cachedVersions, (versions) =>
        versions.length === 0 ? Effect.void : fs.rename("/sidecar", sidecar)
      )
    ]
  }

const uninstalls: Steps = (fs) => [fs.remove(baseRoot, { recursive: true })]

/** The cache and the account in a race of two writers. */
export interface Race {
  readonly before: ReadonlyArray<Build>
  /** The account's plugin. Both writers make a pass for it unless `codex` is given. */
  readonly after: Build
  readonly codex?: Steps
}

export const races = {
  "a first install": { before: [], after: a1 },
  "an upgrade": { before: [a1], after: a2 },
  "an upgrade under another identity": { before: [a1], after: b2 },
  "a downgrade": { before: [a2], after: a1 },
  "a downgrade under another identity": { before: [a2], after: b1 },
  "a downgrade to a superseded version": { before: [a1, a2, a3], after: a1 },
  "a removal amid an upgrade": { before: [a1], after: b2, codex: uninstalls },
  "a removal amid a downgrade": { before: [a2], after: b1, codex: uninstalls },
  "a removal amid a repair": { before: [a1], after: b1, codex: uninstalls }
} satisfies Record<string, Race>

/** Makes steps in order until one fails, then ignores further steps. */
export const performer = () => {
  let gaveUp = false
  const perform = (step: Step) =>
    gaveUp
      ? Effect.void
      : Effect.catchTag(step, "PlatformError", () =>
          Effect.sync(() => {
            gaveUp = true
          })
        )
  return (steps: ReadonlyArray<Step>) => Effect.forEach(steps, perform, { discard: true })
}
