/**
 * A plugin in the format of Codex's app-server: the `PluginSummary` and `PluginDetail` of release
 * 0.169.
 */
import { Array as Arr, DateTime, Option, Order, Predicate, Schema } from "effect"
import type { PluginDetails, Skill } from "../RemotePluginDetails.ts"
import * as PluginId from "../PluginId.ts"
import type { PluginVersion } from "../PluginVersion.ts"
import type { Section } from "../RemoteCatalog.ts"
import { marketplaces, retiredMarketplaces, type RemotePlugin } from "../RemotePlugin.ts"
import * as WhiteSpace from "../internal/whiteSpace.ts"

/** The maximum number of a plugin's prompts in an answer. Source: Codex. */
const maxPrompts = 3

/** The maximum length of a prompt in an answer, in code points. Source: Codex. */
const maxPromptLength = 128

/** One plugin: its rows and its cached version. */
export interface Subject {
  readonly plugin: RemotePlugin
  readonly details: PluginDetails
  /** Its row in the listing of the account's installed plugins. */
  readonly installed: Option.Option<PluginDetails>
  /** The version that the cache holds. */
  readonly cached: Option.Option<PluginVersion>
}

const displayNames: ReadonlyMap<PluginId.MarketplaceName, string> = new Map([
  [marketplaces.curated, "OpenAI Curated Remote"],
  [marketplaces.createdByMe, "Created by me"],
  [marketplaces.workspace, "Workspace Directory"],
  [marketplaces.sharedWithMe, "Shared with me"]
])

const knownDisabledReasons: ReadonlySet<string> = new Set([
  "disabled_by_admin",
  "plan_not_eligible",
  "required_app_unavailable"
])

/** The text without surrounding white space; null if nothing is left. */
const trimmed = (text: string | null): string | null => {
  const rest = text === null ? "" : WhiteSpace.trim(text)
  return rest === "" ? null : rest
}

const prompts = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts
    .flatMap((text) => trimmed(text) ?? [])
    .filter((text) => Array.from(text).length <= maxPromptLength)
    .slice(0, maxPrompts)

const defaultPrompt = ({
  default_prompt,
  default_prompts
}: PluginDetails["release"]["interface"]) => {
  const shown = [default_prompts, default_prompt === null ? [] : [default_prompt]].map(prompts)
  return shown.find((prompts) => prompts.length > 0) ?? null
}

const isBlank = (value: unknown): boolean =>
  value === null || (Array.isArray(value) && value.length === 0)

/** Null if the object has no value. */
const unlessBlank = <A extends object>(shown: A): A | null =>
  Object.values(shown).every(isBlank) ? null : shown

// Codex gives no icon paths for remote plugins; local plugins have these fields.
const interfaceOf = ({ display_name, interface: shown }: PluginDetails["release"]) =>
  unlessBlank({
    displayName: trimmed(display_name),
    shortDescription: shown.short_description,
    longDescription: shown.long_description,
    developerName: shown.developer_name,
    category: shown.category,
    capabilities: shown.capabilities,
    websiteUrl: shown.website_url,
    privacyPolicyUrl: shown.privacy_policy_url,
    termsOfServiceUrl: shown.terms_of_service_url,
    defaultPrompt: defaultPrompt(shown),
    brandColor: shown.brand_color,
    composerIcon: null,
    composerIconUrl: shown.composer_icon_url,
    logo: null,
    logoDark: null,
    logoUrl: shown.logo_url,
    logoUrlDark: shown.logo_url_dark,
    screenshots: [],
    screenshotUrls: shown.screenshot_urls
  })

const shareContextOf = (details: PluginDetails) =>
  details.scope !== "WORKSPACE"
    ? null
    : {
        remotePluginId: details.id,
        remoteVersion: details.release.version,
        discoverability: details.discoverability,
        shareUrl: details.share_url,
        creatorAccountUserId: details.creator_account_user_id,
        creatorName: details.creator_name,
        sharePrincipals:
          details.share_principals?.map(({ name, principal_id, principal_type, role }) => ({
            principalType: principal_type,
            principalId: principal_id,
            role,
            name
          })) ?? null,
        canPublishToWorkspace: details.can_publish_to_workspace
      }

const disabledReasonOf = ({ disabled_reason: reason }: PluginDetails): string | null =>
  reason === null || knownDisabledReasons.has(reason) ? reason : "unknown"

const isEnabled = ({ installed }: Subject): boolean =>
  Option.exists(installed, ({ enabled }) => enabled === true)

/** The summary in a listing, without the details of sharing. */
export const summary = (subject: Subject) => {
  const { cached, details, installed, plugin } = subject
  return {
    id: plugin.pluginId,
    remotePluginId: plugin.remotePluginId,
    version: details.release.version,
    localVersion: Option.getOrNull(cached),
    name: PluginId.name(plugin.pluginId),
    shareContext: null as ReturnType<typeof shareContextOf>,
    source: { type: "remote" },
    installed: Option.isSome(installed),
    installedAt: Option.match(installed, {
      onNone: () => null,
      onSome: ({ installed_at }) =>
        installed_at === null ? null : Math.floor(DateTime.toEpochMillis(installed_at) / 1000)
    }),
    enabled: isEnabled(subject),
    installPolicy: details.installation_policy,
    installPolicySource: details.installation_policy_source,
    mustShowInstallationInterstitial: details.must_show_installation_interstitial,
    authPolicy: details.authentication_policy,
    availability: details.status === "DISABLED_BY_ADMIN" ? "DISABLED_BY_ADMIN" : "AVAILABLE",
    disabledReason: disabledReasonOf(details),
    eligiblePlanTypes: details.eligible_plan_types,
    interface: interfaceOf(details.release),
    keywords: details.release.keywords
  }
}

const skillOf = (skill: Skill, disabled: ReadonlyArray<string>) => {
  const { interface: shown } = skill
  return {
    name: skill.name,
    description: skill.description,
    shortDescription: shown?.short_description ?? null,
    interface:
      shown &&
      unlessBlank({
        displayName: shown.display_name,
        shortDescription: shown.short_description,
        iconSmall: null,
        iconLarge: null,
        iconSmallUrl: shown.icon_small_url,
        iconLargeUrl: shown.icon_large_url,
        brandColor: shown.brand_color,
        defaultPrompt: shown.default_prompt
      }),
    path: null,
    enabled: !disabled.includes(skill.name)
  }
}

const decodeAppManifest = Schema.decodeUnknownOption(
  Schema.Struct({
    apps: Schema.Record(
      Schema.String,
      Schema.Struct({
        id: Schema.String,
        category: Schema.optionalKey(Schema.NullOr(Schema.String))
      })
    )
  })
)

/** The apps of the app manifest; without a manifest, the apps that the release names. */
const appsOf = ({ app_ids, app_manifest }: PluginDetails["release"]) => {
  const apps = Predicate.isNull(app_manifest)
    ? app_ids.map((id) => ({ id, category: null }))
    : Option.match(decodeAppManifest(app_manifest), {
        onNone: () => [],
        onSome: ({ apps }) => Object.values(apps)
      })
  return Arr.dedupeWith(apps, (self, that) => self.id === that.id).map(({ category, id }) => ({
    id,
    name: id,
    description: null,
    installUrl: `https://chatgpt.com/apps/${slugOf(id)}/${id}`,
    category: trimmed(category ?? null)
  }))
}

const slugOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "") || "app"

/** The details of one plugin. */
export const detail = (subject: Subject) => {
  const { details, installed, plugin } = subject
  const { release } = details
  const disabled = Option.match(installed, {
    onNone: () => [],
    onSome: ({ disabled_skill_names }) => disabled_skill_names
  })
  const skills = release.skills.map((skill) => skillOf(skill, disabled))
  const onboarding = skills.find(
    ({ enabled, name }) => enabled && name === release.onboarding_skill_name
  )
  return {
    marketplaceName: PluginId.marketplace(plugin.pluginId),
    marketplacePath: null,
    summary: { ...summary(subject), shareContext: shareContextOf(details) },
    shareUrl: details.share_url,
    description: trimmed(release.description),
    skills,
    onboardingSkill: (isEnabled(subject) ? onboarding : undefined) ?? null,
    hooks: [],
    apps: appsOf(release),
    appTemplates: release.app_templates.map((template) => ({
      templateId: template.template_id,
      name: template.name,
      description: template.description,
      category: template.category,
      canonicalConnectorId: template.canonical_connector_id,
      logoUrl: template.logo_url,
      logoUrlDark: template.logo_url_dark,
      materializedAppIds: template.materialized_app_ids,
      reason: template.reason
    })),
    mcpServers: Arr.sort(Arr.dedupe(release.mcp_servers.map(({ key }) => key)), Order.String),
    scheduledTasks: release.scheduled_tasks
  }
}

const shownName = ({ details }: Subject): string =>
  trimmed(details.release.display_name) ?? details.name

const asciiLowerCase = (text: string): string =>
  text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

/** Codex's order: by display name, ignoring case, then by the other fields. */
const listingOrder: Order.Order<Subject> = Order.combineAll([
  Order.mapInput(Order.String, (subject) => asciiLowerCase(shownName(subject))),
  Order.mapInput(Order.String, shownName),
  Order.mapInput(Order.String, ({ plugin }) => plugin.remotePluginId)
])

/** The marketplaces that hold these plugins, in Codex's order. */
export const byMarketplace = (subjects: ReadonlyArray<Subject>) =>
  Array.from(displayNames, ([name, displayName]) => ({
    name,
    path: null,
    interface: { displayName },
    plugins: Arr.sort(
      subjects.filter(({ plugin }) => PluginId.marketplace(plugin.pluginId) === name),
      listingOrder
    ).map(summary)
  })).filter(({ plugins }) => plugins.length > 0)

/** One section of the catalogue, in the backend's order. */
export const section = (section: Section, subjects: ReadonlyArray<Subject>) => ({
  // Codex still uses a retired name for the section of shared plugins.
  name: section === "sharedWithMe" ? retiredMarketplaces[0] : marketplaces[section],
  path: null,
  interface: { displayName: displayNames.get(marketplaces[section]) ?? section },
  plugins: subjects.map((subject) => ({
    ...summary(subject),
    shareContext: shareContextOf(subject.details)
  }))
})
