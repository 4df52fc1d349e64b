/**
 * The test backend's answer to one request, and the ways in which it can fail.
 *
 * A {@link Behaviour} changes the backend's normal answer. Behaviours compose with `flow`, and a
 * test can write its own.
 */
import { Duration, Effect } from "effect"
import type { Request } from "./TestRequest.ts"

/**
 * The end of an answer after its last byte: normal, with the connection closed too early, with the
 * connection reset, or none.
 *
 * @category models
 * @since 0.1.0
 */
export type Ending = "whole" | "closed" | "reset" | "silent"

/**
 * One answer of the backend.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reply {
  /** Runs before the first byte is sent. */
  readonly before: Effect.Effect<void> | undefined
  /** True sends nothing, not even the status; only the ending happens. */
  readonly headless: boolean
  readonly status: number
  /** Without `content-length`, which comes from {@link contentLength}. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /**
   * The announced size of the body, in bytes. With null, none is announced and the body is chunked.
   */
  readonly contentLength: number | null
  /** Sends the body in chunks of `bytes` bytes, each after a pause. */
  readonly pace: { readonly bytes: number; readonly every: Duration.Duration } | undefined
  readonly ending: Ending
}

/**
 * Changes the answer to a request.
 *
 * @category models
 * @since 0.1.0
 */
export type Behaviour = (reply: Reply, request: Request) => Reply

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * A complete answer with these bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  status: number,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {}
): Reply => ({
  before: undefined,
  headless: false,
  status,
  headers,
  body,
  contentLength: body.length,
  pace: undefined,
  ending: "whole"
})

/**
 * A complete answer with this value as JSON.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const json = (
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {}
): Reply =>
  make(status, encoder.encode(JSON.stringify(value)), {
    "content-type": "application/json",
    ...headers
  })

/**
 * Runs an effect before the first byte, such as a wait for the test or a change to the backend.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const wait =
  (effect: Effect.Effect<unknown>): Behaviour =>
  (reply) => ({
    ...reply,
    before:
      reply.before === undefined ? Effect.asVoid(effect) : Effect.andThen(reply.before, effect)
  })

/**
 * Waits before the first byte, by the clock of the fiber or server that answers.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const delay = (duration: Duration.Input): Behaviour => wait(Effect.sleep(duration))

/**
 * Answers with this status instead, such as 429 with `{ "retry-after": "2" }`. A request that would have
 * changed the backend changes nothing unless the status is below 300.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Behaviour =>
  (reply) => ({ ...json(code, { detail: `status ${code}` }, headers), before: reply.before })

/**
 * Redirects to a URL, absolute or relative to the request's: `(request) => request.url.href` makes a loop.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const redirect =
  (location: string | ((request: Request) => string), code = 302): Behaviour =>
  (reply, request) =>
    status(code, { location: typeof location === "string" ? location : location(request) })(
      reply,
      request
    )

/**
 * Sends these bytes as the body instead.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const body =
  (content: string | Uint8Array): Behaviour =>
  (reply) => {
    const bytes = typeof content === "string" ? encoder.encode(content) : content
    return { ...reply, body: bytes, contentLength: bytes.length }
  }

/**
 * Changes the JSON object that is answered.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const mapJson =
  (f: (json: Readonly<Record<string, unknown>>) => unknown): Behaviour =>
  (reply, request) =>
    body(JSON.stringify(f(JSON.parse(decoder.decode(reply.body)))))(reply, request)

/**
 * Sets the next page of each page of a listing. The first page is `cursor-0`.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const nextPage = (cursor: string): Behaviour =>
  mapJson((json) => ({ ...json, pagination: { next_page_token: cursor } }))

/**
 * Gives each page of a listing a new next page, so that the listing never ends.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const endlessPages: Behaviour = (reply, request) => {
  const page = Number(request.url.searchParams.get("pageToken")?.replace("cursor-", "") ?? 0)
  return nextPage(`cursor-${page + 1}`)(reply, request)
}

/**
 * Ends the body after `bytes` bytes; the content length still announces all of them.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const cut =
  (bytes: number, ending: "closed" | "reset" = "reset"): Behaviour =>
  (reply) => ({ ...reply, body: reply.body.subarray(0, bytes), ending })

/**
 * Sends `bytes` bytes of the body and then nothing more, with the connection open.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const stall =
  (bytes: number): Behaviour =>
  (reply) => ({ ...reply, body: reply.body.subarray(0, bytes), ending: "silent" })

/**
 * Never answers.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const silence: Behaviour = (reply) => ({ ...reply, headless: true, ending: "silent" })

/**
 * Resets the connection without an answer, although the request has been carried out.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const drop: Behaviour = (reply) => ({ ...reply, headless: true, ending: "reset" })

/**
 * Sends the body in chunks of `bytes` bytes, with a pause before each chunk.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const dribble =
  (bytes: number, every: Duration.Input): Behaviour =>
  (reply) => ({ ...reply, pace: { bytes, every: Duration.fromInputUnsafe(every) } })

/**
 * Announces a wrong content length, or none. If more is announced than sent, the connection closes
 * at the end of the body.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const contentLength =
  (bytes: number | null): Behaviour =>
  (reply) => ({ ...reply, contentLength: bytes })
