/**
 * Claims and the lock between processes. A claim ends with its owner, only a pass that needs the same
 * plugin waits for it, and a home that cannot be locked fails with a clear message.
 */
import { Deferred, Effect, Fiber, Option, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as CacheLock from "../../src/CacheLock.ts"
import * as TestReply from "../../src/testing/TestReply.ts"
import * as PluginWorld from "../support/pluginWorld.ts"
import * as Account from "./account.ts"
import * as Setup from "./setup.ts"
import * as Cache from "./cache.ts"
import * as Report from "./report.ts"

/** The time in which a waiter must continue after the end of the owner, and the longest delay of anybody else, in milliseconds. */
const limit = 1000

const name = Account.names[0]
const pluginId = PluginWorld.pluginId(name)

const endsWith = (exitCode: number, ended: Setup.Finished): boolean =>
  Option.contains(ended.exitCode, exitCode)

/** A message for each wrong answer of `list` and `id`, and the time that both took. */
const read = Effect.fnUntraced(function* (
  { command }: Setup.Setup,
  home: string,
  by?: ReadonlyArray<string>
) {
  const cache = Cache.read(home)
  const identity = Cache.identityOf(Cache.pluginFolderOf(cache, name))
  const list = yield* Setup.end(command(home, ["list", "--json"], by))
  const id = yield* Setup.end(command(home, ["id", pluginId], by))
  const problems = [
    ...(endsWith(0, list)
      ? Cache.readerMistakes(cache, list.stdout)
      : [`list failed: ${list.stderr}`]),
    ...(id.stdout === `${identity}\n` ? [] : [`id prints ${id.stdout}${id.stderr}`]),
    ...(list.stderr + id.stderr === ""
      ? []
      : [`readers print on stderr: ${list.stderr}${id.stderr}`])
  ]
  return { took: list.took + id.took, problems }
})

// --- an owner that is killed ---------------------------------------------------------------------

/** Changes a plugin that nobody else installs, and returns a message for each failure. */
const uninvolved = Effect.fnUntraced(function* ({ command }: Setup.Setup, home: string) {
  const other = PluginWorld.pluginId("uninvolved")
  const source = Path.join(home, "..", "uninvolved")
  for (const [path, { bytes }] of Object.entries(
    PluginWorld.filesOf(PluginWorld.build(null, "1.0.0", "uninvolved"))
  )) {
    Fs.mkdirSync(Path.dirname(Path.join(source, path)), { recursive: true })
    Fs.writeFileSync(Path.join(source, path), bytes)
  }
  const install = yield* Setup.end(command(home, ["install", other, "--from", source]))
  const uninstall = yield* Setup.end(command(home, ["uninstall", other]))
  return [install, uninstall].flatMap((ended) =>
    endsWith(0, ended) ? [] : [`a change of another plugin failed: ${ended.stderr}`]
  )
})

/** A pass that hangs in a download is killed while another one waits for it. */
const succession = Effect.fnUntraced(function* (setup: Setup.Setup, home: string) {
  const { account, backend, command } = setup
  const free = yield* read(setup, home)
  yield* account.install(yield* Account.anyBuild(name, account.installed.get(name)?.version))
  yield* backend.when({ kind: "bundle" }, TestReply.silence)
  yield* backend.forget
  const holder = yield* command(home, ["sync"])
  yield* backend.arrival({ kind: "bundle" })

  const waiter = yield* command(home, ["sync"])
  const announced = yield* Deferred.make<string>()
  const listener = yield* waiter.stderr.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.runForEach((line) => Deferred.succeed(announced, line)),
    Effect.forkScoped
  )
  const line = yield* Deferred.await(announced)
  const held = yield* read(setup, home)
  // A third process changes another plugin meanwhile.
  const others = yield* uninvolved(setup, home)

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
        : [`a waiter for ${holder.pid} printed: ${line}`]),
      ...(wentOn < limit ? [] : [`a waiter continued ${wentOn} ms after the end of the owner`]),
      ...(delay < limit
        ? []
        : [`readers took ${Report.milliseconds(delay)} longer during a download`]),
      ...(exitCode === 0 ? [] : [`a waiter ended with ${exitCode}`]),
      ...Cache.deviations(cache, account.installed),
      ...Cache.leftovers(cache)
    ]
  }
}, Effect.scoped)

// --- homes that cannot be locked -----------------------------------------------------------------

/** Runs a command with a folder, named before it, mounted read-only. */
const readOnly = [
  "unshare",
  "--mount",
  "sh",
  "-c",
  'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
]

const nobody = 65_534

/** Runs a command as a user who owns nothing else. */
const unprivileged = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"]

/** Gives a home to that user, without permission to write its folders or the lock. */
const giveAway = (home: string): void => {
  Fs.chmodSync(Path.dirname(home), 0o755)
  for (const path of ["", ...Fs.readdirSync(home, { recursive: true, encoding: "utf8" })]) {
    const file = Path.join(home, path)
    Fs.chownSync(file, nobody, nobody)
    if (Fs.statSync(file).isDirectory()) Fs.chmodSync(file, 0o555)
    if (Path.basename(file) === CacheLock.fileName) Fs.chmodSync(file, 0o444)
  }
}

/**
 * A message if a reader does not work in such a home or `sync` does not explain why it fails. Undefined if
 * the system cannot provide such a home.
 */
const refusal = Effect.fnUntraced(function* (
  setup: Setup.Setup,
  home: string,
  by: ReadonlyArray<string>
) {
  const [program = "", ...words] = by
  const there = yield* Setup.end(ChildProcess.make(program, [...words, "true"]))
  if (!endsWith(0, there)) return undefined
  const sync = yield* Setup.end(setup.command(home, ["sync"], by))
  const { problems } = yield* read(setup, home, by)
  const isPlain = /^codex-plugins: cannot lock .* make the folder writable/m.test(sync.stderr)
  return endsWith(1, sync) && isPlain
    ? problems
    : [...problems, `sync prints ${sync.stdout}${sync.stderr}`]
})

export const run = Effect.fnUntraced(function* (program: string, count: number) {
  const setup = yield* Setup.make(program)
  const home = yield* setup.makeHome
  for (const name of Account.names) yield* setup.account.install(yield* Account.anyBuild(name))
  yield* setup.succeed(home, ["sync"])
  const successions = yield* Effect.replicateEffect(succession(setup, home), count)

  yield* setup.account.uninstall(name)
  const refusals: Record<string, ReadonlyArray<string> | undefined> = {}
  refusals["a read-only mount"] = yield* refusal(setup, home, [...readOnly, home])
  giveAway(home)
  refusals["folders without write permission"] = yield* refusal(setup, home, unprivileged)

  return Report.make({
    title: "the owner of a hanging download is killed while others wait and read",
    figures: [
      ["owners killed while a process waited", count],
      [
        "  it continued after",
        successions.map(({ wentOn }) => Report.milliseconds(wentOn)).join(", ")
      ],
      [
        "time of list and id",
        Report.milliseconds(Report.median(successions.map(({ free }) => free)))
      ],
      [
        "  during a download",
        Report.milliseconds(Report.median(successions.map(({ held }) => held)))
      ],
      ...Object.entries(refusals).map(
        ([where, problems]) =>
          [
            where,
            problems === undefined ? "not available here" : "list and id work, sync fails"
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
