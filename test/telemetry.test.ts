/**
 * The telemetry of a pass, as an OpenTelemetry collector receives it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric, References } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"
import * as PluginInstaller from "../src/PluginInstaller.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as RemotePluginId from "../src/RemotePluginId.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../src/testing/TestCodexPlugins.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import * as Collector from "./support/collector.ts"
import { pluginId } from "./support/pluginWorld.ts"

const signature = "a-signature-that-nobody-may-see"
const alpha = TestBackend.plugin({ name: "alpha", version: "1.2.3" })
const beta = TestBackend.plugin({ name: "beta" })
const { attributesOf } = Collector

const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)

/** Runs an effect and returns the collector after everything was exported. */
const collected = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const collector = yield* Collector.make
  const exporter = Otlp.layerJson({
    baseUrl: collector.baseUrl,
    resource: { serviceName: "host" }
  }).pipe(Layer.provide(FetchHttpClient.layer))
  // The exporter sends the rest when its layer is closed.
  yield* effect.pipe(
    Effect.provide(exporter),
    Effect.provideService(References.MinimumLogLevel, "All"),
    Effect.provideService(Metric.MetricRegistry, new Map())
  )
  return collector
})

type Received = Effect.Success<ReturnType<typeof collected>>

const spansOf = (collector: Received, name: string) =>
  collector.spans().filter((span) => span.name === name)

const spanOf = (collector: Received, name: string) => {
  const [span, ...rest] = spansOf(collector, name)
  if (span === undefined) return assert.fail(`no span ${name} has arrived`)
  assert.lengthOf(rest, 0, `spans ${name}`)
  return span
}

/** The points of a metric: their attributes and their value, or the count of a histogram. */
const pointsOf = (collector: Received, name: string) => {
  const metric = collector.metrics().find((metric) => metric.name === name)
  const points = metric?.sum?.dataPoints ?? metric?.histogram?.dataPoints ?? []
  return points.map((point) => [attributesOf(point), point.asDouble ?? point.count] as const)
}

/** Counts the bytes of the bundle that the backend sends for one plugin. */
const countBundleBytes = Effect.gen(function* () {
  const { when } = yield* TestBackend.TestBackend
  const sent = { bytes: 0 }
  yield* when({ kind: "bundle", plugin: alpha.id }, (reply) => {
    sent.bytes += reply.body.length
    return reply
  })
  return sent
})

const provide = Effect.provide(TestCodexPlugins.layerWith({ plugins: [alpha, beta], signature }))

/** One plugin is installed; the bundle host refuses the other one and repeats the signed URL. */
const pass = Effect.gen(function* () {
  const { when } = yield* TestBackend.TestBackend
  yield* when({ kind: "bundle", plugin: beta.id }, (reply, request) => ({
    ...TestReply.body(`${request.url.href} ${signature}`)(reply, request),
    status: 403
  }))
  return yield* collected(sync)
})

describe("the telemetry of a pass", () => {
  it.effect("has spans with plugins, versions, outcomes, hosts and statuses", () =>
    Effect.gen(function* () {
      const sent = yield* countBundleBytes
      const collector = yield* pass
      const whole = spanOf(collector, "PluginSync.sync")
      assert.isAbove(sent.bytes, 0)
      assert.deepStrictEqual(attributesOf(whole), {
        outcome: "Finished",
        rows: 2,
        installed: 1,
        failed: 1,
        bytes: sent.bytes
      })
      const inner = spanOf(collector, "PluginSync.pass")
      assert.strictEqual(inner.parentSpanId, whole.spanId)
      const wait = spanOf(collector, "CacheLock.wait")
      assert.isString(attributesOf(wait)["path"])
      const byId = new Map(collector.spans().map((span) => [span.spanId, span]))
      for (const span of collector.spans()) {
        if (span.spanId !== whole.spanId)
          assert.isTrue(byId.has(span.parentSpanId ?? ""), span.name)
      }

      const requests = spansOf(collector, "RemoteCatalog.request").map(attributesOf)
      assert.isNotEmpty(requests)
      for (const request of requests) {
        assert.deepInclude(request, {
          "http.request.method": "GET",
          "server.address": "backend.test",
          "http.response.status_code": 200
        })
      }
      assert.sameDeepMembers(
        spansOf(collector, "RemoteBundle.request").map(attributesOf),
        [200, 403].map((status) => ({
          "http.request.method": "GET",
          "server.address": "bundles.test",
          "http.response.status_code": status
        }))
      )

      const actions = spansOf(collector, "PluginSync.action").map(attributesOf)
      assert.lengthOf(actions, 2)
      const actionOf = (id: string) => actions.find(({ remotePluginId }) => remotePluginId === id)
      assert.deepInclude(actionOf(alpha.id), {
        action: "Install",
        pluginId: pluginId("alpha"),
        outcome: "Installed",
        to: "1.2.3",
        bytes: sent.bytes
      })
      assert.deepInclude(actionOf(beta.id), {
        action: "Install",
        pluginId: pluginId("beta"),
        outcome: "Failed",
        error: "RemoteBundleError"
      })
      assert.sameDeepMembers(
        spansOf(collector, "RemoteBundle.install").map((span) => attributesOf(span)["pluginId"]),
        [pluginId("alpha"), pluginId("beta")]
      )
      const stored = spansOf(collector, "PluginStore.installStaged").map(attributesOf)
      assert.deepInclude(stored, { pluginId: pluginId("alpha") })
    }).pipe(provide)
  )

  it.effect("has log records that name the plugin in their attributes", () =>
    Effect.gen(function* () {
      const collector = yield* pass
      const failed = collector
        .logs()
        .find(({ body }) => JSON.stringify(body).includes("could not sync"))
      if (failed === undefined) return assert.fail("no log record of the failure has arrived")
      assert.deepInclude(attributesOf(failed), {
        pluginId: pluginId("beta"),
        remotePluginId: beta.id
      })
    }).pipe(provide)
  )

  it.effect("has metrics of passes, installs, failures, bytes and durations", () =>
    Effect.gen(function* () {
      const sent = yield* countBundleBytes
      const collector = yield* pass
      const finished = { outcome: "Finished" }
      const missing = { reason: "Missing" }
      const time = { time_unit: "milliseconds" }
      assert.deepStrictEqual(pointsOf(collector, "codex_plugins.passes"), [[finished, 1]])
      assert.deepStrictEqual(pointsOf(collector, "codex_plugins.installs"), [[missing, 1]])
      assert.deepStrictEqual(pointsOf(collector, "codex_plugins.failures"), [
        [{ subject: "plugin", error: "RemoteBundleError", reason: "Expired" }, 1]
      ])
      assert.deepStrictEqual(pointsOf(collector, "codex_plugins.pass.duration"), [
        [{ ...time, ...finished }, 1]
      ])
      assert.deepStrictEqual(pointsOf(collector, "codex_plugins.install.duration"), [
        [{ ...time, ...missing }, 1]
      ])
      const listed = spansOf(collector, "RemoteCatalog.request").reduce(
        (sum, span) => sum + Number(attributesOf(span)["http.response.body.size"]),
        0
      )
      const bytes = new Map(
        pointsOf(collector, "codex_plugins.received_bytes").map(([attributes, value]) => [
          attributes["server.address"],
          value
        ])
      )
      assert.isAbove(sent.bytes, 0)
      assert.isAbove(listed, 0)
      assert.strictEqual(bytes.get("backend.test"), listed)
      // The body of the refusal is not read.
      assert.strictEqual(bytes.get("bundles.test"), sent.bytes)
    }).pipe(provide)
  )

  it.effect("has a span of ensureReady with the state that it returns", () =>
    Effect.gen(function* () {
      const { ensureReady } = yield* PluginSync.PluginSync
      const collector = yield* collected(ensureReady())
      assert.deepStrictEqual(attributesOf(spanOf(collector, "PluginSync.ensureReady")), {
        outcome: "Ready"
      })
    }).pipe(provide)
  )

  it.effect("counts a pass that fails, with the tags of its error", () =>
    Effect.gen(function* () {
      const { when } = yield* TestBackend.TestBackend
      yield* when({ kind: "listing" }, TestReply.status(403))
      const collector = yield* collected(Effect.ignore(sync))
      assert.deepStrictEqual(pointsOf(collector, "codex_plugins.passes"), [
        [{ outcome: "Failed" }, 1]
      ])
      assert.deepStrictEqual(pointsOf(collector, "codex_plugins.failures"), [
        [{ subject: "pass", error: "RemoteCatalogError", reason: "Forbidden" }, 1]
      ])
    }).pipe(provide)
  )

  it.effect("contains no token and no signed query in any payload", () =>
    Effect.gen(function* () {
      const { secrets } = yield* TestBackend.TestBackend
      const text = (yield* pass).text()
      for (const name of ["PluginSync.sync", "could not sync", "codex_plugins.passes"]) {
        assert.include(text, name)
      }
      assert.include(secrets, signature)
      for (const secret of secrets) assert.notInclude(text, secret)
      const slip = yield* collected(Effect.log(signature))
      assert.include(slip.text(), signature, "a secret that is logged arrives")
    }).pipe(provide)
  )
})

describe("the telemetry of PluginInstaller.install", () => {
  it.effect("has a span with the plugin and its version, and counts the install", () =>
    Effect.gen(function* () {
      const installer = yield* PluginInstaller.PluginInstaller
      const collector = yield* collected(
        installer.install(RemotePluginId.RemotePluginId.make(alpha.id))
      )
      assert.deepInclude(attributesOf(spanOf(collector, "PluginInstaller.install")), {
        remotePluginId: alpha.id,
        pluginId: pluginId("alpha"),
        version: "1.2.3"
      })
      assert.deepStrictEqual(pointsOf(collector, "codex_plugins.installs"), [
        [{ reason: "Requested" }, 1]
      ])
    }).pipe(provide)
  )
})
