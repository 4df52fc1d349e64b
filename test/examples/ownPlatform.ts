import { Effect, Layer, Logger, Tracer } from "effect"
import { CodexPlugins } from "effect-codex-plugins"
import * as NodeCodexPlugins from "effect-codex-plugins/node"
import { FetchHttpClient, HttpClient } from "effect/http"

/** Counts requests, and uses `fetch` for them. */
const layerHttp = (onRequest: () => void) =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(
      HttpClient.HttpClient,
      HttpClient.tapRequest(() => Effect.sync(onRequest))
    )
  ).pipe(Layer.provide(FetchHttpClient.layer))

export interface Options {
  readonly home: string
  readonly onRequest: () => void
  readonly onSpan: (name: string) => void
  readonly onLog: (line: string) => void
}

/** Every service of one home, with an HTTP client, a logger and a tracer of the host's. */
export const layer = ({ home, onLog, onRequest, onSpan }: Options) =>
  CodexPlugins.layerAt(home).pipe(
    Layer.provide([layerHttp(onRequest), NodeCodexPlugins.layerPlatform]),
    Layer.provideMerge(
      Layer.mergeAll(
        Logger.layer([Logger.map(Logger.formatJson, onLog)]),
        Layer.succeed(
          Tracer.Tracer,
          Tracer.make({
            span: (options) => {
              onSpan(options.name)
              return new Tracer.NativeSpan(options)
            }
          })
        )
      )
    )
  )
