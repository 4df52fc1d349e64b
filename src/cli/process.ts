/**
 * Runs the program as a process of Node: signals, output that cannot be written, the exit code.
 */
import { type Effect, Runtime } from "effect"
import * as exit from "./exit.ts"
import { intercepted } from "./signals.ts"

/** SIGHUP comes from a terminal that was closed. Each ends a command in an orderly way. */
const signals: ReadonlyArray<NodeJS.Signals> = ["SIGINT", "SIGTERM", "SIGHUP"]

let outputError: NodeJS.ErrnoException | undefined
// Without a listener, Node's console drops what it cannot write and the program would succeed.
process.stdout.on("error", (error) => (outputError ??= error))
// If messages cannot be written, there is no way to report it.
process.stderr.on("error", () => {})

/**
 * Ends the process with its code; lost output is a failure, a reader that closed the pipe is not.
 */
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
    // A second signal does not wait for the clean-up: the cache is whole at every moment.
    if (signal !== undefined) process.exit(name === "SIGINT" ? 130 : name === "SIGHUP" ? 129 : 143)
    signal = name
    fiber.interruptUnsafe(fiber.id)
  }
  for (const name of signals) process.on(name, onSignal)
  fiber.addObserver((result) => {
    teardown(result, () => end(exit.codeOf(result, signal)))
  })
})

/** Runs the program's effect as this process, and ends the process with its code. */
export const runMain = (main: Effect.Effect<unknown, unknown>): void =>
  run(main, { disableErrorReporting: true, teardown: (_, onExit) => onExit(0) })
