/**
 * The account's plugins: rows of every scope, fields of every kind, and bundles that are hard to download.
 */
import type * as TestPlugin from "../../../src/testing/TestPlugin.ts"
import * as TestReply from "../../../src/testing/TestReply.ts"
import type { Case } from "./Case.ts"
import * as C from "./Case.ts"

type Row = Omit<TestPlugin.Options, "name">

/** A special row among valid ones. */
const row = (title: string, options: Row | ((name: string) => Row), differs?: C.Differs): Case => ({
  title,
  make: (name) => ({
    plugins: [{ name, ...(typeof options === "function" ? options(name) : options) }]
  }),
  differs
})

/**
 * A special row and a valid one, beside a cached plugin that the account does not have. The removal of that
 * plugin shows whether the program trusts the listing.
 */
const spoiling = (
  title: string,
  options: Partial<TestPlugin.Options>,
  differs?: C.Differs
): Case => ({
  title,
  alone: true,
  make: () => ({
    plugins: [{ name: "sound" }, { name: "row", id: spoiler, ...options }],
    cachedFiles: { ...C.installed("stale"), ...C.installed("row", "0.5.0") }
  }),
  differs
})

const sound = "plugins~Plugin_sound"
const spoiler = "plugins~Plugin_row"

/** Our program installs the valid plugin and changes nothing else, because the row names no plugin. */
const carriesOn = (failed: ReadonlyArray<string>): C.Differs =>
  C.fromBoth("rows that cannot be named", (_, { before }) => ({
    pass: "completed",
    failed,
    downloaded: [sound],
    untouched: before.untouched,
    tree: { ...before.tree, ...C.treeOf(C.installed("sound")) }
  }))

/** Our program completes the pass. */
const installsBoth: C.Differs = C.fromBoth("fields that are not used", () => ({
  pass: "completed",
  failed: [],
  downloaded: [spoiler, sound],
  untouched: [],
  tree: C.treeOf({ ...C.installed("sound"), ...C.installed("row") })
}))

const scopes: ReadonlyArray<Case> = [
  row("a plugin of everyone", { scope: "GLOBAL" }),
  row("a plugin of one's own", { scope: "USER" }),
  row("a plugin of the workspace", { scope: "WORKSPACE", discoverability: "LISTED" }),
  row("a plugin that is shared in private", { scope: "WORKSPACE", discoverability: "PRIVATE" }),
  row("a plugin that is shared and not listed", {
    scope: "WORKSPACE",
    discoverability: "UNLISTED"
  }),
  row("a discoverability where none counts", { row: { discoverability: "PRIVATE" } }),
  row("a plugin that is switched off", { enabled: false }),
  row("a plugin that an administrator switched off", { row: { status: "DISABLED_BY_ADMIN" } }),
  row("a plugin that may not be installed", { row: { installation_policy: "NOT_AVAILABLE" } }),
  row("a plugin that everyone gets", { row: { installation_policy: "INSTALLED_BY_DEFAULT" } }),
  row("unknown fields", { row: { x: { y: 1 } }, release: { z: [1] } })
]

const versions: ReadonlyArray<Case> = [
  row("a version with white space around it", { version: "  2.0.0\n" }),
  row("a version with white space of Unicode around it", { version: "\u00a0\u00852.0.0\u2003" }),
  row("a version after a byte-order mark", { version: "\ufeff2.0.0" }),
  row("a version with a space in it", { version: "2 0" }),
  row("a version with a slash", { version: "a/b" }),
  row("a version of two dots", { version: ".." }),
  row("a version of three dots", { version: "..." }),
  row("a version of a hyphen", { version: "-" }),
  row("a version that begins with a dot", { version: ".hidden" }),
  row("a version with a letter that is not ASCII", { version: "1.0.0-é" }),
  row("a version with build metadata", { version: "1.0.0+build.5" }),
  row("a version named local", { version: "local" }),
  row("a version of 255 digits", { version: "1".repeat(255) }),
  row("a version of 256 digits", { version: "1".repeat(256) }),
  row("no version", { release: { version: undefined } }),
  row("null for a version", { release: { version: null } }),
  row("a blank version", { version: " \t" })
]

const withUrl = (url: unknown): Row => ({ release: { bundle_download_url: url } })

/** A bundle with faulty answers. Its requests are recognised by the plugin's id. */
const behaving = (
  title: string,
  behaviour: TestReply.Behaviour,
  differs?: C.Differs,
  first?: number
): Case => ({
  title,
  make: (name) => ({
    plugins: [{ name }],
    replies: [[{ kind: "bundle", plugin: C.idOf(name), ...(first && { first }) }, behaviour]]
  }),
  differs
})

/** A bundle whose URL is changed in the listing. */
const otherUrl = (title: string, change: (url: string) => string, differs?: C.Differs): Case => ({
  title,
  make: (name) => ({
    plugins: [{ name }],
    replies: [
      [
        { kind: "listing" },
        C.mapText((text) =>
          text.replace(new RegExp(`https://[^/"]*/bundles/${C.idOf(name)}/[^"]*`), change)
        )
      ]
    ]
  }),
  differs
})

/** Redirects to itself this number of times, by a counter in the query, and then serves the bundle. */
const hops =
  (count: number): TestReply.Behaviour =>
  (reply, request) => {
    const hop = Number(request.url.searchParams.get("hop") ?? 0)
    if (hop === count) return reply
    const next = new URL(request.url)
    next.searchParams.set("hop", `${hop + 1}`)
    return TestReply.redirect(next.href)(reply, request)
  }

const urls: ReadonlyArray<Case> = [
  row("no URL", withUrl(undefined)),
  row("null for a URL", withUrl(null)),
  row("a blank URL", withUrl("  ")),
  row("a URL that is none", withUrl("not a url")),
  row("a URL of plain HTTP", withUrl("http://127.0.0.1:9/a.tgz")),
  row("a URL of a file", withUrl("file:///etc/passwd")),
  row("a URL where nobody answers", withUrl("https://127.0.0.1:9/a.tgz")),
  otherUrl("a URL with white space around it", (url) => ` ${url}\\n`),
  otherUrl("a URL whose scheme is in capitals", (url) => url.replace("https", "HTTPS")),
  otherUrl("a URL with a fragment", (url) => `${url}#fragment`),
  otherUrl(
    "a URL with credentials",
    (url) => url.replace("https://", "https://user:password@"),
    C.fromBoth("credentials in URLs", (codex, context) => ({
      ...C.rejects(codex, context),
      downloaded: []
    }))
  ),
  otherUrl("a URL of a host that the certificate does not name", (url) =>
    url.replace("127.0.0.1", "127.0.0.2")
  ),
  behaving("a redirect", hops(1)),
  behaving("a redirect that is relative", (reply, request) =>
    request.url.searchParams.has("again")
      ? reply
      : TestReply.redirect(`${request.url.pathname}${request.url.search}&again=1`)(reply, request)
  ),
  behaving("ten redirects", hops(10)),
  behaving("eleven redirects", hops(11)),
  behaving(
    "a redirect to itself",
    TestReply.redirect((request) => request.url.href)
  ),
  behaving("a redirect to plain HTTP", TestReply.redirect("http://127.0.0.1:9/a.tgz")),
  {
    title: "a redirect over plain HTTP and back",
    make: (name) => ({
      plugins: [{ name }],
      replies: ({ baseUrl, bundleOrigin }) => [
        [
          { kind: "bundle", plugin: C.idOf(name) },
          (reply, request) => {
            const hop = request.url.searchParams.get("hop")
            if (hop === "2") return reply
            const origin = hop === null ? baseUrl : bundleOrigin
            const next = new URL(request.url.pathname + request.url.search, origin)
            next.searchParams.set("hop", hop === null ? "1" : "2")
            return TestReply.redirect(next.href)(reply, request)
          }
        ]
      ]
    }),
    differs: C.fromBoth("plain HTTP", C.rejects)
  },
  behaving("a redirect to a file", TestReply.redirect("file:///etc/passwd")),
  behaving("a bundle that is not there", TestReply.status(404)),
  behaving("a bundle that one may not have", TestReply.status(403)),
  behaving("a bundle that has moved, nobody says where", (reply) => ({
    ...reply,
    status: 302,
    headers: {}
  })),
  behaving("a bundle without content", (reply) => ({
    ...reply,
    status: 204,
    body: new Uint8Array(),
    contentLength: 0
  })),
  behaving("a body that is cut short", TestReply.cut(100, "closed")),
  behaving("a connection that is reset", TestReply.cut(100, "reset")),
  behaving("a host that fails for good", TestReply.status(500)),
  behaving(
    "a host that fails once",
    TestReply.status(503),
    C.fromBoth(
      "retries",
      C.installs((name) => C.treeOf(C.installed(name)))
    ),
    1
  ),
  behaving("a bundle of no announced length", TestReply.contentLength(null)),
  behaving("a content encoding that is named for the bundle's own", (reply) => ({
    ...reply,
    headers: { ...reply.headers, "content-encoding": "gzip" }
  })),
  behaving("a content type of something else", (reply) => ({
    ...reply,
    headers: { ...reply.headers, "content-type": "text/html" }
  }))
]

/** Our program downloads only the last row, and reports that the first has failed. */
const lastStands: C.Differs = C.fromBoth("rows of one plugin", (codex, { ids }) => ({
  ...codex,
  failed: ids.slice(0, 1),
  downloaded: ids.slice(1)
}))

const ids: ReadonlyArray<Case> = [
  row("an id with white space around it", (name) => ({ id: `  ${C.idOf(name)}\n` })),
  row("an id of odd characters", (name) => ({ id: `${C.idOf(name)}/é id?#"\\` })),
  row("an id with a control character", (name) => ({ id: `${C.idOf(name)}\u0001\u007f` })),
  row("an id with half a surrogate pair's place", (name) => ({ id: `${C.idOf(name)}😀\u2028` })),
  {
    title: "one id for two plugins",
    make: (name) => ({
      plugins: [
        { name },
        { name: `${name}--2`, id: `${C.idOf(name)}_2`, row: { id: C.idOf(name) } }
      ]
    })
  },
  {
    title: "a row twice",
    make: (name) => ({
      plugins: [{ name }, { name, id: `${C.idOf(name)}_2`, row: { id: C.idOf(name) } }]
    }),
    differs: C.fromBoth("rows of one plugin", (codex, { ids }) => ({
      ...codex,
      downloaded: ids.slice(1)
    }))
  },
  {
    title: "two rows for one plugin",
    make: (name) => ({
      plugins: [{ name }, { name, id: `${C.idOf(name)}_2`, version: "2.0.0" }]
    }),
    differs: lastStands
  },
  {
    title: "two rows for one plugin and version",
    make: (name) => ({ plugins: [{ name }, { name, id: `${C.idOf(name)}_2` }] }),
    differs: lastStands
  },
  {
    title: "a name in two marketplaces",
    make: (name) => ({ plugins: [{ name }, { name, scope: "USER" }] })
  },
  {
    title: "names that differ in case alone, in rows",
    make: (name) => ({ plugins: [{ name }, { name: `${name}--a` }, { name: `${name}--A` }] }),
    differs: C.fromBoth("names that differ in case", (codex, { before, ids, name }) => {
      const [first = "", ...others] = ids
      return {
        ...codex,
        failed: others.toSorted(),
        downloaded: [first],
        untouched: before.untouched,
        tree: { ...before.tree, ...C.treeOf(C.installed(name)) }
      }
    })
  }
]

const required: ReadonlyArray<Case> = [
  spoiling("a row without an id", { row: { id: undefined } }, carriesOn([])),
  spoiling("a row with a blank id", { row: { id: "  " } }, carriesOn([""])),
  spoiling("a row without a name", { row: { name: undefined } }, carriesOn([spoiler])),
  spoiling("a row with a blank name", { row: { name: "" } }, carriesOn([spoiler])),
  spoiling("a row with a space in its name", { name: "r 1" }, carriesOn([spoiler])),
  spoiling("a row whose name begins with a dot", { name: ".row" }, carriesOn([spoiler])),
  spoiling("a row with a dot in its name", { name: "r.1" }, C.asNewer("dots in names")),
  spoiling("a row without a scope", { row: { scope: undefined } }, carriesOn([spoiler])),
  spoiling("a row with an unknown scope", { row: { scope: "TEAM" } }, carriesOn([spoiler])),
  spoiling(
    "a row with a scope in small letters",
    { row: { scope: "global" } },
    carriesOn([spoiler])
  ),
  spoiling(
    "a row of the workspace without a discoverability",
    {
      scope: "WORKSPACE",
      row: { discoverability: null }
    },
    carriesOn([spoiler])
  ),
  spoiling(
    "a row of the workspace with an unknown discoverability",
    {
      scope: "WORKSPACE",
      row: { discoverability: "HIDDEN" }
    },
    carriesOn([spoiler])
  ),
  spoiling(
    "a row with an unknown discoverability where none counts",
    {
      row: { discoverability: "HIDDEN" }
    },
    installsBoth
  ),
  {
    ...spoiling("a row without a release", {}, carriesOn([spoiler])),
    make: () => ({
      plugins: [{ name: "sound" }, { name: "row", id: spoiler }],
      cachedFiles: { ...C.installed("stale"), ...C.installed("row", "0.5.0") },
      replies: [
        [
          { kind: "listing" },
          C.mapText((text) =>
            JSON.stringify(JSON.parse(text), (_, value) =>
              value?.id === spoiler ? { ...value, release: undefined } : value
            )
          )
        ]
      ]
    })
  },
  spoiling("a row with a number for a version", { release: { version: 2 } }, carriesOn([spoiler])),
  spoiling(
    "a row without an installation policy",
    { row: { installation_policy: undefined } },
    installsBoth
  ),
  spoiling(
    "a row with an unknown installation policy",
    { row: { installation_policy: "NEW" } },
    installsBoth
  ),
  spoiling("a row with an unknown status", { row: { status: "NEW" } }, installsBoth),
  spoiling(
    "a row that says not whether it is enabled",
    { row: { enabled: undefined } },
    installsBoth
  ),
  spoiling("a row without a display name", { release: { display_name: undefined } }, installsBoth),
  spoiling("a row with null for a description", { release: { description: null } }, installsBoth),
  spoiling("a row without an interface", { release: { interface: undefined } }, installsBoth),
  spoiling("a row with null for its skills", { release: { skills: null } }, installsBoth)
]

export const rows: ReadonlyArray<Case> = [...scopes, ...versions, ...urls, ...ids, ...required]
