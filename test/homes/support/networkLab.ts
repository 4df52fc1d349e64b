/**
 * A backend with made-up host names, proxies, and the programs that sync with it: ours as a process, and
 * released Codex. Shows for each host how it was reached.
 */
import { NodeServices } from "@effect/platform-node"
import { Effect, FileSystem } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as TestBackend from "../../../src/testing/TestBackend.ts"
import * as TestReply from "../../../src/testing/TestReply.ts"
import * as CodexAppServer from "../../codex/support/CodexAppServer.ts"
import * as CodexBinary from "../../codex/support/CodexBinary.ts"
import * as Loopback from "../../codex/support/Loopback.ts"
import * as Certificates from "../../support/certificates.ts"
import * as LoggingProxy from "./loggingProxy.ts"
import * as Mounts from "./mounts.ts"
import { execute, program } from "./program.ts"
import * as SocksProxy from "./socksProxy.ts"

/** A program that syncs in the lab. */
export type TestedProgram = "ours" | CodexBinary.Version

/**
 * The programs that can run here. Released Codex must have been fetched and needs a network namespace, which
 * \`npm run test:homes\` makes if it can. With \`CODEX_TESTS=required\` a missing one is a failure.
 */
export const testedPrograms: ReadonlyArray<TestedProgram> = await Effect.runPromise(
  Effect.all([Loopback.ensure, Effect.forEach(CodexBinary.versions, CodexBinary.locate)]).pipe(
    Effect.as(true),
    Effect.orElseSucceed(() => process.env["CODEX_TESTS"] === "required"),
    Effect.map((hasCodex) => ["ours", ...(hasCodex ? CodexBinary.versions : [])] as const),
    Effect.provide(NodeServices.layer)
  )
)

export const nameOf = (tested: TestedProgram): string =>
  tested === "ours" ? "codex-plugins" : `Codex ${tested}`

/** The host of the backend; every name resolves to loopback. */
export const apiHost = "api.test"

export interface Options {
  /** Each has one bundle. The address of a name is 127.0.0.1, others must be on loopback. */
  readonly hosts?: ReadonlyArray<string>
  /** The scheme of the backend's URL. Bundles always come over https. Default: http. */
  readonly scheme?: "http" | "https"
}

export interface Run {
  /** For each host: `direct`, the proxy of the connection, or `-` if no data came. */
  readonly reached: Readonly<Record<string, string>>
  /** The output of the program. */
  readonly output: string
}

interface Row {
  readonly name: string
  readonly release: { readonly bundle_download_url?: string }
}

/** A backend whose hosts have made-up names; each host has the bundle of one plugin. */
const serve = Effect.fnUntraced(function* (
  hosts: ReadonlyArray<string>,
  scheme: "http" | "https",
  certificate: Certificates.ServerCertificate
) {
  const plugins = hosts.map((_, index) => TestBackend.plugin({ name: `plugin-${index}` }))
  const backend = yield* TestBackend.make({ plugins })
  const served = yield* backend.serve({ bundles: certificate })
  const base = new URL(served.baseUrl)
  if (scheme === "https") {
    Object.assign(base, { protocol: "https:", port: new URL(served.bundleOrigin).port })
  }
  base.hostname = apiHost
  yield* backend.when(
    { kind: "listing" },
    TestReply.mapJson((page) => ({
      ...page,
      plugins: (page["plugins"] as ReadonlyArray<Row>).map((row) => {
        const url = URL.parse(row.release.bundle_download_url ?? "")
        if (url === null) return row
        url.hostname = hosts[Number(row.name.slice("plugin-".length))] ?? ""
        Object.assign(row.release, { bundle_download_url: url.href })
        return row
      })
    }))
  )
  return { backend, baseUrl: base.href }
})

/** Runs one pass, and returns the output of the program. */
const sync = (
  tested: TestedProgram,
  home: string,
  variables: Readonly<Record<string, string>>,
  within: Mounts.Wrap
) =>
  tested === "ours"
    ? Effect.map(
        execute(within([process.execPath, program, "sync"]), {
          PATH: process.env["PATH"] ?? "",
          HOME: home,
          CODEX_HOME: home,
          ...variables
        }),
        ({ output }) => output
      )
    : Effect.scoped(
        Effect.gen(function* () {
          const environment = { RUST_LOG: "warn,codex_core_plugins=info", ...variables }
          const version = tested
          const codex = yield* CodexAppServer.start({ version, home, environment, within })
          yield* codex.pass()
          return (yield* codex.log).join("\n")
        })
      )

/** Starts proxies, and finds the proxy through which a host was reached since a moment. */
const makeProxies = () => {
  const logs = new Map<string, ReadonlyArray<string>>()
  /** Starts a proxy and returns its address. */
  const start = <P extends LoggingProxy.LoggingProxy, E, R>(
    name: string,
    proxy: Effect.Effect<P, E, R>
  ) =>
    Effect.map(proxy, ({ log, port }) => {
      logs.set(name, log)
      return `127.0.0.1:${port}`
    })
  const mark = () => {
    const before = new Map([...logs].map(([name, log]) => [name, log.length]))
    return (host: string) => {
      const isFor = (line: string) => line.split(/[ /]/).some((part) => part.startsWith(`${host}:`))
      const found = [...logs].find(([name, log]) => log.slice(before.get(name)).some(isFor))
      return found?.[0] ?? "direct"
    }
  }
  return { mark, start }
}

/** Makes the lab until the scope closes. */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const { hosts = ["bundles.test"], scheme = "http" } = options
  const fs = yield* FileSystem.FileSystem
  const folder = Fs.realpathSync(yield* fs.makeTempDirectoryScoped())
  const { ca, issueFor } = yield* Certificates.make
  const inFolder = (name: string, text: string) => {
    const file = Path.join(folder, name)
    Fs.writeFileSync(file, text)
    return file
  }
  const authority = inFolder("authority.pem", ca)
  const names = [apiHost, ...hosts.filter((host) => !/^[\d.]+$/.test(host))]
  const hostsFile = inFolder("hosts", names.map((name) => `127.0.0.1 ${name}\n`).join(""))
  const certificate = yield* issueFor([apiHost, "127.0.0.1", ...hosts])
  const { backend, baseUrl } = yield* serve(hosts, scheme, certificate)
  const proxies = makeProxies()

  let homes = 0
  /** Runs one pass in a fresh home, with other contents of some files. */
  const run = Effect.fnUntraced(function* (
    tested: TestedProgram,
    variables: Readonly<Record<string, string>>,
    files: ReadonlyArray<readonly [path: string, source: string]> = []
  ) {
    const home = Path.join(folder, `home-${++homes}`)
    yield* backend.writeHome(home, { baseUrl })
    yield* backend.forget
    const wayTo = proxies.mark()
    const within = Mounts.replaced(["/etc/hosts", hostsFile], ...files)
    const output = yield* sync(tested, home, variables, within)

    const listed = yield* backend.requests({ kind: "listing" })
    const reached: Record<string, string> = { [apiHost]: listed.length > 0 ? wayTo(apiHost) : "-" }
    for (const [index, host] of hosts.entries()) {
      const plugin = `${home}/plugins/cache/openai-curated-remote/plugin-${index}/1.0.0`
      reached[host] = Fs.existsSync(plugin) ? wayTo(host) : "-"
    }
    const result: Run = { reached, output }
    return result
  })

  return {
    authority,
    ca,
    certificate,
    folder,
    inFolder,
    /** Each starts a proxy and returns its address. */
    proxy: (name: string, options?: LoggingProxy.Options) =>
      proxies.start(name, LoggingProxy.make(options)),
    socksProxy: (name: string) => proxies.start(name, SocksProxy.make),
    run
  }
})
