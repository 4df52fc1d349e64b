/**
 * Listings that fail or are wrong, and accounts without the right to request one.
 */
import * as TestAccount from "../../../src/testing/TestAccount.ts"
import * as TestReply from "../../../src/testing/TestReply.ts"
import type * as TestRequest from "../../../src/testing/TestRequest.ts"
import type { Case } from "./Case.ts"
import * as C from "./Case.ts"

/** An intact plugin that is new, and a cached one that the account does not have. */
const account = (title: string, setting: C.Setting, more: Partial<Case> = {}): Case => ({
  title,
  alone: true,
  make: () => ({ plugins: [{ name: "sound" }], cachedFiles: C.installed("stale"), ...setting }),
  ...more
})

const listing = (title: string, behaviour: TestReply.Behaviour, more: Partial<Case> = {}): Case =>
  account(title, { replies: [[{ kind: "listing" }, behaviour]] }, more)

/** Codex also requests listings without URLs, for other purposes. */
const isForSync = ({ url }: TestRequest.Request) => url.searchParams.has("includeDownloadUrls")

/** Our program completes the pass. */
const completes: C.Change = (_, { ids }) => ({
  pass: "completed",
  failed: [],
  downloaded: ids,
  untouched: [],
  tree: C.treeOf(C.installed("sound"))
})

/** Our program changes nothing. */
const givesUp: C.Change = (_, { before }) => ({ ...before, pass: "given up" })

const answers: ReadonlyArray<Case> = [
  ...[401, 404].map((status) =>
    listing(`a listing that fails with ${status}`, TestReply.status(status))
  ),
  listing("a listing that fails with 500", TestReply.status(500)),
  account(
    "a listing that fails with 503 once",
    { replies: [[{ kind: "listing", where: isForSync, first: 1 }, TestReply.status(503)]] },
    { differs: C.fromBoth("retries", completes) }
  ),
  listing("a listing whose connection is reset", TestReply.cut(20)),
  listing("a listing of nothing", TestReply.body("")),
  listing("a listing that is no JSON", TestReply.body("<!doctype html>")),
  listing(
    "a listing with a byte-order mark",
    C.mapText((text) => `\ufeff${text}`)
  ),
  listing(
    "a listing without pagination",
    TestReply.mapJson(({ plugins }) => ({ plugins }))
  ),
  listing(
    "a listing with nothing in its pagination",
    TestReply.mapJson(({ plugins }) => ({ plugins, pagination: {} }))
  ),
  listing(
    "a listing without plugins",
    TestReply.mapJson(({ pagination }) => ({ pagination }))
  ),
  listing(
    "a listing with null for a plugin",
    TestReply.mapJson((json) => ({ ...json, plugins: [null] })),
    {
      differs: C.fromBoth("rows that cannot be named", (_, { before }) => ({
        ...before,
        pass: "completed"
      }))
    }
  ),
  listing(
    "a listing with fields that nobody knows",
    TestReply.mapJson((json) => ({ ...json, x: 1 }))
  ),
  listing(
    "a listing with a number for a cursor",
    TestReply.mapJson((json) => ({ ...json, pagination: { next_page_token: 1 } }))
  ),
  listing(
    "a listing whose rows name their id twice",
    C.mapText((text) => text.replaceAll('"id":', '"id":"x","id":')),
    { differs: C.fromBoth("manifests as JSON", completes) }
  ),
  listing(
    "a listing that goes elsewhere",
    (reply, request) =>
      request.url.searchParams.has("moved")
        ? reply
        : TestReply.redirect(`${request.url.href}&moved=1`)(reply, request),
    { differs: C.fromBoth("redirects of calls", givesUp) }
  ),
  listing(
    "an empty listing",
    TestReply.mapJson((json) => ({ ...json, plugins: [] }))
  )
]

/** Pages with one plugin each, for every caller. */
const paged = (title: string, cursors: ReadonlyArray<string>, more: Partial<Case> = {}): Case => ({
  title,
  alone: true,
  make: () => ({
    plugins: ["one", "two", "three"].map((name) => ({ name })),
    cachedFiles: C.installed("stale"),
    replies: [
      [
        { kind: "listing" },
        (reply, request) => {
          const page = cursors.indexOf(request.url.searchParams.get("pageToken") ?? "none") + 1
          return TestReply.mapJson(({ plugins }) => ({
            plugins: Array.isArray(plugins) ? plugins.slice(page, page + 1) : [],
            pagination: { next_page_token: cursors[page] ?? null }
          }))(reply, request)
        }
      ]
    ]
  }),
  ...more
})

const pages: ReadonlyArray<Case> = [
  paged("three pages", ["a b/c+d", "ü&="]),
  paged("a page whose cursor is nothing", ["", "next"]),
  listing("pages that come again", TestReply.nextPage("cursor-0"), {
    silent: ["0.142.0"],
    differs: C.asNewer("pages without an end")
  }),
  account("a second page that fails", {
    replies: [
      [{ kind: "listing" }, TestReply.endlessPages],
      [
        { kind: "listing", where: ({ url }) => url.searchParams.has("pageToken") },
        TestReply.status(404)
      ]
    ]
  })
]

const { accessToken, idToken, refreshToken } = TestAccount.make()
const tokens = {
  id_token: idToken,
  access_token: accessToken,
  refresh_token: refreshToken,
  account_id: "account-1"
}
const both = ["0.142.0", "0.169.0"] as const
const lastRefresh = new Date().toISOString()

const credentials: ReadonlyArray<Case> = [
  account(
    "no credentials",
    { auth: null },
    { silent: both, differs: C.fromBoth("no tokens", givesUp) }
  ),
  account("an API key alone", { auth: { auth_mode: "apikey", OPENAI_API_KEY: "key" } }),
  account("an API key and tokens, and no mode", {
    auth: { OPENAI_API_KEY: "key", tokens, last_refresh: lastRefresh }
  }),
  account("an API key and tokens in the mode of ChatGPT", {
    auth: { auth_mode: "chatgpt", OPENAI_API_KEY: "key", tokens, last_refresh: lastRefresh }
  }),
  account("tokens, and no mode", { auth: { tokens, last_refresh: lastRefresh } }),
  account("tokens without an account", {
    auth: {
      auth_mode: "chatgpt",
      tokens: { ...tokens, account_id: null },
      last_refresh: lastRefresh
    }
  }),
  account(
    "tokens whose last renewal is not known",
    { auth: { auth_mode: "chatgpt", tokens } },
    { differs: C.fromBoth("time of renewal", completes) }
  ),
  account("tokens that were renewed long ago", {
    auth: { auth_mode: "chatgpt", tokens, last_refresh: "2020-01-01T00:00:00Z" }
  }),
  account(
    "the mode of ChatGPT without tokens",
    {
      auth: { auth_mode: "chatgpt", tokens: null },
      // Without credentials, this backend lists no plugins instead of failing.
      replies: [
        [
          { kind: "listing" },
          () => TestReply.json(200, { plugins: [], pagination: { next_page_token: null } })
        ]
      ]
    },
    { differs: C.fromBoth("no tokens", givesUp) }
  )
]

export const listings: ReadonlyArray<Case> = [...answers, ...pages, ...credentials]
