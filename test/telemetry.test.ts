/**
 * The telemetry of a pass, as an OpenTelemetry collector receives it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import {
  Deferred,
  Effect,
  Exit,
  Fiber,
  FileSystem,
  Layer,
  Metric,
  References,
  Scope,
  Tracer
} from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"
import * as CacheLock from "../src/CacheLock.ts"
import * as CodexHome from "../src/CodexHome.ts"
import * as CodexPlugins from "../src/CodexPlugins.ts"
import * as KernelLock from "../src/internal/lock/kernelLock.ts"
import * as NodeCodexPlugins from "../src/NodeCodexPlugins.ts"
import * as PluginDoctor from "../src/PluginDoctor.ts"
import * as PluginIdentity from "../src/PluginIdentity.ts"
import * as PluginInstaller from "../src/PluginInstaller.ts"
import * as PluginInventory from "../src/PluginInventory.ts"
import * as PluginSearch from "../src/PluginSearch.ts"
import * as PluginSeed from "../src/PluginSeed.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as PluginSync from "../src/PluginSync.ts"
import * as PluginVerifier from "../src/PluginVerifier.ts"
import { PluginVersion } from "../src/PluginVersion.ts"
import * as RemoteCatalog from "../src/RemoteCatalog.ts"
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
const alphaId = pluginId("alpha")
const alphaRemoteId = RemotePluginId.RemotePluginId.make(alpha.id)

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

const services = TestCodexPlugins.layerWith({ plugins: [alpha, beta], signature })
const provide = Effect.provide(services)

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
        // The body of the second one is not read.
        [
          {
            "http.request.method": "GET",
            "server.address": "bundles.test",
            "http.response.status_code": 200,
            "http.response.body.size": sent.bytes
          },
          {
            "http.request.method": "GET",
            "server.address": "bundles.test",
            "http.response.status_code": 403
          }
        ]
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
      assert.deepInclude(stored, {
        pluginId: pluginId("alpha"),
        remotePluginId: alpha.id,
        version: "1.2.3"
      })
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

/** Each operation with the attributes of its span, after a pass that has installed one plugin. */
const operations: ReadonlyArray<
  readonly [
    span: string,
    run: Effect.Effect<unknown, unknown, Layer.Success<typeof services>>,
    attributes: Readonly<Record<string, unknown>>
  ]
> = [
  ["PluginStore.list", PluginStore.PluginStore.use(({ list }) => list), { plugins: 1 }],
  ["PluginStore.snapshot", PluginStore.PluginStore.use(({ snapshot }) => snapshot), { plugins: 1 }],
  [
    "PluginStore.hasLeftovers",
    PluginStore.PluginStore.use(({ hasLeftovers }) => hasLeftovers),
    { hasLeftovers: false }
  ],
  [
    "PluginStore.lease",
    Effect.scoped(PluginStore.PluginStore.use(({ lease }) => lease(alphaId))),
    { pluginId: alphaId, version: "1.2.3" }
  ],
  [
    "PluginStore.ensureUnleased",
    PluginStore.PluginStore.use(({ ensureUnleased }) => ensureUnleased(alphaId)),
    { pluginId: alphaId }
  ],
  [
    "PluginStore.writeIdentity",
    PluginStore.PluginStore.use(({ writeIdentity }) => writeIdentity(alphaId, alphaRemoteId)),
    { pluginId: alphaId, remotePluginId: alpha.id }
  ],
  [
    "PluginStore.prune",
    PluginStore.PluginStore.use(({ prune }) => prune(alphaId, PluginVersion.make("0.0.1"))),
    { pluginId: alphaId, version: "0.0.1" }
  ],
  [
    "PluginIdentity.of",
    PluginIdentity.PluginIdentity.use(({ of }) => of(alphaId)),
    { pluginId: alphaId, outcome: "Known" }
  ],
  ["PluginIdentity.all", PluginIdentity.PluginIdentity.use(({ all }) => all), { plugins: 2 }],
  [
    "PluginInventory.of",
    PluginInventory.PluginInventory.use(({ of }) => of(alphaId)),
    { pluginId: alphaId }
  ],
  ["PluginInventory.all", PluginInventory.PluginInventory.use(({ all }) => all), { plugins: 1 }],
  [
    "PluginDoctor.examine",
    PluginDoctor.PluginDoctor.use(({ examine }) => examine({ offline: true })),
    { outcome: "ok", fixed: 0 }
  ],
  [
    "PluginVerifier.verify",
    PluginVerifier.PluginVerifier.use(({ verify }) => verify({ plugins: [alphaId] })),
    { checked: 1, different: 0, failed: 0 }
  ],
  [
    "PluginVerifier.check",
    PluginVerifier.PluginVerifier.use(({ verify }) => verify({ plugins: [alphaId] })),
    { pluginId: alphaId, remotePluginId: alpha.id, version: "1.2.3" }
  ],
  [
    "PluginSearch.search",
    PluginSearch.PluginSearch.use(({ search }) => search("alpha")),
    { matches: 1, searched: 2 }
  ],
  [
    "RemoteCatalog.installed",
    RemoteCatalog.RemoteCatalog.use(({ installed }) => installed),
    { rows: 2 }
  ],
  [
    "RemoteCatalog.available",
    RemoteCatalog.RemoteCatalog.use(({ available }) => available("curated")),
    { section: "curated", rows: 2 }
  ],
  [
    "RemoteCatalog.featured",
    RemoteCatalog.RemoteCatalog.use(({ featured }) => featured),
    { rows: 0 }
  ],
  ...(["read", "install", "uninstall"] as const).map(
    (operation) =>
      [
        `RemoteCatalog.${operation}`,
        RemoteCatalog.RemoteCatalog.use((catalog) =>
          Effect.asVoid<unknown, unknown, never>(catalog[operation](alphaRemoteId))
        ),
        { remotePluginId: alpha.id }
      ] as const
  )
]

describe("the span of an operation", () => {
  it.effect.each(operations)("has its attributes: %s", ([span, run, attributes]) =>
    Effect.gen(function* () {
      const { when } = yield* TestBackend.TestBackend
      yield* when({ kind: "bundle", plugin: beta.id }, TestReply.status(403))
      yield* sync
      const collector = yield* collected(run)
      assert.deepStrictEqual(attributesOf(spanOf(collector, span)), attributes)
    }).pipe(provide)
  )

  it.effect("has the bytes of a download, of the archive and of the stored version", () =>
    Effect.gen(function* () {
      const sent = yield* countBundleBytes
      const collector = yield* pass
      const whole = spansOf(collector, "RemoteBundle.install").map(attributesOf)
      assert.deepInclude(whole, {
        pluginId: alphaId,
        remotePluginId: alpha.id,
        version: "1.2.3",
        bytes: sent.bytes
      })
      const { bytes, files } = attributesOf(
        spansOf(collector, "BundleArchive.extract").find(
          (span) => attributesOf(span)["files"] !== undefined
        )!
      )
      assert.isAbove(Number(bytes), 0)
      assert.isAbove(Number(files), 0)
      assert.deepInclude(spansOf(collector, "PluginStore.installStaged").map(attributesOf), {
        pluginId: alphaId,
        remotePluginId: alpha.id,
        version: "1.2.3"
      })
    }).pipe(provide)
  )
})

describe("the telemetry of PluginSeed.seed", () => {
  it.effect("has a span with the numbers of plugins, and counts the installs", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "bundle", plugin: beta.id }, TestReply.status(403))
      yield* backend.writeHome("/seed")
      yield* sync.pipe(
        Effect.provide(CodexPlugins.layerServicesWith({})),
        Effect.provide([CacheLock.layerInProcess, TestBackend.layerHttpClient]),
        Effect.provide(CodexHome.layerAt("/seed"))
      )
      const { seed } = yield* PluginSeed.PluginSeed
      const collector = yield* collected(seed({ from: "/seed" }))
      assert.deepStrictEqual(attributesOf(spanOf(collector, "PluginSeed.seed")), {
        from: "/seed",
        seeded: 1,
        kept: 0,
        skipped: 0,
        failed: 0
      })
      assert.deepStrictEqual(pointsOf(collector, "codex_plugins.installs"), [
        [{ reason: "Seed" }, 1]
      ])
    }).pipe(provide)
  )
})

describe("the telemetry of PluginVerifier.verify", () => {
  it.effect("counts a repair as an install", () =>
    Effect.gen(function* () {
      const backend = yield* TestBackend.TestBackend
      yield* backend.when({ kind: "bundle", plugin: beta.id }, TestReply.status(403))
      yield* sync
      const fs = yield* FileSystem.FileSystem
      const { versionRoot } = yield* PluginStore.PluginStore
      yield* fs.writeFileString(`${versionRoot(alphaId, PluginVersion.make("1.2.3"))}/new`, "")
      const { verify } = yield* PluginVerifier.PluginVerifier
      const collector = yield* collected(verify({ plugins: [alphaId], repair: true }))
      assert.deepInclude(attributesOf(spanOf(collector, "PluginVerifier.verify")), {
        checked: 1,
        different: 1
      })
      assert.deepStrictEqual(pointsOf(collector, "codex_plugins.installs"), [
        [{ reason: "Repair" }, 1]
      ])
    }).pipe(provide)
  )
})

describe("a change of a moment that waits for another process", () => {
  it.live("has a span of the wait", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
      yield* fs.makeDirectory(`${home}/plugins`)
      const waits = yield* Deferred.make<ReadonlyMap<string, unknown>>()
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          if (options.name === "CacheLock.wait") {
            Deferred.doneUnsafe(
              waits,
              Effect.sync(() => span.attributes)
            )
          }
          return span
        }
      })
      const other = yield* Scope.make()
      yield* Scope.provide(KernelLock.tryAcquire(`${home}/plugins/${CacheLock.fileName}`), other)
      const change = yield* PluginStore.PluginStore.use(({ clearIdentity }) =>
        clearIdentity(alphaId)
      ).pipe(
        Effect.provide(NodeCodexPlugins.layerAt(home)),
        Effect.withTracer(tracer),
        Effect.forkChild
      )
      yield* Deferred.await(waits)
      yield* Scope.close(other, Exit.void)
      yield* Fiber.join(change)
      const attributes = yield* Deferred.await(waits)
      assert.strictEqual(attributes.get("path"), `${home}/plugins/${CacheLock.fileName}`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
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
