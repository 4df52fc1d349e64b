import { Duration, Effect, FileSystem, Option, Path, type PlatformError } from "effect"
import { Command, Flag } from "effect/cli"
import type { CachedPlugin } from "../CacheSnapshot.ts"
import { count, display } from "../internal/display.ts"
import * as FileTree from "../internal/fileTree.ts"
import type * as PluginId from "../PluginId.ts"
import * as PluginStore from "../PluginStore.ts"
import * as PluginSync from "../PluginSync.ts"
import type { PluginVersion } from "../PluginVersion.ts"
import { reasonOf, reasonText } from "./advice.ts"
import { SomePluginsFailed } from "./exit.ts"
import * as Flags from "./flags.ts"
import { offline } from "./offline.ts"
import { printJson, schemaVersion } from "./output.ts"
import { size } from "./progress.ts"
import { durationText, marks } from "./results.ts"
import { printLines } from "./screen.ts"
import type { Style } from "./style.ts"

/** A version that another one has replaced. */
interface Superseded {
  readonly pluginId: PluginId.PluginId
  /** The id in the sidecar; null if it is unknown. */
  readonly remotePluginId: string | null
  readonly version: PluginVersion
}

type Result =
  | (Superseded & { readonly _tag: "Pruned"; readonly bytes: number })
  | (Superseded & { readonly _tag: "Kept"; readonly reason: "leased" | "retained" })
  | (Superseded & {
      readonly _tag: "Failed"
      readonly error: PluginStore.PluginStoreError | PlatformError.PlatformError
    })

interface Options {
  readonly dryRun: boolean
  readonly retain: Duration.Duration
}

interface Output {
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
}

/** The size of a folder's files. */
const bytesIn = Effect.fnUntraced(function* (root: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const files = yield* FileTree.read(fs, path, root)
  return [...files.values()].reduce((sum, file) => sum + Number(file.size), 0)
})

const isLeased = (error: PluginStore.PluginStoreError | PlatformError.PlatformError): boolean =>
  error._tag === "PluginStoreError" && error.reason._tag === "Leased"

/** Deletes one version, or checks whether it would be deleted. None if it no longer exists. */
const pruneVersion = Effect.fnUntraced(
  function* (superseded: Superseded, dryRun: boolean) {
    const { pluginId, version } = superseded
    const store = yield* PluginStore.PluginStore
    if ((yield* store.leased(pluginId)).includes(version)) {
      return Option.some<Result>({ ...superseded, _tag: "Kept", reason: "leased" })
    }
    const bytes = yield* bytesIn(store.versionRoot(pluginId, version))
    const isPruned = dryRun || (yield* store.prune(pluginId, version))
    return isPruned ? Option.some<Result>({ ...superseded, _tag: "Pruned", bytes }) : Option.none()
  },
  (effect, superseded) =>
    Effect.catchTag(effect, ["PluginStoreError", "PlatformError"], (error) =>
      Effect.succeedSome<Result>(
        isLeased(error)
          ? { ...superseded, _tag: "Kept", reason: "leased" }
          : { ...superseded, _tag: "Failed", error }
      )
    )
)

const supersededBy = ({
  active,
  identity,
  pluginId,
  versions
}: CachedPlugin): ReadonlyArray<Superseded> => {
  if (Option.isNone(active)) return []
  const remotePluginId = identity._tag === "Known" ? identity.remotePluginId : null
  return versions
    .filter((version) => version !== active.value)
    .map((version) => ({ pluginId, remotePluginId, version }))
}

const pruneAll = Effect.fnUntraced(function* ({ dryRun, retain }: Options) {
  const store = yield* PluginStore.PluginStore
  const { plugins, takenAt } = yield* store.snapshot
  const results = yield* Effect.forEach(plugins, (plugin) => {
    const isRetained = Math.max(0, takenAt - plugin.activeSince) < Duration.toMillis(retain)
    return Effect.forEach(supersededBy(plugin), (superseded) =>
      isRetained
        ? Effect.succeedSome<Result>({ ...superseded, _tag: "Kept", reason: "retained" })
        : pruneVersion(superseded, dryRun)
    )
  })
  return results.flat().flatMap(Option.toArray)
})

const split = (results: ReadonlyArray<Result>) => {
  const pruned = results.filter((result) => result._tag === "Pruned")
  return {
    pruned,
    kept: results.filter((result) => result._tag === "Kept"),
    failures: results.filter((result) => result._tag === "Failed"),
    bytes: pruned.reduce((sum, { bytes }) => sum + bytes, 0)
  }
}

const resultsJson = (results: ReadonlyArray<Result>, dryRun: boolean) => {
  const { bytes, failures, kept, pruned } = split(results)
  return {
    schemaVersion,
    dryRun,
    bytes,
    pruned: pruned.map(({ _tag, ...version }) => version),
    kept: kept.map(({ _tag, ...version }) => version),
    failures: failures.map(({ error, pluginId, remotePluginId, version }) => ({
      pluginId,
      remotePluginId,
      version,
      error: {
        tag: error._tag,
        message: error.message,
        remedy: reasonOf(error, [pluginId]).remedy
      }
    }))
  }
}

const resultLines = (
  results: ReadonlyArray<Result>,
  { dryRun, retain }: Options,
  verbose: boolean,
  style: Style
): ReadonlyArray<string> => {
  const { bytes, failures, kept, pruned } = split(results)
  const leased = kept.filter(({ reason }) => reason === "leased").length
  const retained = kept.length - leased
  const closing = `${dryRun ? "Would free" : "Freed"} ${size(bytes)} (${count(pruned.length, "version")})`
  return [
    ...pruned.map(({ bytes, pluginId, remotePluginId, version }) => {
      const details = [
        display(version),
        ...(verbose ? [display(remotePluginId ?? "no identity")] : []),
        `(${size(bytes)})`
      ].join(" ")
      return ` ${style.red("-")} ${style.bold(display(pluginId))} ${style.dim(details)}`
    }),
    ...failures.map(
      ({ error, pluginId, version }) =>
        ` ${style.red(marks.failure)} ${display(`${pluginId} ${version}: ${reasonText(error, [pluginId])}`)}`
    ),
    ...(verbose ? kept : []).map(
      ({ pluginId, reason, version }) => ` = ${display(`${pluginId} ${version}`)} (${reason})`
    ),
    pruned.length + failures.length === 0 ? "Nothing to prune" : closing,
    ...(leased === 0 ? [] : [`${count(leased, "version")} kept: in use by a running process`]),
    ...(retained === 0
      ? []
      : [
          `${count(retained, "version")} kept: replaced less than ${durationText(retain)} ago (see --retain)`
        ])
  ]
}

const printResults = (
  results: ReadonlyArray<Result>,
  options: Options,
  { json, quiet, verbose }: Output
) => {
  if (json) return printJson(resultsJson(results, options.dryRun))
  return quiet && results.every(({ _tag }) => _tag === "Kept")
    ? Effect.void
    : printLines((style) => resultLines(results, options, verbose, style))
}

export const prune = Command.make(
  "prune",
  {
    codexHome: Flags.codexHome,
    json: Flags.json,
    dryRun: Flags.toggle("dry-run", "Print what would be deleted, and delete nothing"),
    quiet: Flags.quiet("Print nothing if there is nothing to delete"),
    retain: Flags.duration("retain").pipe(
      Flag.withDescription(
        "Keep versions that were replaced less than this ago: `30m`, `24h`, `0` (default: 24h)"
      ),
      Flag.withDefault(PluginSync.defaultRetention)
    ),
    verbose: Flags.verbose("Print each version that is kept, too"),
    wait: Flags.wait
  },
  Effect.fn("prune")(function* ({ dryRun, json, quiet, retain, verbose }) {
    const results = yield* pruneAll({ dryRun, retain })
    yield* printResults(results, { dryRun, retain }, { json, quiet, verbose })
    if (results.some(({ _tag }) => _tag === "Failed")) return yield* new SomePluginsFailed()
  })
).pipe(
  Command.withDescription("Delete the versions that newer ones have replaced; works offline"),
  Command.withExamples([
    { command: "codex-plugins prune --dry-run", description: "Show what it would free" },
    { command: "codex-plugins prune --retain 0", description: "Free all of it now" }
  ]),
  Command.provide(({ codexHome, wait }) => offline(codexHome, { waitLimit: wait }))
)
