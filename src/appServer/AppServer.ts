/**
 * A part of Codex's app-server, implemented with the services of one home, for clients that were
 * written for `codex app-server`. It answers `initialize`, `plugin/list`, `plugin/read`,
 * `plugin/installed`, `plugin/install`, `plugin/uninstall` and `plugin/reconcile` as release 0.169
 * does.
 */
import { Effect, Option, type PlatformError, Predicate, Ref, Result, Stdio, Stream } from "effect"
import * as CodexHome from "../CodexHome.ts"
import * as Baseline from "./Baseline.ts"
import * as Lines from "./lines.ts"
import * as ListingCache from "./ListingCache.ts"
import * as PluginRequests from "./PluginRequests.ts"
import * as Protocol from "./Protocol.ts"
import * as Refusals from "./refusals.ts"

/** The description of the program in the answer to `initialize`. */
interface ServerInfo {
  readonly version: string
  /** Codex's name: `unix` or `windows`. */
  readonly platformFamily: string
  /** Codex's name: `linux`, `macos` or `windows`. */
  readonly platformOs: string
}

/**
 * The maximum length of a line, in characters. Requests have a few hundred; a longer line is
 * dropped.
 */
export const maxLineLength = 1024 * 1024

/**
 * The number of requests that are handled at the same time. While that many are open, or while the
 * client does not read the answers, no more lines are read.
 */
export const maxOpenRequests = 64

/** The server of one client. Its background work ends with the scope. */
export const make = Effect.fnUntraced(function* (program: ServerInfo) {
  const home = yield* CodexHome.CodexHome
  const isInitialized = yield* Ref.make(false)
  const listing = yield* ListingCache.make
  const baseline = yield* Baseline.make(listing)
  const answer = yield* PluginRequests.make(listing, baseline)

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

  const dispatch = (call: Protocol.Call): Effect.Effect<unknown, Protocol.Refusal> =>
    call.method === "initialize"
      ? initialize(call.params)
      : Effect.flatMap(Ref.get(isInitialized), (isInitialized) =>
          isInitialized ? answer(call) : Protocol.refuse("Not initialized")
        )

  /** Handles one line of the client. Returns the answer's line, or none for a notification. */
  const receive = Effect.fn("AppServer.receive")(function* (line: string) {
    const message = Protocol.decode(line)
    switch (message._tag) {
      case "Other":
        return Option.none<string>()
      case "Malformed":
        return Option.some(Protocol.encode(message.id, Result.fail(message.refusal)))
      case "Request": {
        yield* Effect.annotateCurrentSpan({ method: message.call.method })
        const result = yield* dispatch(message.call).pipe(
          Effect.catchDefect((defect) =>
            Effect.andThen(
              Effect.logError("this is a bug, please report it", defect),
              Effect.fail(Refusals.failed("internal error", { message: message.call.method }))
            )
          ),
          Effect.result
        )
        return Option.some(Protocol.encode(message.id, result))
      }
    }
  })

  return { receive, reconcileInBackground: baseline.reconcileInBackground }
})

/**
 * Serves one client on stdin and stdout. Syncs at the start, as Codex does, while the first
 * requests may already be answered. Ends when stdin does, once every request is answered, or when
 * nobody reads stdout any more.
 */
export const run = Effect.fn("AppServer.run")(function* (program: ServerInfo) {
  const stdio = yield* Stdio.Stdio
  const server = yield* make(program)
  yield* server.reconcileInBackground
  yield* stdio.stdin.pipe(
    Stream.decodeText,
    (text) => Lines.split(text, maxLineLength),
    Stream.mapEffect(
      (line) =>
        line === Lines.tooLong
          ? Effect.as(
              Effect.logWarning(`ignored a line of more than ${maxLineLength} characters`),
              Option.none<string>()
            )
          : server.receive(line),
      { concurrency: maxOpenRequests, unordered: true }
    ),
    Stream.filter(Option.isSome),
    Stream.map(({ value }) => `${value}\n`),
    Stream.run(stdio.stdout()),
    Effect.catchIf(isClientGone, () => Effect.logDebug("the client does not read any more"))
  )
}, Effect.scoped)

const isClientGone = ({ reason }: PlatformError.PlatformError): boolean =>
  reason.method === "stdout" &&
  Predicate.hasProperty(reason.cause, "code") &&
  reason.cause.code === "EPIPE"
