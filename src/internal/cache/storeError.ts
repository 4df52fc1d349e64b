/**
 * The errors of the store, and tests for kinds of errors.
 */
import { Duration, Effect, PlatformError, Schema } from "effect"
import * as Message from "../message.ts"
import { isNotFound } from "../platformError.ts"
import * as PlatformErrors from "../platformError.ts"
import * as PluginId from "../../PluginId.ts"
import * as PluginVersion from "../../PluginVersion.ts"

/**
 * The time for which a rename is retried while another program holds the file, as virus scanners do
 * on Windows.
 *
 * @category constants
 * @since 0.1.0
 */
export const heldFilePatience = Duration.seconds(4)

const FileSystemCause = Schema.instanceOf(PlatformError.PlatformError)

export const Reason = Schema.TaggedUnion({
  /** No version of the plugin is installed. */
  NotInstalled: {},
  /** A running process has leased this version; see `lease`. */
  Leased: { version: PluginVersion.PluginVersion },
  /** Another process or caller installs the plugin; `silentFor` is null unless it seems frozen. */
  Claimed: { pid: Schema.Int, silentFor: Schema.NullOr(Schema.Duration) },
  /** The plugin is not as it was when the change was decided. */
  Changed: {},
  /** A marketplace's folder or staging is a link or a file; it is neither followed nor replaced. */
  Obstructed: { path: Schema.String, found: Schema.String },
  /** The path could not be renamed for {@link heldFilePatience}. */
  Held: { path: Schema.String, cause: FileSystemCause },
  /** A file system call failed. */
  FileSystem: { path: Schema.String, cause: FileSystemCause }
})
export type Reason = typeof Reason.Type

/**
 * An operation on the cache failed. The cache is unchanged, or a part of the operation is done and
 * the cache is consistent.
 *
 * @category errors
 * @since 0.1.0
 */
export class PluginStoreError extends Schema.TaggedError<PluginStoreError>()("PluginStoreError", {
  operation: Schema.String,
  pluginId: Schema.NullOr(PluginId.PluginId),
  /** The plugin's id in the backend; null if the operation does not know it. */
  remotePluginId: Schema.NullOr(Schema.String),
  reason: Reason
}) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    const id = this.remotePluginId === null ? "" : ` (${this.remotePluginId})`
    const subject = this.pluginId === null ? "" : ` ${this.pluginId}${id}`
    const { remedy, why } = this.reasoning
    return Message.because(`cannot ${this.operation}${subject}`, why, remedy)
  }

  private get reasoning(): Message.Reasoning {
    switch (this.reason._tag) {
      case "NotInstalled":
        return { why: "no version of it is installed", remedy: "install it first" }
      case "Leased":
        return {
          why: `a running process still uses version ${this.reason.version}`,
          remedy: "try again when it has ended, or force the change"
        }
      case "Claimed":
        return this.reason.silentFor === null
          ? {
              why: `process ${this.reason.pid} is installing it`,
              remedy: "try again when it is done"
            }
          : {
              why: `process ${this.reason.pid} is installing it and has shown no sign of life for ${Duration.format(this.reason.silentFor)}`,
              remedy: "end that process, then try again"
            }
      case "Changed":
        return { why: "another program has changed it meanwhile", remedy: "try again" }
      case "Obstructed":
        return {
          why: `${this.reason.path} is not a folder but a ${this.reason.found === "SymbolicLink" ? "link" : this.reason.found.toLowerCase()}`,
          remedy: "move it away and try again"
        }
      case "Held":
        return {
          why: `${this.reason.path} is held by another program or may not be changed`,
          remedy: "close the program that uses it or check the folder's permissions, then try again"
        }
      case "FileSystem":
        return PlatformErrors.explain(this.reason.cause)
    }
  }
}

/** A failure of a lock file: of the file system, of SQLite or of the runtime. */
export const fileSystemError = (method: string, path: string, cause: unknown): Reason => ({
  _tag: "FileSystem",
  path,
  cause: PlatformError.isPlatformError(cause)
    ? cause
    : PlatformError.systemError({
        _tag: "Unknown",
        module: "FileSystem",
        method,
        pathOrDescriptor: path,
        cause
      })
})

const isReason = (error: { readonly _tag: string }): error is Reason => error._tag in Reason.cases

export const fail = (reason: Reason): Effect.Effect<never, Reason> => Effect.fail(reason)

const pathOf = (error: PlatformError.PlatformError): string | undefined =>
  "pathOrDescriptor" in error.reason && typeof error.reason.pathOrDescriptor === "string"
    ? error.reason.pathOrDescriptor
    : undefined

export const isHeld = (error: PlatformError.PlatformError) =>
  error.reason._tag === "PermissionDenied" || error.reason._tag === "Busy"

/** True if another program has already removed the path. */
export const isGone = (error: { readonly _tag: string }): boolean =>
  PlatformError.isPlatformError(error) && isNotFound(error)

/** True if the cache changed during an operation: a path disappeared, or one appeared. */
export const isRace = (error: { readonly _tag: string }): boolean =>
  PlatformError.isPlatformError(error) &&
  (isNotFound(error) ||
    error.reason._tag === "AlreadyExists" ||
    error.reason._tag === "BadResource" ||
    PlatformErrors.codeOf(error) === "ENOTEMPTY")

/** Adds the plugin to the current span. */
const annotated = <A, E, R>(effect: Effect.Effect<A, E, R>, pluginId: PluginId.PluginId) =>
  Effect.andThen(Effect.annotateCurrentSpan({ pluginId }), effect)

/** Adds the operation and the plugin to errors. */
export const explained =
  (operation: string, pluginId: PluginId.PluginId | null) =>
  <A, E extends { readonly _tag: string }, R>(
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, Exclude<E, PlatformError.PlatformError | Reason> | PluginStoreError, R> =>
    Effect.mapError(effect, (error) => {
      const failed = (reason: Reason) =>
        new PluginStoreError({ operation, pluginId, remotePluginId: null, reason })
      if (isReason(error)) return failed(error)
      return PlatformError.isPlatformError(error)
        ? failed({ _tag: "FileSystem", path: pathOf(error) ?? "", cause: error })
        : (error as Exclude<E, PlatformError.PlatformError | Reason>)
    })

/** Does the same, and adds the plugin to the current span. */
export const explain =
  (operation: string, pluginId: PluginId.PluginId | null) =>
  <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
    explained(operation, pluginId)(pluginId === null ? effect : annotated(effect, pluginId))

/** Adds the plugin's id in the backend to errors that do not have it. */
export const identified =
  (remotePluginId: string | null) =>
  <A, E extends { readonly _tag: string }, R>(
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> =>
    Effect.mapError(effect, (error) =>
      error instanceof PluginStoreError &&
      error.pluginId !== null &&
      error.remotePluginId === null &&
      remotePluginId !== null
        ? // The class is the only member of the union with this tag.
          (new PluginStoreError({ ...error, remotePluginId }) as E & PluginStoreError)
        : error
    )
