/**
 * Installs that copy versions from other homes instead of downloading them.
 */
import { Data, Effect, type FileSystem, Layer, Option, type Path } from "effect"
import type { CachedPlugin } from "../CacheSnapshot.ts"
import * as PluginStore from "../PluginStore.ts"
import type { PluginVersion } from "../PluginVersion.ts"
import * as RemoteBundle from "../RemoteBundle.ts"
import * as RemotePlugin from "../RemotePlugin.ts"
import * as SeedSources from "./cache/seedSource.ts"
import * as OptionCheck from "./optionCheck.ts"

/** Opens a seed. An unusable seed is logged and skipped. */
const openSeed = Effect.fnUntraced(function* (from: string) {
  return yield* SeedSources.open(from).pipe(
    Effect.asSome,
    Effect.catch((error) =>
      Effect.as(
        Effect.logWarning(`cannot use the seed ${from}: ${error.message}`),
        Option.none<SeedSource>()
      )
    )
  )
})

type SeedSource = Effect.Success<ReturnType<typeof SeedSources.open>>

/** The plugin in a seed, if it has exactly the wanted version and remote id. */
const find = (source: SeedSource, plugin: RemotePlugin.RemotePlugin, version: PluginVersion) =>
  source.read(plugin.pluginId).pipe(
    Effect.map(
      Option.filter(
        ({ active, identity, intact }) =>
          intact &&
          Option.contains(active, version) &&
          identity._tag === "Known" &&
          identity.remotePluginId === plugin.remotePluginId
      )
    ),
    Effect.orElseSucceed(() => Option.none<CachedPlugin>())
  )

/** The seed no longer has the wanted version, or it could not be copied. */
class NotCopied extends Data.TaggedError("NotCopied")<{}> {}

/**
 * A `RemoteBundle` that copies a version from another home if that home has it intact and with the
 * right remote id, and downloads it otherwise. The version is staged, checked and activated as a
 * download is.
 */
const makeSeeded = Effect.fnUntraced(function* (seeds: ReadonlyArray<string>) {
  yield* OptionCheck.paths("CodexPlugins.seeds", seeds)
  const store = yield* PluginStore.PluginStore
  const bundles = yield* RemoteBundle.RemoteBundle
  const platform = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  // A pass that downloads nothing does not read the seeds.
  const sources = yield* Effect.cached(
    Effect.forEach(seeds, openSeed).pipe(
      Effect.map((opened) => opened.flatMap((source) => Option.toArray(source))),
      Effect.provideContext(platform)
    )
  )

  const take = Effect.fnUntraced(function* (
    source: SeedSource,
    plugin: RemotePlugin.RemotePlugin,
    version: PluginVersion,
    { expected }: RemoteBundle.InstallOptions
  ) {
    const found = yield* find(source, plugin, version)
    if (Option.isNone(found)) return false
    const { pluginId, remotePluginId } = plugin
    return yield* store
      .installStaged(
        (root) =>
          Effect.flatMap(Effect.option(source.copy(found.value, root)), (copied) =>
            Option.exists(
              copied,
              (seed) => seed.version === version && seed.remotePluginId === remotePluginId
            )
              ? Effect.succeed({ pluginId, version, remotePluginId })
              : Effect.fail(new NotCopied())
          ),
        { expected, pluginId }
      )
      .pipe(
        Effect.as(true),
        Effect.catchTag("NotCopied", () => Effect.succeed(false))
      )
  })

  const install: typeof bundles.install = Effect.fn("PluginSeed.install")(
    function* (plugin, options = {}) {
      const { pluginId, remotePluginId } = plugin
      yield* Effect.annotateCurrentSpan({ pluginId, remotePluginId })
      const version = yield* Effect.fromResult(RemotePlugin.version(plugin))
      yield* Effect.annotateCurrentSpan({ version })
      for (const source of yield* sources) {
        if (!(yield* take(source, plugin, version, options))) continue
        yield* Effect.annotateCurrentSpan({ source: "seed" })
        yield* Effect.logDebug(`took ${plugin.pluginId} ${version} from a seed`)
        return version
      }
      yield* Effect.annotateCurrentSpan({ source: "download" })
      return yield* bundles.install(plugin, options)
    },
    (effect, { pluginId }, options) =>
      store.claimed(pluginId, effect, { expected: options?.expected })
  )

  return RemoteBundle.RemoteBundle.of({ ...bundles, install })
})

/**
 * A `RemoteBundle` that searches other homes before it downloads. `seeds` are homes, in the order
 * of the search. An unusable home is logged and skipped.
 */
export const layer = (
  seeds: ReadonlyArray<string>
): Layer.Layer<
  RemoteBundle.RemoteBundle,
  never,
  FileSystem.FileSystem | Path.Path | PluginStore.PluginStore | RemoteBundle.RemoteBundle
> => Layer.effect(RemoteBundle.RemoteBundle, makeSeeded(seeds))
