/**
 * A client of an app-server, which is a release of Codex or our program.
 */
import { Deferred, Effect, Queue, Schema, Stream, SubscriptionRef } from "effect"
import type { Cause } from "effect"
import { ChildProcess } from "effect/process"
import * as CodexBinary from "./CodexBinary.ts"
import type { Program } from "./Program.ts"
import * as Loopback from "./Loopback.ts"
import * as OurProgram from "./OurProgram.ts"

/** The answer to a request, unchanged. */
export interface Answer {
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string }
}

/** The server ended or stayed silent although an answer was expected. */
export class NoAnswer extends Schema.TaggedError<NoAnswer>()("NoAnswer", {
  waitingFor: Schema.String,
  log: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `no answer to ${this.waitingFor}. The server's log:\n${this.log.join("\n")}`
  }
}

/** The log line of each server after a background pass, successful or not. */
const passEnded =
  /remote installed plugin bundle sync|synced the plugins|could not sync the plugins/

/** The longest wait for an answer, longer than an answer takes on a busy machine. */
const patience = "30 seconds"

/** The longest wait for a pass that may not come. */
const passPatience = "5 seconds"

const decode = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      id: Schema.optionalKey(Schema.Union([Schema.Number, Schema.String])),
      result: Schema.optionalKey(Schema.Unknown),
      error: Schema.optionalKey(Schema.Struct({ code: Schema.Number, message: Schema.String }))
    })
  )
)

const commandOf = Effect.fnUntraced(function* (
  program: Program,
  { environment, home }: Required<Pick<CodexBinary.Options, "environment" | "home">>,
  stdin: Stream.Stream<Uint8Array>
) {
  if (program === "ours") {
    yield* Loopback.ensure
    const { path } = yield* OurProgram.OurProgram
    return ChildProcess.make(process.execPath, [path, "serve", "--stdio"], {
      env: { PATH: process.env["PATH"], HOME: home, CODEX_HOME: home, ...environment },
      killSignal: "SIGKILL",
      stdin
    })
  }
  // Codex asks for models at its start. A closed port refuses the connection immediately.
  const args = ["app-server", "-c", 'openai_base_url="http://127.0.0.1:9"']
  return yield* CodexBinary.command(program, args, { environment, home, stdin })
})

/** Starts a server on a home; it is killed when the scope closes. */
export const start = Effect.fnUntraced(function* (
  program: Program,
  options: Required<Pick<CodexBinary.Options, "environment" | "home">>
) {
  const input = yield* Queue.unbounded<string, Cause.Done>()
  const handle = yield* yield* commandOf(
    program,
    options,
    Stream.encodeText(Stream.fromQueue(input))
  )

  const log: Array<string> = []
  const passes = yield* SubscriptionRef.make(0)
  yield* handle.stderr.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.runForEach((line) => {
      log.push(line)
      return passEnded.test(line) ? SubscriptionRef.update(passes, (n) => n + 1) : Effect.void
    }),
    Effect.forkScoped
  )

  const unasked: Array<string> = []
  const answers = new Map<number | string, Deferred.Deferred<Answer>>()
  yield* handle.stdout.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.runForEach((line) => {
      const message = decode(line)
      if (message._tag === "None" || message.value.id === undefined) {
        unasked.push(line)
        return Effect.void
      }
      const { id, ...answer } = message.value
      const awaited = answers.get(id)
      return awaited === undefined ? Effect.void : Deferred.succeed(awaited, answer)
    }),
    Effect.forkScoped
  )

  /** Sends a line unchanged. */
  const send = (line: string) => Effect.asVoid(Queue.offer(input, `${line}\n`))

  /** Sends a message, and waits for its answer if it has an id. */
  const ask = Effect.fnUntraced(function* (message: {
    readonly id?: number | string
    readonly [member: string]: unknown
  }): Effect.fn.Return<Answer, NoAnswer> {
    if (message.id === undefined) {
      yield* send(JSON.stringify(message))
      return {}
    }
    const answer = yield* Deferred.make<Answer>()
    answers.set(message.id, answer)
    yield* send(JSON.stringify(message))
    const noAnswer = Effect.suspend(() =>
      Effect.fail(new NoAnswer({ waitingFor: JSON.stringify(message), log }))
    )
    return yield* Deferred.await(answer).pipe(
      Effect.timeoutOrElse({ duration: patience, orElse: () => noAnswer }),
      Effect.raceFirst(Effect.andThen(Effect.exit(handle.exitCode), noAnswer))
    )
  })

  let lastId = 0
  const request = (method: string, params: unknown = {}) => ask({ id: ++lastId, method, params })

  const initialize = Effect.tap(
    request("initialize", {
      clientInfo: { name: "client", title: null, version: "0" },
      capabilities: { experimentalApi: true, requestAttestation: false }
    }),
    ask({ method: "initialized" })
  )

  return {
    ask,
    request,
    initialize,
    send,
    /** The number of background passes that have ended. */
    passes: SubscriptionRef.get(passes),
    /** Waits for another background pass to end. False if that took too long. */
    passAfter: (before: number) =>
      SubscriptionRef.changes(passes).pipe(
        Stream.filter((n) => n > before),
        Stream.runHead,
        Effect.timeoutOption(passPatience),
        Effect.map(({ _tag }) => _tag === "Some")
      ),
    /** Closes stdin, waits for the end of the server, and returns its exit code. */
    stop: Effect.andThen(Queue.end(input), handle.exitCode),
    /** The lines on stdout so far that answer no request. */
    unasked: Effect.sync(() => [...unasked]),
    log: Effect.sync(() => [...log])
  }
})

export type AppServerClient = Effect.Success<ReturnType<typeof start>>
