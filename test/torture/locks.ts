/**
 * Claims and the lock among processes: a claim ends with its owner, nobody but a pass that needs the
 * same plugin waits for it, and a home that cannot be locked is plainly refused.
 */
import { Deferred, Effect, Fiber, Option, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as CacheLock from "../../src/CacheLock.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import * as PluginWorld from "../support/pluginWorld.ts"
import * as Account from "./account.ts"
import * as Arena from "./arena.ts"
import * as Cache from "./cache.ts"
import * as Report from "./report.ts"

/** Within this time a waiter goes on after its owner's death, and so much longer nobody else takes; in milliseconds. */
const limit = 1000

const name = Account.names[0]
const pluginId = PluginWorld.pluginId(name)

const endsWith = (exitCode: number, ended: Arena.Ended): boolean =>
  Option.contains(ended.exitCode, exitCode)

/** Wrong answers of `list` and `id`, and the time that both took. */
const read = Effect.fnUntraced(function* (
  { command }: Arena.Arena,
  home: string,
  by?: ReadonlyArray<string>
) {
  const cache = Cache.read(home)
  const identity = Cache.identityOf(Cache.pluginFolderOf(cache, name))
  const list = yield* Arena.end(command(home, ["list", "--json"], by))
  const id = yield* Arena.end(command(home, ["id", pluginId], by))
  const problems = [
    ...(endsWith(0, list)
      ? Cache.readerMistakes(cache, list.stdout)
      : [`list failed: ${list.stderr}`]),
    ...(id.stdout === `${identity}\n` ? [] : [`id says ${id.stdout}${id.stderr}`]),
    ...(list.stderr + id.stderr === "" ? [] : [`readers complain: ${list.stderr}${id.stderr}`])
  ]
  return { took: list.took + id.took, problems }
})

// --- an owner that is killed ---------------------------------------------------------------------

/** What cannot be done with a plugin that nobody installs, in words. */
const uninvolved = Effect.fnUntraced(function* ({ command }: Arena.Arena, home: string) {
  const other = PluginWorld.pluginId("uninvolved")
  const source = Path.join(home, "..", "uninvolved")
  for (const [path, { bytes }] of Object.entries(
    PluginWorld.filesOf(PluginWorld.build(null, "1.0.0", "uninvolved"))
  )) {
    Fs.mkdirSync(Path.dirname(Path.join(source, path)), { recursive: true })
    Fs.writeFileSync(Path.join(source, path), bytes)
  }
  const install = yield* Arena.end(command(home, ["install", other, "--from", source]))
  const uninstall = yield* Arena.end(command(home, ["uninstall", other]))
  return [install, uninstall].flatMap((ended) =>
    endsWith(0, ended) ? [] : [`a change of another plugin failed: ${ended.stderr}`]
  )
})

/** A pass that hangs in a download is killed while another one waits for it. */
const succession = Effect.fnUntraced(function* (arena: Arena.Arena, home: string) {
  const { account, backend, command } = arena
  const free = yield* read(arena, home)
  yield* account.install(yield* Account.anyBuild(name, account.installed.get(name)?.version))
  yield* backend.when({ kind: "bundle" }, TestReply.silence)
  yield* backend.forget
  const holder = yield* command(home, ["sync"])
  yield* backend.arrival({ kind: "bundle" })

  const waiter = yield* command(home, ["sync"])
  const told = yield* Deferred.make<string>()
  const listener = yield* waiter.stderr.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.runForEach((line) => Deferred.succeed(told, line)),
    Effect.forkScoped
  )
  const line = yield* Deferred.await(told)
  const held = yield* read(arena, home)
  // Another plugin is removed and brought back by a pass of a third process's own.
  const others = yield* uninvolved(arena, home)

  yield* backend.behave
  yield* backend.forget
  const killedAt = Date.now()
  yield* holder.kill({ killSignal: "SIGKILL" })
  const { time } = yield* backend.arrival({ kind: "bundle" })
  const wentOn = time - killedAt
  const exitCode = yield* waiter.exitCode
  yield* Fiber.join(listener)

  const cache = Cache.read(home)
  const delay = held.took - free.took
  return {
    wentOn,
    free: free.took,
    held: held.took,
    violations: [
      ...[...free.problems, ...held.problems, ...others].map((what) => `${what}`),
      ...(line.includes(`waiting for process ${holder.pid} to install ${pluginId}`)
        ? []
        : [`a waiter for ${holder.pid} said: ${line}`]),
      ...(wentOn < limit ? [] : [`a waiter went on ${wentOn} ms after its owner's end`]),
      ...(delay < limit
        ? []
        : [`readers took ${Report.milliseconds(delay)} longer beside a download`]),
      ...(exitCode === 0 ? [] : [`a waiter ended with ${exitCode}`]),
      ...Cache.deviations(cache, account.installed),
      ...Cache.leftovers(cache)
    ]
  }
}, Effect.scoped)

// --- homes that cannot be locked -----------------------------------------------------------------

/** Runs what follows where the folder named first can only be read. */
const readOnly = [
  "unshare",
  "--mount",
  "sh",
  "-c",
  'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
]

const nobody = 65_534

/** Runs what follows as somebody who owns nothing else. */
const unprivileged = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"]

/** Gives a home to that somebody, who may not write in its folders, nor the lock. */
const giveAway = (home: string): void => {
  Fs.chmodSync(Path.dirname(home), 0o755)
  for (const path of ["", ...Fs.readdirSync(home, { recursive: true, encoding: "utf8" })]) {
    const file = Path.join(home, path)
    Fs.chownSync(file, nobody, nobody)
    if (Fs.statSync(file).isDirectory()) Fs.chmodSync(file, 0o555)
    if (Path.basename(file) === CacheLock.fileName) Fs.chmodSync(file, 0o444)
  }
}

/** Readers do their work there, and `sync` says why it does not; undefined where there is no such place. */
const refusal = Effect.fnUntraced(function* (
  arena: Arena.Arena,
  home: string,
  by: ReadonlyArray<string>
) {
  const [program = "", ...words] = by
  const there = yield* Arena.end(ChildProcess.make(program, [...words, "true"]))
  if (!endsWith(0, there)) return undefined
  const sync = yield* Arena.end(arena.command(home, ["sync"], by))
  const { problems } = yield* read(arena, home, by)
  const isPlain = /^codex-plugins: cannot lock .* the folder must be writable/m.test(sync.stderr)
  return endsWith(1, sync) && isPlain
    ? problems
    : [...problems, `sync says ${sync.stdout}${sync.stderr}`]
})

export const run = Effect.fnUntraced(function* (program: string, count: number) {
  const arena = yield* Arena.make(program)
  const home = yield* arena.makeHome
  for (const name of Account.names) yield* arena.account.install(yield* Account.anyBuild(name))
  yield* arena.succeed(home, ["sync"])
  const successions = yield* Effect.replicateEffect(succession(arena, home), count)

  yield* arena.account.uninstall(name)
  const refusals: Record<string, ReadonlyArray<string> | undefined> = {}
  refusals["a read-only mount"] = yield* refusal(arena, home, [...readOnly, home])
  giveAway(home)
  refusals["folders without write permission"] = yield* refusal(arena, home, unprivileged)

  return Report.make({
    title: "a download that hangs, its owner's end, and everybody else",
    figures: [
      ["owners killed while a process waited", count],
      [
        "  it went on after",
        successions.map(({ wentOn }) => Report.milliseconds(wentOn)).join(", ")
      ],
      ["list and id take", Report.milliseconds(Report.median(successions.map(({ free }) => free)))],
      [
        "  during a download",
        Report.milliseconds(Report.median(successions.map(({ held }) => held)))
      ],
      ...Object.entries(refusals).map(
        ([where, problems]) =>
          [
            where,
            problems === undefined ? "cannot be had here" : "list and id work, sync refuses"
          ] as const
      )
    ],
    violations: [
      ...successions.flatMap(({ violations }) => violations),
      ...Object.entries(refusals).flatMap(([where, problems = []]) =>
        problems.map((problem) => `on ${where}: ${problem}`)
      )
    ]
  })
}, Effect.scoped)
