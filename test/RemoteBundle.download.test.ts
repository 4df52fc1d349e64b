import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Layer, Path, Result, Stream } from "effect"
import * as BundleArchive from "../src/BundleArchive.ts"
import * as Http from "../src/internal/http.ts"
import * as MemoryFileSystem from "../src/testing/MemoryFileSystem.ts"
import * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import {
  alpha,
  archive,
  assertNothingLeft,
  bundle,
  bundleError,
  downloads,
  install,
  installFrom,
  ok,
  provide,
  servicesWith,
  when
} from "./support/remoteBundles.ts"
import { settle } from "./support/settle.ts"

describe("the length that the host of a bundle announces", () => {
  it.effect("is checked before the bundle is read", () =>
    Effect.gen(function* () {
      yield* when(TestReply.contentLength(BundleArchive.limits.PackedBytes + 1))
      const error = yield* bundleError(install)
      assert.strictEqual(error.reason._tag, "TooLarge")
      assert.lengthOf(yield* downloads, 1)
      yield* assertNothingLeft
    }).pipe(provide())
  )

  it.effect.each([-1, 1])("must be exactly that of the body: %d", (difference) =>
    Effect.gen(function* () {
      const bytes = yield* bundle
      const answer = () => ok(bytes, { "content-length": String(bytes.length + difference) })
      const { asked, reason } = yield* settle(installFrom("https://a.test/x", answer))
      assert.strictEqual(reason, "WrongLength")
      assert.lengthOf(asked, 1 + Http.retries)
    })
  )

  it.effect.each([{ "content-length": "x" }, { "content-length": "7", "content-encoding": "br" }])(
    "is ignored if it does not describe the body: %j",
    (headers) =>
      Effect.gen(function* () {
        const bytes = yield* bundle
        const { reason } = yield* installFrom("https://a.test/x", () => ok(bytes, headers))
        assert.isUndefined(reason)
      })
  )

  it.effect("makes the archive invalid if it is too small", () =>
    Effect.gen(function* () {
      yield* when(TestReply.contentLength(100))
      assert.strictEqual((yield* bundleError(install)).reason._tag, "InvalidArchive")
      assert.lengthOf(yield* downloads, 2)
    }).pipe(provide())
  )
})

/** Unpacks with a pause at each chunk. */
const slowArchive = (pause: Duration.Input) =>
  Layer.effect(
    BundleArchive.BundleArchive,
    Effect.map(BundleArchive.BundleArchive, (archive) =>
      BundleArchive.BundleArchive.of({
        ...archive,
        internals: {
          extract: (bytes, directory, complete) =>
            archive.internals.extract(
              Stream.tap(bytes, () => Effect.sleep(pause)),
              directory,
              complete
            )
        }
      })
    )
  ).pipe(Layer.provide(archive))

describe("a disk that is slower than the host of a bundle", () => {
  it.effect.each([
    ["50 seconds", "1.0.0"],
    ["10 minutes", "1.0.0"]
  ] as const)("is not blamed on the connection: %s", ([pause, outcome]) =>
    Effect.gen(function* () {
      const result = yield* Effect.result(settle(install))
      const reached = Result.match(result, {
        onFailure: (error): string =>
          error._tag === "RemoteBundleError" ? error.reason._tag : error._tag,
        onSuccess: (version): string => version
      })
      assert.strictEqual(reached, outcome)
    }).pipe(
      Effect.provide(
        servicesWith(slowArchive(pause)).pipe(
          Layer.provide(TestBackend.layerHttpClient),
          Layer.provideMerge([TestBackend.layerWith({ plugins: [alpha] }), Path.layer]),
          Layer.provideMerge(MemoryFileSystem.layerWith({}))
        )
      )
    )
  )
})
