/**
 * A backend as a process of its own, so that its work is nobody's in the figures: calls over HTTP,
 * bundles over HTTPS. It ends with the process that started it.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import type { ServerCertificate } from "../support/certificates.ts"
import * as Bundles from "./bundles.ts"

export interface Options {
  readonly plugins: ReadonlyArray<{ readonly name: string; readonly version: string }>
  /** Of each bundle, packed. */
  readonly bundleBytes: number
  /** Before each answer, in milliseconds. */
  readonly latency: number
  readonly certificate: ServerCertificate
  /** A new folder: a Codex home that asks this backend. */
  readonly home: string
}

const serve = Effect.fnUntraced(function* (options: Options) {
  const backend = yield* TestBackend.make({
    ...(options.latency > 0 ? { latency: options.latency } : undefined),
    plugins: options.plugins.map(({ name, version }) =>
      TestBackend.plugin({ name, version, files: Bundles.files(name, options.bundleBytes) })
    )
  })
  const served = yield* backend.serve({ bundles: options.certificate })
  yield* backend.writeHome(options.home, served)
  process.send?.("ready")
  return yield* Effect.never
})

process.once("disconnect", () => process.exit())
process.once("message", (options: Options) => {
  serve(options).pipe(Effect.scoped, Effect.provide(NodeServices.layer), NodeRuntime.runMain)
})
