/**
 * The flags of every command that runs passes, and the services that they configure.
 */
import { Config, type Duration, Effect, Layer, type Option } from "effect"
import { Flag } from "effect/cli"
import * as BundleArchive from "../BundleArchive.ts"
import * as CacheLock from "../CacheLock.ts"
import * as PluginStore from "../PluginStore.ts"
import * as PluginSync from "../PluginSync.ts"
import * as RemoteBundle from "../RemoteBundle.ts"
import * as RemoteCatalog from "../RemoteCatalog.ts"
import * as SyncPlan from "../SyncPlan.ts"
import * as Flags from "./flags.ts"
import { home } from "./offline.ts"
import { DownloadOptions, layerHttp, services } from "./online.ts"

/** More than this at the same time would burden the backend. */
const maxConcurrency = 256

/** Each retry waits twice as long as the one before it. */
const maxRetries = 10

/** The home, and the options of its passes. */
export const passFlags = {
  codexHome: Flags.codexHome,
  concurrency: Flag.Int("concurrency").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(`Downloads at a time (default: ${PluginSync.defaultConcurrency})`),
    Flag.filter(
      (n) => n >= 1 && n <= maxConcurrency,
      () => `a number from 1 to ${maxConcurrency}`
    ),
    Flags.withVariable("concurrency", (variable) => Config.Int(variable)),
    Flag.withDefault(PluginSync.defaultConcurrency)
  ),
  remove: Flag.Literals("remove", SyncPlan.removalPolicies).pipe(
    Flag.withDescription(
      "Whether to remove plugins that the account does not have: `auto` keeps them in a cache that other homes share (default: auto)"
    ),
    Flags.withVariable("remove", (variable) => Config.Literals(SyncPlan.removalPolicies, variable)),
    Flag.withDefault<SyncPlan.RemovalPolicy>("auto")
  ),
  retain: Flags.duration("retain").pipe(
    Flag.withDescription("How long a replaced version is kept: `30m`, `24h`, `0` (default: 24h)"),
    Flag.withDefault(PluginSync.defaultRetention)
  ),
  retries: Flag.Int("retries").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(
      `Retries of a request that failed for a moment (default: ${RemoteBundle.defaultRetries})`
    ),
    Flag.filter(
      (n) => n >= 0 && n <= maxRetries,
      () => `a number from 0 to ${maxRetries}`
    ),
    Flags.withVariable("retries", (variable) => Config.Int(variable)),
    Flag.withDefault(RemoteBundle.defaultRetries)
  ),
  seeds: Flag.String("seed").pipe(
    Flag.withMetavar("HOME"),
    Flag.withDescription(
      "Take plugins from this Codex home instead of downloading them, if it has the right version (can be repeated)"
    ),
    Flag.filter(
      (path) => path !== "",
      () => "the path of a folder"
    ),
    Flag.atLeast(0)
  ),
  wait: Flags.wait
}

/** The services that a pass needs, for a home without seeds. They take the shortest time to load. */
const passServicesWithoutSeeds = (
  root: Option.Option<string>,
  { bundle, catalog, lock, sync }: ReturnType<typeof serviceOptions>
) =>
  PluginSync.layerWith(sync).pipe(
    Layer.provideMerge(
      Layer.unwrap(
        Effect.map(DownloadOptions, (options) => RemoteBundle.layerWith({ ...bundle, ...options }))
      )
    ),
    Layer.provideMerge(Layer.merge(PluginStore.layer, RemoteCatalog.layerWith(catalog))),
    Layer.provide([BundleArchive.layer, CacheLock.layerWith(lock)]),
    Layer.provide(home(root)),
    Layer.provide(layerHttp)
  )

/** The values of {@link passFlags}. */
interface PassOptions {
  readonly codexHome: Option.Option<string>
  readonly concurrency: number
  readonly remove: SyncPlan.RemovalPolicy
  readonly retain: Duration.Duration
  readonly retries: number
  readonly seeds: ReadonlyArray<string>
  readonly wait: Duration.Duration
}

/** The options of the services that the flags set. */
export const serviceOptions = (options: PassOptions) => ({
  bundle: { retries: options.retries },
  catalog: { retries: options.retries },
  lock: { waitLimit: options.wait },
  seeds: options.seeds,
  sync: {
    concurrency: options.concurrency,
    removal: options.remove,
    retention: options.retain
  }
})

/** The services of a pass with these options. */
export const passServices = (options: PassOptions) =>
  options.seeds.length === 0
    ? passServicesWithoutSeeds(options.codexHome, serviceOptions(options))
    : services(options.codexHome, serviceOptions(options))
