import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope, Stream } from "effect"
import * as Crypto from "node:crypto"
import * as Zlib from "node:zlib"
import * as NodeCodexPlugins from "../src/NodeCodexPlugins.ts"

const KiB = 1024

/** Inflates data that comes in pieces of 16 KiB; the code of what is wrong with it fails. */
const inflate = (deflated: Uint8Array) => {
  const pieces = Array.from({ length: Math.ceil(deflated.length / (16 * KiB)) }, (_, index) =>
    deflated.subarray(index * 16 * KiB, (index + 1) * 16 * KiB)
  )
  return Effect.scopedWith((scope) =>
    NodeCodexPlugins.gzipEngine
      .inflateRaw(
        Stream.rechunk(Stream.fromArray(pieces), 1),
        (cause) => String((cause as NodeJS.ErrnoException).code),
        scope
      )
      .pipe(Stream.mkUint8Array)
  )
}

/** Bytes that do not get fewer when they are deflated. */
const noise = (length: number) => new Uint8Array(Crypto.randomBytes(length))

describe("node:zlib inflates", () => {
  it.effect.each([
    { name: "nothing", content: new Uint8Array() },
    { name: "a small bundle", content: noise(100 * KiB) },
    { name: "a large bundle", content: noise(700 * KiB) },
    { name: "a small bundle of much content", content: new Uint8Array(9_000 * KiB) }
  ])("$name, and refuses it where it is cut, corrupt or followed by more", ({ content }) =>
    Effect.gen(function* () {
      const deflated = Zlib.deflateRawSync(content)
      const problem = (bytes: Uint8Array) => Effect.flip(inflate(bytes))
      assert.isTrue(Buffer.from(content).equals(yield* inflate(deflated)))
      assert.strictEqual(yield* problem(deflated.subarray(0, -1)), "Z_BUF_ERROR")
      assert.strictEqual(
        yield* problem(Buffer.concat([deflated, Buffer.of(0)])),
        "ERR_TRAILING_JUNK_AFTER_STREAM_END"
      )
      assert.strictEqual(yield* problem(Buffer.concat([Buffer.of(7), deflated])), "Z_DATA_ERROR")
    })
  )

  it.effect("a small bundle into memory that is given back when its scope closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const content = noise(100 * KiB)
      const pieces = yield* NodeCodexPlugins.gzipEngine
        .inflateRaw(Stream.succeed(Zlib.deflateRawSync(content)), String, scope)
        .pipe(Stream.runCollect)
      assert.isTrue(Buffer.concat(pieces).equals(content))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(pieces.every(({ length }) => length === 0))
    })
  )

  it.effect("little at a time, so that limits hold while it goes on", () =>
    Effect.gen(function* () {
      const deflated = Zlib.deflateRawSync(new Uint8Array(3_000 * KiB))
      const pulled = yield* NodeCodexPlugins.gzipEngine
        .inflateRaw(Stream.succeed(deflated), String, yield* Effect.scope)
        .pipe(
          Stream.chunks,
          Stream.map((pieces) => pieces.reduce((total, { length }) => total + length, 0)),
          Stream.runCollect
        )
      assert.isAtMost(Math.max(...pulled), 128 * KiB)
    })
  )
})
