/**
 * The content of the test backend: plugins, their bundles, and the accounts that have them installed.
 */
import { Effect } from "effect"
import type { Account } from "../TestAccount.ts"
import * as TestPlugin from "../TestPlugin.ts"
import * as TestReply from "../TestReply.ts"
import type { Request } from "../TestRequest.ts"
import * as Route from "./route.ts"

export interface Options {
  readonly accounts: ReadonlyArray<Account>
  readonly featured: ReadonlyArray<string>
  readonly pageSize: number
  readonly signature: string
}

/** The normal answer to a request, and the change that takes effect when it is given. */
interface Answer {
  readonly reply: TestReply.Reply
  readonly commit?: () => void
}

interface Published {
  readonly plugin: TestPlugin.Plugin
  readonly bundlePath: string
}

const notFound: Answer = { reply: TestReply.json(404, { detail: "Not Found" }) }

const cursorPattern = /^cursor-(\d+)$/

/**
 * A plugin that its author shares only with some people is not in the catalogue of the workspace.
 */
const isSharedWithMe = ({ discoverability }: TestPlugin.Plugin): boolean =>
  discoverability === "PRIVATE" || discoverability === "UNLISTED"

/** The request that rows answer, and the parts of the bundle URLs in them. */
interface RowContext {
  readonly request: Request
  /** The origin of the bundles. */
  readonly origin: string
  readonly signature: string
}

const rowOf = ({ bundlePath, plugin }: Published, { origin, request, signature }: RowContext) =>
  TestPlugin.row(plugin, {
    installed: request.kind === "listing",
    bundleUrl:
      request.url.searchParams.get("includeDownloadUrls") === "true"
        ? `${origin}${bundlePath}?expires=4102444800&sig=${signature}`
        : undefined
  })

const pageOf = (all: Iterable<Published>, context: RowContext, pageSize: number): Answer => {
  const query = context.request.url.searchParams
  const cursor = cursorPattern.exec(query.get("pageToken") ?? "cursor-0")?.[1]
  if (cursor === undefined) return { reply: TestReply.json(400, { detail: "unknown pageToken" }) }
  const scope = query.get("scope")
  const entries = [...all].filter(
    ({ plugin }) => scope === null || scope === (plugin.scope ?? "GLOBAL")
  )
  const size = Math.min(pageSize, Number(query.get("limit") ?? pageSize))
  const start = Number(cursor) * size
  const end = start + size
  return {
    reply: TestReply.json(200, {
      plugins: entries.slice(start, end).map((entry) => rowOf(entry, context)),
      pagination: {
        next_page_token: end < entries.length ? `cursor-${Number(cursor) + 1}` : null
      }
    })
  }
}

export const make = ({ accounts, featured, pageSize, signature }: Options) => {
  const published = new Map<string, Published>()
  const installed = new Map(accounts.map(({ id }) => [id, new Set<string>()]))
  // Bundles by path. They are never removed, so old URLs stay valid, as in a blob store.
  const bundles = new Map<string, Uint8Array>()

  const find = (id: string): Effect.Effect<TestPlugin.Plugin> =>
    Effect.sync(() => {
      const entry = published.get(id)
      if (entry === undefined) throw new Error(`the test backend holds no plugin ${id}`)
      return entry.plugin
    })

  const installedOf = (account: Account): Set<string> => {
    const ids = installed.get(account.id)
    if (ids === undefined) throw new Error(`the test backend knows no account ${account.id}`)
    return ids
  }

  const put = (plugin: TestPlugin.Plugin): Effect.Effect<void> =>
    Effect.map(TestPlugin.pack(plugin), (bytes) => {
      const bundlePath = Route.bundlePath(plugin.id, bundles.size + 1)
      bundles.set(bundlePath, bytes)
      published.set(plugin.id, { plugin, bundlePath })
    })

  const setInstalled = (id: string, value: boolean, account?: Account): void => {
    for (const ids of account === undefined ? installed.values() : [installedOf(account)]) {
      if (value) ids.add(id)
      else ids.delete(id)
    }
  }

  const bundle = (url: URL): Answer => {
    const bytes = bundles.get(url.pathname)
    if (bytes === undefined) return notFound
    return {
      reply:
        url.searchParams.get("sig") === signature
          ? TestReply.make(200, bytes, { "content-type": "application/gzip" })
          : TestReply.json(403, { detail: "the signature does not match" })
    }
  }

  return {
    find,
    put,
    setInstalled,
    isInstalled: (id: string, account: Account): boolean => installedOf(account).has(id),

    remove: (id: string): void => {
      setInstalled(id, false)
      published.delete(id)
    },

    /** `origin` is the origin of the bundle URLs in rows. */
    answer: (request: Request, origin: string): Answer => {
      const context = { request, origin, signature }
      if (request.kind === "other") return notFound
      if (request.kind === "bundle") return bundle(request.url)
      const account = accounts.find(
        ({ accessToken }) => request.headers.authorization === `Bearer ${accessToken}`
      )
      if (account === undefined) return { reply: TestReply.json(401, { detail: "Unauthorized" }) }
      if (request.kind === "featured") return { reply: TestReply.json(200, featured) }
      if (request.kind === "directory" || request.kind === "shared") {
        const isShared = request.kind === "shared"
        const entries = [...published.values()].filter(
          ({ plugin }) => (plugin.listed ?? true) && isSharedWithMe(plugin) === isShared
        )
        return pageOf(entries, context, pageSize)
      }
      if (request.kind === "listing") {
        const entries = [...installedOf(account)].map((id) => published.get(id)!)
        return pageOf(entries, context, pageSize)
      }
      const entry = published.get(request.plugin ?? "")
      if (entry === undefined) return notFound
      const { id } = entry.plugin
      if (request.kind === "read") return { reply: TestReply.json(200, rowOf(entry, context)) }
      const enabled = request.kind === "install"
      return {
        reply: TestReply.json(200, { id, enabled }),
        commit: () => setInstalled(id, enabled, account)
      }
    }
  }
}
