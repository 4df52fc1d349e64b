/**
 * One plugin of the account at a time: read it, install it, uninstall it.
 *
 * The backend records what the account has installed, and the home has the cache. A change updates
 * one after the other. If the second update fails, the error is {@link PartialChange}, and the next
 * pass of `PluginSync` resolves the difference.
 */
import { Array as Arr, Context, Effect, Layer, Option, Result, Schema } from "effect"
import type { CachedPlugin } from "./CacheSnapshot.ts"
import * as CacheLock from "./CacheLock.ts"
import * as CodexHome from "./CodexHome.ts"
import * as RemotePluginDetails from "./RemotePluginDetails.ts"
import * as PluginId from "./PluginId.ts"
import { isTransient } from "./ErrorAdvice.ts"
import { identified } from "./internal/cache/storeError.ts"
import * as Message from "./internal/message.ts"
import * as Metrics from "./internal/metrics.ts"
import * as PluginStore from "./PluginStore.ts"
import type { PluginVersion } from "./PluginVersion.ts"
import * as RemoteBundle from "./RemoteBundle.ts"
import * as RemoteCatalog from "./RemoteCatalog.ts"
import type { RemotePlugin, InvalidRemotePlugin } from "./RemotePlugin.ts"
import type { RemotePluginId } from "./RemotePluginId.ts"

/**
 * The backend knows the plugin, but this account may not install it. Nothing was changed.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotInstallable extends Schema.TaggedError<NotInstallable>()("NotInstallable", {
  remotePluginId: Schema.String,
  pluginId: PluginId.PluginId,
  reason: Schema.Literals(["NotAvailable", "DisabledByAdmin"])
}) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    const what = `cannot install ${this.pluginId} (${this.remotePluginId})`
    switch (this.reason) {
      case "NotAvailable":
        return Message.because(what, "it is not available to this account")
      case "DisabledByAdmin":
        return Message.because(
          what,
          "the workspace's administrator has disabled it",
          "ask the administrator to enable it"
        )
    }
  }
}

/**
 * The first half of a change succeeded and the second failed: cache and account differ until the
 * next pass.
 *
 * @category errors
 * @since 0.2.0
 */
export class PartialChange extends Schema.TaggedError<PartialChange>()("PartialChange", {
  /**
   * The half that succeeded: the bundle was installed, or the plugin uninstalled from the account.
   */
  done: Schema.Literals(["Cached", "TakenOffRecord"]),
  remotePluginId: Schema.String,
  pluginId: PluginId.PluginId,
  /** The reason why the second half failed. */
  cause: Schema.Union([
    RemoteCatalog.RemoteCatalogError,
    CodexHome.CodexHomeError,
    CodexHome.NotSignedIn,
    PluginStore.PluginStoreError,
    CacheLock.CacheLockError
  ])
}) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    const plugin = `${this.pluginId} (${this.remotePluginId})`
    const { cause } = this
    const why = Message.causeOf(cause.explanation)
    const first = isTransient(cause) ? null : cause.explanation.remedy
    const after = (remedy: string) => (first === null ? remedy : `${first}, then ${remedy}`)
    switch (this.done) {
      case "Cached":
        return Message.because(
          `${plugin} is in the cache, but the account may not list it as installed`,
          why,
          after("run a sync to resolve this")
        )
      case "TakenOffRecord":
        return Message.because(
          `${plugin} is uninstalled from the account, but still in the cache`,
          why,
          after("run a sync to remove it")
        )
    }
  }
}

/**
 * The reason why a plugin could not be read.
 *
 * @category errors
 * @since 0.1.0
 */
export type ReadError =
  | RemoteCatalog.CatalogError
  | InvalidRemotePlugin
  | PluginStore.PluginStoreError

/**
 * The reason why a plugin could not be installed.
 *
 * @category errors
 * @since 0.1.0
 */
export type InstallError =
  | RemoteCatalog.CatalogError
  | NotInstallable
  | RemoteBundle.InstallError
  | PartialChange

/**
 * The reason why a plugin could not be uninstalled.
 *
 * @category errors
 * @since 0.1.0
 */
export type UninstallError =
  | RemoteCatalog.CatalogError
  | InvalidRemotePlugin
  | CacheLock.CacheLockError
  | PluginStore.PluginStoreError
  | PartialChange

/**
 * The state of one plugin in the backend and in the cache.
 *
 * @category models
 * @since 0.1.0
 */
export interface PluginState {
  readonly plugin: RemotePlugin
  readonly details: RemotePluginDetails.PluginDetails
  /** Its row in the listing of the account's installed plugins. */
  readonly installed: Option.Option<RemotePluginDetails.PluginDetails>
  /** The cached plugin of the same plugin id, whatever its identity. */
  readonly cached: Option.Option<CachedPlugin>
}

/**
 * A plugin that was installed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Installed {
  readonly pluginId: PluginId.PluginId
  readonly version: PluginVersion
  readonly details: RemotePluginDetails.PluginDetails
}

/**
 * Reads, installs and uninstalls single plugins of the account.
 *
 * @example
 * ```ts
 * import { Array, Effect } from "effect"
 * import { PluginInstaller, RemoteCatalog } from "effect-codex-plugins"
 *
 * // Downloads every plugin of the account again.
 * const program = Effect.gen(function* () {
 *   const catalog = yield* RemoteCatalog.RemoteCatalog
 *   const installer = yield* PluginInstaller.PluginInstaller
 *   const { rows } = yield* catalog.installed
 *   yield* Effect.forEach(Array.getSuccesses(rows), ({ remotePluginId }) => installer.install(remotePluginId))
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class PluginInstaller extends Context.Service<
  PluginInstaller,
  {
    /** Reads the state of a plugin, installed or not. Changes nothing and takes no lock. */
    readonly read: (id: RemotePluginId) => Effect.Effect<PluginState, ReadError>
    /**
     * Downloads the bundle and activates it, then installs the plugin for the account. Downloads
     * the bundle even if the cached version is up to date.
     */
    readonly install: (id: RemotePluginId) => Effect.Effect<Installed, InstallError>
    /**
     * Uninstalls the plugin from the account, then removes it from the cache. Returns its plugin
     * id, if it is known. Succeeds also if the plugin was neither installed nor cached.
     */
    readonly uninstall: (
      id: RemotePluginId,
      options?: PluginStore.ForceOptions
    ) => Effect.Effect<PluginId.PluginId, UninstallError>
  }
>()("effect-codex-plugins/PluginInstaller") {}

/**
 * The number of times that an install starts again because another program has changed the plugin.
 */
const changeRetries = 3

const isChanged = (error: InstallError): boolean =>
  error._tag === "PluginStoreError" && error.reason._tag === "Changed"

const detailsOf = (plugin: RemotePlugin) => Effect.fromResult(RemotePluginDetails.of(plugin))

const refusalOf = ({
  installation_policy,
  status
}: RemotePluginDetails.PluginDetails): NotInstallable["reason"] | undefined => {
  if (status === "DISABLED_BY_ADMIN") return "DisabledByAdmin"
  return installation_policy === "NOT_AVAILABLE" ? "NotAvailable" : undefined
}

/**
 * Makes the service from the services that it uses.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.gen(function* () {
  const catalog = yield* RemoteCatalog.RemoteCatalog
  const bundles = yield* RemoteBundle.RemoteBundle
  const store = yield* PluginStore.PluginStore

  const read = Effect.fn("PluginInstaller.read")(function* (id: RemotePluginId) {
    yield* Effect.annotateCurrentSpan({ remotePluginId: id })
    const plugin = yield* catalog.read(id)
    yield* Effect.annotateCurrentSpan({ pluginId: plugin.pluginId })
    const details = yield* detailsOf(plugin)
    const { rows } = yield* catalog.installed
    const row = rows
      .flatMap((row) => (Result.isSuccess(row) ? [row.success] : []))
      .find(({ remotePluginId }) => remotePluginId === id)
    return {
      plugin,
      details,
      installed: row === undefined ? Option.none() : Option.some(yield* detailsOf(row)),
      cached: yield* store.read(plugin.pluginId)
    }
  })

  // Both changes hold a claim on the plugin throughout. Passes of other processes skip a claimed
  // plugin, so none of them acts on a listing that is about to change.
  const installOnce = Effect.fnUntraced(function* (id: RemotePluginId) {
    const { plugins } = yield* store.snapshot
    const plugin = yield* catalog.read(id)
    const { pluginId } = plugin
    yield* Effect.annotateCurrentSpan({ pluginId })
    const details = yield* detailsOf(plugin)
    const reason = refusalOf(details)
    if (reason !== undefined) {
      return yield* new NotInstallable({ remotePluginId: id, pluginId, reason })
    }
    const expected = Arr.findFirst(plugins, (plugin) => plugin.pluginId === pluginId)
    const both = Effect.gen(function* () {
      const [duration, version] = yield* Effect.timed(bundles.install(plugin, { expected }))
      yield* Effect.annotateCurrentSpan({ version })
      yield* Metrics.install("Requested", duration)
      yield* Effect.mapError(
        catalog.install(id),
        (cause) => new PartialChange({ done: "Cached", remotePluginId: id, pluginId, cause })
      )
      return { pluginId, version, details }
    })
    return yield* identified(id)(store.claimed(pluginId, both, { expected }))
  })

  const install = Effect.fn("PluginInstaller.install")(function* (id: RemotePluginId) {
    yield* Effect.annotateCurrentSpan({ remotePluginId: id })
    // Another process may have installed a newer release than the one that was read before.
    return yield* Effect.retry(installOnce(id), { times: changeRetries, while: isChanged })
  })

  const uninstall = Effect.fn("PluginInstaller.uninstall")(function* (
    id: RemotePluginId,
    options?: PluginStore.ForceOptions
  ) {
    yield* Effect.annotateCurrentSpan({ remotePluginId: id })
    const { pluginId } = yield* catalog.read(id)
    yield* Effect.annotateCurrentSpan({ pluginId })
    const both = Effect.gen(function* () {
      yield* store.ensureUnleased(pluginId, options)
      yield* catalog.uninstall(id)
      yield* Effect.mapError(
        identified(id)(store.uninstall(pluginId, options)),
        (cause) =>
          new PartialChange({ done: "TakenOffRecord", remotePluginId: id, pluginId, cause })
      )
      return pluginId
    })
    return yield* identified(id)(store.claimed(pluginId, both, { operation: "uninstall" }))
  })

  return PluginInstaller.of({ read, install, uninstall })
})

/**
 * Provides {@link PluginInstaller}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  PluginInstaller,
  never,
  RemoteCatalog.RemoteCatalog | RemoteBundle.RemoteBundle | PluginStore.PluginStore
> = Layer.effect(PluginInstaller, make)
