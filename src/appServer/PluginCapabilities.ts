/**
 * What a cached version declares that it brings: MCP servers, apps, hooks, skills.
 *
 * A host asks this to know which of its parts to load anew after a change. Declarations are looked
 * for where Codex 0.169 looks; whether what they name works is not checked.
 */
import { Effect, FileSystem, Option, Path, Predicate, Schema } from "effect"
import * as manifestFile from "../internal/bundle/manifestFile.ts"
import { agentPluginPath } from "../PluginManifest.ts"

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

/** What either brings. */
export const union = (self: PluginCapabilities, that: PluginCapabilities): PluginCapabilities => ({
  hasMcps: self.hasMcps || that.hasMcps,
  hasApps: self.hasApps || that.hasApps,
  hasHooks: self.hasHooks || that.hasHooks,
  hasSkills: self.hasSkills || that.hasSkills
})

const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const field = (json: unknown, key: string): unknown =>
  Predicate.hasProperty(json, key) ? json[key] : undefined

const entries = (json: unknown): ReadonlyArray<unknown> =>
  Predicate.isObjectOrArray(json) ? Object.values(json) : []

const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [value])

/** A path below the plugin's root, as manifests write them; anything else counts as not written. */
const isDeclaredPath = (value: unknown): value is string =>
  typeof value === "string" && /^\.\/./.test(value) && !value.split("/").includes("..")

const declaresMcps = (config: unknown): boolean =>
  entries(
    Predicate.isObject(field(config, "mcpServers")) ? field(config, "mcpServers") : config
  ).some((server) => typeof (field(server, "command") ?? field(server, "url")) === "string")

const declaresApps = (config: unknown): boolean =>
  entries(field(config, "apps")).some(
    (app) => Predicate.isNotNullish(field(app, "id")) && field(app, "id") !== ""
  )

const hookTypes: ReadonlySet<unknown> = new Set(["command", "prompt", "agent"])

const declaresHooks = (config: unknown): boolean =>
  entries(field(config, "hooks"))
    .flatMap(entries)
    .flatMap((group) => entries(field(group, "hooks")))
    .some((hook) => hookTypes.has(field(hook, "type")))

/** Reads a version's root. What cannot be read declares nothing. */
export const read: (
  root: string
) => Effect.Effect<PluginCapabilities, never, FileSystem.FileSystem | Path.Path> = Effect.fn(
  "PluginCapabilities.read"
)(function* (root) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path

  const file = yield* Effect.option(manifestFile.find(fs, path, root))
  const manifest = Option.match(file, { onNone: () => undefined, onSome: ({ json }) => json })
  const isAgentPlugin = Option.exists(file, ({ relativePath }) => relativePath === agentPluginPath)

  const isFolder = (name: string) =>
    fs.stat(path.join(root, name)).pipe(
      Effect.map(({ type }) => type === "Directory"),
      Effect.orElseSucceed(() => false)
    )
  const json = (name: string) =>
    fs.readFileString(path.join(root, name)).pipe(
      Effect.map((text) => Option.getOrUndefined(decodeJson(text))),
      Effect.orElseSucceed(() => undefined)
    )
  /** What the manifest declares itself or names files for; without either, a file of the usual name. */
  const declared = (values: ReadonlyArray<unknown>, usual: string) => {
    const valid = values.filter((value) => isDeclaredPath(value) || Predicate.isObject(value))
    return Effect.forEach(valid.length === 0 ? [`./${usual}`] : valid, (value) =>
      typeof value === "string" ? json(value) : Effect.succeed(value)
    )
  }

  const mcps = yield* declared(
    [field(manifest, "mcpServers")],
    isAgentPlugin ? "mcp.json" : ".mcp.json"
  )
  const apps = yield* declared([field(manifest, "apps")], ".app.json")
  const hooks = yield* declared(list(field(manifest, "hooks")), "hooks/hooks.json")
  return {
    hasMcps: mcps.some(declaresMcps),
    hasApps: apps.some(declaresApps),
    hasHooks: hooks.some(declaresHooks),
    hasSkills: list(field(manifest, "skills")).some(isDeclaredPath) || (yield* isFolder("skills"))
  }
})
