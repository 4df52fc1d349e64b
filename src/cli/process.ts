/**
 * Runs the program as a Node process: signals, output errors and the exit code.
 */
import { type Effect, Runtime } from "effect"
import * as CliExit from "./exit.ts"
import { intercepted } from "./signals.ts"

/**
 * SIGHUP comes from a terminal that was closed. Each of these signals ends a command gracefully.
 */
const signals: ReadonlyArray<NodeJS.Signals> = ["SIGINT", "SIGTERM", "SIGHUP"]

let outputError: NodeJS.ErrnoException | undefined
// Without a listener, Node's console ignores failed writes, and the program would succeed.
process.stdout.on("error", (error) => (outputError ??= error))
// If messages cannot be written, there is no way to report that.
process.stderr.on("error", () => {})

/** Exits with a code. Lost output is a failure, unless the reader has closed the pipe. */
const end = (code: number) => {
  process.stdout.write("", () =>
    setImmediate(() => {
      if (outputError === undefined || outputError.code === "EPIPE") return process.exit(code)
      console.error(`codex-plugins: cannot write the output: ${outputError.message}`)
      process.exit(code === 0 ? 1 : code)
    })
  )
}

const run = Runtime.makeRunMain(({ fiber, teardown }) => {
  let signal: NodeJS.Signals | undefined
  const onSignal = (name: NodeJS.Signals) => {
    if (intercepted(name)) return
    // A second signal does not wait for the clean-up, because the cache is valid at every moment.
    if (signal !== undefined) process.exit(CliExit.codeOfSignal(name))
    signal = name
    fiber.interruptUnsafe(fiber.id)
  }
  for (const name of signals) process.on(name, onSignal)
  fiber.addObserver((result) => {
    teardown(result, () => end(CliExit.codeOf(result, signal)))
  })
})

/** Runs the program's effect as this process, and exits with its code. */
export const runMain = (main: Effect.Effect<unknown, unknown>): void =>
  run(main, { disableErrorReporting: true, teardown: (_, onExit) => onExit(0) })
