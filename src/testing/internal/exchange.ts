/**
 * One request to the test backend and its answer.
 */
import { Data, Effect, Stream } from "effect"
import type { Headers } from "effect/http"
import type { Ending, Reply } from "../TestReply.ts"
import type { Outcome } from "../TestRequest.ts"

interface Incoming {
  readonly method: string
  readonly url: URL
  readonly headers: Headers.Headers
  /** The origin of the bundles, such as `https://bundles.test`. */
  readonly bundleOrigin: string
}

export interface Exchange {
  readonly reply: Reply
  /** Reports the outcome of the answer; only the first call counts. */
  readonly finish: (outcome: Exclude<Outcome, "open">) => void
}

export type Receive = (incoming: Incoming) => Exchange

/** The connection ends early. */
export class Break extends Data.TaggedError("Break")<{ readonly how: "closed" | "reset" }> {}

/** The size of a chunk of an unpaced body, in bytes: about what a socket delivers at once. */
const pieceBytes = 64 * 1024

function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** The end of the answer for a client that follows the content length. */
const endingOf = ({ body, contentLength, ending, headless }: Reply): Ending => {
  if (headless || contentLength === null) return ending
  if (contentLength <= body.length) return "whole"
  return ending === "whole" ? "closed" : ending
}

const end = (reply: Reply): Effect.Effect<void, Break> => {
  const ending = endingOf(reply)
  switch (ending) {
    case "whole":
      return Effect.void
    case "silent":
      return Effect.never
    default:
      return Effect.fail(new Break({ how: ending }))
  }
}

/** Runs before the head. Fails or never ends if there is no head. */
export const head = (reply: Reply): Effect.Effect<void, Break> =>
  Effect.andThen(reply.before ?? Effect.void, reply.headless ? end(reply) : Effect.void)

export const body = (reply: Reply): Stream.Stream<Uint8Array, Break> => {
  const { pace } = reply
  const content = Stream.fromIterable(pieces(reply.body, pace?.bytes ?? pieceBytes), {
    chunkSize: 1
  })
  return Stream.concat(
    pace === undefined
      ? content
      : Stream.mapEffect(content, (piece) => Effect.as(Effect.sleep(pace.every), piece)),
    Stream.fromEffectDrain(Effect.suspend(() => end(reply)))
  )
}

/** True if the answer has no special behaviour. */
export const isPlain = (reply: Reply): boolean =>
  reply.pace === undefined &&
  reply.ending === "whole" &&
  (reply.contentLength === null || reply.contentLength === reply.body.length)

export const headersOf = (reply: Reply): Readonly<Record<string, string>> =>
  reply.contentLength === null
    ? reply.headers
    : { ...reply.headers, "content-length": String(reply.contentLength) }
