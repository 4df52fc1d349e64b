import { assert, describe, it } from "@effect/vitest"
import { Array as Arr } from "effect"
import * as DownloadSlots from "../../src/internal/downloadSlots.ts"

const { bounds, initial, next } = DownloadSlots

/** What is known after downloads that took these milliseconds, where calls take hardly any. */
const after = (...taken: ReadonlyArray<number>) => taken.reduce(next, initial(0))

describe("the downloads that are under way at once", () => {
  it("are at first as many as can be worked on while one is waited for", () => {
    const first = [0, 20, 35, 50, 80, 10_000].map((call) => initial(call).limit)
    assert.deepStrictEqual(first, [bounds.least, bounds.least, 10, 20, 40, bounds.most])
  })

  it("are one more after each that hardly took longer than the quickest", () => {
    assert.strictEqual(after(50).limit, bounds.least + 1)
    assert.strictEqual(after(50, 50, 99, 100).limit, bounds.least + 4)
  })

  it("are as many as before after one that waited a while for others", () => {
    assert.strictEqual(after(50, 101).limit, bounds.least + 1)
    assert.strictEqual(after(50, 200).limit, bounds.least + 1)
  })

  it("are one fewer after one that waited most of its time for others", () => {
    assert.strictEqual(after(50, 201).limit, bounds.least)
  })

  it("are held against the quickest of all", () => {
    assert.strictEqual(after(50, 10, 50).limit, bounds.least + 1)
  })

  it("are never too many and never too few", () => {
    assert.strictEqual(after(...Arr.replicate(100, 1_000)).limit, bounds.most)
    assert.strictEqual(after(1, ...Arr.replicate(1_000, 1_000)).limit, bounds.least)
  })

  it("grow while nothing takes any time", () => {
    assert.strictEqual(after(0, 0).limit, bounds.least + 2)
  })
})
