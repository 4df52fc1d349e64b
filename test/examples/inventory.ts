import { Effect } from "effect"
import { PluginIdentity, PluginInventory } from "effect-codex-plugins"

/** For a session's start: every skill's path, with the identity that analytics events carry. */
export const skills = Effect.gen(function* () {
  const inventory = yield* PluginInventory.PluginInventory
  const entries = yield* inventory.all
  return entries.flatMap(({ identity, skills }) =>
    skills.map(({ name, path }) => ({ name, path, ...PluginIdentity.encode(identity) }))
  )
})
