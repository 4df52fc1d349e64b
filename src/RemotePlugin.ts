/**
 * A plugin as the backend describes it: its row, its scope, and the marketplace it belongs to.
 */
import { Option, Redacted, Result, Schema } from "effect"
import * as SchemaIssues from "./internal/schemaIssue.ts"
import * as PluginId from "./PluginId.ts"
import * as PluginVersion from "./PluginVersion.ts"
import * as RemotePluginId from "./RemotePluginId.ts"
import * as Marketplaces from "./internal/marketplaces.ts"
import * as Message from "./internal/message.ts"
import * as WhiteSpace from "./internal/whiteSpace.ts"

/**
 * The marketplaces whose cache belongs to the backend.
 *
 * @category constants
 * @since 0.1.0
 */
export const marketplaces: {
  readonly [
    name in "curated" | "createdByMe" | "workspace" | "sharedWithMe"
  ]: PluginId.MarketplaceName
} = Marketplaces.marketplaces

/**
 * Marketplaces of earlier releases of Codex. Nothing is installed there any more.
 *
 * @category constants
 * @since 0.1.0
 */
export const retiredMarketplaces: ReadonlyArray<PluginId.MarketplaceName> =
  Marketplaces.retiredMarketplaces

/**
 * The only marketplaces whose stale plugins are removed.
 *
 * @category constants
 * @since 0.1.0
 */
export const remoteMarketplaces: ReadonlySet<PluginId.MarketplaceName> =
  Marketplaces.remoteMarketplaces

/**
 * One plugin of the account, with everything that is needed to cache it.
 *
 * @category models
 * @since 0.1.0
 */
export interface RemotePlugin {
  readonly remotePluginId: RemotePluginId.RemotePluginId
  readonly pluginId: PluginId.PluginId
  /** In the backend's form; see {@link version}. */
  readonly releaseVersion: Option.Option<string>
  /** Signed, hence redacted; see {@link bundleUrl}. */
  readonly bundleDownloadUrl: Option.Option<Redacted.Redacted>
  /** The text of the app manifest that is added to a curated bundle. */
  readonly appManifest: Option.Option<string>
  /**
   * The whole row, from which `RemotePluginDetails` reads what people see. It contains the signed
   * URL, hence it is redacted.
   */
  readonly row: Redacted.Redacted<unknown>
}

/**
 * A row of the backend that cannot be synced. If `pluginId` is null, the row has no valid name, so
 * it is unknown which cached plugin it describes.
 *
 * @category errors
 * @since 0.2.0
 */
export class InvalidRemotePlugin extends Schema.TaggedError<InvalidRemotePlugin>()(
  "InvalidRemotePlugin",
  {
    remotePluginId: Schema.NullOr(Schema.String),
    pluginId: Schema.NullOr(PluginId.PluginId),
    reason: Schema.TaggedUnion({
      /** `at`: the path of the field that is missing or of another type; empty for the whole. */
      MalformedRow: { at: Schema.String },
      InvalidName: { name: Schema.String },
      UnknownScope: { scope: Schema.String },
      MissingDiscoverability: {},
      UnknownDiscoverability: { discoverability: Schema.String },
      DuplicatePlugin: { kept: Schema.String },
      /** Another row has a name that differs only in case. Some disks keep both in one folder. */
      CaseConflict: { other: Schema.String },
      MissingVersion: {},
      InvalidVersion: { version: Schema.String },
      MissingBundleUrl: {}
    })
  }
) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    const remotePluginId = this.remotePluginId && RemotePluginId.shown(this.remotePluginId)
    const subject = [this.pluginId, remotePluginId].filter((part) => part !== null).join(", ")
    return Message.because(
      `cannot use the backend's row ${subject === "" ? "without an id" : `of ${subject}`}`,
      `the row ${this.why}`,
      this.reason._tag === "CaseConflict" ? "rename one of them" : null
    )
  }

  private get why(): string {
    switch (this.reason._tag) {
      case "MalformedRow":
        return this.reason.at === "" ? "is not an object" : `is malformed at \`${this.reason.at}\``
      case "InvalidName":
        return `has a name that no folder can have: ${JSON.stringify(this.reason.name)}`
      case "UnknownScope":
        return `has the unknown scope ${JSON.stringify(this.reason.scope)}`
      case "MissingDiscoverability":
        return "has the scope WORKSPACE but no discoverability, so its marketplace is unknown"
      case "UnknownDiscoverability":
        return `has the unknown discoverability ${JSON.stringify(this.reason.discoverability)}`
      case "DuplicatePlugin":
        return `names the same plugin as the row of ${RemotePluginId.shown(this.reason.kept)}, which is kept`
      case "CaseConflict":
        return `has a name that differs only in case from ${this.reason.other}, so neither is installed`
      case "MissingVersion":
        return "has no release version"
      case "InvalidVersion":
        return `has a release version that no folder can have: ${JSON.stringify(this.reason.version)}`
      case "MissingBundleUrl":
        return "has no bundle download URL"
    }
  }
}

/**
 * The plugins that the account has installed: the complete listing, in its order.
 *
 * @category models
 * @since 0.2.0
 */
export interface InstalledSnapshot {
  /**
   * A row that cannot be decoded is kept as its error. Without a valid name, it forbids removals in
   * that pass.
   */
  readonly rows: ReadonlyArray<Result.Result<RemotePlugin, InvalidRemotePlugin>>
}

/**
 * The plugins that the account can install from one section of the catalogue: the complete listing,
 * in its order. Its plugins have no bundle URL.
 *
 * @category models
 * @since 0.2.0
 */
export interface AvailableSnapshot {
  /** A row that cannot be decoded is kept as its error. */
  readonly rows: ReadonlyArray<Result.Result<RemotePlugin, InvalidRemotePlugin>>
}

type Reason = InvalidRemotePlugin["reason"]

const Row = Schema.Struct({
  id: RemotePluginId.RemotePluginIdFromUntrimmed.check(
    Schema.makeFilter(RemotePluginId.isCacheable)
  ),
  name: Schema.String,
  scope: Schema.String,
  discoverability: Schema.optionalKey(Schema.NullOr(Schema.String)),
  release: Schema.Struct({
    version: Schema.optionalKey(Schema.NullOr(Schema.String)),
    bundle_download_url: Schema.optionalKey(Schema.NullOr(Schema.String)),
    app_manifest: Schema.optionalKey(Schema.Unknown)
  })
})

const decodeRow = Schema.decodeUnknownResult(Row)
const decodeName = Schema.decodeUnknownOption(PluginId.PluginName)
const decodeVersion = Schema.decodeUnknownOption(PluginVersion.PluginVersionFromUntrimmed)
const decodeStrayId = Schema.decodeUnknownOption(Schema.Struct({ id: Schema.String }))

const marketplaceOf = (row: typeof Row.Type): Result.Result<PluginId.MarketplaceName, Reason> => {
  switch (row.scope) {
    case "GLOBAL":
      return Result.succeed(marketplaces.curated)
    case "USER":
      return Result.succeed(marketplaces.createdByMe)
    case "WORKSPACE":
      switch (row.discoverability) {
        case "LISTED":
          return Result.succeed(marketplaces.workspace)
        case "PRIVATE":
        case "UNLISTED":
          return Result.succeed(marketplaces.sharedWithMe)
        case null:
        case undefined:
          return Result.fail({ _tag: "MissingDiscoverability" })
        default:
          return Result.fail({
            _tag: "UnknownDiscoverability",
            discoverability: row.discoverability
          })
      }
    default:
      return Result.fail({ _tag: "UnknownScope", scope: row.scope })
  }
}

/**
 * Decodes one row of a listing or of a single plugin's answer. Unknown fields are ignored. Pass the
 * app manifest's original text if you have it: `JSON.parse` rounds numbers and reorders some keys.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromRow = (
  input: unknown,
  appManifest?: string
): Result.Result<RemotePlugin, InvalidRemotePlugin> =>
  Result.gen(function* () {
    const row = yield* Result.mapError(
      decodeRow(input),
      (error) =>
        new InvalidRemotePlugin({
          remotePluginId: Option.match(decodeStrayId(input), {
            onNone: () => null,
            onSome: ({ id }) => id
          }),
          pluginId: null,
          // The message contains only the path, because the value may be a signed URL.
          reason: {
            _tag: "MalformedRow",
            at: SchemaIssues.firstPath(error.issue)
          }
        })
    )
    const unnameable = (reason: Reason) =>
      new InvalidRemotePlugin({ remotePluginId: row.id, pluginId: null, reason })
    const name = yield* Result.fromOption(decodeName(row.name), () =>
      unnameable({ _tag: "InvalidName", name: row.name })
    )
    const marketplace = yield* Result.mapError(marketplaceOf(row), unnameable)
    return {
      remotePluginId: row.id,
      pluginId: PluginId.make(name, marketplace),
      releaseVersion: Option.fromNullishOr(row.release.version),
      bundleDownloadUrl: Option.map(Option.fromNullishOr(row.release.bundle_download_url), (url) =>
        Redacted.make(WhiteSpace.trim(url), { label: "bundle URL" })
      ),
      appManifest: Option.map(
        Option.fromNullishOr(row.release.app_manifest),
        (json) => appManifest ?? `${JSON.stringify(json, null, 2)}\n`
      ),
      row: Redacted.make(input, { label: "row" })
    }
  })

/**
 * The error of a plugin that has a valid name and cannot be synced.
 *
 * @category functions
 * @since 0.2.0
 */
export const invalid = (plugin: RemotePlugin, reason: Reason): InvalidRemotePlugin =>
  new InvalidRemotePlugin({
    remotePluginId: plugin.remotePluginId,
    pluginId: plugin.pluginId,
    reason
  })

/**
 * The version to cache: the release's version, trimmed, if it can be a folder's name.
 *
 * @category functions
 * @since 0.1.0
 */
export const version = (
  plugin: RemotePlugin
): Result.Result<PluginVersion.PluginVersion, InvalidRemotePlugin> =>
  Option.match(plugin.releaseVersion, {
    onNone: () => Result.fail(invalid(plugin, { _tag: "MissingVersion" })),
    onSome: (version) =>
      Result.fromOption(decodeVersion(version), () =>
        invalid(
          plugin,
          WhiteSpace.trim(version) === ""
            ? { _tag: "MissingVersion" }
            : { _tag: "InvalidVersion", version }
        )
      )
  })

/**
 * The URL of the bundle. The download checks its scheme.
 *
 * @category functions
 * @since 0.1.0
 */
export const bundleUrl = (
  plugin: RemotePlugin
): Result.Result<Redacted.Redacted, InvalidRemotePlugin> =>
  Result.fromOption(
    Option.filter(plugin.bundleDownloadUrl, (url) => Redacted.value(url) !== ""),
    () => invalid(plugin, { _tag: "MissingBundleUrl" })
  )
