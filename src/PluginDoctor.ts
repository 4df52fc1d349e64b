/**
 * Checks a home, its account, its network and its cache, and names a remedy for each problem.
 *
 * @since 0.2.0
 */
import {
  Array as Arr,
  Clock,
  Context,
  DateTime,
  Effect,
  FileSystem,
  Layer,
  Path,
  Schema
} from "effect"
import * as CacheLock from "./CacheLock.ts"
import * as CodexHome from "./CodexHome.ts"
import * as Credentials from "./Credentials.ts"
import * as Disk from "./internal/disk/Disk.ts"
import * as AccountChecks from "./internal/doctor/accountChecks.ts"
import * as CacheChecks from "./internal/doctor/cacheChecks.ts"
import * as DiskChecks from "./internal/doctor/diskChecks.ts"
import { type Finding, statuses } from "./internal/doctor/finding.ts"
import * as Repair from "./internal/doctor/repair.ts"
import * as Environment from "./internal/environment.ts"
import * as SmallFile from "./internal/smallFile.ts"
import * as PluginInventory from "./PluginInventory.ts"
import * as PluginStore from "./PluginStore.ts"
import * as RemoteCatalog from "./RemoteCatalog.ts"

/**
 * `warning` and `error` are only for problems that the user must act on.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Status = Schema.Literals(statuses)
/**
 * The status of a check, or of the whole report.
 *
 * @category models
 * @since 0.2.0
 */
export type Status = typeof Status.Type

/**
 * One check, with the keys of `codex doctor --json`.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Check = Schema.Struct({
  /** Such as `auth.expiry`. */
  id: Schema.String,
  category: Schema.String,
  status: Status,
  /** One line. */
  summary: Schema.String,
  details: Schema.Record(Schema.String, Schema.String),
  /** The remedy, in one line; null if there is nothing to do. */
  remediation: Schema.NullOr(Schema.String),
  durationMs: Schema.Int
})
/**
 * The result of one check.
 *
 * @category models
 * @since 0.2.0
 */
export interface Check extends Schema.Schema.Type<typeof Check> {}

/**
 * The result of all checks. Its JSON has the shape of `codex doctor --json`.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Report = Schema.Struct({
  schemaVersion: Schema.Literal(1),
  /** When the checks ended, in ISO 8601. */
  generatedAt: Schema.String,
  overallStatus: Status,
  /** By id. */
  checks: Schema.Record(Schema.String, Check),
  /** The changes that `fix` made, one line each. */
  fixed: Schema.Array(Schema.String)
})
/**
 * The results of all checks.
 *
 * @category models
 * @since 0.2.0
 */
export interface Report extends Schema.Schema.Type<typeof Report> {}

/**
 * The options of an examination.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options {
  /** Sends no request to the backend. Default: false. */
  readonly offline?: boolean | undefined
  /**
   * Makes safe repairs, under the lock, before the checks: restores backups of Codex that hold the
   * only copy of a plugin, then removes leftovers of dead processes. Default: false.
   */
  readonly fix?: boolean | undefined
}

/**
 * Examines one home.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PluginDoctor } from "effect-codex-plugins"
 *
 * const program = Effect.gen(function* () {
 *   const { examine } = yield* PluginDoctor.PluginDoctor
 *   yield* Effect.logInfo(yield* examine())
 * })
 * ```
 *
 * @category services
 * @since 0.2.0
 */
export class PluginDoctor extends Context.Service<
  PluginDoctor,
  {
    /** Runs all checks. Fails only if `fix` cannot read or change the cache. */
    readonly examine: (
      options?: Options
    ) => Effect.Effect<Report, PluginStore.PluginStoreError | CacheLock.CacheLockError>
  }
>()("effect-codex-plugins/PluginDoctor") {}

type Checks = Readonly<Record<string, Effect.Effect<Finding>>>

/**
 * Runs a check and measures its time. `spent` is the time that it has already taken, in
 * milliseconds.
 */
const timed = Effect.fnUntraced(function* (
  id: string,
  check: Effect.Effect<Finding>,
  spent: number
) {
  const start = yield* Clock.currentTimeMillis
  const finding = yield* check
  const durationMs = spent + Math.round((yield* Clock.currentTimeMillis) - start)
  return { id, category: id.slice(0, id.indexOf(".")), ...finding, durationMs }
})

const worst = (checks: ReadonlyArray<Check>): Status =>
  (["error", "warning"] as const).find((status) =>
    checks.some((check) => check.status === status)
  ) ?? "ok"

/**
 * Makes the service from the services that it uses.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = yield* CodexHome.CodexHome
  const lock = yield* CacheLock.CacheLock
  const store = yield* PluginStore.PluginStore
  const catalog = yield* RemoteCatalog.RemoteCatalog
  const inventory = yield* PluginInventory.PluginInventory
  const variables: AccountChecks.Environment = yield* Effect.orElseSucceed(
    Environment.read(AccountChecks.variables),
    () => ({})
  )
  const { current: credentials } = yield* Credentials.ofHome(home)
  const files = yield* Disk.make
  const disk: DiskChecks.Disk = { fs, path, home }

  const checksOf = Effect.fnUntraced(function* (
    listing: AccountChecks.Listing
  ): Effect.fn.Return<Checks> {
    const cached = yield* Effect.result(store.list)
    const entries = yield* Effect.result(inventory.all)
    const statistics = yield* DiskChecks.statistics(disk)
    const configFile = path.join(home.root, "config.toml")
    const config = yield* Effect.orElseSucceed(
      SmallFile.read(fs, files, configFile, SmallFile.maxBytes),
      () => ""
    )
    return {
      "home.folder": DiskChecks.folder(disk),
      "home.settings": AccountChecks.settings(home),
      "auth.account": AccountChecks.account(credentials),
      "auth.expiry": AccountChecks.expiry(credentials),
      "network.proxy": AccountChecks.proxy(home, variables),
      "network.certificates": AccountChecks.certificates(variables),
      "network.backend": Effect.sync(() => AccountChecks.backend(listing)),
      "network.edge": Effect.sync(() => AccountChecks.edge(listing)),
      "disk.lock": DiskChecks.lock(disk, lock),
      "disk.links": DiskChecks.links(disk),
      "disk.fileSystem": Effect.sync(() => DiskChecks.fileSystem(statistics)),
      "disk.space": Effect.sync(() => DiskChecks.space(statistics)),
      "disk.inodes": Effect.sync(() => DiskChecks.inodes(statistics)),
      "plugins.identities": CacheChecks.on(entries, CacheChecks.identities),
      "plugins.versions": CacheChecks.on(cached, CacheChecks.versions),
      "plugins.broken": CacheChecks.on(cached, CacheChecks.broken),
      "plugins.missingFiles": CacheChecks.on(entries, CacheChecks.missingFiles),
      "plugins.hooks": CacheChecks.on(entries, (entries) => CacheChecks.hooks(entries, config)),
      "plugins.leftovers": DiskChecks.leftovers(disk),
      "plugins.backups": DiskChecks.backups(disk)
    }
  })

  const listingOf = Effect.fnUntraced(function* (
    options: Options
  ): Effect.fn.Return<AccountChecks.Listing> {
    if (options.offline === true) return { _tag: "Skipped", reason: "offline" }
    const { status } = yield* AccountChecks.certificates(variables)
    // The result of a client that trusts other certificates than the user's would prove nothing.
    return status === "error"
      ? { _tag: "Skipped", reason: "see network.certificates" }
      : { _tag: "Asked", result: yield* AccountChecks.listingOf(catalog) }
  })

  const examine = Effect.fn("PluginDoctor.examine")(function* (options: Options = {}) {
    const fixed =
      options.fix === true ? yield* lock.hold(Repair.run(disk, files, store)) : Arr.empty<string>()
    const start = yield* Clock.currentTimeMillis
    const listing = yield* listingOf(options)
    const asked = Math.round((yield* Clock.currentTimeMillis) - start)
    const checks = yield* Effect.forEach(Object.entries(yield* checksOf(listing)), ([id, check]) =>
      timed(id, check, id === "network.backend" ? asked : 0)
    )
    const overallStatus = worst(checks)
    yield* Effect.annotateCurrentSpan({ outcome: overallStatus, fixed: fixed.length })
    return {
      schemaVersion: 1 as const,
      generatedAt: DateTime.formatIso(yield* DateTime.now),
      overallStatus,
      checks: Object.fromEntries(checks.map((check) => [check.id, check])),
      fixed
    }
  })

  return PluginDoctor.of({ examine })
})

/**
 * Provides {@link PluginDoctor}.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<
  PluginDoctor,
  never,
  | FileSystem.FileSystem
  | Path.Path
  | CodexHome.CodexHome
  | CacheLock.CacheLock
  | PluginStore.PluginStore
  | RemoteCatalog.RemoteCatalog
  | PluginInventory.PluginInventory
> = Layer.effect(PluginDoctor, make)
