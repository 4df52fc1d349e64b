/**
 * The sidecar: the small versioned file in a plugin's base root that names the backend plugin
 * whose bytes the active version holds.
 */
import { Effect, Predicate, Result, Schema } from "effect"
import * as StrictUtf8 from "./internal/strictUtf8.ts"
import { sidecarName } from "./internal/fileNames.ts"
import * as Message from "./internal/message.ts"
import * as PluginId from "./PluginId.ts"
import * as RemotePluginId from "./RemotePluginId.ts"

/**
 * The sidecar's name, directly below the base root. A file of this name inside a bundle has no
 * meaning.
 *
 * @category constants
 * @since 0.1.0
 */
export const fileName = sidecarName

/**
 * The sidecar's mode, whatever the umask is: only its owner can read and write it.
 *
 * @category constants
 * @since 0.1.0
 */
export const fileMode = 0o600

/**
 * The only schema version that is read and written.
 *
 * @category constants
 * @since 0.1.0
 */
export const schemaVersion = 1

/**
 * The sidecar was written by a newer Codex. It is never overwritten, because the program that wrote
 * it can still read it.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnsupportedSchemaVersion extends Schema.TaggedError<UnsupportedSchemaVersion>()(
  "UnsupportedSchemaVersion",
  {
    path: Schema.String,
    /** The plugin whose sidecar it is; null if the reader does not know. */
    pluginId: Schema.NullOr(PluginId.PluginId),
    found: Schema.Number,
    supported: Schema.Number
  }
) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    return Message.because(
      null,
      `unsupported schema version ${this.found} in the sidecar ${this.path}; this program reads version ${this.supported}`,
      "update this program, or remove the plugin and sync again"
    )
  }
}

/**
 * The sidecar cannot be decoded. The next sync installs the plugin again and writes a new sidecar.
 *
 * @category errors
 * @since 0.1.0
 */
export class CorruptInstallMetadata extends Schema.TaggedError<CorruptInstallMetadata>()(
  "CorruptInstallMetadata",
  {
    path: Schema.String,
    /** The plugin whose sidecar it is; null if the reader does not know. */
    pluginId: Schema.NullOr(PluginId.PluginId),
    reason: Schema.Literals([
      "NotAFile",
      "Inaccessible",
      "NotJson",
      "NotInstallMetadata",
      "BlankRemotePluginId"
    ])
  }
) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    const why = {
      NotAFile: "it is a link or a folder",
      Inaccessible: "this user may not read it",
      NotJson: "it is not UTF-8 JSON without a byte-order mark",
      NotInstallMetadata:
        "it lacks `schema_version` or `remote_plugin_id`, or they have another type",
      BlankRemotePluginId: "its remote plugin id is blank"
    }[this.reason]
    const remedy =
      this.reason === "Inaccessible"
        ? "give the files of the home to this user (in an image: `COPY --chown`), or sync as their owner"
        : "sync to repair it"
    return Message.because(`cannot read the sidecar ${this.path}`, why, remedy)
  }
}

/**
 * The reason why a sidecar could not be decoded.
 *
 * @category errors
 * @since 0.1.0
 */
export type InstallMetadataError = UnsupportedSchemaVersion | CorruptInstallMetadata

/**
 * The exact bytes Codex writes: two-space indent, this key order, a newline at the end.
 *
 * @category codecs
 * @since 0.1.0
 */
export const encode = (remotePluginId: RemotePluginId.RemotePluginId): string =>
  `${JSON.stringify({ schema_version: schemaVersion, remote_plugin_id: remotePluginId }, null, 2)}\n`

const decodeBody = Schema.decodeUnknownResult(
  Schema.Struct({
    schema_version: Schema.Literal(schemaVersion),
    remote_plugin_id: RemotePluginId.RemotePluginIdFromUntrimmed
  })
)
const hasVersion = Schema.is(Schema.Struct({ schema_version: Schema.Int }))
const hasId = Schema.is(Schema.Struct({ remote_plugin_id: Schema.String }))

/** Printable ASCII without white space satisfies every check of the schema. */
const isPlainId = (id: unknown): id is RemotePluginId.RemotePluginId =>
  typeof id === "string" && /^[!-~]+$/.test(id)

/**
 * The id of an ordinary sidecar, without the schema, which is slow in a process that has just
 * started.
 */
const plainIdOf = (json: unknown): RemotePluginId.RemotePluginId | undefined =>
  Predicate.hasProperty(json, "schema_version") &&
  json.schema_version === schemaVersion &&
  Predicate.hasProperty(json, "remote_plugin_id") &&
  isPlainId(json.remote_plugin_id)
    ? json.remote_plugin_id
    : undefined

/** Describes why JSON is not a sidecar of the supported version. */
const refusal = (
  json: unknown,
  path: string,
  pluginId: PluginId.PluginId | null
): InstallMetadataError => {
  if (!hasVersion(json))
    return new CorruptInstallMetadata({ path, pluginId, reason: "NotInstallMetadata" })
  // The version is checked first: a newer one may have changed the other fields.
  const { schema_version: found } = json
  return found !== schemaVersion
    ? new UnsupportedSchemaVersion({ path, pluginId, found, supported: schemaVersion })
    : new CorruptInstallMetadata({
        path,
        pluginId,
        reason: hasId(json) ? "BlankRemotePluginId" : "NotInstallMetadata"
      })
}

/**
 * Decodes a sidecar's bytes. `path` and `pluginId` are only for errors. Unknown keys are ignored.
 *
 * @category codecs
 * @since 0.2.0
 */
export const decodeResult = (
  bytes: Uint8Array,
  path: string,
  pluginId: PluginId.PluginId | null = null
): Result.Result<RemotePluginId.RemotePluginId, InstallMetadataError> =>
  Result.flatMap(
    Result.try({
      try: (): unknown => JSON.parse(StrictUtf8.decoder.decode(bytes)),
      catch: () => new CorruptInstallMetadata({ path, pluginId, reason: "NotJson" })
    }),
    (json) => {
      const plainId = plainIdOf(json)
      if (plainId !== undefined) return Result.succeed(plainId)
      return Result.mapBoth(decodeBody(json), {
        onFailure: () => refusal(json, path, pluginId),
        onSuccess: (body) => body.remote_plugin_id
      })
    }
  )

/**
 * Does the same as {@link decodeResult}, as an effect.
 *
 * @category codecs
 * @since 0.1.0
 */
export const decode = (
  bytes: Uint8Array,
  path: string,
  pluginId: PluginId.PluginId | null = null
): Effect.Effect<RemotePluginId.RemotePluginId, InstallMetadataError> =>
  Effect.fromResult(decodeResult(bytes, path, pluginId))

const encoder = new TextEncoder()

/**
 * True if a sidecar has exactly the bytes that {@link encode} returns.
 *
 * @category functions
 * @since 0.1.0
 */
export const isExact = (
  bytes: Uint8Array,
  remotePluginId: RemotePluginId.RemotePluginId
): boolean => {
  const expected = encoder.encode(encode(remotePluginId))
  if (expected.length !== bytes.length) return false
  for (let i = 0; i < bytes.length; i++) if (expected[i] !== bytes[i]) return false
  return true
}
