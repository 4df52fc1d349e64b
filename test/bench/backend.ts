/**
 * A backend in a process of its own, so that the figures do not include its work. Calls use HTTP, bundles
 * HTTPS. The process ends with the one that started it.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import type { ServerCertificate } from "../support/certificates.ts"
import * as Bundles from "./bundles.ts"
import * as Network from "./network.ts"

export interface Options {
  readonly plugins: ReadonlyArray<{ readonly name: string; readonly version: string }>
  /** The packed size of each bundle, or the sizes of real plugins. */
  readonly bundleBytes: number | "curated"
  /** Clients reach the backend through this network. */
  readonly network?: Network.Network | undefined
  /** The delay of each answer, in milliseconds. */
  readonly latency: number
  readonly certificate: ServerCertificate
  /** A new folder that becomes a Codex home for this backend. */
  readonly home: string
}

/** A simulated network listens here, on the ports that the backend has at 127.0.0.1. */
const networkHost = "127.0.0.2"

const filesOf = ({ bundleBytes, plugins }: Options, name: string, nth: number) => {
  if (bundleBytes !== "curated") return Bundles.files(name, bundleBytes)
  const { bytes, files } = Bundles.curatedSize(nth, plugins.length)
  return Bundles.manyFiles(name, bytes, files)
}

const serve = Effect.fnUntraced(function* (options: Options) {
  const backend = yield* TestBackend.make({
    ...(options.latency > 0 ? { latency: options.latency } : undefined),
    plugins: options.plugins.map(({ name, version }, nth) =>
      TestBackend.plugin({ name, version, files: filesOf(options, name, nth) })
    )
  })
  const { network } = options
  const served = yield* backend.serve({
    bundles: { ...options.certificate, ...(network === undefined ? {} : { host: networkHost }) }
  })
  if (network === undefined) yield* backend.writeHome(options.home, served)
  else {
    const open = Network.make(network, networkHost)
    const api = new URL(served.baseUrl)
    yield* Effect.promise(() => open(Number(api.port)))
    yield* Effect.promise(() => open(Number(new URL(served.bundleOrigin).port)))
    api.hostname = networkHost
    yield* backend.writeHome(options.home, { ...served, baseUrl: api.href })
  }
  process.send?.("ready")
  return yield* Effect.never
})

process.once("disconnect", () => process.exit())
process.once("message", (options: Options) => {
  serve(options).pipe(Effect.scoped, Effect.provide(NodeServices.layer), NodeRuntime.runMain)
})
