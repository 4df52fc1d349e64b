/**
 * A plugin's own manifest: where it is looked for, and what of it matters here.
 */
import { Effect, Option, Predicate, Schema } from "effect"
import * as PluginVersion from "./PluginVersion.ts"

/** A root `plugin.json` counts only if its `$schema` is this one. */
export const agentPluginSchema = "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json"

/** The agent-plugin manifest at the root; Codex 0.142 does not know it. */
export const agentPluginPath = "plugin.json"

/** Where a manifest is looked for, first match first, relative to the version's root. */
export const paths = [
  agentPluginPath,
  ".codex-plugin/plugin.json",
  ".claude-plugin/plugin.json",
  ".cursor-plugin/plugin.json"
] as const

/** Why a folder cannot be taken for a plugin. */
export class InvalidManifest extends Schema.TaggedError<InvalidManifest>()("InvalidManifest", {
  /** The manifest's path, or the plugin's folder where it has none. */
  path: Schema.String,
  reason: Schema.TaggedUnion({
    Missing: {},
    NotJson: {},
    NotManifest: {},
    NameMismatch: { expected: Schema.String, found: Schema.String },
    InvalidVersion: { version: Schema.String }
  })
}) {
  override get message(): string {
    switch (this.reason._tag) {
      case "Missing":
        return `no plugin manifest in ${this.path}: looked for ${paths.join(", ")}`
      case "NotJson":
        return `the plugin manifest ${this.path} is not UTF-8 JSON without a byte-order mark`
      case "NotManifest":
        return `the plugin manifest ${this.path} is not an object with a \`name\``
      case "NameMismatch":
        return `the plugin manifest ${this.path} names the plugin ${JSON.stringify(this.reason.found)}, expected ${JSON.stringify(this.reason.expected)}`
      case "InvalidVersion":
        return `the plugin manifest ${this.path} has the version ${this.reason.version}: expected a string that can name a folder`
    }
  }
}

/** What is read of a manifest; its other fields are the plugin's own business. */
export const PluginManifest = Schema.Struct({
  name: Schema.String,
  version: Schema.optionalKey(Schema.Unknown)
})
export interface PluginManifest extends Schema.Schema.Type<typeof PluginManifest> {}

const decodeJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))
const decodeManifest = Schema.decodeUnknownEffect(PluginManifest)
const decodeVersion = Schema.decodeUnknownEffect(PluginVersion.PluginVersionFromUntrimmed)

// A byte-order mark is kept, so that JSON refuses it; bad UTF-8 is refused, not replaced.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true })

/** Parses a manifest's bytes as JSON; `path` is named in errors only. */
export const parseJson = (
  bytes: Uint8Array,
  path: string
): Effect.Effect<unknown, InvalidManifest> =>
  Effect.try(() => utf8.decode(bytes)).pipe(
    Effect.flatMap(decodeJson),
    Effect.mapError(() => new InvalidManifest({ path, reason: { _tag: "NotJson" } }))
  )

/** Whether the JSON of a root `plugin.json` makes it the plugin's manifest. */
export const isAgentPlugin = (json: unknown): boolean =>
  Predicate.hasProperty(json, "$schema") && json.$schema === agentPluginSchema

/** Reads a manifest's JSON; `path` is named in errors only. */
export const decode = (
  json: unknown,
  path: string
): Effect.Effect<PluginManifest, InvalidManifest> =>
  Effect.mapError(
    decodeManifest(json),
    () => new InvalidManifest({ path, reason: { _tag: "NotManifest" } })
  )

/** A manifest must name the plugin in whose place it stands. */
export const checkName = (
  manifest: PluginManifest,
  expected: string,
  path: string
): Effect.Effect<void, InvalidManifest> =>
  manifest.name === expected
    ? Effect.void
    : Effect.fail(
        new InvalidManifest({
          path,
          reason: { _tag: "NameMismatch", expected, found: manifest.name }
        })
      )

/** The version of a local install: the manifest's, trimmed; `local` where it names none. */
export const localVersion = (
  manifest: PluginManifest,
  path: string
): Effect.Effect<PluginVersion.PluginVersion, InvalidManifest> =>
  Option.match(Option.fromUndefinedOr(manifest.version), {
    onNone: () => Effect.succeed(PluginVersion.local),
    onSome: (version) =>
      Effect.mapError(
        decodeVersion(version),
        () =>
          new InvalidManifest({
            path,
            reason: { _tag: "InvalidVersion", version: JSON.stringify(version) }
          })
      )
  })
