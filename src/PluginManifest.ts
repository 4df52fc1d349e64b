/**
 * A plugin's own manifest: its possible paths, and the fields that matter here.
 */
import { Effect, Predicate, Result, Schema } from "effect"
import * as Message from "./internal/message.ts"
import * as StrictUtf8 from "./internal/strictUtf8.ts"
import * as SchemaIssues from "./internal/schemaIssue.ts"
import * as PluginVersion from "./PluginVersion.ts"
import * as WhiteSpace from "./internal/whiteSpace.ts"

/**
 * The only agent-plugin schema that can be read.
 *
 * @category constants
 * @since 0.1.0
 */
export const agentPluginSchema = "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json"

/** Every agent-plugin schema begins with this. */
const agentPluginSchemas = "https://agent-plugins.org/schemas/"

/**
 * The agent-plugin manifest at the root; Codex 0.142 does not know it.
 *
 * @category constants
 * @since 0.1.0
 */
export const agentPluginPath = "plugin.json"

/**
 * The paths at which a manifest is looked for, relative to the version's root. The first match
 * counts.
 *
 * @category constants
 * @since 0.1.0
 */
export const paths = [
  agentPluginPath,
  ".codex-plugin/plugin.json",
  ".claude-plugin/plugin.json",
  ".cursor-plugin/plugin.json"
] as const

/**
 * The reason why a folder is not a valid plugin.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidManifest extends Schema.TaggedError<InvalidManifest>()("InvalidManifest", {
  /** The manifest's path, or the plugin's folder if it has no manifest. */
  path: Schema.String,
  reason: Schema.TaggedUnion({
    Missing: {},
    /** It has more than `most` bytes. */
    TooLarge: { most: Schema.Int },
    NotJson: {},
    /** `at`: the path of the field that is missing or of another type; empty for the whole. */
    NotManifest: { at: Schema.String },
    NameMismatch: { expected: Schema.String, found: Schema.String },
    InvalidVersion: { version: Schema.String }
  })
}) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    const manifest = `the plugin manifest ${this.path}`
    switch (this.reason._tag) {
      case "Missing":
        return Message.because(
          null,
          `no plugin manifest in ${this.path}: looked for ${paths.join(", ")}`
        )
      case "TooLarge":
        return Message.because(null, `${manifest} has more than ${this.reason.most} bytes`)
      case "NotJson":
        return Message.because(null, `${manifest} is not UTF-8 JSON without a byte-order mark`)
      case "NotManifest": {
        const problem =
          this.reason.at === "" ? "is no JSON object" : `is malformed at \`${this.reason.at}\``
        return Message.because(null, `${manifest} ${problem}`)
      }
      case "NameMismatch":
        return Message.because(
          null,
          `${manifest} names the plugin ${JSON.stringify(this.reason.found)}, expected ${JSON.stringify(this.reason.expected)}`
        )
      case "InvalidVersion":
        return Message.because(
          null,
          `${manifest} has a version that no folder can have: ${JSON.stringify(this.reason.version)}`
        )
    }
  }
}

const Text = Schema.optionalKey(Schema.NullOr(Schema.String))
const Texts = Schema.optionalKey(Schema.Array(Schema.String))

const Interface = Schema.Struct({
  displayName: Text,
  shortDescription: Text,
  longDescription: Text,
  developerName: Text,
  category: Text,
  capabilities: Texts,
  websiteURL: Text,
  websiteUrl: Text,
  privacyPolicyURL: Text,
  privacyPolicyUrl: Text,
  termsOfServiceURL: Text,
  termsOfServiceUrl: Text,
  brandColor: Text,
  composerIcon: Text,
  logo: Text,
  logoDark: Text,
  screenshots: Texts
})

/**
 * A manifest in `.codex-plugin` or an older folder. Only its name and version are used. The fields
 * that Codex types are typed here as well, because a manifest that Codex cannot load must not
 * replace one that it can load. All other fields may hold anything.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PluginManifest = Schema.Struct({
  $schema: Schema.optionalKey(Schema.Unknown),
  name: Schema.String,
  version: Text,
  description: Text,
  keywords: Texts,
  apps: Text,
  interface: Schema.optionalKey(Schema.NullOr(Interface))
})
/**
 * A manifest in `.codex-plugin` or an older folder.
 *
 * @category models
 * @since 0.1.0
 */
export interface PluginManifest extends Pick<
  typeof PluginManifest.Type,
  "$schema" | "name" | "version"
> {}

type Fields = Readonly<Record<string, Schema.Constraint>>

const keysOf = (fields: Fields, wanted: Schema.Constraint): ReadonlyArray<string> =>
  Object.keys(fields).filter((key) => fields[key] === wanted)

/** True if the fields that must be strings or lists of strings are of that type. */
const checkOf = (fields: Fields) => {
  const texts = keysOf(fields, Text)
  const lists = keysOf(fields, Texts)
  return (json: Readonly<Record<PropertyKey, unknown>>): boolean =>
    texts.every((key) => Predicate.isNullish(json[key]) || typeof json[key] === "string") &&
    lists.every((key) => {
      const list = json[key]
      return (
        list === undefined ||
        (Array.isArray(list) && list.every((text) => typeof text === "string"))
      )
    })
}

const hasTexts = checkOf(PluginManifest.fields)
const hasInterfaceTexts = checkOf(Interface.fields)

/**
 * True for JSON that {@link decode} reads as a {@link PluginManifest}. It needs no schema, which is
 * slow in a process that has just started and reads hundreds of manifests.
 *
 * @internal
 */
export const isPlain = (json: unknown): json is PluginManifest =>
  Predicate.isObject(json) &&
  typeof json["name"] === "string" &&
  hasTexts(json) &&
  (Predicate.isNullish(json["interface"]) ||
    (Predicate.isObject(json["interface"]) && hasInterfaceTexts(json["interface"])))

const AgentText = Schema.optionalKey(Schema.String)

/**
 * The agent-plugin manifest at the root, as Codex 0.169 types it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AgentPluginManifest = Schema.Struct({
  $schema: Schema.Literal(agentPluginSchema),
  name: Schema.String.check(
    Schema.isPattern(/^(?!.*(?:--|\.\.))[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/),
    Schema.isMaxLength(64)
  ),
  version: AgentText,
  description: AgentText,
  homepage: AgentText,
  repository: AgentText,
  license: AgentText,
  keywords: Texts,
  author: Schema.optionalKey(Schema.Struct({ name: AgentText, email: AgentText, url: AgentText }))
})

const decodeManifest = Schema.decodeUnknownResult(PluginManifest)
const decodeAgentManifest = Schema.decodeUnknownResult(AgentPluginManifest)
const decodeVersion = Schema.decodeUnknownEffect(PluginVersion.PluginVersionFromUntrimmed)

/**
 * Parses a manifest's bytes as JSON. `path` is only for errors.
 *
 * @category codecs
 * @since 0.2.0
 */
export const parseJsonResult = (
  bytes: Uint8Array,
  path: string
): Result.Result<unknown, InvalidManifest> =>
  Result.try({
    try: (): unknown => JSON.parse(StrictUtf8.decoder.decode(bytes)),
    catch: () => new InvalidManifest({ path, reason: { _tag: "NotJson" } })
  })

/**
 * Does the same as {@link parseJsonResult}, as an effect.
 *
 * @category codecs
 * @since 0.1.0
 */
export const parseJson = (
  bytes: Uint8Array,
  path: string
): Effect.Effect<unknown, InvalidManifest> => Effect.fromResult(parseJsonResult(bytes, path))

/**
 * True if the JSON of a root `plugin.json` makes it the plugin's manifest: its `$schema` is an
 * agent-plugin schema. An unsupported one counts, too; {@link decode} rejects it.
 *
 * @category functions
 * @since 0.1.0
 */
export const isAgentPlugin = (json: unknown): boolean =>
  Predicate.hasProperty(json, "$schema") &&
  typeof json.$schema === "string" &&
  json.$schema.startsWith(agentPluginSchemas)

/**
 * Decodes the JSON of a manifest that was found at one of {@link paths}. `path` is only for errors.
 *
 * @category codecs
 * @since 0.2.0
 */
export const decodeResult = (
  json: unknown,
  path: string,
  relativePath: string
): Result.Result<PluginManifest, InvalidManifest> =>
  Result.mapError(
    relativePath === agentPluginPath ? decodeAgentManifest(json) : decodeManifest(json),
    (error) =>
      new InvalidManifest({
        path,
        reason: {
          _tag: "NotManifest",
          at: SchemaIssues.firstPath(error.issue)
        }
      })
  )

/**
 * Does the same as {@link decodeResult}, as an effect.
 *
 * @category codecs
 * @since 0.1.0
 */
export const decode = (
  json: unknown,
  path: string,
  relativePath: string
): Effect.Effect<PluginManifest, InvalidManifest> =>
  Effect.fromResult(decodeResult(json, path, relativePath))

/**
 * Checks that a manifest names the plugin in whose folder it is.
 *
 * @category functions
 * @since 0.2.0
 */
export const checkNameResult = (
  manifest: PluginManifest,
  expected: string,
  path: string
): Result.Result<void, InvalidManifest> =>
  manifest.name === expected
    ? Result.void
    : Result.fail(
        new InvalidManifest({
          path,
          reason: { _tag: "NameMismatch", expected, found: manifest.name }
        })
      )

/**
 * Does the same as {@link checkNameResult}, as an effect.
 *
 * @category functions
 * @since 0.1.0
 */
export const checkName = (
  manifest: PluginManifest,
  expected: string,
  path: string
): Effect.Effect<void, InvalidManifest> =>
  Effect.fromResult(checkNameResult(manifest, expected, path))

/**
 * The version of a local install of an agent plugin whose manifest has no version.
 *
 * @category constants
 * @since 0.1.0
 */
export const agentPluginVersion: PluginVersion.PluginVersion =
  PluginVersion.PluginVersion.make("1.0.0")

/**
 * The version of a local install: the manifest's, trimmed. Without one it is `local`, or {@link
 * agentPluginVersion} for an agent plugin, whose version may also be blank.
 *
 * @category functions
 * @since 0.1.0
 */
export const localVersion = (
  { $schema, version }: PluginManifest,
  path: string
): Effect.Effect<PluginVersion.PluginVersion, InvalidManifest> => {
  const isAgentPlugin = $schema === agentPluginSchema
  if (Predicate.isNullish(version) || (isAgentPlugin && WhiteSpace.trim(version) === "")) {
    return Effect.succeed(isAgentPlugin ? agentPluginVersion : PluginVersion.local)
  }
  return Effect.mapError(
    decodeVersion(version),
    () => new InvalidManifest({ path, reason: { _tag: "InvalidVersion", version } })
  )
}
