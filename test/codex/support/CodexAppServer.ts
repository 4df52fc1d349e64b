/**
 * A running `codex app-server`, which is sent JSON lines, and the plugin passes that its log reports.
 *
 * A pass begins by itself when the process starts, whether it is initialized or not, and further ones follow
 * requests such as `plugin/installed`.
 */
import { Data, DateTime, Deferred, Effect, Queue, Schema, Stream, SubscriptionRef } from "effect"
import type { Cause, Duration } from "effect"
import * as CodexBinary from "./CodexBinary.ts"

/** The server answered a request with an error. */
export class RequestFailed extends Schema.TaggedError<RequestFailed>()("RequestFailed", {
  method: Schema.String,
  code: Schema.Number,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.method} failed with ${this.code}: ${this.reason}`
  }
}

/** The server ended before it had done what was expected. */
export class ServerEnded extends Schema.TaggedError<ServerEnded>()("ServerEnded", {
  waitingFor: Schema.String,
  log: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `codex app-server ended while ${this.waitingFor} was expected. Its log:\n${this.log.join("\n")}`
  }
}

/** An expected pass was not reported. */
export class PassNotReported extends Schema.TaggedError<PassNotReported>()("PassNotReported", {
  nth: Schema.Number,
  log: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `codex app-server reported no pass number ${this.nth}. Its log:\n${this.log.join("\n")}`
  }
}

export interface Notification {
  readonly method: string
  readonly params: unknown
}

/** One plugin pass, from the log. */
export interface Pass {
  /** The time of the report, from the log. */
  readonly time: DateTime.Utc
  /** The reason why the whole pass failed. */
  readonly error: string | undefined
  /** The remote ids reported as failed. */
  readonly failed: ReadonlyArray<string>
  /** The last log line about each remote id during the pass. */
  readonly reasons: Readonly<Record<string, string>>
}

export interface Options extends CodexBinary.Options {
  readonly version: CodexBinary.Version
}

const LogLine = Schema.fromJsonString(
  Schema.Struct({
    timestamp: Schema.DateTimeUtcFromString,
    fields: Schema.Struct({
      message: Schema.optionalKey(Schema.String),
      error: Schema.optionalKey(Schema.String),
      remote_plugin_id: Schema.optionalKey(Schema.String),
      failed_remote_plugin_ids: Schema.optionalKey(Schema.String)
    })
  })
)
const decodeLogLine = Schema.decodeUnknownOption(LogLine)

const Message = Schema.fromJsonString(
  Schema.Struct({
    id: Schema.optionalKey(Schema.Union([Schema.Number, Schema.String])),
    method: Schema.optionalKey(Schema.String),
    params: Schema.optionalKey(Schema.Unknown),
    result: Schema.optionalKey(Schema.Unknown),
    error: Schema.optionalKey(Schema.Struct({ code: Schema.Number, message: Schema.String }))
  })
)
const decodeMessage = Schema.decodeUnknownOption(Message)

const passEnded = new Set([
  "completed remote installed plugin bundle sync",
  "remote installed plugin bundle sync failed"
])

/** A list of strings as Rust's debug text, which escapes some characters in another way than JSON. */
const parseDebugList = (text: string): ReadonlyArray<string> =>
  JSON.parse(
    text
      .replaceAll(/\\u\{([0-9a-f]+)\}/g, (_, hex: string) =>
        JSON.stringify(String.fromCodePoint(Number.parseInt(hex, 16))).slice(1, -1)
      )
      .replaceAll("\\'", "'")
      .replaceAll("\\0", "\\u0000")
  )

/** A closed port for the request for models. A name that cannot be resolved would delay the end of the server by seconds. */
const offline = ["-c", 'openai_base_url="http://127.0.0.1:9"']

/** The longest wait for a pass over a few plugins on a busy machine. */
const passTimeout = "30 seconds"

/** Starts a server. It is killed when the scope closes. {@link CodexAppServer.stop} lets it exit normally. */
export const start = Effect.fnUntraced(function* (options: Options) {
  const input = yield* Queue.unbounded<string, Cause.Done>()
  const codex = yield* CodexBinary.command(options.version, ["app-server", ...offline], {
    ...options,
    stdin: Stream.encodeText(Stream.fromQueue(input))
  })
  const started = yield* DateTime.now
  const handle = yield* codex

  const log: Array<string> = []
  const passes = yield* SubscriptionRef.make<ReadonlyArray<Pass>>([])
  let reasons: Record<string, string> = {}
  const readLog = handle.stderr.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.runForEach((line) => {
      log.push(line)
      const record = decodeLogLine(line)
      if (record._tag === "None") return Effect.void
      const { fields, timestamp } = record.value
      if (fields.remote_plugin_id !== undefined) {
        reasons[fields.remote_plugin_id] = fields.error ?? fields.message ?? ""
      }
      if (fields.message === undefined || !passEnded.has(fields.message)) return Effect.void
      const pass: Pass = {
        time: timestamp,
        error: fields.error,
        failed: parseDebugList(fields.failed_remote_plugin_ids ?? "[]"),
        reasons
      }
      reasons = {}
      return SubscriptionRef.update(passes, (before) => [...before, pass])
    })
  )

  const notifications: Array<Notification> = []
  const answers = new Map<number | string, Deferred.Deferred<unknown, Refusal>>()
  const readAnswers = handle.stdout.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.runForEach((line) => {
      const message = decodeMessage(line)
      if (message._tag === "None") {
        log.push(`no message, but on stdout: ${line}`)
        return Effect.void
      }
      const { error, id, method, params, result } = message.value
      if (method !== undefined) notifications.push({ method, params })
      const answer = id === undefined ? undefined : answers.get(id)
      if (answer === undefined) return Effect.void
      return error === undefined
        ? Deferred.succeed(answer, result)
        : Deferred.fail(answer, new Refusal(error))
    })
  )

  yield* Effect.forkScoped(readLog)
  yield* Effect.forkScoped(readAnswers)

  const orEnded = <A, E, R>(waitingFor: string, effect: Effect.Effect<A, E, R>) =>
    Effect.raceFirst(
      effect,
      Effect.flatMap(Effect.exit(handle.exitCode), () =>
        Effect.fail(new ServerEnded({ waitingFor, log }))
      )
    )

  /** Sends a line unchanged. */
  const send = (line: string) => Effect.asVoid(Queue.offer(input, `${line}\n`))

  const notify = (method: string, params?: unknown) => send(JSON.stringify({ method, params }))

  let lastId = 0
  const request = Effect.fnUntraced(function* (method: string, params?: unknown) {
    const id = ++lastId
    const answer = yield* Deferred.make<unknown, Refusal>()
    answers.set(id, answer)
    yield* send(JSON.stringify({ id, method, params }))
    return yield* orEnded(`the answer to ${method}`, Deferred.await(answer)).pipe(
      Effect.catchTag("Refusal", ({ code, message }) =>
        Effect.fail(new RequestFailed({ method, code, reason: message }))
      )
    )
  })

  /** The `initialize` request, which must precede all others, and its answer. */
  const initialize = Effect.tap(
    request("initialize", {
      clientInfo: { name: "effect-codex-plugins", title: null, version: "0" },
      capabilities: { experimentalApi: true, requestAttestation: false }
    }),
    notify("initialized")
  )

  /**
   * Waits for the n-th pass since the start to be reported. Without usable credentials there is none.
   */
  const pass = (nth = 1, within: Duration.Input = passTimeout) =>
    SubscriptionRef.changes(passes).pipe(
      Stream.map((reported) => reported[nth - 1]),
      Stream.filter((reported) => reported !== undefined),
      Stream.runHead,
      Effect.flatMap(Effect.fromOption),
      Effect.orDie,
      Effect.timeoutOrElse({
        duration: within,
        orElse: () => Effect.fail(new PassNotReported({ nth, log }))
      }),
      (reported) => orEnded(`pass number ${nth}`, reported)
    )

  return {
    pid: handle.pid,
    /** The time just before the start of the process. */
    started,
    initialize,
    request,
    notify,
    send,
    pass,
    /** The notifications of the server so far. */
    notifications: Effect.sync(() => [...notifications]),
    /** The lines of the log, so far. */
    log: Effect.sync(() => [...log]),
    /** Closes stdin, waits for the end of the server, and returns its exit code. */
    stop: Effect.andThen(Queue.end(input), handle.exitCode),
    /** Kills the server with SIGKILL. */
    kill: handle.kill({ killSignal: "SIGKILL" })
  }
})

class Refusal extends Data.TaggedError("Refusal")<{
  readonly code: number
  readonly message: string
}> {}

export type CodexAppServer = Effect.Success<ReturnType<typeof start>>
