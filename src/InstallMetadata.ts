/**
 * The sidecar: the small versioned file in a plugin's base root that names the backend plugin
 * whose bytes the active version holds.
 */
import { Effect, Schema } from "effect"
import * as RemotePluginId from "./RemotePluginId.ts"

/** Its name, directly below the base root. A file of this name inside a bundle means nothing. */
export const fileName = ".codex-remote-plugin-install.json"

/** Readable and writable by its owner alone, whatever the umask. */
export const fileMode = 0o600

/** The one schema version that is read and written. */
export const schemaVersion = 1

/**
 * The sidecar was written by a newer Codex. It is never overwritten: what it says is still good for
 * the program that wrote it.
 */
export class UnsupportedSchemaVersion extends Schema.TaggedError<UnsupportedSchemaVersion>()(
  "UnsupportedSchemaVersion",
  {
    path: Schema.String,
    found: Schema.Number,
    supported: Schema.Number
  }
) {
  override get message(): string {
    return (
      `unsupported remote plugin install metadata schema version: ${this.found} in ${this.path}; ` +
      `this program reads version ${this.supported}: update it, or remove the plugin and sync again`
    )
  }
}

/** The sidecar cannot be read as one. The next sync installs the plugin anew and writes it afresh. */
export class CorruptInstallMetadata extends Schema.TaggedError<CorruptInstallMetadata>()(
  "CorruptInstallMetadata",
  {
    path: Schema.String,
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
    const why = {
      NotAFile: "it is a link or a folder",
      Inaccessible: "it may not be read",
      NotJson: "it is not UTF-8 JSON without a byte-order mark",
      NotInstallMetadata:
        "it lacks `schema_version` or `remote_plugin_id`, or they have another type",
      BlankRemotePluginId: "its remote plugin id is blank"
    }[this.reason]
    return `cannot read the remote plugin install metadata ${this.path}: ${why}; sync to repair it`
  }
}

export type InstallMetadataError = UnsupportedSchemaVersion | CorruptInstallMetadata

/** The exact bytes Codex writes: two-space indent, this key order, a newline at the end. */
export const encode = (remotePluginId: RemotePluginId.RemotePluginId): string =>
  `${JSON.stringify({ schema_version: schemaVersion, remote_plugin_id: remotePluginId }, null, 2)}\n`

const decodeJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))
const decodeVersion = Schema.decodeUnknownEffect(Schema.Struct({ schema_version: Schema.Int }))
const decodeBody = Schema.decodeUnknownEffect(Schema.Struct({ remote_plugin_id: Schema.String }))
const decodeId = Schema.decodeUnknownEffect(RemotePluginId.RemotePluginIdFromUntrimmed)

// A byte-order mark is kept, so that JSON refuses it; bad UTF-8 is refused, not replaced.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true })

/** Reads a sidecar's bytes; `path` is named in errors only. Unknown keys are ignored. */
export const decode = Effect.fnUntraced(function* (
  bytes: Uint8Array,
  path: string
): Effect.fn.Return<RemotePluginId.RemotePluginId, InstallMetadataError> {
  const corrupt = (reason: CorruptInstallMetadata["reason"]) => () =>
    new CorruptInstallMetadata({ path, reason })
  const json = yield* Effect.try(() => utf8.decode(bytes)).pipe(
    Effect.flatMap(decodeJson),
    Effect.mapError(corrupt("NotJson"))
  )
  const { schema_version: found } = yield* Effect.mapError(
    decodeVersion(json),
    corrupt("NotInstallMetadata")
  )
  if (found !== schemaVersion) {
    return yield* new UnsupportedSchemaVersion({ path, found, supported: schemaVersion })
  }
  const body = yield* Effect.mapError(decodeBody(json), corrupt("NotInstallMetadata"))
  return yield* Effect.mapError(decodeId(body.remote_plugin_id), corrupt("BlankRemotePluginId"))
})

const encoder = new TextEncoder()

/** Whether a sidecar has the very bytes that {@link encode} gives. */
export const isExact = (
  bytes: Uint8Array,
  remotePluginId: RemotePluginId.RemotePluginId
): boolean => {
  const expected = encoder.encode(encode(remotePluginId))
  return expected.length === bytes.length && expected.every((byte, i) => byte === bytes[i])
}
