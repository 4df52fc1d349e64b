/**
 * A Linux network namespace with only `lo`, where nothing but loopback can be reached. Released Codex and
 * the test backend for it run only there.
 */
import { Effect, Schema } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import * as Os from "node:os"

/** More than loopback can be reached, so Codex must not run. */
export class NetworkInReach extends Schema.TaggedError<NetworkInReach>()("NetworkInReach", {
  interfaces: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `Refused to run Codex: ${this.interfaces.join(", ")} can be reached from here. Run these tests with "npm run test:codex".`
  }
}

/** This machine does not allow us to make a network namespace. */
export class NoNamespace extends Schema.TaggedError<NoNamespace>()("NoNamespace", {}) {
  override get message(): string {
    return "No place without a network can be made here: that takes Linux, unshare(1), ip(8), and either root or user namespaces that anyone may make."
  }
}

/** Fails if an interface other than loopback is up. */
export const ensure: Effect.Effect<void, NetworkInReach> = Effect.suspend(() => {
  const interfaces = Object.entries(Os.networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.every(({ internal }) => internal) ? [] : [name]
  )
  return interfaces.length === 0 ? Effect.void : Effect.fail(new NetworkInReach({ interfaces }))
})

/** The words that make a namespace: directly as root, otherwise as root of a new user namespace. */
const ways = [["--net"], ["--map-root-user", "--net"]] as const

const inside = 'ip link set lo up && exec "$@"'

const command = (
  way: (typeof ways)[number],
  words: ReadonlyArray<string>,
  options?: ChildProcess.CommandOptions
) => ChildProcess.make("unshare", [...way, "sh", "-c", inside, "sh", ...words], options)

/** Runs a command in the namespace, on this process's terminal, to its end. */
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
