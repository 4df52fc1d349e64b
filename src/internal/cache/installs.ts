/**
 * Installs: staged without the lock, activated under it.
 */
import { Effect, identity, Option } from "effect"
import type * as CacheLock from "../../CacheLock.ts"
import type { CachedPlugin } from "../../CacheSnapshot.ts"
import type * as PluginId from "../../PluginId.ts"
import type * as PluginVersion from "../../PluginVersion.ts"
import type { RemotePluginId } from "../../RemotePluginId.ts"
import * as Activation from "./activation.ts"
import type { Changes, Context } from "./changes.ts"
import type * as Claims from "./claims.ts"
import type { Leases } from "./leases.ts"
import * as LocalInstall from "./localInstall.ts"
import { stateOf } from "./pluginReader.ts"
import { explain, explained, fail } from "./storeError.ts"

interface StagedPlugin {
  readonly pluginId: PluginId.PluginId
  readonly version: PluginVersion.PluginVersion
  readonly remotePluginId: RemotePluginId | null
}

interface StageOptions {
  readonly pluginId?: PluginId.PluginId | undefined
  readonly force?: boolean | undefined
  readonly expected?: Option.Option<CachedPlugin> | undefined
}

interface ClaimOptions extends Omit<Claims.Options<never>, "check" | "expected"> {
  readonly expected?: Option.Option<CachedPlugin> | undefined
}

/**
 * Runs a change under the lock. Everything that it removed from the cache is deleted after the lock
 * is released.
 */
export const changeWith =
  (lock: CacheLock.CacheLock["Service"]) =>
  (operation: string, pluginId: PluginId.PluginId | null) =>
  <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(lock.internals.commit, Effect.scoped, explain(operation, pluginId))

/** Fails with `Changed` if a plugin is not as expected. */
export const expectWith =
  ({ reader }: Context) =>
  (pluginId: PluginId.PluginId, expected: Option.Option<CachedPlugin> | undefined) =>
    expected === undefined
      ? Effect.void
      : Option.isNone(expected)
        ? // One call is enough, and a first sync makes two of them for each plugin.
          Effect.flatMap(reader.infoOf(reader.baseRootOf(pluginId)), (info) =>
            info?.type === "Directory" ? changed : Effect.void
          )
        : Effect.flatMap(reader.read(pluginId), (plugin) =>
            stateOf(plugin) === stateOf(expected) ? Effect.void : changed
          )

const changed = fail({ _tag: "Changed" })

export const make = (
  context: Context,
  changes: Changes,
  leases: Leases,
  claims: ReturnType<typeof Claims.make>,
  lock: CacheLock.CacheLock["Service"]
) => {
  const { path, reader } = context
  const place = Activation.make(context, changes, leases)
  const stageCopy = LocalInstall.make(context, changes)
  const expect = expectWith(context)

  const commit =
    (pluginId: PluginId.PluginId) =>
    <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
      effect.pipe(lock.internals.instantly, explain("install", pluginId))

  const claimed = <A, E, R>(
    pluginId: PluginId.PluginId,
    effect: Effect.Effect<A, E, R>,
    { expected, ...options }: ClaimOptions = {}
  ) => claims.hold(pluginId, effect, { ...options, expected, check: expect(pluginId, expected) })

  /** Activates a staged version. */
  const activate = (staged: Activation.StagedVersion, options: StageOptions = {}) =>
    place(staged, options, (current) =>
      staged.remotePluginId === null || current.sidecar === undefined
        ? Effect.void
        : changes.readOverwritable(staged.pluginId, current)
    ).pipe(
      options.expected?._tag === "Some"
        ? (placed) => Effect.andThen(expect(staged.pluginId, options.expected), placed)
        : identity,
      commit(staged.pluginId)
    )

  /** The same for a local install, which removes any sidecar. */
  const activateLocally = (staged: Activation.StagedVersion, options: StageOptions) =>
    place(staged, options).pipe(commit(staged.pluginId))

  /** Activates the plugin that was staged in the given folder. */
  const activateStaged = Effect.fnUntraced(function* (
    { pluginId, remotePluginId, version }: StagedPlugin,
    root: string,
    options?: StageOptions
  ) {
    const found = yield* explained("stage", pluginId)(reader.infoOf(root))
    if (found?.type !== "Directory") {
      return yield* Effect.die(new Error(`nothing was staged for ${pluginId}`))
    }
    yield* Effect.annotateCurrentSpan(
      remotePluginId === null ? { version } : { version, remotePluginId }
    )
    yield* activate({ root, pluginId, version, remotePluginId }, options)
  })

  const installStaged = Effect.fn("PluginStore.installStaged")(
    <A extends StagedPlugin, E, R>(
      stage: (root: string) => Effect.Effect<A, E, R>,
      options?: StageOptions
    ) =>
      Effect.acquireUseRelease(
        options?.pluginId === undefined
          ? explain("stage a bundle", null)(changes.makeStageFolder)
          : explain("stage", options.pluginId)(changes.makeStageFolder),
        (folder) => {
          const root = path.join(folder.path, "bundle")
          return Effect.tap(stage(root), (staged) => activateStaged(staged, root, options))
        },
        (folder) => folder.remove
      )
  )

  const install = Effect.fn("PluginStore.install")(
    (options: {
      readonly source: string
      readonly pluginId: PluginId.PluginId
      readonly version?: PluginVersion.PluginVersion | undefined
      readonly force?: boolean | undefined
    }) =>
      Effect.gen(function* () {
        const staged = yield* explain("install", options.pluginId)(stageCopy(options))
        yield* Effect.annotateCurrentSpan({ version: staged.version })
        yield* activateLocally(staged, { force: options.force })
        return staged.version
      }).pipe(Effect.scoped)
  )

  return { claimed, installStaged, install }
}
