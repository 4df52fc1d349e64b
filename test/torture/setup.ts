/**
 * The setup of a torture test: an account on a backend of its own, homes on a real disk, and the built
 * program.
 */
import { Effect, Option, Schema, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as Fs from "node:fs"
import * as LoopbackBackend from "../codex/support/LoopbackBackend.ts"
import * as Account from "./account.ts"
import * as Cache from "./cache.ts"

/** The result of a program that has exited. */
export interface Finished {
  /** None if a signal ended the program. */
  readonly exitCode: Option.Option<number>
  readonly stdout: string
  readonly stderr: string
  /** In milliseconds. */
  readonly took: number
}

/** A program exited with an unexpected code. */
export class UnexpectedExit extends Schema.TaggedError<UnexpectedExit>()("UnexpectedExit", {
  command: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.command} ${this.detail}`
  }
}

/** Runs a command to its end. */
export const end = Effect.fnUntraced(function* (command: ChildProcess.Command) {
  const startedAt = performance.now()
  const handle = yield* command
  const [stdout, stderr, exitCode] = yield* Effect.all(
    [
      Stream.mkString(Stream.decodeText(handle.stdout)),
      Stream.mkString(Stream.decodeText(handle.stderr)),
      Effect.option<number, unknown, never>(handle.exitCode)
    ],
    { concurrency: "unbounded" }
  )
  return { exitCode, stdout, stderr, took: performance.now() - startedAt } satisfies Finished
}, Effect.scoped)

/** `program` is the file that is run. */
export const make = Effect.fnUntraced(function* (program: string) {
  const { backend, environment, makeHome } = yield* LoopbackBackend.make()

  /** A command of our program, run by the words of another command if there are any. */
  const command = (
    home: string,
    args: ReadonlyArray<string>,
    [first, ...words]: ReadonlyArray<string> = []
  ) => {
    const ours = [program, ...args]
    return ChildProcess.make(
      first ?? process.execPath,
      first === undefined ? ours : [...words, process.execPath, ...ours],
      {
        env: { PATH: process.env["PATH"], HOME: home, CODEX_HOME: home, ...environment },
        stdin: "ignore",
        killSignal: "SIGKILL"
      }
    )
  }

  /** Runs our program, which must exit with 0. */
  const succeed = Effect.fnUntraced(function* (home: string, args: ReadonlyArray<string>) {
    const finished = yield* end(command(home, args))
    if (Option.contains(finished.exitCode, 0)) return finished
    const code = Option.getOrElse(finished.exitCode, () => "a signal")
    return yield* new UnexpectedExit({
      command: args.join(" "),
      detail: `ended with ${code}: ${finished.stderr}`
    })
  })

  return {
    backend,
    account: Account.make(backend),
    environment,
    command,
    succeed,
    /** A fresh home of the account. */
    makeHome: Effect.tap(makeHome(), (home) =>
      Effect.sync(() => {
        Fs.mkdirSync(Cache.stagingOf(home), { recursive: true })
        Fs.mkdirSync(Cache.marketplaceOf(home), { recursive: true })
      })
    )
  }
})

export type Setup = Effect.Success<ReturnType<typeof make>>
