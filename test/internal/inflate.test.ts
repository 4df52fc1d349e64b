import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Stream } from "effect"
import * as Crypto from "node:crypto"
import * as Zlib from "node:zlib"
import * as Inflate from "../../src/internal/bundle/inflate.ts"

const KiB = 1024

/** Bytes that deflate cannot compress. */
const noise = (length: number) => new Uint8Array(Crypto.randomBytes(length))

/** Inflates a member that arrives in chunks of 16 KiB. */
const inflate = (member: Uint8Array) =>
  Effect.gen(function* () {
    const chunks = Array.from({ length: Math.ceil(member.length / (16 * KiB)) }, (_, index) =>
      member.subarray(index * 16 * KiB, (index + 1) * 16 * KiB)
    )
    const pull = yield* Stream.toPull(Stream.rechunk(Stream.fromArray(chunks), 1))
    const first = yield* Inflate.collect(pull, Inflate.smallMember)
    const small = first.isEnd
      ? yield* Effect.fromResult(Inflate.inflateSmall(first.bytes))
      : undefined
    if (small !== undefined) return [small]
    const content = yield* Inflate.inflateLarge(first, pull, (problem) => problem)
    return yield* Stream.runCollect(content)
  }).pipe(Effect.scoped)

describe("the inflater", () => {
  it.effect.each([
    { name: "an empty member", content: new Uint8Array() },
    { name: "a small member", content: noise(100 * KiB) },
    { name: "a large member", content: noise(700 * KiB) },
    { name: "a small member with much content", content: new Uint8Array(9_000 * KiB) }
  ])("reads $name and rejects it if it is cut, corrupt or followed by more", ({ content }) =>
    Effect.gen(function* () {
      const member = Zlib.gzipSync(content)
      const problem = (bytes: Uint8Array) => Effect.flip(inflate(bytes))
      assert.isTrue(Buffer.concat(yield* inflate(member)).equals(content))
      assert.strictEqual(yield* problem(member.subarray(0, -9)), "TruncatedGzip")
      assert.strictEqual(yield* problem(Buffer.concat([member, Buffer.of(0)])), "TrailingData")
      const corrupt = Buffer.from(member)
      corrupt[10] = 7
      assert.strictEqual(yield* problem(corrupt), "CorruptGzip")
    })
  )

  it("releases the memory of a small member on request", () => {
    const content = Result.getOrThrow(Inflate.inflateSmall(Zlib.gzipSync(noise(100 * KiB))))!
    assert.strictEqual(content.length, 100 * KiB)
    Effect.runSync(Inflate.release(content))
    assert.strictEqual(content.length, 0)
  })

  it("leaves a small member with more than 4 MiB of content to the thread", () => {
    const member = (length: number) => Zlib.gzipSync(new Uint8Array(length))
    const inflated = (length: number) => Result.getOrThrow(Inflate.inflateSmall(member(length)))
    assert.strictEqual(inflated(4096 * KiB)?.length, 4096 * KiB)
    assert.isUndefined(inflated(4096 * KiB + 1))
  })

  it.effect("returns the content of a large member in chunks of at most 128 KiB", () =>
    Effect.gen(function* () {
      const chunks = yield* inflate(Zlib.gzipSync(new Uint8Array(9_000 * KiB)))
      assert.isAbove(chunks.length, 1)
      assert.isAtMost(Math.max(...chunks.map(({ length }) => length)), 128 * KiB)
    })
  )
})
