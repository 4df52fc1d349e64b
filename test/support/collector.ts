/**
 * A server on loopback that receives telemetry as an OpenTelemetry collector does, as JSON.
 */
import { Effect } from "effect"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

interface Point {
  readonly attributes: ReadonlyArray<Attribute>
  readonly asDouble?: number
  readonly count?: number
  readonly sum?: number
}

interface Span {
  readonly name: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: ReadonlyArray<Attribute>
}

interface LogRecord {
  readonly body: Readonly<Record<string, unknown>>
  readonly severityText: string
  readonly attributes: ReadonlyArray<Attribute>
}

interface Metric {
  readonly name: string
  readonly unit: string
  readonly sum?: { readonly dataPoints: ReadonlyArray<Point> }
  readonly histogram?: { readonly dataPoints: ReadonlyArray<Point> }
}

interface Payloads {
  readonly resourceSpans: ReadonlyArray<{
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }>
  }>
  readonly resourceLogs: ReadonlyArray<{
    readonly scopeLogs: ReadonlyArray<{ readonly logRecords: ReadonlyArray<LogRecord> }>
  }>
  readonly resourceMetrics: ReadonlyArray<{
    readonly scopeMetrics: ReadonlyArray<{ readonly metrics: ReadonlyArray<Metric> }>
  }>
}

/** Attributes as a record of plain values; null for an empty value. */
export const attributesOf = ({
  attributes
}: {
  readonly attributes: ReadonlyArray<Attribute>
}): Readonly<Record<string, unknown>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] ?? null]))

/** Listens on a free port until the scope closes. */
export const make = Effect.gen(function* () {
  const received: Array<{ readonly path: string; readonly text: string }> = []
  const server = Http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      received.push({ path: request.url ?? "", text: Buffer.concat(chunks).toString() })
      response.writeHead(200, { "content-type": "application/json" }).end("{}")
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const payloads = <Key extends keyof Payloads>(
    signal: string,
    key: Key
  ): Payloads[Key][number][] =>
    received
      .filter(({ path }) => path === `/v1/${signal}`)
      .flatMap(({ text }) => (JSON.parse(text) as Payloads)[key] as Payloads[Key][number][])
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The text of every request. */
    text: () => received.map(({ text }) => text).join("\n"),
    spans: () =>
      payloads("traces", "resourceSpans").flatMap(({ scopeSpans }) =>
        scopeSpans.flatMap(({ spans }) => spans)
      ),
    logs: () =>
      payloads("logs", "resourceLogs").flatMap(({ scopeLogs }) =>
        scopeLogs.flatMap(({ logRecords }) => logRecords)
      ),
    /** The metrics of the last export. */
    metrics: () =>
      payloads("metrics", "resourceMetrics")
        .slice(-1)
        .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
  }
})
