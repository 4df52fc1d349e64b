/**
 * `kill -9` at any moment while twelve plugins change version and owner.
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
import * as Setup from "./setup.ts"
import * as Cache from "./cache.ts"
import * as Report from "./report.ts"
import * as Killing from "./killing.ts"

/** After this number of killed passes, one pass completes and the install of a folder is killed. */
const killsBetween = 8

/** The number of completed passes from which the usual time of a pass is taken. */
const recentPasses = 5

/** The program that is killed. */
interface Subject<E, R> {
  readonly home: string
  readonly account: Account.Account
  /** Starts a pass. */
  readonly pass: (keepsSuperseded: boolean) => Killing.Start<E, R>
  /** Starts the install of a folder that contains this build. */
  readonly install: ((build: PluginWorld.Build) => Killing.Start<E, R>) | undefined
  /** A message for each wrong answer of a reader about the whole cache and about this plugin. */
  readonly readerMistakes: (
    cache: Cache.Cache,
    name: string
  ) => Effect.Effect<ReadonlyArray<string>, E, R>
}

/** The progress of a process when it was killed. */
const stages = [
  "before the first change",
  "during the changes",
  "after the last change",
  "after the end"
] as const

/** The findings after a kill, as messages. */
interface Kill {
  readonly stage: (typeof stages)[number]
  /** The time of the kill as a fraction of the work's usual time. */
  readonly part: number
  /** Sidecars that name another than the owner of the active version. */
  readonly wrong: ReadonlyArray<string>
  /** Versions that are incomplete. */
  readonly incomplete: ReadonlyArray<string>
  /** Active versions that are neither the old one nor the new one. */
  readonly lost: ReadonlyArray<string>
  /** The same for plugins whose version must be moved away before another one can take its name. */
  readonly gaps: ReadonlyArray<string>
  /** Wrong answers of readers. */
  readonly mistakes: ReadonlyArray<string>
  /** Entries other than versions and sidecars. */
  readonly left: ReadonlyArray<string>
}

/** The findings after a complete pass, as messages. */
interface Pass {
  readonly pace: Killing.Pace
  readonly unfinished: ReadonlyArray<string>
  readonly left: ReadonlyArray<string>
}

interface Results {
  readonly kills: ReadonlyArray<Kill>
  readonly installKills: ReadonlyArray<Kill>
  readonly passes: ReadonlyArray<Pass>
  readonly changes: ReadonlyArray<Account.Change>
}

// --- one kill ------------------------------------------------------------------------------------

/** The expected result for each plugin that the work touches; undefined if nothing may remain. */
type Expected = ReadonlyMap<string, PluginWorld.Build | undefined>

const show = (build: PluginWorld.Build | undefined) =>
  build === undefined ? "absent" : `${build.owner}/${build.version}`

const isReached = (cache: Cache.Cache, name: string, build: PluginWorld.Build | undefined) =>
  CacheContents.activeOf(cache, name) === show(build) &&
  (Cache.pluginFolderOf(cache, name)?.sidecar ?? null) === (build?.owner ?? null)

const changesOf = (before: Cache.Cache, after: Cache.Cache, expected: Expected) => {
  const [lost, gaps]: [Array<string>, Array<string>] = [[], []]
  for (const name of Account.names) {
    const build = expected.get(name)
    const was = CacheContents.activeOf(before, name)
    const is = CacheContents.activeOf(after, name)
    const willBe = expected.has(name) ? show(build) : was
    if (is === was || is === willBe) continue
    const movesAway =
      build !== undefined &&
      Cache.pluginFolderOf(before, name)?.versions.has(build.version) &&
      !isReached(before, name, build)
    const found = movesAway ? gaps : lost
    found.push(`${name} was ${was} and is ${is}, expected ${willBe}`)
  }
  return { lost, gaps }
}

const stageOf = (
  before: Cache.Cache,
  after: Cache.Cache,
  expected: Expected,
  ended: boolean
): Kill["stage"] => {
  if (ended) return "after the end"
  if ([...expected].every(([name, build]) => isReached(after, name, build)))
    return "after the last change"
  return isDeepStrictEqual(before.plugins, after.plugins)
    ? "before the first change"
    : "during the changes"
}

const kill = Effect.fnUntraced(function* <E, R>(
  { home, readerMistakes }: Subject<E, R>,
  start: Killing.Start<E, R>,
  moment: Killing.Moment,
  pace: Killing.Pace,
  expected: Expected
): Effect.fn.Return<Kill, E, R> {
  const before = Cache.read(home)
  const { ended, part } = yield* Killing.killAt(home, start, moment, pace)
  const after = Cache.read(home)
  const known = CacheContents.violations(before)
  const isNew = (what: string) => !known.includes(what)
  return {
    stage: stageOf(before, after, expected, ended),
    part,
    wrong: CacheContents.wrongSidecars(after).filter(isNew),
    incomplete: CacheContents.incomplete(after).filter(isNew),
    ...changesOf(before, after, expected),
    mistakes: yield* readerMistakes(after, yield* Random.choice(Account.names)),
    left: Cache.leftovers(after)
  }
})

// --- many kills ----------------------------------------------------------------------------------

const paceOf = (passes: ReadonlyArray<Pass>): Killing.Pace => {
  const paces = passes.slice(-recentPasses).map(({ pace }) => pace)
  return {
    whole: Report.median(paces.map(({ whole }) => whole)),
    staging: Report.median(paces.map(({ staging }) => staging)),
    changes: Report.median(paces.map(({ changes }) => changes))
  }
}

const complete = Effect.fnUntraced(function* <E, R>(
  { account, home, pass }: Subject<E, R>,
  keepsSuperseded: boolean
): Effect.fn.Return<Pass, E, R> {
  const pace = yield* Killing.measure(home, pass(keepsSuperseded))
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

const killRepeatedly = Effect.fnUntraced(function* <E, R>(
  subject: Subject<E, R>,
  count: number
): Effect.fn.Return<Results, E, R> {
  const { account, home, install, pass } = subject
  const kills: Array<Kill> = []
  const installKills: Array<Kill> = []
  const passes: Array<Pass> = []
  const changes: Array<Account.Change> = []
  let installPace: Killing.Pace | undefined

  const change = Effect.map(Account.change(account), (made) => changes.push(...made))

  for (const [nth, moment] of (yield* Killing.moments(count)).entries()) {
    if (nth % killsBetween === 0) {
      yield* change
      passes.push(yield* complete(subject, passes.length % 2 === 0))
      if (install !== undefined) {
        installPace ??= yield* Killing.measure(home, install(yield* anyLocalBuild))
        const build = yield* anyLocalBuild
        const expected = new Map([[build.name, build]])
        installKills.push(yield* kill(subject, install(build), moment, installPace, expected))
      }
    }
    yield* change
    const expected = new Map(Account.names.map((name) => [name, account.installed.get(name)]))
    kills.push(yield* kill(subject, pass(nth % 2 === 0), moment, paceOf(passes), expected))
  }
  passes.push(yield* complete(subject, true))
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

/** A process of our program, which must exit with 0 unless it is killed. */
const ours = Effect.fnUntraced(function* (command: ChildProcess.StandardCommand, what: string) {
  const handle = yield* command
  const stderr = yield* Effect.forkScoped(Stream.mkString(Stream.decodeText(handle.stderr)))
  const over = Effect.gen(function* () {
    const exitCode = yield* handle.exitCode
    if (exitCode === 0) return
    const detail = `ended with ${exitCode}: ${yield* Fiber.join(stderr)}`
    return yield* new Setup.UnexpectedExit({ command: what, detail })
  })
  return { pid: handle.pid, over, kill: Effect.ignore(handle.kill({ killSignal: "SIGKILL" })) }
})

const ourProgram = Effect.fnUntraced(function* (setup: Setup.Setup) {
  const home = yield* setup.makeHome
  const source = Path.join(home, "..", "source")

  const readerMistakes = (cache: Cache.Cache, name: string) =>
    Effect.gen(function* () {
      const pluginId = PluginWorld.pluginId(name)
      const [list, id] = yield* Effect.all(
        [setup.succeed(home, ["list", "--json"]), Setup.end(setup.command(home, ["id", pluginId]))],
        { concurrency: 2 }
      )
      const identity = Cache.identityOf(Cache.pluginFolderOf(cache, name))
      const isTrue =
        identity === undefined
          ? Option.contains(id.exitCode, 1) && id.stdout === ""
          : Option.contains(id.exitCode, 0) && id.stdout === `${identity}\n`
      return [
        ...Cache.readerMistakes(cache, list.stdout),
        ...(isTrue ? [] : [`id ${pluginId} prints ${id.stdout}${id.stderr}, expected ${identity}`])
      ]
    })

  return {
    home,
    account: setup.account,
    pass: (keepsSuperseded: boolean) => {
      const args = keepsSuperseded ? ["sync"] : ["sync", "--retain", "0"]
      return ours(setup.command(home, args), args.join(" "))
    },
    install: (build: PluginWorld.Build) =>
      Effect.suspend(() => {
        Fs.rmSync(source, { recursive: true, force: true })
        layOut(source, build)
        const args = ["install", PluginWorld.pluginId(build.name), "--from", source]
        return ours(setup.command(home, args), args.join(" "))
      }),
    readerMistakes
  }
})

const figuresOf = ({ changes, installKills, kills, passes }: Results): Report.Report["figures"] => {
  const all = [...kills, ...installKills]
  const pace = paceOf(passes)
  return [
    ["changes of the account", Report.counts(Account.changes, changes)],
    ["time of a pass", Report.milliseconds(pace.whole)],
    ["  from its first entry in staging", Report.milliseconds(pace.staging)],
    ["  and changes in the cache", pace.changes],
    ["passes killed", kills.length],
    ["  in each tenth of the usual time, and later", Report.tenths(kills.map(({ part }) => part))],
    [
      "  moment",
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
            "  moment",
            Report.counts(
              stages,
              installKills.map(({ stage }) => stage)
            )
          ]
        ] as const)),
    ["completed passes", passes.length],
    ["wrong identities", all.flatMap(({ wrong }) => wrong).length],
    ["incomplete versions", all.flatMap(({ incomplete }) => incomplete).length],
    ["active versions lost", all.flatMap(({ lost }) => lost).length],
    ["  absent while the same version was replaced", all.flatMap(({ gaps }) => gaps).length],
    ["entries left by kills", new Set(all.flatMap(({ left }) => left)).size],
    ["  that remain after the next pass", new Set(passes.flatMap(({ left }) => left)).size],
    ["not up to date after a pass", passes.flatMap(({ unfinished }) => unfinished).length]
  ]
}

const violationsOf = ({ installKills, kills, passes }: Results): Report.Report["violations"] => [
  ...[...kills, ...installKills].flatMap(({ lost, incomplete, mistakes, wrong }, n) =>
    [...wrong, ...incomplete, ...lost, ...mistakes].map((what) => `after kill ${n + 1}: ${what}`)
  ),
  ...passes.flatMap(({ left, unfinished }, n) =>
    [...unfinished, ...left].map((what) => `after pass ${n + 1}: ${what}`)
  )
]

/** Our program. */
export const ofOurs = Effect.fnUntraced(function* (program: string, count: number) {
  const subject = yield* ourProgram(yield* Setup.make(program))
  const results = yield* killRepeatedly(subject, count)
  const { installKills, kills } = results
  const mistakes = [...kills, ...installKills].flatMap(({ mistakes }) => mistakes)
  return Report.make({
    title: "kill -9 while plugins change version and owner",
    figures: [...figuresOf(results), ["wrong answers of list and id", mistakes.length]],
    violations: violationsOf(results)
  })
}, Effect.scoped)

/** Released Codex for comparison, whose findings are no violations. */
export const ofCodex = Effect.fnUntraced(function* (version: CodexBinary.Version, count: number) {
  const { account, environment, makeHome } = yield* Setup.make("")
  const home = yield* makeHome
  const pass = Effect.map(CodexAppServer.start({ version, home, environment }), (server) => ({
    pid: server.pid,
    over: Effect.orDie(server.pass()),
    kill: Effect.ignore(server.kill)
  }))
  const results = yield* killRepeatedly(
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
    figures: figuresOf(results),
    violations: []
  })
}, Effect.scoped)
