import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as RemoteBundle from "../src/RemoteBundle.ts"
import { bundle, installFrom, ok } from "./support/remoteBundles.ts"

describe("the URL of a bundle", () => {
  it.effect.each([
    "http://bundles.test/a?sig=secret",
    "http://127.0.0.1/a?sig=secret",
    "ftp://bundles.test/a?sig=secret",
    "file:///etc/passwd?sig=secret",
    "data:application/gzip;base64,secret",
    "bundles.test/secret",
    "//bundles.test/secret",
    "secret",
    "https://",
    "https://me:secret@bundles.test/a",
    "https://secret@bundles.test/a"
  ])("that is not safe is neither requested nor shown: %s", (url) =>
    Effect.gen(function* () {
      const { asked, message, reason } = yield* installFrom(url, () => new Response())
      assert.strictEqual(reason, "UnsafeUrl")
      assert.deepStrictEqual(asked, [])
      assert.notInclude(message, "secret")
    })
  )

  it.effect.each([
    "http://127.0.0.1:81/a",
    "http://127.8.9.10/a",
    "http://localhost/a",
    "http://[::1]:81/a"
  ])("of this machine may use plain HTTP if that is allowed: %s", (url) =>
    Effect.gen(function* () {
      const bytes = yield* bundle
      const { asked, reason } = yield* installFrom(url, () => ok(bytes), true)
      assert.isUndefined(reason)
      assert.deepStrictEqual(asked, [url])
    })
  )

  it.effect.each([
    "http://127.0.0.1.evil.test/a",
    "http://localhost.evil.test/a",
    "http://evil.test/?127.0.0.1",
    "http://10.0.0.1/a",
    "http://0.0.0.0/a",
    "http://[::2]/a"
  ])("of another machine may not use plain HTTP: %s", (url) =>
    Effect.gen(function* () {
      const { asked, reason } = yield* installFrom(url, () => new Response(), true)
      assert.strictEqual(reason, "UnsafeUrl")
      assert.deepStrictEqual(asked, [])
    })
  )
})

const to = (location: string | undefined, status = 302) =>
  new Response(null, { status, headers: location === undefined ? {} : { location } })

describe("a redirect of a bundle's URL", () => {
  it.effect.each([301, 302, 303, 307, 308])("is followed: %d", (status) =>
    Effect.gen(function* () {
      const bytes = yield* bundle
      const { asked, reason } = yield* installFrom(
        "https://a.test/x?sig=1",
        ({ hostname, pathname }) => {
          if (hostname === "a.test") return to("https://b.test/y%2Fz?sig=a+b%20c", status)
          return pathname === "/w" ? ok(bytes) : to("../w#part", status)
        }
      )
      assert.isUndefined(reason)
      assert.deepStrictEqual(asked, [
        "https://a.test/x?sig=1",
        "https://b.test/y%2Fz?sig=a+b%20c",
        "https://b.test/w#part"
      ])
    })
  )

  it.effect.each([
    "http://b.test/x?sig=secret",
    "http://127.0.0.1/x?sig=secret",
    "https://secret@b.test/x",
    "https://[secret"
  ])("to an unsafe URL is not followed, even if plain HTTP is allowed: %s", (location) =>
    Effect.gen(function* () {
      const { asked, message, reason } = yield* installFrom(
        "https://a.test/x",
        () => to(location),
        true
      )
      assert.strictEqual(reason, "UnsafeUrl")
      assert.deepStrictEqual(asked, ["https://a.test/x"])
      assert.include(message, "redirects")
      assert.notInclude(message, "secret")
    })
  )

  it.effect("within this machine is followed if that is allowed", () =>
    Effect.gen(function* () {
      const bytes = yield* bundle
      const { reason } = yield* installFrom(
        "http://localhost/x",
        ({ pathname }) => (pathname === "/x" ? to("/y") : ok(bytes)),
        true
      )
      assert.isUndefined(reason)
    })
  )

  it.effect("in a loop is rejected", () =>
    Effect.gen(function* () {
      const { asked, reason } = yield* installFrom("https://a.test/x", () => to("/x"))
      assert.strictEqual(reason, "TooManyRedirects")
      assert.lengthOf(asked, 1 + RemoteBundle.maxRedirects)
    })
  )

  it.effect.each([302, 300, 304])("without a target is rejected: %d", (status) =>
    Effect.gen(function* () {
      const { asked, reason } = yield* installFrom("https://a.test/x", () => to(undefined, status))
      assert.strictEqual(reason, "Rejected")
      assert.lengthOf(asked, 1)
    })
  )
})
