/**
 * Our program and a real Codex work in one home at the same time. Codex syncs at its start and for its
 * client, and installs and uninstalls plugins, while our program syncs repeatedly.
 *
 * Codex leaves a wrong identity if it is killed, and if an owner changes under one version. Neither
 * happens here. The account changes only between rounds, except for the plugins that Codex itself
 * installs and uninstalls. So anything wrong at the end is our fault.
 *
 * In each upgrade Codex also has a wrong identity for a moment: the new version is beside the old sidecar
 * until Codex has written the new sidecar. Such a moment is our fault if we put the version there, because
 * the old sidecar was already there when we did. The mode of a version's folder shows who put it there:
 * ours is always 0755, Codex's depends on the umask.
 */
import { Effect, Fiber, Option, Random, Schema } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as InstallMetadata from "../../src/InstallMetadata.ts"
import { prefix } from "../../src/internal/cache/staging.ts"
import * as PluginVersion from "../../src/PluginVersion.ts"
import { marketplaces } from "../../src/RemotePlugin.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import * as CodexAppServer from "../codex/support/CodexAppServer.ts"
import type * as CodexBinary from "../codex/support/CodexBinary.ts"
import * as CacheContents from "../support/cacheContents.ts"
import * as Account from "./account.ts"
import * as Setup from "./setup.ts"
import * as Cache from "./cache.ts"
import * as Report from "./report.ts"

/** The plugins that Codex installs and uninstalls for its client. */
const visitors = ["visitor-1", "visitor-2"] as const

/** The number of installs and uninstalls in each round. */
const visits = 4

/** The minimum number of our passes in each round. */
const minSyncs = 2

/** The program that starts a round. The other one starts at the first download. */
const starters = ["both", "ours", "Codex"] as const

/** The wait for the first download. There is none if nothing has changed. */
const patience = "2 seconds"

/** The delay of each download. Codex downloads one bundle at a time, so its changes are spread out. */
const latency = "30 millis"

/** Codex counts as done after this time without a request to the backend. */
const silence = "400 millis"

/** The interval between two looks at the cache while both programs work. */
const observationInterval = "5 millis"

/** Under this umask, folders of Codex have another mode than ours. */
const umask = 0o077
const folderMode = 0o755

const buildOf = (name: string, version: string): Account.RemoteBuild => {
  const owners = Account.ownersOf(name)
  return { name, version, owner: owners[Account.versions.indexOf(version) % owners.length]! }
}

const visitorOf = (name: string, version: string): Account.RemoteBuild => ({
  name,
  version,
  owner: Account.ownersOf(name)[0]
})

// --- moments -------------------------------------------------------------------------------------

const isVersion = Schema.is(PluginVersion.PluginVersion)

/** The program to blame for a wrong identity at this moment, if there is one. */
const observe = (home: string, wanted: Account.RemoteBuild): "ours" | "Codex's" | undefined => {
  const baseRoot = Path.join(Cache.marketplaceOf(home), wanted.name)
  const readSidecar = () => Fs.readFileSync(Path.join(baseRoot, InstallMetadata.fileName), "utf8")
  try {
    const sidecar = readSidecar()
    const versions = Fs.readdirSync(baseRoot).filter(isVersion)
    const active = Option.getOrThrow(PluginVersion.active(versions))
    const { mode } = Fs.statSync(Path.join(baseRoot, active))
    const isSteady = readSidecar() === sidecar
    const isRight = sidecar.includes(`"${Account.remoteId(buildOf(wanted.name, active))}"`)
    if (!isSteady || isRight) return undefined
    return active === wanted.version && (mode & 0o777) === folderMode ? "ours" : "Codex's"
  } catch {
    // An entry was removed during the look.
    return undefined
  }
}

// --- rounds --------------------------------------------------------------------------------------

/** Gives some plugins another version and owner. Visitors stay installed or uninstalled. */
const change = Effect.fnUntraced(function* ({ account, backend }: Setup.Setup) {
  for (const name of Account.names) {
    if (account.installed.has(name) && (yield* Random.nextBoolean)) continue
    yield* account.install(buildOf(name, yield* Random.choice(Account.versions)))
  }
  return yield* Effect.forEach(visitors, (name) =>
    Effect.gen(function* () {
      const visitor = visitorOf(name, yield* Random.choice(Account.versions))
      yield* account.publish(visitor, yield* backend.isInstalled(Account.remoteId(visitor)))
      return visitor
    })
  )
})

/** True if a deviation concerns a visitor. */
const isVisitor = (what: string): boolean => visitors.some((name) => what.startsWith(name))

/** Waits until the backend has received no request for a while. */
const untilSilent = Effect.fnUntraced(function* ({ backend }: Setup.Setup) {
  for (let [before, now] = [-1, 0]; before !== now;) {
    yield* Effect.sleep(silence)
    before = now
    now = (yield* backend.requests()).length
  }
})

/** Lets Codex sync, install and uninstall, and returns the messages of its failures. */
const work = Effect.fnUntraced(function* (
  { backend }: Setup.Setup,
  codex: CodexAppServer.CodexAppServer,
  visiting: ReadonlyArray<Account.RemoteBuild>
) {
  const failures: Array<string> = []
  yield* codex.initialize
  for (let nth = 0; nth < visits; nth++) {
    const id = Account.remoteId(visiting[nth % visiting.length]!)
    const request = (yield* backend.isInstalled(id))
      ? codex.request("plugin/uninstall", { pluginId: id })
      : codex.request("plugin/install", {
          remoteMarketplaceName: marketplaces.curated,
          pluginName: id
        })
    yield* Effect.catchTag(request, "RequestFailed", ({ message }) =>
      Effect.sync(() => failures.push(message))
    )
  }
  yield* codex.request("plugin/installed", {})
  yield* codex.pass()
  return failures
})

/** Lets our program sync and list until the other one is done, and returns its failures. */
const oursAtWork = Effect.fnUntraced(function* (
  { command }: Setup.Setup,
  home: string,
  isOver: Effect.Effect<boolean>
) {
  const failed: Array<string> = []
  let syncs = 0
  while (syncs < minSyncs || !(yield* isOver)) {
    for (const args of [["sync"], ["list", "--json"]]) {
      const { exitCode, stderr } = yield* Setup.end(command(home, args))
      if (!Option.contains(exitCode, 0)) failed.push(`${args[0]} failed: ${stderr}`)
    }
    syncs++
  }
  return { failed, syncs }
})

const round = Effect.fnUntraced(function* (
  setup: Setup.Setup,
  home: string,
  version: CodexBinary.Version
) {
  const { account, backend, environment, succeed } = setup
  const visiting = yield* change(setup)
  yield* backend.forget
  const moments: Array<ReturnType<typeof observe>> = []
  const observer = yield* Effect.sync(() => {
    for (const build of account.installed.values()) moments.push(observe(home, build))
  }).pipe(Effect.andThen(Effect.sleep(observationInterval)), Effect.forever, Effect.forkChild)

  const starter = yield* Random.choice(starters)
  const firstDownload = Effect.timeoutOption(backend.arrival({ kind: "bundle" }), patience)
  const codexAtWork = yield* Effect.forkChild(
    Effect.gen(function* () {
      if (starter === "ours") yield* firstDownload
      const codex = yield* CodexAppServer.start({ version, home, environment })
      return { codex, failures: yield* work(setup, codex, visiting) }
    })
  )
  const isOver = Effect.sync(() => codexAtWork.pollUnsafe() !== undefined)
  if (starter === "Codex") yield* firstDownload
  const { failed, syncs } = yield* oursAtWork(setup, home, isOver)
  const { codex, failures } = yield* Fiber.join(codexAtWork)
  yield* untilSilent(setup)
  yield* codex.stop
  yield* Fiber.interrupt(observer)
  const downloaded = (yield* backend.requests({ kind: "bundle" })).map(({ plugin }) => plugin)

  const here = yield* Effect.filter(visiting, (build) =>
    backend.isInstalled(Account.remoteId(build))
  )
  const installed = new Map([
    ...account.installed,
    ...here.map((build) => [build.name, build] as const)
  ])
  const atRest = Cache.read(home)
  const list = yield* succeed(home, ["list", "--json"])
  const deviations = Cache.deviations(atRest, installed)
  yield* succeed(home, ["sync"])
  const afterSync = Cache.read(home)
  yield* backend.forget
  yield* succeed(home, ["sync"])
  const downloads = yield* backend.requests({ kind: "bundle" })
  return {
    syncs,
    failures,
    downloadedTwice: downloaded.length - new Set(downloaded).size,
    moments,
    wrongVisitors: deviations.filter(isVisitor),
    violations: [
      ...failed,
      ...CacheContents.violations(atRest),
      ...Cache.readerMistakes(atRest, list.stdout),
      ...deviations.filter((what) => !isVisitor(what)),
      ...Cache.deviations(afterSync, installed),
      ...CacheContents.violations(afterSync),
      ...[atRest, afterSync].flatMap(Cache.leftovers).filter((what) => what.startsWith(prefix)),
      ...moments
        .filter((whose) => whose === "ours")
        .map(() => "we left a wrong identity for a moment"),
      ...downloads.map(({ plugin }) => `${plugin} was downloaded although it was up to date`)
    ]
  }
}, Effect.scoped)

export const run = Effect.fnUntraced(function* (
  program: string,
  version: CodexBinary.Version,
  count: number
) {
  const setup = yield* Setup.make(program)
  const home = yield* setup.makeHome
  yield* setup.backend.when({ kind: "bundle" }, TestReply.delay(latency))
  yield* Effect.acquireRelease(
    Effect.sync(() => process.umask(umask)),
    (before) => Effect.sync(() => process.umask(before))
  )
  const rounds = yield* Effect.replicateEffect(round(setup, home, version), count)
  const moments = rounds.flatMap(({ moments }) => moments)
  const wrong = (whose: "ours" | "Codex's") => moments.filter((other) => other === whose).length
  return Report.make({
    title: `beside Codex ${version} in one home`,
    figures: [
      ["rounds", count],
      ["our passes meanwhile", rounds.reduce((sum, { syncs }) => sum + syncs, 0)],
      ["Codex's installs and uninstalls", count * visits],
      ["  that failed", rounds.flatMap(({ failures }) => failures).length],
      [
        "  whose plugin was wrong at the end",
        rounds.flatMap(({ wrongVisitors }) => wrongVisitors).length
      ],
      [
        "plugins that both downloaded",
        rounds.reduce((sum, { downloadedTwice }) => sum + downloadedTwice, 0)
      ],
      ["looks at a plugin while both work", moments.length],
      ["  with a wrong identity by Codex", wrong("Codex's")],
      ["  with a wrong identity by us", wrong("ours")]
    ],
    violations: rounds.flatMap(({ violations }, n) =>
      violations.map((what) => `in round ${n + 1}, ${what}`)
    )
  })
}, Effect.scoped)
