/**
 * Records everything that a program prints, logs and traces, for tests that look for secrets in it.
 */
import { Cause, Context, Effect, type Exit, Logger, References, Tracer } from "effect"
import { Headers, HttpClient } from "effect/http"
import { inspect } from "node:util"

const textOf = (value: unknown): string =>
  [
    inspect(value, { depth: 12, maxArrayLength: null, maxStringLength: null }),
    String(value),
    JSON.stringify(value, (_, member) => (typeof member === "bigint" ? String(member) : member))
  ].join("\n")

/**
 * Runs an effect with all log levels and spans. Returns its exit and the text of everything that it
 * logged, traced and failed with.
 */
export const recordOutput = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const output: Array<string> = []
  const spans: Array<Tracer.NativeSpan> = []
  const logger = Logger.make(({ cause, message }) => {
    output.push(textOf(message), textOf(cause), Cause.pretty(cause))
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const everything = Context.make(References.MinimumLogLevel, "All").pipe(
    Context.add(Tracer.Tracer, tracer),
    Context.add(HttpClient.TracerHeaderFilter, () => true),
    Context.add(Headers.CurrentRedactedNames, [])
  )
  const exit: Exit.Exit<A, E> = yield* Effect.exit(effect).pipe(
    Effect.provideContext(everything),
    Effect.provide(Logger.layer([logger]))
  )
  if (exit._tag === "Failure") output.push(textOf(exit.cause), Cause.pretty(exit.cause))
  for (const { attributes, events, name, status } of spans) {
    output.push(textOf({ attributes: [...attributes], events, name }), textOf(status))
    if (status._tag === "Ended") output.push(textOf(status.exit))
  }
  return { exit, text: output.join("\n"), spans: spans.map(({ name }) => name) }
})
