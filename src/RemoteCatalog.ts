/**
 * The account's plugins in the backend: lists those that are installed and those that can be, reads
 * one, and installs or uninstalls one for the account.
 *
 * Transient failures are retried. This includes the two POST requests, because both are idempotent.
 */
import { Context, Duration, Effect, Layer, Option, Ref, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import * as CodexHome from "./CodexHome.ts"
import * as Credentials from "./Credentials.ts"
import type { AvailableSnapshot, InstalledSnapshot } from "./RemotePlugin.ts"
import * as CatalogCall from "./internal/catalogCall.ts"
import * as CatalogRows from "./internal/catalogRows.ts"
import * as Http from "./internal/http.ts"
import * as Message from "./internal/message.ts"
import * as OptionCheck from "./internal/optionCheck.ts"
import type * as RemotePlugin from "./RemotePlugin.ts"
import * as RemotePluginId from "./RemotePluginId.ts"

export { retries as defaultRetries } from "./internal/http.ts"

/**
 * The time limit of one call, including the body of the response. Source: Codex.
 *
 * @category constants
 * @since 0.1.0
 */
export const callTimeLimit = CatalogCall.timeLimit

/**
 * The number of rows per request for a listing. Source: Codex 0.169.
 *
 * @category constants
 * @since 0.1.0
 */
export const pageSize = 200

/**
 * The maximum number of pages of a listing: 100,000 rows at {@link pageSize}, 10,000 at 20 per
 * page.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxPages = 500

/**
 * The maximum size of one answer, in bytes. A page of {@link pageSize} rows of 100 kB takes 20 MB.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxAnswerBytes = CatalogCall.maxBytes

/**
 * The sections of the catalogue, by the marketplace that their plugins belong to: the curated
 * plugins, those that the account created, those of its workspace, and those that others in the
 * workspace share with it.
 *
 * @category models
 * @since 0.2.0
 */
export type Section = keyof typeof RemotePlugin.marketplaces

const sectionCalls: Readonly<
  Record<Section, { readonly path: string; readonly params: Readonly<Record<string, string>> }>
> = {
  curated: { path: "list", params: { scope: "GLOBAL" } },
  createdByMe: { path: "list", params: { scope: "USER" } },
  workspace: { path: "list", params: { scope: "WORKSPACE" } },
  sharedWithMe: { path: "workspace/shared", params: {} }
}

const Operation = Schema.Literals([
  "installed",
  "available",
  "featured",
  "read",
  "install",
  "uninstall"
])

/**
 * A call of the backend that failed. Nothing was changed on disk.
 *
 * @category errors
 * @since 0.1.0
 */
export class RemoteCatalogError extends Schema.TaggedError<RemoteCatalogError>()(
  "RemoteCatalogError",
  {
    operation: Operation,
    /** The plugin of the call; null for a listing. */
    remotePluginId: Schema.NullOr(Schema.String),
    baseUrl: Schema.String,
    reason: Schema.TaggedUnion({
      ...Http.Failure,
      /** The id cannot be part of a request's path, so nothing was sent. */
      UnaddressableId: {},
      TimedOut: {},
      Unauthorized: {},
      Forbidden: {},
      NotFound: {},
      /** Redirects are not followed: the credentials are meant for the backend alone. */
      Redirected: { status: Schema.Int },
      Rejected: { status: Schema.Int },
      TooLarge: {},
      MalformedAnswer: {},
      /** A listing that names a page twice. */
      RepeatedCursor: {},
      TooManyPages: {},
      /** The response is about another plugin, or contradicts the request. */
      UnexpectedAnswer: { at: Schema.Literals(["id", "enabled"]) }
    })
  }
) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    const what = {
      installed: "list the installed plugins",
      available: "list the plugins that the account can install",
      featured: "list the featured plugins",
      read: `read the plugin ${this.remotePluginId}`,
      install: `install the plugin ${this.remotePluginId} for the account`,
      uninstall: `uninstall the plugin ${this.remotePluginId} from the account`
    }[this.operation]
    const { remedy, why } = this.reasoning
    return Message.because(`cannot ${what}`, why, remedy)
  }

  private get reasoning(): Message.Reasoning {
    const because = Message.reasoning
    const backend = `the backend ${this.baseUrl}`
    if (Http.isFailure(this.reason)) {
      const { remedy, why } = Http.explain(this.reason)
      return because(`${backend} ${why}`, remedy)
    }
    switch (this.reason._tag) {
      case "UnaddressableId":
        return because("a remote plugin id holds only ASCII letters, digits, `_`, `-` and `~`")
      case "TimedOut":
        return because(
          `${backend} did not answer within ${Duration.format(callTimeLimit)}`,
          "try again later"
        )
      case "Unauthorized":
        return because(
          `${backend} refused the token`,
          "start `codex` once, which renews it, or run `codex login`"
        )
      case "Forbidden":
        return because(`${backend} does not allow it for this account`)
      case "NotFound":
        return this.remotePluginId === null
          ? because(`${backend} has no such endpoint`, checkBaseUrl)
          : because(`${backend} has no such plugin`)
      case "Redirected":
        return because(
          `${backend} redirects elsewhere (${this.reason.status}), where credentials are not sent`,
          checkBaseUrl
        )
      case "Rejected":
        return because(`${backend} answered ${this.reason.status}`)
      case "TooLarge":
        return because(`${backend} sent an answer of more than ${maxAnswerBytes} bytes`)
      case "MalformedAnswer":
        return because(
          `${backend} sent an answer in an unexpected format`,
          `${checkBaseUrl}, or update this program`
        )
      case "RepeatedCursor":
        return because(`${backend} named the same page twice, so the listing has no end`)
      case "TooManyPages":
        return because(`${backend} named more than ${maxPages} pages`)
      case "UnexpectedAnswer":
        return because(`${backend} answered with a different \`${this.reason.at}\``)
    }
  }
}

const checkBaseUrl = "check `chatgpt_base_url` in config.toml"

type Reason = RemoteCatalogError["reason"]

/**
 * Receives each retry of a call, with its cause and the delay before it. A pass publishes the
 * retries of its own listing as events, so it must not receive those of other fibers.
 *
 * @internal
 */
export const OnRetry = Context.Reference<
  (cause: RemoteCatalogError, delay: Duration.Duration) => Effect.Effect<void>
>("effect-codex-plugins/RemoteCatalog/OnRetry", { defaultValue: () => () => Effect.void })

/**
 * No credentials, no usable settings, or a call that failed.
 *
 * @category errors
 * @since 0.1.0
 */
export type CatalogError = RemoteCatalogError | CodexHome.CodexHomeError | CodexHome.NotSignedIn

/**
 * The account's plugins in the backend.
 *
 * @example
 * ```ts
 * import { Array, Effect } from "effect"
 * import { RemoteCatalog } from "effect-codex-plugins"
 *
 * const program = Effect.gen(function* () {
 *   const { installed } = yield* RemoteCatalog.RemoteCatalog
 *   const { rows } = yield* installed
 *   for (const { pluginId, remotePluginId } of Array.getSuccesses(rows))
 *     yield* Effect.logInfo(`${pluginId} is ${remotePluginId}`)
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class RemoteCatalog extends Context.Service<
  RemoteCatalog,
  {
    /** Lists all installed plugins of the account, page by page. Fails if a page cannot be read. */
    readonly installed: Effect.Effect<InstalledSnapshot, CatalogError>
    /**
     * The last complete listing that this layer received; sends no request. None before the first
     * listing, and after an install or uninstall that may have outdated it.
     */
    readonly current: Effect.Effect<Option.Option<InstalledSnapshot>>
    /**
     * Lists the plugins of one section of the catalogue that the account can install, page by page.
     * Fails if a page cannot be read.
     */
    readonly available: (section: Section) => Effect.Effect<AvailableSnapshot, CatalogError>
    /** The ids of the plugins that the backend recommends, in its own form. */
    readonly featured: Effect.Effect<ReadonlyArray<string>, CatalogError>
    /** One plugin's row, installed or not, with its bundle's URL. */
    readonly read: (
      id: RemotePluginId.RemotePluginId
    ) => Effect.Effect<RemotePlugin.RemotePlugin, CatalogError | RemotePlugin.InvalidRemotePlugin>
    /** Installs a plugin for the account. Its bundle is not downloaded. */
    readonly install: (id: RemotePluginId.RemotePluginId) => Effect.Effect<void, CatalogError>
    /** Uninstalls a plugin from the account. The cache is not changed. */
    readonly uninstall: (id: RemotePluginId.RemotePluginId) => Effect.Effect<void, CatalogError>
  }
>()("effect-codex-plugins/RemoteCatalog") {}

const decodeRecord = Schema.decodeUnknownEffect(
  Schema.Struct({ id: Schema.String, enabled: Schema.Boolean })
)
const decodeFeatured = Schema.decodeUnknownEffect(Schema.Array(Schema.String))

/**
 * Options of {@link layerWith}.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options {
  /** The number of retries after a transient failure of a call. Default: 3. */
  readonly retries?: number | undefined
}

/** The calls of one operation, all with the current settings and credentials. */
const connectWith = (
  client: HttpClient.HttpClient,
  home: CodexHome.CodexHome["Service"],
  credentials: Credentials.Credentials["Service"]["current"],
  retries: number
) =>
  Effect.fnUntraced(function* (
    operation: typeof Operation.Type,
    remotePluginId: RemotePluginId.RemotePluginId | null
  ) {
    const { baseUrl } = yield* home.settings
    const failed = (reason: Reason) =>
      new RemoteCatalogError({ operation, remotePluginId, baseUrl, reason })
    if (remotePluginId !== null && !RemotePluginId.isAddressable(remotePluginId)) {
      return yield* failed({ _tag: "UnaddressableId" })
    }
    const tokens = yield* credentials
    const call = (method: "GET" | "POST", path: string, params: Readonly<Record<string, string>>) =>
      CatalogCall.make(
        client,
        HttpClientRequest.make(method)(`${baseUrl}/${path}`).pipe(
          HttpClientRequest.setUrlParams(params)
        ),
        tokens
      ).pipe(
        Effect.mapError(failed),
        (attempt) => Http.inSpan(attempt, "RemoteCatalog.request", method, new URL(baseUrl)),
        (attempt) =>
          Http.retry(
            attempt,
            ({ reason }, attempt, backOff) =>
              Http.isFailure(reason) ? Http.retryDelay(reason, attempt, backOff) : undefined,
            retries,
            (error, delay) => Effect.flatMap(OnRetry, (onRetry) => onRetry(error, delay))
          )
      )
    const wellFormed = Effect.mapError(() => failed({ _tag: "MalformedAnswer" }))
    return { call, failed, wellFormed }
  })

const annotateRows = ({ rows }: { readonly rows: ReadonlyArray<unknown> }) =>
  Effect.annotateCurrentSpan({ rows: rows.length })

/** The rows of every page of a listing. */
const pagesWith = (connect: ReturnType<typeof connectWith>) =>
  Effect.fnUntraced(function* (
    operation: "installed" | "available",
    path: string,
    firstPage: Readonly<Record<string, string>>
  ) {
    const { call, failed, wellFormed } = yield* connect(operation, null)
    const rows: Array<InstalledSnapshot["rows"][number]> = []
    const cursors = new Set<string>()
    let params = firstPage
    for (let page = 0; page < maxPages; page++) {
      const answer = yield* call("GET", `ps/plugins/${path}`, params)
      const { pagination, plugins } = yield* wellFormed(CatalogRows.decodePage(answer.json))
      const decodeRow = yield* wellFormed(
        Effect.fromResult(CatalogRows.rowDecoder(answer, plugins))
      )
      plugins.forEach((row, index) => rows.push(decodeRow(row, ["plugins", index])))
      const cursor = pagination.next_page_token ?? null
      if (cursor === null) return { rows }
      if (cursors.has(cursor)) return yield* failed({ _tag: "RepeatedCursor" })
      cursors.add(cursor)
      params = { ...firstPage, pageToken: cursor }
    }
    return yield* failed({ _tag: "TooManyPages" })
  })

/**
 * Makes the service. The credentials come from a `Credentials` service if the host provides one,
 * else from the home's `auth.json`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const client = yield* HttpClient.HttpClient
  const home = yield* CodexHome.CodexHome
  const { current: credentials } = yield* Credentials.ofHome(home)
  const retries = yield* OptionCheck.integer(
    "RemoteCatalog.retries",
    options.retries ?? Http.retries,
    0
  )
  const known = yield* Ref.make(Option.none<InstalledSnapshot>())

  const connect = connectWith(client, home, credentials, retries)
  const pages = pagesWith(connect)

  const installed = pages("installed", "installed", {
    limit: String(pageSize),
    includeDownloadUrls: "true"
  }).pipe(Effect.tap(annotateRows), Effect.withSpan("RemoteCatalog.installed"))

  const available = Effect.fn("RemoteCatalog.available")(function* (section: Section) {
    yield* Effect.annotateCurrentSpan({ section })
    const { params, path } = sectionCalls[section]
    return yield* Effect.tap(
      pages("available", path, { ...params, limit: String(pageSize) }),
      annotateRows
    )
  })

  const featured = Effect.gen(function* () {
    const { call, wellFormed } = yield* connect("featured", null)
    const answer = yield* call("GET", "plugins/featured", { platform: "codex" })
    return yield* wellFormed(decodeFeatured(answer.json))
  }).pipe(
    Effect.tap(({ length }) => Effect.annotateCurrentSpan({ rows: length })),
    Effect.withSpan("RemoteCatalog.featured")
  )

  const read = Effect.fn("RemoteCatalog.read")(function* (id: RemotePluginId.RemotePluginId) {
    yield* Effect.annotateCurrentSpan({ remotePluginId: id })
    const { call, failed, wellFormed } = yield* connect("read", id)
    const answer = yield* call("GET", `ps/plugins/${id}`, { includeDownloadUrls: "true" })
    const decodeRow = yield* wellFormed(
      Effect.fromResult(CatalogRows.rowDecoder(answer, [answer.json]))
    )
    const plugin = yield* Effect.fromResult(decodeRow(answer.json, []))
    if (plugin.remotePluginId !== id) {
      return yield* failed({ _tag: "UnexpectedAnswer", at: "id" })
    }
    return plugin
  })

  const record = Effect.fnUntraced(function* (
    operation: "install" | "uninstall",
    id: RemotePluginId.RemotePluginId,
    params: Readonly<Record<string, string>>
  ) {
    yield* Effect.annotateCurrentSpan({ remotePluginId: id })
    const { call, failed, wellFormed } = yield* connect(operation, id)
    const answer = yield* call("POST", `ps/plugins/${id}/${operation}`, params)
    const state = yield* wellFormed(decodeRecord(answer.json))
    if (state.id !== id) return yield* failed({ _tag: "UnexpectedAnswer", at: "id" })
    if (state.enabled !== (operation === "install")) {
      return yield* failed({ _tag: "UnexpectedAnswer", at: "enabled" })
    }
  })

  /** A change of the account outdates the listing, even if its answer is lost. */
  const forget = <A, E>(change: Effect.Effect<A, E>) =>
    Effect.ensuring(change, Ref.set(known, Option.none()))

  return RemoteCatalog.of({
    installed: Effect.tap(installed, (snapshot) => Ref.set(known, Option.some(snapshot))),
    current: Ref.get(known),
    available,
    featured,
    read,
    install: Effect.fn("RemoteCatalog.install")((id) =>
      forget(record("install", id, { includeAppsNeedingAuth: "true" }))
    ),
    uninstall: Effect.fn("RemoteCatalog.uninstall")((id) => forget(record("uninstall", id, {})))
  })
})

/**
 * Provides {@link RemoteCatalog} with options, which are read once.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerWith = (
  options: Options
): Layer.Layer<RemoteCatalog, never, HttpClient.HttpClient | CodexHome.CodexHome> =>
  Layer.effect(RemoteCatalog, make(options))

/**
 * Provides {@link RemoteCatalog} with the default options.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = layerWith({})
