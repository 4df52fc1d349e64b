/**
 * The baseline: the minimum work of a Node program for the same bundles. It keeps its connections open,
 * inflates each bundle in one call, and writes each file of the archive in one call. It checks nothing,
 * syncs nothing to disk and writes no sidecar.
 */
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Zlib from "node:zlib"

const concurrency = 16

const agents = {
  "http:": new Http.Agent({ keepAlive: true, maxSockets: concurrency }),
  "https:": new Https.Agent({ keepAlive: true, maxSockets: concurrency })
}

const get = (url: string, headers: Http.OutgoingHttpHeaders = {}): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const isSecure = url.startsWith("https:")
    const { get } = isSecure ? Https : Http
    get(url, { agent: agents[isSecure ? "https:" : "http:"], headers }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.once("end", () => resolve(Buffer.concat(chunks)))
      response.once("error", reject)
    }).once("error", reject)
  })

interface Row {
  readonly name: string
  readonly release: { readonly version: string; readonly bundle_download_url: string }
}

const listing = async (home: string): Promise<ReadonlyArray<Row>> => {
  const config = Fs.readFileSync(Path.join(home, "config.toml"), "utf8")
  const baseUrl = /^chatgpt_base_url = "(.*)"$/m.exec(config)?.[1]
  const { tokens } = JSON.parse(Fs.readFileSync(Path.join(home, "auth.json"), "utf8"))
  const headers = { authorization: `Bearer ${tokens.access_token}` }
  const rows: Array<Row> = []
  for (let cursor: string | null = ""; cursor !== null;) {
    const page = cursor === "" ? "" : `&pageToken=${cursor}`
    const url = `${baseUrl}/ps/plugins/installed?includeDownloadUrls=true${page}`
    const answer = JSON.parse((await get(url, headers)).toString())
    rows.push(...answer.plugins)
    cursor = answer.pagination.next_page_token
  }
  return rows
}

const block = 512

const unpack = (archive: Buffer, root: string): void => {
  for (let at = 0; at + block <= archive.length && archive[at] !== 0;) {
    const field = (from: number, length: number) => {
      const bytes = archive.subarray(at + from, at + from + length)
      const end = bytes.indexOf(0)
      return bytes.toString("utf8", 0, end === -1 ? length : end)
    }
    const prefix = field(345, 155)
    const path = Path.join(root, prefix === "" ? field(0, 100) : `${prefix}/${field(0, 100)}`)
    const size = Number.parseInt(field(124, 12), 8)
    if (field(156, 1) === "5") Fs.mkdirSync(path, { recursive: true })
    else {
      Fs.mkdirSync(Path.dirname(path), { recursive: true })
      const mode = Number.parseInt(field(100, 8), 8)
      Fs.writeFileSync(path, archive.subarray(at + block, at + block + size), { mode })
    }
    at += block + Math.ceil(size / block) * block
  }
}

/** Downloads the bundles of a home's account into its cache. */
export const run = async (home: string): Promise<void> => {
  const rows = [...(await listing(home))]
  const worker = async () => {
    for (let row = rows.pop(); row !== undefined; row = rows.pop()) {
      const { name, release } = row
      const bundle = await get(release.bundle_download_url)
      const root = Path.join(home, "plugins/cache/openai-curated-remote", name, release.version)
      unpack(Zlib.gunzipSync(bundle), root)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

/** Ends the idle connections. */
export const close = (): void => {
  for (const agent of Object.values(agents)) agent.destroy()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await run(process.argv[2] ?? "")
  close()
}
