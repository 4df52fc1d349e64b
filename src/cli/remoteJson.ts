/**
 * A plugin of the account for programs, in the format of `codex plugin list --json`.
 */
import { Option } from "effect"
import * as PluginId from "../PluginId.ts"
import type { PluginDetails } from "../RemotePluginDetails.ts"
import type { RemotePlugin } from "../RemotePlugin.ts"

/** A plugin and its data from the backend. */
interface Shown {
  readonly plugin: RemotePlugin
  readonly details: PluginDetails
  readonly installed: Option.Option<PluginDetails>
}

export const remoteJson = ({ details, installed, plugin }: Shown) => ({
  pluginId: plugin.pluginId,
  name: PluginId.name(plugin.pluginId),
  marketplaceName: PluginId.marketplace(plugin.pluginId),
  source: { source: "remote", id: plugin.remotePluginId },
  displayName: details.release.display_name,
  description: details.release.description,
  releaseVersion: Option.getOrNull(plugin.releaseVersion),
  installPolicy: details.installation_policy,
  authPolicy: details.authentication_policy,
  availability: details.status === "DISABLED_BY_ADMIN" ? "DISABLED_BY_ADMIN" : "AVAILABLE",
  installed: Option.isSome(installed),
  enabled: Option.exists(installed, ({ enabled }) => enabled === true)
})

/** The plugin's relation to the account. */
export const accountText = (state: ReturnType<typeof remoteJson>): string => {
  if (state.installed) return state.enabled ? "installed" : "installed, switched off"
  if (state.availability === "DISABLED_BY_ADMIN") return "not installed, disabled by administrator"
  return state.installPolicy === "NOT_AVAILABLE" ? "not installed, not available" : "not installed"
}
