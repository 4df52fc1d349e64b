/**
 * The parts of each active version and their paths: skills, hooks, MCP servers, apps and the
 * manifest, resolved as Codex resolves them. Needs no network.
 *
 * @since 0.2.0
 */
import { Array as Arr, Context, Effect, FileSystem, Layer, Option, Path } from "effect"
import type { CachedPlugin } from "./CacheSnapshot.ts"
import * as Declarations from "./internal/bundle/declarations.ts"
import type * as PluginId from "./PluginId.ts"
import * as PluginIdentity from "./PluginIdentity.ts"
import * as PluginStore from "./PluginStore.ts"
import type { PluginVersion } from "./PluginVersion.ts"
import * as RemoteCatalog from "./RemoteCatalog.ts"
import type { RemotePlugin } from "./RemotePlugin.ts"
import * as RemotePluginDetails from "./RemotePluginDetails.ts"

/**
 * A file that declares named parts. A part that the manifest itself declares has the manifest's
 * path.
 *
 * @category models
 * @since 0.2.0
 */
export interface Part {
  /** Absolute. */
  readonly path: string
  /** MCP servers or apps by name, hooks by event, such as `SessionStart`. */
  readonly names: ReadonlyArray<string>
}

/**
 * One skill: a folder that contains `SKILL.md`.
 *
 * @category models
 * @since 0.2.0
 */
export interface Skill {
  /** The folder's name. */
  readonly name: string
  /** The absolute path of `SKILL.md`. */
  readonly path: string
}

/**
 * The active version of one plugin.
 *
 * @category models
 * @since 0.2.0
 */
export interface Entry {
  readonly identity: PluginIdentity.Identity
  readonly version: PluginVersion
  /** The version's folder, absolute. */
  readonly root: string
  /** Absolute; null if the version has no readable manifest. */
  readonly manifest: string | null
  /** False if the manifest is missing, invalid or names another plugin. */
  readonly isIntact: boolean
  readonly skills: ReadonlyArray<Skill>
  readonly hooks: ReadonlyArray<Part>
  readonly mcpServers: ReadonlyArray<Part>
  readonly apps: ReadonlyArray<Part>
  /**
   * The absolute paths of files and folders that the manifest names but that are missing or
   * unreadable.
   */
  readonly missing: ReadonlyArray<string>
  /** True if the account has the plugin enabled; null if this process has no listing. */
  readonly enabled: boolean | null
}

/**
 * The number of folder levels below a skills folder that are searched for `SKILL.md`. Source:
 * Codex.
 *
 * @category constants
 * @since 0.2.0
 */
export const maxSkillDepth = 6

/**
 * The number of folders per plugin that are searched for skills. Source: Codex.
 *
 * @category constants
 * @since 0.2.0
 */
export const maxSkillFolders = 2000

/** The number of versions that are read at the same time. */
const concurrency = 16

/**
 * The inventory of one home. Reading fails only if the cache cannot be read.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PluginInventory } from "effect-codex-plugins"
 *
 * const program = Effect.gen(function* () {
 *   const { all } = yield* PluginInventory.PluginInventory
 *   for (const { identity, skills } of yield* all)
 *     for (const { path } of skills) yield* Effect.logInfo(`${identity.pluginId}: ${path}`)
 * })
 * ```
 *
 * @category services
 * @since 0.2.0
 */
export class PluginInventory extends Context.Service<
  PluginInventory,
  {
    /** One plugin's active version; none if the cache has none. */
    readonly of: (
      pluginId: PluginId.PluginId
    ) => Effect.Effect<Option.Option<Entry>, PluginStore.PluginStoreError>
    /** Every active version, ordered by plugin id. */
    readonly all: Effect.Effect<ReadonlyArray<Entry>, PluginStore.PluginStoreError>
  }
>()("effect-codex-plugins/PluginInventory") {}

const partsOf = (
  files: ReadonlyArray<Declarations.Declaration>,
  namesOf: (json: unknown) => ReadonlyArray<string>
): ReadonlyArray<Part> =>
  files
    .map(({ json, path }) => ({ path, names: namesOf(json) }))
    .filter(({ names }) => names.length > 0)

/**
 * Makes the service from the services that it uses.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const store = yield* PluginStore.PluginStore
  const catalog = yield* RemoteCatalog.RemoteCatalog

  const entriesOf = (folder: string) => Effect.option(fs.readDirectoryEntries(folder))

  /** The skills below some folders. Links are not followed. */
  const skillsBelow = Effect.fnUntraced(function* (roots: ReadonlyArray<string>) {
    const skills = new Map<string, Skill>()
    const queue = Arr.dedupe(roots).map((folder) => ({ folder, depth: 0 }))
    let searched = 0
    // The loop continues over the folders that it appends.
    for (const { depth, folder } of queue) {
      if (searched++ >= maxSkillFolders) break
      for (const { name, type } of Option.getOrElse(yield* entriesOf(folder), () => [])) {
        const target = path.join(folder, name)
        if (type === "File" && name === "SKILL.md") {
          skills.set(target, { name: path.basename(folder), path: target })
        }
        if (type === "Directory" && depth < maxSkillDepth && !name.startsWith(".")) {
          queue.push({ folder: target, depth: depth + 1 })
        }
      }
    }
    return [...skills.values()].toSorted((self, that) => (self.path < that.path ? -1 : 1))
  })

  const rows = Effect.map(
    catalog.current,
    (snapshot) =>
      new Map(
        Option.match(snapshot, {
          onNone: () => [],
          onSome: ({ rows }) => Arr.getSuccesses(rows)
        }).map((row) => [row.pluginId, row] as const)
      )
  )

  const entryOf = Effect.fnUntraced(function* (
    cached: CachedPlugin,
    listed: ReadonlyMap<PluginId.PluginId, RemotePlugin>
  ): Effect.fn.Return<Option.Option<Entry>> {
    const row = Option.fromUndefinedOr(listed.get(cached.pluginId))
    const identity = PluginIdentity.decide(
      cached.pluginId,
      Option.some(cached),
      Option.map(row, ({ remotePluginId }) => remotePluginId)
    )
    if (Option.isNone(cached.active) || Option.isNone(identity)) return Option.none()
    const version = cached.active.value
    const root = store.versionRoot(cached.pluginId, version)
    const declared = yield* Declarations.read(fs, path, root)
    const roots = [
      ...(declared.usualSkills === null ? [] : [declared.usualSkills]),
      ...declared.namedSkills
    ]
    const missingSkills = yield* Effect.filter(declared.namedSkills, (folder) =>
      Effect.map(fs.exists(folder).pipe(Effect.orElseSucceed(() => false)), (exists) => !exists)
    )
    const missingFiles = [...declared.hooks, ...declared.mcpServers, ...declared.apps]
      .filter(({ isNamed, json }) => isNamed && json === undefined)
      .map(({ path }) => path)
    return Option.some({
      identity: identity.value,
      version,
      root,
      manifest: declared.manifest,
      isIntact: cached.intact,
      skills: yield* skillsBelow(roots),
      hooks: partsOf(declared.hooks, Declarations.hookEvents),
      mcpServers: partsOf(declared.mcpServers, Declarations.mcpServerNames),
      apps: partsOf(declared.apps, Declarations.appNames),
      missing: Arr.dedupe([...missingSkills, ...missingFiles]).toSorted(),
      enabled: Option.match(row, { onNone: () => null, onSome: RemotePluginDetails.enabledOf })
    })
  })

  const of = Effect.fn("PluginInventory.of")(function* (pluginId: PluginId.PluginId) {
    yield* Effect.annotateCurrentSpan({ pluginId })
    const cached = yield* store.read(pluginId)
    return Option.isNone(cached) ? Option.none() : yield* entryOf(cached.value, yield* rows)
  })

  const all = Effect.gen(function* () {
    const cached = yield* store.list
    const listed = yield* rows
    return Arr.getSomes(
      yield* Effect.forEach(cached, (plugin) => entryOf(plugin, listed), { concurrency })
    )
  }).pipe(
    Effect.tap(({ length }) => Effect.annotateCurrentSpan({ plugins: length })),
    Effect.withSpan("PluginInventory.all")
  )

  return PluginInventory.of({ of, all })
})

/**
 * Provides {@link PluginInventory}.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<
  PluginInventory,
  never,
  FileSystem.FileSystem | Path.Path | PluginStore.PluginStore | RemoteCatalog.RemoteCatalog
> = Layer.effect(PluginInventory, make)
