/**
 * The parts that a version declares (MCP servers, apps, hooks, skills) and the files that declare
 * them, found by the rules of Codex 0.169.
 */
import { Effect, type FileSystem, Option, type Path, Predicate, Schema } from "effect"
import { agentPluginPath } from "../../PluginManifest.ts"
import { Implementation } from "../disk/Disk.ts"
import { maxBytes } from "../smallFile.ts"
import * as ManifestFile from "./manifestFile.ts"

/** One file, or one part of the manifest, that declares something. */
export interface Declaration {
  /** Absolute. For a declaration inside the manifest, the manifest's path. */
  readonly path: string
  /** True if the manifest names this file; false for a file with the usual name. */
  readonly isNamed: boolean
  /** Undefined if the file is missing, too large, not a regular file or not JSON. */
  readonly json: unknown
}

interface Declarations {
  /** Absolute; null if there is no readable manifest. */
  readonly manifest: string | null
  readonly mcpServers: ReadonlyArray<Declaration>
  readonly apps: ReadonlyArray<Declaration>
  readonly hooks: ReadonlyArray<Declaration>
  /** Folders, absolute, that the manifest names; they may be missing. */
  readonly namedSkills: ReadonlyArray<string>
  /** The folder `skills`, absolute; null if there is none. */
  readonly usualSkills: string | null
}

const decoder = new TextDecoder()

const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const field = (json: unknown, key: string): unknown =>
  Predicate.hasProperty(json, key) ? json[key] : undefined

const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [value])

/**
 * True for a path below the plugin's root, as manifests contain them. Codex ignores every other
 * value.
 */
const isDeclaredPath = (value: unknown): value is string =>
  typeof value === "string" && /^\.\/./.test(value) && !value.split("/").includes("..")

/** Reads the declarations below a version's root. An unreadable file declares nothing. */
export const read = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  path: Path.Path,
  root: string
): Effect.fn.Return<Declarations> {
  const disk = (yield* Implementation)(fs)
  const file = yield* Effect.option(ManifestFile.find(disk, path, root))
  const manifest = Option.match(file, { onNone: () => undefined, onSome: ({ json }) => json })
  const manifestPath = Option.match(file, { onNone: () => null, onSome: ({ path }) => path })
  const isAgentPlugin = Option.exists(file, ({ relativePath }) => relativePath === agentPluginPath)

  const json = (name: string) =>
    disk.readFile(path.join(root, name), maxBytes).pipe(
      Effect.map((bytes) => Option.getOrUndefined(decodeJson(decoder.decode(bytes)))),
      Effect.orElseSucceed(() => undefined)
    )

  /** The declarations of the manifest; if it has none, the file with the usual name. */
  const declared = (values: ReadonlyArray<unknown>, usual: string) => {
    const valid = values.filter((value) => isDeclaredPath(value) || Predicate.isObject(value))
    const isNamed = valid.length > 0
    return Effect.forEach(isNamed ? valid : [`./${usual}`], (value): Effect.Effect<Declaration> =>
      typeof value === "string"
        ? Effect.map(json(value), (json) => ({ path: path.join(root, value), isNamed, json }))
        : Effect.succeed({ path: manifestPath ?? root, isNamed: false, json: value })
    )
  }

  const usualSkills = path.join(root, "skills")
  const hasUsualSkills = yield* fs.stat(usualSkills).pipe(
    Effect.map(({ type }) => type === "Directory"),
    Effect.orElseSucceed(() => false)
  )
  return {
    manifest: manifestPath,
    mcpServers: yield* declared(
      [field(manifest, "mcpServers")],
      isAgentPlugin ? "mcp.json" : ".mcp.json"
    ),
    apps: yield* declared([field(manifest, "apps")], ".app.json"),
    hooks: yield* declared(list(field(manifest, "hooks")), "hooks/hooks.json"),
    namedSkills: list(field(manifest, "skills"))
      .filter(isDeclaredPath)
      .map((name) => path.join(root, name)),
    usualSkills: hasUsualSkills ? usualSkills : null
  }
})

const entries = (json: unknown): ReadonlyArray<[string, unknown]> =>
  Predicate.isObjectOrArray(json) ? Object.entries(json) : []

/** The names of the MCP servers that have a command or a URL. */
export const mcpServerNames = (config: unknown): ReadonlyArray<string> =>
  entries(Predicate.isObject(field(config, "mcpServers")) ? field(config, "mcpServers") : config)
    .filter(([, server]) => typeof (field(server, "command") ?? field(server, "url")) === "string")
    .map(([name]) => name)

/** The names of the apps that have an id. */
export const appNames = (config: unknown): ReadonlyArray<string> =>
  entries(field(config, "apps"))
    .filter(([, app]) => Predicate.isNotNullish(field(app, "id")) && field(app, "id") !== "")
    .map(([name]) => name)

const hookTypes: ReadonlySet<unknown> = new Set(["command", "prompt", "agent"])

/** The events, such as `SessionStart`, that have at least one hook. */
export const hookEvents = (config: unknown): ReadonlyArray<string> =>
  entries(field(config, "hooks"))
    .filter(([, groups]) =>
      entries(groups)
        .flatMap(([, group]) => entries(field(group, "hooks")))
        .some(([, hook]) => hookTypes.has(field(hook, "type")))
    )
    .map(([event]) => event)
