/**
 * `kill -9` at any moment, while twelve plugins change version and owner.
 */
import { Effect, Fiber, Option, Random, Stream } from "effect"
import type { ChildProcess } from "effect/process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { isDeepStrictEqual } from "node:util"
import * as CodexAppServer from "../codex/support/CodexAppServer.ts"
import type * as CodexBinary from "../codex/support/CodexBinary.ts"
import * as CacheContents from "../support/cacheContents.ts"
import * as PluginWorld from "../support/pluginWorld.ts"
import * as Account from "./account.ts"
import * as Arena from "./arena.ts"
import * as Cache from "./cache.ts"
import * as Report from "./report.ts"
import * as Strike from "./strike.ts"

/** After so many kills of a pass, one comes to its end, and the install of a folder is killed. */
const killsBetween = 8

/** So many of the last passes tell how long one takes. */
const pacesInMind = 5

interface Contestant<E, R> {
  readonly home: string
  readonly account: Account.Account
  /** Starts a pass. */
  readonly pass: (keepsSuperseded: boolean) => Strike.Start<E, R>
  /** Starts the install of a folder that holds this build. */
  readonly install: ((build: PluginWorld.Build) => Strike.Start<E, R>) | undefined
  /** Wrong answers of readers, in words; they are asked for this plugin in particular. */
  readonly readerMistakes: (
    cache: Cache.Cache,
    name: string
  ) => Effect.Effect<ReadonlyArray<string>, E, R>
}

/** How far work had come when it was killed. */
const stages = [
  "before they changed the cache",
  "while they did",
  "after they had",
  "after their end"
] as const

/** The findings after a kill, in words. */
interface Kill {
  readonly stage: (typeof stages)[number]
  /** When it came, in parts of the work's usual time. */
  readonly part: number
  /** Sidecars that name another than the owner of the active version. */
  readonly wrong: ReadonlyArray<string>
  /** Versions that are not whole. */
  readonly torn: ReadonlyArray<string>
  /** Active versions that are neither the old one nor the new one. */
  readonly lost: ReadonlyArray<string>
  /** The same, where a version had to make room before another could take its name. */
  readonly gaps: ReadonlyArray<string>
  /** Wrong answers of readers. */
  readonly untrue: ReadonlyArray<string>
  /** Entries other than versions and sidecars. */
  readonly left: ReadonlyArray<string>
}

/** The findings after a complete pass, in words. */
interface Pass {
  readonly pace: Strike.Pace
  readonly unfinished: ReadonlyArray<string>
  readonly left: ReadonlyArray<string>
}

interface Course {
  readonly kills: ReadonlyArray<Kill>
  readonly installKills: ReadonlyArray<Kill>
  readonly passes: ReadonlyArray<Pass>
  readonly changes: ReadonlyArray<Account.Change>
}

// --- one kill ------------------------------------------------------------------------------------

/** The expected result for each plugin that the work touches; undefined if nothing may remain. */
type Aims = ReadonlyMap<string, PluginWorld.Build | undefined>

const show = (build: PluginWorld.Build | undefined) =>
  build === undefined ? "absent" : `${build.owner}/${build.version}`

const isReached = (cache: Cache.Cache, name: string, aim: PluginWorld.Build | undefined) =>
  CacheContents.activeOf(cache, name) === show(aim) &&
  (Cache.pluginFolderOf(cache, name)?.sidecar ?? null) === (aim?.owner ?? null)

const strayed = (before: Cache.Cache, after: Cache.Cache, aims: Aims) => {
  const [lost, gaps]: [Array<string>, Array<string>] = [[], []]
  for (const name of Account.names) {
    const aim = aims.get(name)
    const was = CacheContents.activeOf(before, name)
    const is = CacheContents.activeOf(after, name)
    const willBe = aims.has(name) ? show(aim) : was
    if (is === was || is === willBe) continue
    const makesRoom =
      aim !== undefined &&
      Cache.pluginFolderOf(before, name)?.versions.has(aim.version) &&
      !isReached(before, name, aim)
    const found = makesRoom ? gaps : lost
    found.push(`${name} was ${was}, was to be ${willBe}, is ${is}`)
  }
  return { lost, gaps }
}

const stageOf = (
  before: Cache.Cache,
  after: Cache.Cache,
  aims: Aims,
  ended: boolean
): Kill["stage"] => {
  if (ended) return "after their end"
  if ([...aims].every(([name, aim]) => isReached(after, name, aim))) return "after they had"
  return isDeepStrictEqual(before.plugins, after.plugins)
    ? "before they changed the cache"
    : "while they did"
}

const kill = Effect.fnUntraced(function* <E, R>(
  { home, readerMistakes }: Contestant<E, R>,
  start: Strike.Start<E, R>,
  moment: Strike.Moment,
  pace: Strike.Pace,
  aims: Aims
): Effect.fn.Return<Kill, E, R> {
  const before = Cache.read(home)
  const { ended, part } = yield* Strike.strike(home, start, moment, pace)
  const after = Cache.read(home)
  const known = CacheContents.violations(before)
  const isNew = (what: string) => !known.includes(what)
  return {
    stage: stageOf(before, after, aims, ended),
    part,
    wrong: CacheContents.wrongSidecars(after).filter(isNew),
    torn: CacheContents.incomplete(after).filter(isNew),
    ...strayed(before, after, aims),
    untrue: yield* readerMistakes(after, yield* Random.choice(Account.names)),
    left: Cache.leftovers(after)
  }
})

// --- a course of many ----------------------------------------------------------------------------

const paceOf = (passes: ReadonlyArray<Pass>): Strike.Pace => {
  const paces = passes.slice(-pacesInMind).map(({ pace }) => pace)
  return {
    whole: Report.median(paces.map(({ whole }) => whole)),
    staging: Report.median(paces.map(({ staging }) => staging)),
    changes: Report.median(paces.map(({ changes }) => changes))
  }
}

const complete = Effect.fnUntraced(function* <E, R>(
  { account, home, pass }: Contestant<E, R>,
  keepsSuperseded: boolean
): Effect.fn.Return<Pass, E, R> {
  const pace = yield* Strike.measure(home, pass(keepsSuperseded))
  const cache = Cache.read(home)
  const superseded = cache.plugins.filter(({ versions }) => versions.size > 1)
  return {
    pace,
    unfinished: [
      ...Cache.deviations(cache, account.installed),
      ...CacheContents.incomplete(cache),
      ...CacheContents.wrongSidecars(cache)
    ],
    left: [
      ...Cache.leftovers(cache),
      ...(keepsSuperseded ? [] : superseded.map(({ name }) => `superseded versions of ${name}`))
    ]
  }
})

const anyLocalBuild: Effect.Effect<PluginWorld.Build> = Effect.gen(function* () {
  const name = yield* Random.choice(Account.names)
  const version = yield* Random.choice(Account.localVersions)
  return { name, version, owner: null }
})

const torment = Effect.fnUntraced(function* <E, R>(
  contestant: Contestant<E, R>,
  count: number
): Effect.fn.Return<Course, E, R> {
  const { account, home, install, pass } = contestant
  const kills: Array<Kill> = []
  const installKills: Array<Kill> = []
  const passes: Array<Pass> = []
  const changes: Array<Account.Change> = []
  let installPace: Strike.Pace | undefined

  const change = Effect.map(Account.change(account), (made) => changes.push(...made))

  for (const [nth, moment] of (yield* Strike.moments(count)).entries()) {
    if (nth % killsBetween === 0) {
      yield* change
      passes.push(yield* complete(contestant, passes.length % 2 === 0))
      if (install !== undefined) {
        installPace ??= yield* Strike.measure(home, install(yield* anyLocalBuild))
        const build = yield* anyLocalBuild
        const aims = new Map([[build.name, build]])
        installKills.push(yield* kill(contestant, install(build), moment, installPace, aims))
      }
    }
    yield* change
    const aims = new Map(Account.names.map((name) => [name, account.installed.get(name)]))
    kills.push(yield* kill(contestant, pass(nth % 2 === 0), moment, paceOf(passes), aims))
  }
  passes.push(yield* complete(contestant, true))
  return { kills, installKills, passes, changes }
})

// --- ours ----------------------------------------------------------------------------------------

const layOut = (folder: string, build: PluginWorld.Build): void => {
  for (const [path, { bytes, mode }] of Object.entries(Account.knownBuilds.filesOf(build))) {
    const file = Path.join(folder, path)
    Fs.mkdirSync(Path.dirname(file), { recursive: true })
    Fs.writeFileSync(file, bytes, { mode })
  }
}

/** A process of ours at work, which must end well unless it is killed. */
const ours = Effect.fnUntraced(function* (command: ChildProcess.StandardCommand, what: string) {
  const handle = yield* command
  const stderr = yield* Effect.forkScoped(Stream.mkString(Stream.decodeText(handle.stderr)))
  const over = Effect.gen(function* () {
    const exitCode = yield* handle.exitCode
    if (exitCode === 0) return
    const detail = `ended with ${exitCode}: ${yield* Fiber.join(stderr)}`
    return yield* new Arena.Unforeseen({ command: what, detail })
  })
  return { pid: handle.pid, over, kill: Effect.ignore(handle.kill({ killSignal: "SIGKILL" })) }
})

const contestantOfOurs = Effect.fnUntraced(function* (arena: Arena.Arena) {
  const home = yield* arena.makeHome
  const source = Path.join(home, "..", "source")

  const readings = (cache: Cache.Cache, name: string) =>
    Effect.gen(function* () {
      const pluginId = PluginWorld.pluginId(name)
      const [list, id] = yield* Effect.all(
        [arena.succeed(home, ["list", "--json"]), Arena.end(arena.command(home, ["id", pluginId]))],
        { concurrency: 2 }
      )
      const identity = Cache.identityOf(Cache.pluginFolderOf(cache, name))
      const isTrue =
        identity === undefined
          ? Option.contains(id.exitCode, 1) && id.stdout === ""
          : Option.contains(id.exitCode, 0) && id.stdout === `${identity}\n`
      return [
        ...Cache.readerMistakes(cache, list.stdout),
        ...(isTrue ? [] : [`id ${pluginId} says ${id.stdout}${id.stderr}, but it is ${identity}`])
      ]
    })

  return {
    home,
    account: arena.account,
    pass: (keepsSuperseded: boolean) => {
      const args = keepsSuperseded ? ["sync"] : ["sync", "--retain", "0"]
      return ours(arena.command(home, args), args.join(" "))
    },
    install: (build: PluginWorld.Build) =>
      Effect.suspend(() => {
        Fs.rmSync(source, { recursive: true, force: true })
        layOut(source, build)
        const args = ["install", PluginWorld.pluginId(build.name), "--from", source]
        return ours(arena.command(home, args), args.join(" "))
      }),
    readerMistakes: readings
  }
})

const figuresOf = ({ changes, installKills, kills, passes }: Course): Report.Report["figures"] => {
  const all = [...kills, ...installKills]
  const pace = paceOf(passes)
  return [
    ["changes of the account", Report.counts(Account.changes, changes)],
    ["a pass takes", Report.milliseconds(pace.whole)],
    ["  from its first entry in staging", Report.milliseconds(pace.staging)],
    ["  and changes in the cache", pace.changes],
    ["passes killed", kills.length],
    ["  in each tenth of their time, and later", Report.tenths(kills.map(({ part }) => part))],
    [
      "  they were",
      Report.counts(
        stages,
        kills.map(({ stage }) => stage)
      )
    ],
    ...(installKills.length === 0
      ? []
      : ([
          ["installs of a folder killed", installKills.length],
          [
            "  they were",
            Report.counts(
              stages,
              installKills.map(({ stage }) => stage)
            )
          ]
        ] as const)),
    ["passes that came to their end", passes.length],
    ["wrong identities", all.flatMap(({ wrong }) => wrong).length],
    ["torn versions", all.flatMap(({ torn }) => torn).length],
    ["active versions lost", all.flatMap(({ lost }) => lost).length],
    ["  gone while making room for their like", all.flatMap(({ gaps }) => gaps).length],
    ["left behind by kills", new Set(all.flatMap(({ left }) => left)).size],
    ["  still there after the next pass", new Set(passes.flatMap(({ left }) => left)).size],
    ["not up to date after a pass", passes.flatMap(({ unfinished }) => unfinished).length]
  ]
}

const violationsOf = ({ installKills, kills, passes }: Course): Report.Report["violations"] => [
  ...[...kills, ...installKills].flatMap(({ lost, torn, untrue, wrong }, n) =>
    [...wrong, ...torn, ...lost, ...untrue].map((what) => `after kill ${n + 1}: ${what}`)
  ),
  ...passes.flatMap(({ left, unfinished }, n) =>
    [...unfinished, ...left].map((what) => `after pass ${n + 1}: ${what}`)
  )
]

/** Our program. */
export const ofOurs = Effect.fnUntraced(function* (program: string, count: number) {
  const contestant = yield* contestantOfOurs(yield* Arena.make(program))
  const course = yield* torment(contestant, count)
  const { installKills, kills } = course
  const untrue = [...kills, ...installKills].flatMap(({ untrue }) => untrue)
  return Report.make({
    title: "kill -9 while plugins change version and owner",
    figures: [...figuresOf(course), ["untrue answers of list and id", untrue.length]],
    violations: violationsOf(course)
  })
}, Effect.scoped)

/** Released Codex, for comparison: nothing that it does is a violation. */
export const ofCodex = Effect.fnUntraced(function* (version: CodexBinary.Version, count: number) {
  const { account, environment, makeHome } = yield* Arena.make("")
  const home = yield* makeHome
  const pass = Effect.map(CodexAppServer.start({ version, home, environment }), (server) => ({
    pid: server.pid,
    over: Effect.orDie(server.pass()),
    kill: Effect.ignore(server.kill)
  }))
  const course = yield* torment(
    {
      home,
      account,
      pass: () => pass,
      install: undefined,
      readerMistakes: () => Effect.succeed([])
    },
    count
  )
  return Report.make({
    title: `the same with Codex ${version}`,
    figures: figuresOf(course),
    violations: []
  })
}, Effect.scoped)
