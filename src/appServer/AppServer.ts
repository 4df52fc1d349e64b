/**
 * A part of Codex's app-server over the services of one home, so that a client that was written for
 * `codex app-server` can ask for plugins here: `initialize`, `plugin/read`, `plugin/installed`,
 * `plugin/install`, `plugin/uninstall` and `plugin/reconcile`, as release 0.169 answers them.
 */
import {
  Array as Arr,
  Effect,
  FiberHandle,
  type FileSystem,
  Option,
  type Path,
  type PlatformError,
  Predicate,
  Ref,
  Result,
  Schema,
  Semaphore,
  Stdio,
  Stream
} from "effect"
import * as Protocol from "./Protocol.ts"
import type { CachedPlugin } from "../CacheSnapshot.ts"
import * as CodexHome from "../CodexHome.ts"
import type { InstalledSnapshot } from "../RemotePlugin.ts"
import * as PluginCapabilities from "./PluginCapabilities.ts"
import * as PluginChanges from "./PluginChanges.ts"
import * as PluginDetails from "../RemotePluginDetails.ts"
import * as PluginId from "../PluginId.ts"
import * as PluginInstaller from "../PluginInstaller.ts"
import * as PluginStore from "../PluginStore.ts"
import * as PluginSummary from "./PluginView.ts"
import * as PluginSync from "../PluginSync.ts"
import * as RemoteCatalog from "../RemoteCatalog.ts"
import type * as RemotePlugin from "../RemotePlugin.ts"
import * as RemotePluginId from "../RemotePluginId.ts"

/** What the answer to `initialize` says of the program that serves. */
export interface Program {
  readonly version: string
  /** In Codex's words: `unix` or `windows`. */
  readonly platformFamily: string
  /** In Codex's words: `linux`, `macos`, `windows`. */
  readonly platformOs: string
}

/** How many cached versions are looked into at a time. */
const concurrency = 16

// --- refusals

type Failure =
  | PluginInstaller.ReadError
  | PluginInstaller.InstallError
  | PluginInstaller.UninstallError

/** Whether the one who asked can mend it, as Codex sees that. */
const isTheirs = (error: unknown): boolean => {
  if (error instanceof RemoteCatalog.RemoteCatalogError) {
    return error.reason._tag === "NotFound" || error.reason._tag === "UnaddressableId"
  }
  if (error instanceof PluginInstaller.PartialChange) return isTheirs(error.cause)
  return error instanceof CodexHome.NotSignedIn
}

const refusal = (step: string, error: Failure): Protocol.Refusal =>
  new Protocol.Refusal({
    code: isTheirs(error) ? Protocol.invalidRequest : Protocol.internalError,
    message: `${step}: ${error.message}`
  })

const failed = (step: string, { message }: { readonly message: string }): Protocol.Refusal =>
  new Protocol.Refusal({ code: Protocol.internalError, message: `${step}: ${message}` })

const readRefused = (error: PluginInstaller.ReadError) =>
  refusal("read remote plugin details", error)

/** The rows that Codex finds unfit only when it comes to the bundle. */
const isAboutBundle = ({ reason }: RemotePlugin.InvalidRemotePlugin): boolean =>
  reason._tag === "MissingVersion" ||
  reason._tag === "InvalidVersion" ||
  reason._tag === "MissingBundleUrl"

const installRefused = (error: PluginInstaller.InstallError): Protocol.Refusal => {
  const reading = () => refusal("read remote plugin details before install", error)
  switch (error._tag) {
    case "NotInstallable":
      return Protocol.refuse(
        error.reason === "DisabledByAdmin"
          ? `remote plugin ${error.remotePluginId} is disabled by admin`
          : `remote plugin ${error.remotePluginId} is not available for install`
      )
    case "PartialChange":
      return refusal("install remote plugin", error)
    case "CodexHomeError":
    case "NotSignedIn":
    case "RemoteCatalogError":
      return reading()
    case "InvalidRemotePlugin":
      if (!isAboutBundle(error)) return reading()
  }
  return refusal("install remote plugin bundle", error)
}

const uninstallRefused = (error: PluginInstaller.UninstallError): Protocol.Refusal => {
  const isRead =
    error._tag === "RemoteCatalogError"
      ? error.operation === "read"
      : error._tag !== "PartialChange"
  const step = isRead ? "resolve remote plugin before uninstall" : "uninstall remote plugin"
  return refusal(step, error)
}

// --- parameters

const decodePluginId = Schema.decodeUnknownOption(PluginId.PluginId)
const decodeRemoteId = Schema.decodeUnknownOption(
  RemotePluginId.RemotePluginId.check(Schema.makeFilter(RemotePluginId.isAddressable))
)

const remoteIdOf = (text: string, refusal: string) =>
  Effect.fromOption(decodeRemoteId(text)).pipe(Effect.mapError(() => Protocol.refuse(refusal)))

/** The remote plugin that `plugin/read` or `plugin/install` is about. */
const subjectOf = Effect.fnUntraced(function* (
  method: "plugin/read" | "plugin/install",
  { marketplacePath, pluginName, remoteMarketplaceName }: Protocol.Params<typeof method>
) {
  if ((marketplacePath == null) === (remoteMarketplaceName == null)) {
    return yield* Protocol.refuse(
      `${method} requires exactly one of marketplacePath or remoteMarketplaceName`
    )
  }
  if (marketplacePath != null) {
    return yield* Protocol.refuse(
      `${method} serves remote marketplaces only: give remoteMarketplaceName, not marketplacePath`
    )
  }
  return yield* remoteIdOf(
    pluginName,
    "invalid remote plugin id: only ASCII letters, digits, `_`, `-`, and `~` are allowed"
  )
})

// --- rows

const rowsOf = ({ rows }: InstalledSnapshot): ReadonlyArray<RemotePlugin.RemotePlugin> =>
  Arr.getSuccesses(rows)

const enabledOf = (plugin: RemotePlugin.RemotePlugin): boolean | null =>
  Result.match(PluginDetails.of(plugin), {
    onFailure: () => null,
    onSuccess: ({ enabled }) => enabled
  })

// --- the server

/** The server of one client; what it does unasked ends with the scope. */
export const make = Effect.fnUntraced(function* (program: Program) {
  const home = yield* CodexHome.CodexHome
  const catalog = yield* RemoteCatalog.RemoteCatalog
  const store = yield* PluginStore.PluginStore
  const { sync } = yield* PluginSync.PluginSync
  const installer = yield* PluginInstaller.PluginInstaller
  const platform = yield* Effect.context<FileSystem.FileSystem | Path.Path>()

  const isInitialized = yield* Ref.make(false)
  /** What the account has installed; none once it may have changed. `age` counts such changes. */
  const account = yield* Ref.make({ age: 0, snapshot: Option.none<InstalledSnapshot>() })
  const sightings = yield* Ref.make<Option.Option<PluginChanges.Sightings>>(Option.none())
  const turn = yield* Semaphore.make(1)
  const background = yield* FiberHandle.make()
  const refreshing = yield* FiberHandle.make()

  /** Keeps a listing unless the account has changed since it was asked for. */
  const remember = (asked: number, snapshot: InstalledSnapshot) =>
    Ref.update(account, (known) =>
      known.age === asked ? { ...known, snapshot: Option.some(snapshot) } : known
    )

  const sight = (
    cached: CachedPlugin,
    enabled: boolean | null
  ): Effect.Effect<PluginChanges.Sighting> =>
    Option.match(cached.active, {
      onNone: () => Effect.succeed(PluginCapabilities.none),
      onSome: (version) => PluginCapabilities.read(store.versionRoot(cached.pluginId, version))
    }).pipe(
      Effect.map((capabilities) => ({ cached, capabilities, enabled })),
      Effect.provide(platform)
    )

  const listing = Effect.gen(function* () {
    const { age, snapshot } = yield* Ref.get(account)
    if (Option.isSome(snapshot)) return snapshot.value
    const fresh = yield* catalog.installed
    yield* remember(age, fresh)
    return fresh
  })

  /** After a change: what was known of the account is no longer true, and is asked for anew meanwhile. */
  const refresh = Effect.andThen(
    Ref.update(account, ({ age }) => ({
      age: age + 1,
      snapshot: Option.none<InstalledSnapshot>()
    })),
    FiberHandle.run(refreshing, Effect.ignore(listing))
  )

  const survey = Effect.fnUntraced(function* (rows: ReadonlyArray<RemotePlugin.RemotePlugin>) {
    const enabled = new Map(rows.map((plugin) => [plugin.pluginId, enabledOf(plugin)]))
    const { plugins } = yield* store.snapshot
    const seen = yield* Effect.forEach(
      plugins,
      (cached) => sight(cached, enabled.get(cached.pluginId) ?? null),
      { concurrency }
    )
    return new Map(seen.map((sighting) => [sighting.cached.pluginId as string, sighting]))
  })

  /** A pass of its own, begun after it was asked for: it sees all that was true by then. */
  const pass = Effect.gen(function* () {
    const { age } = yield* Ref.get(account)
    const before = Option.getOrUndefined(yield* Ref.get(sightings)) ?? (yield* survey([]))
    const outcome = yield* sync
    yield* remember(age, outcome.account)
    const after = yield* survey(rowsOf(outcome.account))
    yield* Ref.set(sightings, Option.some<PluginChanges.Sightings>(after))
    return PluginChanges.make(outcome, before, after)
  }).pipe(turn.withPermit)

  /** A pass that nobody waits for. One is enough at a time. */
  const passInBackground = pass.pipe(
    Effect.matchEffect({
      onFailure: (error) => Effect.logWarning(`the plugins could not be synced: ${error.message}`),
      onSuccess: ({ changedPlugins, failedRemotePluginIds }) =>
        Effect.logInfo(
          `the plugins are synced: ${changedPlugins.length} changed, ${failedRemotePluginIds.length} failed`
        )
    }),
    (pass) => FiberHandle.run(background, pass, { onlyIfMissing: true }),
    Effect.asVoid
  )

  /** What the server itself has just changed is no news for the next reconciliation. */
  const resight = Effect.fnUntraced(
    function* (pluginId: PluginId.PluginId) {
      const cached = yield* store.read(pluginId)
      const seen = Option.isSome(cached) ? yield* sight(cached.value, true) : undefined
      yield* Ref.update(
        sightings,
        Option.map((before) => {
          const after = new Map(before)
          if (seen === undefined) after.delete(pluginId)
          else after.set(pluginId, seen)
          return after
        })
      )
    },
    (effect) => Effect.ignore(effect)
  )

  const initialize = Effect.fnUntraced(function* ({
    clientInfo: { name, version }
  }: Protocol.Params<"initialize">) {
    if (yield* Ref.getAndSet(isInitialized, true)) {
      return yield* Protocol.refuse("Already initialized")
    }
    const { platformFamily, platformOs } = program
    return {
      userAgent: `${name}/${program.version} (${platformOs}) codex-plugins (${name}; ${version})`,
      codexHome: home.root,
      platformFamily,
      platformOs
    }
  })

  const installed = Effect.gen(function* () {
    const rows = rowsOf(yield* listing)
    const cached = new Map(
      (yield* store.list).map(({ active, pluginId }) => [pluginId, active] as const)
    )
    return rows.flatMap((plugin) =>
      Result.match(PluginDetails.of(plugin), {
        onFailure: () => [],
        onSuccess: (details) => [
          {
            plugin,
            details,
            installed: Option.some(details),
            cached: cached.get(plugin.pluginId) ?? Option.none()
          }
        ]
      })
    )
  }).pipe(
    // As Codex does: who cannot ask has nothing installed.
    Effect.catch((error) =>
      Effect.as(Effect.logWarning(`the installed plugins cannot be told: ${error.message}`), [])
    )
  )

  const answer = Effect.fnUntraced(function* (
    call: Exclude<Protocol.Call, { readonly method: "initialize" }>
  ): Effect.fn.Return<unknown, Protocol.Refusal> {
    switch (call.method) {
      case "plugin/read": {
        const id = yield* subjectOf(call.method, call.params)
        const { cached, ...state } = yield* Effect.mapError(installer.read(id), readRefused)
        const active = Option.flatMap(cached, ({ active }) => active)
        return { plugin: PluginSummary.detail({ ...state, cached: active }) }
      }
      case "plugin/installed": {
        const marketplaces = PluginSummary.byMarketplace(yield* installed)
        yield* passInBackground
        return { marketplaces, marketplaceLoadErrors: [] }
      }
      case "plugin/install": {
        const id = yield* subjectOf(call.method, call.params)
        const { details, pluginId } = yield* installer
          .install(id)
          .pipe(Effect.mapError(installRefused))
        yield* refresh
        yield* resight(pluginId)
        return { authPolicy: details.authentication_policy, appsNeedingAuth: [] }
      }
      case "plugin/uninstall": {
        const local = decodePluginId(call.params.pluginId)
        if (Option.isSome(local)) {
          yield* Effect.mapError(store.uninstall(local.value), (error) =>
            failed("uninstall plugin", error)
          )
          return {}
        }
        const id = yield* remoteIdOf(call.params.pluginId, "invalid remote plugin id")
        const pluginId = yield* installer.uninstall(id).pipe(Effect.mapError(uninstallRefused))
        yield* refresh
        yield* resight(pluginId)
        return {}
      }
      case "plugin/reconcile":
        return yield* pass.pipe(
          Effect.catchTag("NotSignedIn", () => Effect.succeed(PluginChanges.none)),
          Effect.mapError((error) => failed("failed to reconcile remote installed plugins", error))
        )
    }
  })

  const admit = (call: Protocol.Call): Effect.Effect<unknown, Protocol.Refusal> =>
    call.method === "initialize"
      ? initialize(call.params)
      : Effect.flatMap(Ref.get(isInitialized), (isInitialized) =>
          isInitialized ? answer(call) : Protocol.refuse("Not initialized")
        )

  /** Takes one line of the client's; gives the line that answers it, if it is to be answered. */
  const receive = Effect.fn("AppServer.receive")(function* (line: string) {
    const message = Protocol.decode(line)
    switch (message._tag) {
      case "Other":
        return Option.none<string>()
      case "Malformed":
        return Option.some(Protocol.encode(message.id, Result.fail(message.refusal)))
      case "Request": {
        yield* Effect.annotateCurrentSpan({ method: message.call.method })
        const result = yield* admit(message.call).pipe(
          Effect.catchDefect((defect) =>
            Effect.andThen(
              Effect.logError("this is a bug, please report it", defect),
              Effect.fail(failed("internal error", { message: message.call.method }))
            )
          ),
          Effect.result
        )
        return Option.some(Protocol.encode(message.id, result))
      }
    }
  })

  return { receive, passInBackground }
})

/**
 * Serves one client on stdin and stdout. Syncs at the start, as Codex does, while the first requests
 * may already be answered. Ends when stdin does, once every request is answered, or when nobody
 * reads stdout any more.
 */
export const run = Effect.fn("AppServer.run")(function* (program: Program) {
  const stdio = yield* Stdio.Stdio
  const server = yield* make(program)
  yield* server.passInBackground
  yield* stdio.stdin.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.mapEffect(server.receive, { concurrency: "unbounded", unordered: true }),
    Stream.filter(Option.isSome),
    Stream.map(({ value }) => `${value}\n`),
    Stream.run(stdio.stdout()),
    Effect.catchIf(isClientGone, () => Effect.logDebug("the client reads no more"))
  )
}, Effect.scoped)

const isClientGone = ({ reason }: PlatformError.PlatformError): boolean =>
  reason.method === "stdout" &&
  Predicate.hasProperty(reason.cause, "code") &&
  reason.cause.code === "EPIPE"
