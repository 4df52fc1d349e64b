/**
 * The kinds of parts that a cached version declares: MCP servers, apps, hooks, skills.
 *
 * A host uses them to decide which of its own parts to reload after a change. They do not mean that
 * the declared parts work.
 */
import { Effect, FileSystem, Path } from "effect"
import * as Declarations from "../internal/bundle/declarations.ts"

export interface PluginCapabilities {
  readonly hasMcps: boolean
  readonly hasApps: boolean
  readonly hasHooks: boolean
  readonly hasSkills: boolean
}

export const none: PluginCapabilities = {
  hasMcps: false,
  hasApps: false,
  hasHooks: false,
  hasSkills: false
}

/** The kinds that at least one of the two versions declares. */
export const union = (self: PluginCapabilities, that: PluginCapabilities): PluginCapabilities => ({
  hasMcps: self.hasMcps || that.hasMcps,
  hasApps: self.hasApps || that.hasApps,
  hasHooks: self.hasHooks || that.hasHooks,
  hasSkills: self.hasSkills || that.hasSkills
})

/** Reads the version in a folder. An unreadable file declares nothing. */
export const read: (
  root: string
) => Effect.Effect<PluginCapabilities, never, FileSystem.FileSystem | Path.Path> = Effect.fn(
  "PluginCapabilities.read"
)(function* (root) {
  const { apps, hooks, mcpServers, namedSkills, usualSkills } = yield* Declarations.read(
    yield* FileSystem.FileSystem,
    yield* Path.Path,
    root
  )
  return {
    hasMcps: mcpServers.some(({ json }) => Declarations.mcpServerNames(json).length > 0),
    hasApps: apps.some(({ json }) => Declarations.appNames(json).length > 0),
    hasHooks: hooks.some(({ json }) => Declarations.hookEvents(json).length > 0),
    hasSkills: namedSkills.length > 0 || usualSkills !== null
  }
})
