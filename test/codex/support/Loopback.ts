/**
 * A place where nothing but loopback can be reached: a Linux network namespace with only `lo` in it.
 * Released Codex runs nowhere else here, and so does the test backend that it talks to.
 */
import { Effect, Schema } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import * as Os from "node:os"

/** Codex was about to run where more than loopback can be reached. */
export class NetworkInReach extends Schema.TaggedError<NetworkInReach>()("NetworkInReach", {
  interfaces: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `Refused to run Codex: ${this.interfaces.join(", ")} can be reached from here. Run these tests with "npm run test:codex".`
  }
}

/** This machine makes no network namespace for us. */
export class NoNamespace extends Schema.TaggedError<NoNamespace>()("NoNamespace", {}) {
  override get message(): string {
    return "No place without a network can be made here: that takes Linux, unshare(1), ip(8), and either root or user namespaces that anyone may make."
  }
}

/** Passes only where no interface but loopback is up. */
export const ensure: Effect.Effect<void, NetworkInReach> = Effect.suspend(() => {
  const interfaces = Object.entries(Os.networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.every(({ internal }) => internal) ? [] : [name]
  )
  return interfaces.length === 0 ? Effect.void : Effect.fail(new NetworkInReach({ interfaces }))
})

/** How a namespace is made: as root outright, else as the root of a user namespace of one's own. */
const ways = [["--net"], ["--map-root-user", "--net"]] as const

const inside = 'ip link set lo up && exec "$@"'

const command = (
  way: (typeof ways)[number],
  words: ReadonlyArray<string>,
  options?: ChildProcess.CommandOptions
) => ChildProcess.make("unshare", [...way, "sh", "-c", inside, "sh", ...words], options)

/** Runs a command there, on this process's terminal, to its end. */
export const run = Effect.fnUntraced(function* (words: ReadonlyArray<string>) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  for (const way of ways) {
    const works = yield* spawner
      .exitCode(command(way, ["true"]))
      .pipe(Effect.orElseSucceed(() => ChildProcessSpawner.ExitCode(1)))
    if (works !== 0) continue
    return yield* spawner.exitCode(
      command(way, words, { stdin: "inherit", stdout: "inherit", stderr: "inherit" })
    )
  }
  return yield* new NoNamespace()
})
