/**
 * The marketplaces that Codex keeps for the backend; see `RemotePlugin`.
 */
import type * as PluginId from "../PluginId.ts"

// Checking each name here would slow down the program's start by a hundredth, so a test checks
// them.
const named = (name: string) => name as PluginId.MarketplaceName

export const marketplaces = {
  curated: named("openai-curated-remote"),
  createdByMe: named("created-by-me-remote"),
  workspace: named("workspace-directory"),
  sharedWithMe: named("workspace-shared-with-me")
} as const

export const retiredMarketplaces: ReadonlyArray<PluginId.MarketplaceName> = [
  named("workspace-shared-with-me-private"),
  named("workspace-shared-with-me-unlisted")
]

export const remoteMarketplaces: ReadonlySet<PluginId.MarketplaceName> = new Set([
  ...Object.values(marketplaces),
  ...retiredMarketplaces
])
