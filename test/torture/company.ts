/**
 * Ours beside a real Codex in one home: Codex syncs as it starts and for its client, installs and
 * uninstalls, while ours syncs again and again.
 *
 * Codex leaves a wrong identity where it is killed and where an owner changes under one version, so
 * neither happens here; and the account changes between the rounds alone, but for the plugins that Codex
 * itself installs and uninstalls. Then whatever is wrong when all are done is held against us.
 *
 * For a moment, Codex also has a wrong identity in each upgrade: the new version stands beside the old
 * name until it has written the new one. Such a moment is ours if it was we who put the version there:
 * nobody writes an old name any more, so it stood there when we did. Who put a version there is told by
 * the mode of its folder: ours have 0755 under every umask, those of Codex only under a lenient one.
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
import * as Arena from "./arena.ts"
import * as Cache from "./cache.ts"
import * as Report from "./report.ts"

/** The plugins that Codex installs and uninstalls for its client. */
const visitors = ["visitor-1", "visitor-2"] as const

/** So often in each round. */
const visits = 4

/** Ours syncs at least so often in each round. */
const leastSyncs = 2

/** Who starts a round; the other one joins at the first download. */
const starters = ["both", "ours", "Codex"] as const

/** It may be that nothing has changed, and there is none. */
const patience = "2 seconds"

/** Of each download: Codex makes one at a time, so its changes are spread over some time. */
const latency = "30 millis"

/** How long nobody may have asked the backend for anything before Codex is taken to be done. */
const silence = "400 millis"

/** How often the cache is looked at while all are at work. */
const glimpseInterval = "5 millis"

/** Folders that Codex makes have another mode than ours under this umask. */
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

/** Whose a wrong identity is that stands at this moment; undefined where none does. */
const glimpse = (home: string, wanted: Account.RemoteBuild): "ours" | "Codex's" | undefined => {
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
    // Something went away while it was looked at.
    return undefined
  }
}

// --- rounds --------------------------------------------------------------------------------------

/** Some plugins get another version and with it another owner; visitors stay as installed as they are. */
const change = Effect.fnUntraced(function* ({ account, backend }: Arena.Arena) {
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
const isGuest = (what: string): boolean => visitors.some((name) => what.startsWith(name))

/** Waits until the backend has not been asked for a while. */
const silent = Effect.fnUntraced(function* ({ backend }: Arena.Arena) {
  for (let [before, now] = [-1, 0]; before !== now;) {
    yield* Effect.sleep(silence)
    before = now
    now = (yield* backend.requests()).length
  }
})

/** Codex syncs, installs and uninstalls; what it could not do. */
const work = Effect.fnUntraced(function* (
  { backend }: Arena.Arena,
  codex: CodexAppServer.CodexAppServer,
  guests: ReadonlyArray<Account.RemoteBuild>
) {
  const refused: Array<string> = []
  yield* codex.initialize
  for (let nth = 0; nth < visits; nth++) {
    const id = Account.remoteId(guests[nth % guests.length]!)
    const request = (yield* backend.isInstalled(id))
      ? codex.request("plugin/uninstall", { pluginId: id })
      : codex.request("plugin/install", {
          remoteMarketplaceName: marketplaces.curated,
          pluginName: id
        })
    yield* Effect.catchTag(request, "RequestFailed", ({ message }) =>
      Effect.sync(() => refused.push(message))
    )
  }
  yield* codex.request("plugin/installed", {})
  yield* codex.pass()
  return refused
})

/** Ours syncs and lists until told to stop; what it could not do. */
const oursAtWork = Effect.fnUntraced(function* (
  { command }: Arena.Arena,
  home: string,
  isOver: Effect.Effect<boolean>
) {
  const failed: Array<string> = []
  let syncs = 0
  while (syncs < leastSyncs || !(yield* isOver)) {
    for (const args of [["sync"], ["list", "--json"]]) {
      const { exitCode, stderr } = yield* Arena.end(command(home, args))
      if (!Option.contains(exitCode, 0)) failed.push(`${args[0]} failed: ${stderr}`)
    }
    syncs++
  }
  return { failed, syncs }
})

const round = Effect.fnUntraced(function* (
  arena: Arena.Arena,
  home: string,
  version: CodexBinary.Version
) {
  const { account, backend, environment, succeed } = arena
  const guests = yield* change(arena)
  yield* backend.forget
  const moments: Array<ReturnType<typeof glimpse>> = []
  const observer = yield* Effect.sync(() => {
    for (const build of account.installed.values()) moments.push(glimpse(home, build))
  }).pipe(Effect.andThen(Effect.sleep(glimpseInterval)), Effect.forever, Effect.forkChild)

  const starter = yield* Random.choice(starters)
  const firstDownload = Effect.timeoutOption(backend.arrival({ kind: "bundle" }), patience)
  const codexAtWork = yield* Effect.forkChild(
    Effect.gen(function* () {
      if (starter === "ours") yield* firstDownload
      const codex = yield* CodexAppServer.start({ version, home, environment })
      return { codex, refused: yield* work(arena, codex, guests) }
    })
  )
  const isOver = Effect.sync(() => codexAtWork.pollUnsafe() !== undefined)
  if (starter === "Codex") yield* firstDownload
  const { failed, syncs } = yield* oursAtWork(arena, home, isOver)
  const { codex, refused } = yield* Fiber.join(codexAtWork)
  yield* silent(arena)
  yield* codex.stop
  yield* Fiber.interrupt(observer)
  const brought = (yield* backend.requests({ kind: "bundle" })).map(({ plugin }) => plugin)

  const here = yield* Effect.filter(guests, (build) => backend.isInstalled(Account.remoteId(build)))
  const installed = new Map([
    ...account.installed,
    ...here.map((build) => [build.name, build] as const)
  ])
  const atRest = Cache.read(home)
  const list = yield* succeed(home, ["list", "--json"])
  const deviations = Cache.deviations(atRest, installed)
  yield* succeed(home, ["sync"])
  const inStep = Cache.read(home)
  yield* backend.forget
  yield* succeed(home, ["sync"])
  const downloads = yield* backend.requests({ kind: "bundle" })
  return {
    syncs,
    refused,
    broughtTwice: brought.length - new Set(brought).size,
    moments,
    strayedGuests: deviations.filter(isGuest),
    violations: [
      ...failed,
      ...CacheContents.violations(atRest),
      ...Cache.readerMistakes(atRest, list.stdout),
      ...deviations.filter((what) => !isGuest(what)),
      ...Cache.deviations(inStep, installed),
      ...CacheContents.violations(inStep),
      ...[atRest, inStep].flatMap(Cache.leftovers).filter((what) => what.startsWith(prefix)),
      ...moments.filter((whose) => whose === "ours").map(() => "ours had a wrong identity"),
      ...downloads.map(({ plugin }) => `${plugin} was downloaded though it was up to date`)
    ]
  }
}, Effect.scoped)

export const run = Effect.fnUntraced(function* (
  program: string,
  version: CodexBinary.Version,
  count: number
) {
  const arena = yield* Arena.make(program)
  const home = yield* arena.makeHome
  yield* arena.backend.when({ kind: "bundle" }, TestReply.delay(latency))
  yield* Effect.acquireRelease(
    Effect.sync(() => process.umask(umask)),
    (before) => Effect.sync(() => process.umask(before))
  )
  const rounds = yield* Effect.replicateEffect(round(arena, home, version), count)
  const moments = rounds.flatMap(({ moments }) => moments)
  const wrong = (whose: "ours" | "Codex's") => moments.filter((other) => other === whose).length
  return Report.make({
    title: `beside Codex ${version} in one home`,
    figures: [
      ["rounds", count],
      ["our passes meanwhile", rounds.reduce((sum, { syncs }) => sum + syncs, 0)],
      ["Codex's installs and uninstalls", count * visits],
      ["  that it could not carry out", rounds.flatMap(({ refused }) => refused).length],
      [
        "  whose plugin was wrong at rest",
        rounds.flatMap(({ strayedGuests }) => strayedGuests).length
      ],
      [
        "plugins that both brought at once",
        rounds.reduce((sum, { broughtTwice }) => sum + broughtTwice, 0)
      ],
      ["glimpses of a plugin while all are at work", moments.length],
      ["  of a wrong identity that is Codex's", wrong("Codex's")],
      ["  of a wrong identity that is ours", wrong("ours")]
    ],
    violations: rounds.flatMap(({ violations }, n) =>
      violations.map((what) => `in round ${n + 1}, ${what}`)
    )
  })
}, Effect.scoped)
