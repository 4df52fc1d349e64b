import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result } from "effect"
import * as RemoteCatalog from "../src/RemoteCatalog.ts"
import type * as TestBackend from "../src/testing/TestBackend.ts"
import * as TestReply from "../src/testing/TestReply.ts"
import {
  alpha,
  available,
  beta,
  failure,
  featured,
  plugin,
  provide,
  requests,
  when
} from "./support/remoteCatalog.ts"

const catalogue: TestBackend.Options = {
  plugins: [
    alpha,
    beta,
    plugin({ name: "gamma", installed: false }),
    plugin({ name: "delta", scope: "USER", installed: false }),
    plugin({ name: "epsilon", scope: "WORKSPACE", installed: false }),
    plugin({ name: "hidden", listed: false })
  ],
  featured: ["alpha@openai-curated-remote"],
  pageSize: 1
}

describe("RemoteCatalog.available", () => {
  it.effect.each([
    [
      "curated",
      ["alpha@openai-curated-remote", "gamma@openai-curated-remote"],
      [
        "/backend-api/ps/plugins/list?scope=GLOBAL&limit=200",
        "/backend-api/ps/plugins/list?scope=GLOBAL&limit=200&pageToken=cursor-1"
      ]
    ],
    [
      "createdByMe",
      ["delta@created-by-me-remote"],
      ["/backend-api/ps/plugins/list?scope=USER&limit=200"]
    ],
    [
      "workspace",
      ["epsilon@workspace-directory"],
      ["/backend-api/ps/plugins/list?scope=WORKSPACE&limit=200"]
    ],
    [
      "sharedWithMe",
      ["beta@workspace-shared-with-me"],
      ["/backend-api/ps/plugins/workspace/shared?limit=200"]
    ]
  ] as const)("lists the section %s with Codex's requests", ([section, ids, urls]) =>
    Effect.gen(function* () {
      const { rows } = yield* available(section)
      assert.deepStrictEqual(
        rows.map((row) => Result.getOrThrow(row).pluginId as string),
        [...ids]
      )
      assert.isTrue(rows.every((row) => Option.isNone(Result.getOrThrow(row).bundleDownloadUrl)))
      assert.deepStrictEqual(
        (yield* requests).map(({ url }) => `${url.pathname}${url.search}`),
        [...urls]
      )
    }).pipe(provide(catalogue))
  )

  it.effect("reads a page of 200 rows of 100 kB", () =>
    Effect.gen(function* () {
      const plugins = Array.from({ length: RemoteCatalog.pageSize }, (_, index) => ({
        id: `id-${index}`,
        name: `plugin-${index}`,
        scope: "GLOBAL",
        release: { version: "1.0.0", description: "x".repeat(100_000) }
      }))
      const page = JSON.stringify({ plugins, pagination: { next_page_token: null } })
      yield* when({ kind: "directory" }, TestReply.body(page))
      assert.lengthOf((yield* available("curated")).rows, RemoteCatalog.pageSize)
    }).pipe(provide())
  )

  it.effect("does not replace the listing of what is installed", () =>
    Effect.gen(function* () {
      const { current, installed } = yield* RemoteCatalog.RemoteCatalog
      const snapshot = yield* installed
      yield* available("curated")
      assert.deepStrictEqual(yield* current, Option.some(snapshot))
    }).pipe(provide(catalogue))
  )

  it.effect.each([
    ["Forbidden", TestReply.status(403)],
    ["NotFound", TestReply.status(404)],
    ["MalformedAnswer", TestReply.body("{}")],
    ["RepeatedCursor", TestReply.nextPage("cursor-0")],
    ["Unreachable", TestReply.drop]
  ] as const)("fails with %s", ([reason, fault]) =>
    Effect.gen(function* () {
      yield* when({ kind: "directory" }, fault)
      const error = yield* failure(available("curated"))
      assert.strictEqual(error.reason._tag, reason)
      assert.match(error.message, /^cannot list the plugins that the account can install: /)
    }).pipe(provide())
  )
})

describe("RemoteCatalog.featured", () => {
  it.effect("returns the ids that the backend recommends", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* featured, ["alpha@openai-curated-remote"])
      assert.deepStrictEqual(
        (yield* requests).map(({ url }) => `${url.pathname}${url.search}`),
        ["/backend-api/plugins/featured?platform=codex"]
      )
    }).pipe(provide(catalogue))
  )

  it.effect("rejects an answer that is not a list of ids", () =>
    Effect.gen(function* () {
      yield* when({ kind: "featured" }, TestReply.body("[1]"))
      assert.strictEqual((yield* failure(featured)).reason._tag, "MalformedAnswer")
    }).pipe(provide())
  )
})
