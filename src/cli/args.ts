import { Schema } from "effect"
import { Argument } from "effect/cli"
import * as PluginId from "../PluginId.ts"
import * as RemotePluginId from "../RemotePluginId.ts"

/** `PLUGIN@MARKETPLACE`: a plugin by its place in the cache. */
export const pluginId = Argument.String("PLUGIN@MARKETPLACE").pipe(
  Argument.withDescription("A plugin by its place in the cache, as `list` prints it"),
  Argument.filterMap(
    Schema.decodeOption(PluginId.PluginId),
    () => "a plugin's name and its marketplace's, such as hello@openai-curated-remote"
  )
)

/** What can be asked for by the backend's id. */
export const RemoteId = RemotePluginId.RemotePluginId.check(
  Schema.makeFilter(RemotePluginId.isAddressable)
)

export const remoteIdExpected = "a remote plugin id of letters, digits, `_`, `-` and `~`"

/** `REMOTE_ID`: a plugin by the backend's id. */
export const remoteId = Argument.String("REMOTE_ID").pipe(
  Argument.withDescription("A plugin by the backend's id, as `list` and `id` print it"),
  Argument.filterMap(Schema.decodeOption(RemoteId), () => remoteIdExpected)
)
