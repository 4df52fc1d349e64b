/**
 * Renews the home's access token through an installed Codex.
 *
 * A refresh token can be used once, so a second program that used it would sign the user out.
 * Therefore only Codex does it: this service starts `codex app-server` with plugins switched off,
 * requests the account with a fresh token, and ends it.
 */
import { Context, Duration, Effect, FileSystem, Layer, Option, Path, Schema, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import * as CodexHome from "./CodexHome.ts"
import * as Disk from "./internal/disk/Disk.ts"
import * as SmallFile from "./internal/smallFile.ts"
import * as Message from "./internal/message.ts"
import { version } from "./internal/version.ts"

/**
 * The time limit for Codex's start and for the renewal.
 *
 * @category constants
 * @since 0.2.0
 */
export const timeLimit = Duration.seconds(30)

/**
 * Codex did not renew the token. The token in `auth.json` is unchanged.
 *
 * @category errors
 * @since 0.2.0
 */
export class CodexRefreshError extends Schema.TaggedError<CodexRefreshError>()(
  "CodexRefreshError",
  {
    /** The program that was started. */
    program: Schema.String,
    reason: Schema.TaggedUnion({
      /** It could not be started. */
      NotStarted: {},
      /** It ended without an answer. */
      Ended: {},
      TimedOut: {},
      /** It answered with this JSON-RPC error code, and `auth.json` is unchanged. */
      Refused: { code: Schema.Int }
    })
  }
) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    const because = (why: string, remedy: string) =>
      Message.because(`\`${this.program} app-server\` did not renew the access token`, why, remedy)
    switch (this.reason._tag) {
      case "NotStarted":
        return because("it could not be started", "install Codex, or put it on PATH")
      case "Ended":
        return because("it ended without an answer", "run `codex login`")
      case "TimedOut":
        return because(`it did not answer within ${Duration.format(timeLimit)}`, "try again later")
      case "Refused":
        return because(`it answered with error ${this.reason.code}`, "run `codex login`")
    }
  }
}

/**
 * Renews the home's token through Codex.
 *
 * @example
 * ```ts
 * import { NodeServices } from "@effect/platform-node"
 * import { Effect, Layer } from "effect"
 * import { CodexHome, CodexRefresh } from "effect-codex-plugins"
 *
 * export const renew = Effect.flatMap(CodexRefresh.CodexRefresh, ({ refresh }) => refresh).pipe(
 *   Effect.provide(CodexRefresh.layer.pipe(Layer.provide(CodexHome.layer))),
 *   Effect.provide(NodeServices.layer)
 * )
 * ```
 *
 * @category services
 * @since 0.2.0
 */
export class CodexRefresh extends Context.Service<
  CodexRefresh,
  {
    /** Returns after Codex has renewed the token. The cache is not changed. */
    readonly refresh: Effect.Effect<void, CodexRefreshError>
  }
>()("effect-codex-plugins/CodexRefresh") {}

/**
 * Options of {@link layerWith}.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options {
  /** The program: a path or a name on `PATH`. Default: `"codex"`. */
  readonly program?: string | undefined
}

const encoder = new TextEncoder()

const requests = [
  {
    id: 1,
    method: "initialize",
    params: { clientInfo: { name: "codex-plugins", title: "codex-plugins", version } }
  },
  { method: "initialized" },
  { id: 2, method: "account/read", params: { refreshToken: true } }
].map((message) => encoder.encode(`${JSON.stringify(message)}\n`))

const decodeAnswer = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      id: Schema.Literal(2),
      error: Schema.optionalKey(Schema.Struct({ code: Schema.Int }))
    })
  )
)

/**
 * Makes the service.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const { root } = yield* CodexHome.CodexHome
  const program = options.program ?? "codex"
  const failed = (reason: CodexRefreshError["reason"]) => new CodexRefreshError({ program, reason })
  const disk = yield* Disk.make
  const authFile = Effect.option(
    SmallFile.read(fs, disk, path.join(root, "auth.json"), SmallFile.maxBytes)
  )

  const ask = Effect.gen(function* () {
    const handle = yield* spawner
      .spawn(
        ChildProcess.make(program, ["-c", "features.plugins=false", "app-server"], {
          env: { CODEX_HOME: root },
          extendEnv: true,
          // Codex exits when its input ends, so the input stays open until the answer arrives.
          stdin: Stream.concat(Stream.fromIterable(requests), Stream.never),
          stderr: "ignore",
          forceKillAfter: "2 seconds"
        })
      )
      .pipe(Effect.mapError(() => failed({ _tag: "NotStarted" })))
    const answer = yield* handle.stdout.pipe(
      Stream.decodeText,
      Stream.splitLines,
      Stream.map((line) => decodeAnswer(line)),
      Stream.filter(Option.isSome),
      Stream.runHead,
      Effect.mapError(() => failed({ _tag: "Ended" }))
    )
    if (Option.isNone(answer)) return yield* failed({ _tag: "Ended" })
    return answer.value.value.error
  }).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: timeLimit,
      orElse: () => Effect.fail(failed({ _tag: "TimedOut" }))
    })
  )

  const refresh = Effect.gen(function* () {
    const before = yield* authFile
    const error = yield* ask
    // Some releases renew the token and then fail for another reason.
    if (error === undefined) return
    const after = yield* authFile
    const isRenewed =
      Option.isSome(after) && Option.getOrUndefined(before) !== Option.getOrUndefined(after)
    if (!isRenewed) return yield* failed({ _tag: "Refused", code: error.code })
  }).pipe(Effect.withSpan("CodexRefresh.refresh"))

  return CodexRefresh.of({ refresh })
})

/**
 * Provides {@link CodexRefresh} with options, which are read once.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerWith = (options: Options) => Layer.effect(CodexRefresh, make(options))

/**
 * Provides {@link CodexRefresh} with the `codex` on `PATH`.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer = layerWith({})
