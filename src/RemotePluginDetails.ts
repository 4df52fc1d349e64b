/**
 * The details of a plugin that people see: the part of the backend's row that the cache does not
 * need.
 *
 * Fields have the backend's names. A field that is absent or null is null, or an empty list.
 */
import { Effect, Option, Redacted, Result, Schema, SchemaTransformation } from "effect"
import * as SchemaIssues from "./internal/schemaIssue.ts"
import { type RemotePlugin, invalid, type InvalidRemotePlugin } from "./RemotePlugin.ts"

const nullable = <S extends Schema.Constraint>(schema: S) =>
  Schema.NullOr(schema).pipe(Schema.withDecodingDefaultKey(Effect.succeed(null)))

const list = <S extends Schema.Constraint>(schema: S) => {
  const items = Schema.Array(schema)
  return Schema.NullOr(items).pipe(
    Schema.decodeTo(
      Schema.toType(items),
      SchemaTransformation.transform({ decode: (items) => items ?? [], encode: (items) => items })
    ),
    Schema.withDecodingDefaultKey(Effect.succeed([]))
  )
}

const Text = nullable(Schema.String)
const Texts = list(Schema.String)

const Skill = Schema.Struct({
  name: Schema.String,
  description: Schema.String,
  interface: nullable(
    Schema.Struct({
      display_name: Text,
      short_description: Text,
      brand_color: Text,
      default_prompt: Text,
      icon_small_url: Text,
      icon_large_url: Text
    })
  )
})
/**
 * A skill as the backend describes it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Skill extends Schema.Schema.Type<typeof Skill> {}

const AppTemplate = Schema.Struct({
  template_id: Schema.String,
  name: Schema.String,
  description: Text,
  category: Text,
  canonical_connector_id: Text,
  logo_url: Text,
  logo_url_dark: Text,
  materialized_app_ids: Texts,
  reason: Text
})

const Release = Schema.Struct({
  version: Text,
  display_name: Schema.String,
  description: Schema.String,
  interface: Schema.Struct({
    short_description: Text,
    long_description: Text,
    developer_name: Text,
    category: Text,
    capabilities: Texts,
    website_url: Text,
    privacy_policy_url: Text,
    terms_of_service_url: Text,
    brand_color: Text,
    default_prompt: Text,
    default_prompts: Texts,
    composer_icon_url: Text,
    logo_url: Text,
    logo_url_dark: Text,
    screenshot_urls: Texts
  }),
  keywords: Texts,
  skills: list(Skill),
  onboarding_skill_name: Text,
  app_ids: Texts,
  app_manifest: nullable(Schema.Unknown),
  app_templates: list(AppTemplate),
  mcp_servers: list(Schema.Struct({ key: Schema.String })),
  scheduled_tasks: nullable(
    Schema.Array(
      Schema.Struct({
        key: Schema.String,
        name: Schema.String,
        prompt: Schema.String,
        schedule: Schema.Unknown
      })
    )
  )
})

/**
 * The part of a plugin's row that an install does not need.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PluginDetails = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  scope: Schema.String,
  discoverability: Text,
  installation_policy: Schema.Literals(["NOT_AVAILABLE", "AVAILABLE", "INSTALLED_BY_DEFAULT"]),
  installation_policy_source: Text,
  must_show_installation_interstitial: nullable(Schema.Boolean),
  authentication_policy: Schema.Literals(["ON_INSTALL", "ON_USE"]),
  status: nullable(Schema.Literals(["AVAILABLE", "ENABLED", "DISABLED_BY_ADMIN"])),
  disabled_reason: Text,
  eligible_plan_types: nullable(Schema.Array(Schema.String)),
  /** Only the rows of the account's installed plugins have these fields. */
  enabled: nullable(Schema.Boolean),
  disabled_skill_names: Texts,
  installed_at: nullable(Schema.DateTimeUtcFromString),
  share_url: Text,
  creator_account_user_id: Text,
  creator_name: Text,
  share_principals: nullable(
    Schema.Array(
      Schema.Struct({
        principal_type: Schema.String,
        principal_id: Schema.String,
        role: Schema.String,
        name: Schema.String
      })
    )
  ),
  can_publish_to_workspace: nullable(Schema.Boolean),
  release: Release
})
/**
 * The part of a plugin's row that an install does not need.
 *
 * @category models
 * @since 0.1.0
 */
export interface PluginDetails extends Schema.Schema.Type<typeof PluginDetails> {}

const decode = Schema.decodeUnknownResult(PluginDetails)

/**
 * Reads the details from the row of a plugin.
 *
 * @category functions
 * @since 0.1.0
 */
export const of = (plugin: RemotePlugin): Result.Result<PluginDetails, InvalidRemotePlugin> =>
  Result.mapError(decode(Redacted.value(plugin.row)), ({ issue }) =>
    invalid(plugin, {
      _tag: "MalformedRow",
      at: SchemaIssues.firstPath(issue)
    })
  )

/**
 * True if the account has enabled the plugin of an installed row; null if that is unknown.
 *
 * @internal
 */
export const enabledOf = (installed: RemotePlugin): boolean | null =>
  Result.match(of(installed), { onFailure: () => null, onSuccess: ({ enabled }) => enabled })

/**
 * A plugin with its details, and with those of its row among the account's installed plugins.
 *
 * @internal
 */
interface Detailed {
  readonly plugin: RemotePlugin
  readonly details: PluginDetails
  readonly installed: Option.Option<PluginDetails>
}

/**
 * Adds the details to plugins. Plugins whose details cannot be decoded are left out.
 *
 * @internal
 */
export const addTo = (
  plugins: ReadonlyArray<RemotePlugin>,
  installed: ReadonlyArray<RemotePlugin>
): ReadonlyArray<Detailed> => {
  const byId = new Map(installed.map((plugin) => [plugin.remotePluginId, plugin]))
  return plugins.flatMap((plugin): ReadonlyArray<Detailed> => {
    const details = of(plugin)
    if (Result.isFailure(details)) return []
    const row = Option.fromUndefinedOr(byId.get(plugin.remotePluginId))
    return [
      {
        plugin,
        details: details.success,
        installed: Option.flatMap(row, (row) => Result.getSuccess(of(row)))
      }
    ]
  })
}
