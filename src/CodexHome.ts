/**
 * One Codex home: its paths, its settings and its credentials.
 *
 * Settings and credentials are read only on request, so operations that need neither work in a home
 * whose `config.toml` or `auth.json` is broken. No error repeats the content of these files.
 */
import {
  Clock,
  Config,
  Context,
  Duration,
  Effect,
  FileSystem,
  Layer,
  Option,
  Path,
  Result,
  Schedule,
  Schema
} from "effect"
import { isAbsent, isNotFound } from "./internal/platformError.ts"
import * as AuthFile from "./internal/authFile.ts"
import * as Disk from "./internal/disk/Disk.ts"
import * as Layout from "./internal/cache/layout.ts"
import * as ConfigFile from "./internal/configFile.ts"
import * as SmallFile from "./internal/smallFile.ts"
import * as Message from "./internal/message.ts"

/**
 * The backend's URL, unless `chatgpt_base_url` sets another one.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultBaseUrl = "https://chatgpt.com/backend-api"

/**
 * The home or its settings cannot be used.
 *
 * @category errors
 * @since 0.1.0
 */
export class CodexHomeError extends Schema.TaggedError<CodexHomeError>()("CodexHomeError", {
  /** The home, or the file in it. */
  path: Schema.String,
  reason: Schema.TaggedUnion({
    NoHomeDirectory: {},
    Missing: {},
    /** The path is relative, and the working folder no longer exists. */
    NoWorkingFolder: {},
    NotAFolder: {},
    Inaccessible: {},
    /** It is not a regular file, or it is too large to be read. */
    NotASmallFile: {},
    /** `line` is null if the parser does not report it. */
    NotToml: { line: Schema.NullOr(Schema.Int) },
    InvalidSetting: { key: Schema.String, expected: Schema.String }
  })
}) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    const { because } = Message
    switch (this.reason._tag) {
      case "NoHomeDirectory":
        return because(null, "cannot find the Codex home", "set CODEX_HOME")
      case "Missing":
        return because(
          null,
          `the Codex home ${this.path} does not exist`,
          "create it, or point CODEX_HOME at another"
        )
      case "NoWorkingFolder":
        return because(
          null,
          `the Codex home ${this.path} is relative to a folder that does not exist any more`,
          "use an absolute path"
        )
      case "NotAFolder":
        return because(
          null,
          `the Codex home ${this.path} is not a folder`,
          "point CODEX_HOME at one"
        )
      case "Inaccessible":
        return because(null, `cannot read ${this.path}`, "check its permissions")
      case "NotASmallFile":
        return because(
          null,
          `${this.path} is not a regular file of at most ${SmallFile.maxBytes} bytes`,
          "replace it"
        )
      case "NotToml": {
        const line = this.reason.line === null ? "" : ` (line ${this.reason.line})`
        return because(null, `${this.path} is not valid TOML${line}`, "correct it")
      }
      case "InvalidSetting":
        return because(
          null,
          `\`${this.reason.key}\` in ${this.path} is not ${this.reason.expected}`,
          "correct it"
        )
    }
  }
}

/**
 * The home has no credentials that the backend would accept. Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotSignedIn extends Schema.TaggedError<NotSignedIn>()("NotSignedIn", {
  /** The home's `auth.json`. */
  path: Schema.String,
  reason: AuthFile.Reason,
  /** The file's `auth_mode`, if it is known. */
  mode: Schema.optionalKey(Schema.NullOr(Schema.String))
}) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    const { because } = Message
    const signedOut = "not signed in to ChatGPT"
    switch (this.reason) {
      case "NoCredentials":
        return this.mode === "chatgptAuthTokens"
          ? because(
              signedOut,
              `${this.path} says that another program supplies the tokens, and holds none`,
              "let that program sync, or run `codex login`"
            )
          : because(signedOut, `${this.path} holds no tokens`, "run `codex login`")
      case "KeyringCredentials":
        return because(
          signedOut,
          `${this.path} does not exist, because config.toml has Codex keep credentials in the system's keyring or in memory, which cannot be read here`,
          'set cli_auth_credentials_store = "file" and run `codex login`'
        )
      case "ApiKeyAlone":
        return because(
          null,
          `signed in with an API key (${this.path}), which has no plugins`,
          "run `codex login` and sign in with ChatGPT"
        )
      case "UnsupportedMode":
        return because(
          null,
          `signed in with ${this.mode ?? "a mode of authentication"} that has no ChatGPT tokens in ${this.path}`,
          "run `codex login` and sign in with ChatGPT"
        )
      case "UnreadableCredentials":
        return because(
          null,
          `cannot read the credentials in ${this.path}`,
          "check its permissions, or run `codex login` to write it anew"
        )
      case "TokenExpired":
        return because(
          null,
          `the access token in ${this.path} has expired`,
          "start `codex` once, which renews it, or run `codex-plugins sync --refresh-with codex`"
        )
    }
  }
}

/**
 * The part of `config.toml` that concerns plugins.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  /** Has no trailing slash. */
  readonly baseUrl: string
  /**
   * False if `[features] plugins = false` switches plugins off. Codex then requests no plugins from
   * the backend and does not change the cache.
   *
   * @since 0.2.0
   */
  readonly pluginsEnabled: boolean
}

/**
 * The credentials of a call of the backend.
 *
 * @category models
 * @since 0.1.0
 */
export type Credentials = AuthFile.Tokens

/**
 * A token with less time left than this counts as about to expire. Codex renews it then.
 *
 * @category constants
 * @since 0.2.0
 */
export const expiryWarning = Duration.minutes(5)

/**
 * The paths, settings and credentials of one Codex home.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { CodexHome } from "effect-codex-plugins"
 *
 * const program = Effect.gen(function* () {
 *   const home = yield* CodexHome.CodexHome
 *   const { baseUrl, pluginsEnabled } = yield* home.settings
 *   yield* Effect.logInfo(`${home.cache}: ${pluginsEnabled ? `plugins from ${baseUrl}` : "off"}`)
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class CodexHome extends Context.Service<
  CodexHome,
  {
    /** Absolute. */
    readonly root: string
    /** The cached plugins. Links from the home to another cache are resolved. */
    readonly cache: string
    /**
     * The folder in which bundles are staged. It is next to the cache; if the cache is a mount, it
     * is inside the cache. The lock's file is next to it.
     */
    readonly staging: string
    /**
     * True if `plugins/` or `plugins/cache` is a link that leads out of the home, or is a mount, so
     * that other homes may use the same cache. Default: false.
     */
    readonly isShared?: boolean | undefined
    /** Reads `config.toml`. Without the file, the defaults apply. */
    readonly settings: Effect.Effect<Settings, CodexHomeError>
    /**
     * Reads `auth.json`, several times if it is damaged, because Codex writes it in place. Fails if
     * the token has expired, and logs a warning {@link expiryWarning} before. Only Codex renews it.
     */
    readonly credentials: Effect.Effect<Credentials, NotSignedIn>
  }
>()("effect-codex-plugins/CodexHome") {}

/** The number of times that a damaged `auth.json` is read again: Codex writes it in place. */
const rereads = Schedule.spaced("50 millis").pipe(Schedule.upTo({ times: 4 }))

const homeError = (path: string, reason: CodexHomeError["reason"]) =>
  new CodexHomeError({ path, reason })

/** A home that the user names must be a folder; the default home need not exist yet. */
const make = Effect.fnUntraced(function* (home: {
  readonly root: string
  readonly mustExist: boolean
}) {
  const fs = yield* FileSystem.FileSystem
  const disk = yield* Disk.make
  const path = yield* Path.Path
  const root = yield* Effect.try({
    try: () => path.resolve(home.root),
    // The working folder no longer exists.
    catch: () => homeError(home.root, { _tag: "NoWorkingFolder" })
  })

  const type = yield* disk.realPath(root).pipe(
    Effect.flatMap(disk.lstat),
    Effect.map((info) => info?.type),
    Effect.catchIf(isAbsent, () => Effect.succeed(undefined)),
    Effect.mapError(() => homeError(root, { _tag: "Inaccessible" }))
  )
  if (type === undefined && home.mustExist) return yield* homeError(root, { _tag: "Missing" })
  if (type !== undefined && type !== "Directory") {
    return yield* homeError(root, { _tag: "NotAFolder" })
  }

  const layout = yield* Layout.find(disk, path, root)
  const configFile = path.join(root, "config.toml")
  const authFile = path.join(root, "auth.json")

  const readSmall = (file: string) => SmallFile.read(fs, disk, file, SmallFile.maxBytes)

  const settings = Effect.gen(function* () {
    const text = yield* readSmall(configFile).pipe(
      Effect.catch((error) =>
        isNotFound(error)
          ? Effect.succeed("")
          : homeError(configFile, {
              _tag: SmallFile.isRefusal(error) ? "NotASmallFile" : "Inaccessible"
            })
      )
    )
    return yield* Effect.fromResult(
      Result.mapError(ConfigFile.parse(text, defaultBaseUrl), (reason) =>
        homeError(configFile, reason)
      )
    )
  })

  const notSignedIn = (reason: NotSignedIn["reason"], mode: string | null = null) =>
    new NotSignedIn({ path: authFile, reason, ...(mode === null ? {} : { mode }) })

  const readAuthFile = readSmall(authFile).pipe(
    Effect.mapError((error) =>
      notSignedIn(isNotFound(error) ? "NoCredentials" : "UnreadableCredentials")
    ),
    Effect.flatMap((text) =>
      Effect.fromResult(
        Result.mapError(AuthFile.parse(text), ({ mode, reason }) => notSignedIn(reason, mode))
      )
    )
  )

  /** {@link settings} reports settings that cannot be read. */
  const usesKeyring = Effect.map(
    Effect.option(readSmall(configFile)),
    Option.exists(ConfigFile.usesKeyring)
  )

  const credentials = Effect.gen(function* () {
    const tokens = yield* readAuthFile.pipe(
      Effect.retry({
        schedule: rereads,
        while: ({ reason }) => reason === "UnreadableCredentials"
      }),
      Effect.catchIf(
        ({ mode, reason }) => reason === "NoCredentials" && mode === undefined,
        (error) =>
          Effect.flatMap(usesKeyring, (uses) =>
            Effect.fail(uses ? notSignedIn("KeyringCredentials") : error)
          )
      )
    )
    const now = yield* Clock.currentTimeMillis
    const left = Option.map(tokens.expiresAt, (expiresAt) => expiresAt - now)
    if (Option.exists(left, (left) => left <= 0)) return yield* notSignedIn("TokenExpired")
    if (Option.exists(left, (left) => left <= Duration.toMillis(expiryWarning))) {
      yield* Effect.logWarning(
        `the access token in ${authFile} is about to expire: start \`codex\` once, which renews it`
      )
    }
    return tokens
  })

  return CodexHome.of({
    root,
    ...layout,
    settings,
    credentials
  })
})

/**
 * Provides the home at this path, which must be a folder.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAt = (
  root: string
): Layer.Layer<CodexHome, CodexHomeError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(CodexHome, make({ root, mustExist: true }))

/** An empty variable counts as unset, as it does for Codex. */
const variable = (name: string) =>
  Config.String(name).pipe(Config.option, Config.map(Option.filter((value) => value !== "")))

const variables = Config.all({
  codexHome: variable("CODEX_HOME"),
  home: variable("HOME"),
  userProfile: variable("USERPROFILE")
})

/**
 * Provides the home that the environment names: `$CODEX_HOME`, which must be a folder, else `~/.codex`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  CodexHome,
  CodexHomeError | Config.ConfigError,
  FileSystem.FileSystem | Path.Path
> = Layer.effect(
  CodexHome,
  Effect.gen(function* () {
    const path = yield* Path.Path
    const { codexHome, home, userProfile } = yield* variables
    if (Option.isSome(codexHome)) return yield* make({ root: codexHome.value, mustExist: true })
    const userHome = Option.getOrUndefined(Option.orElse(home, () => userProfile))
    if (userHome === undefined) {
      return yield* new CodexHomeError({ path: "~", reason: { _tag: "NoHomeDirectory" } })
    }
    return yield* make({ root: path.join(userHome, ".codex"), mustExist: false })
  })
)
