/**
 * The program in this process, with its real layers, on a home of its own.
 */
import { ConfigProvider, Console, Effect, FileSystem, Layer, type Stdio } from "effect"
import { codeOf } from "../../src/cli/exit.ts"
import { DownloadOptions } from "../../src/cli/online.ts"
import * as Platform from "../../src/cli/platform.ts"
import { program } from "../../src/cli/program.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"

/** The output of a command, and the exit code of its process. */
export interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Surroundings {
  /** The only environment variables. */
  readonly env?: Readonly<Record<string, string>>
  readonly stdio?: Layer.Layer<Stdio.Stdio> | Layer.Layer<never>
}

const printTo =
  (lines: Array<string>) =>
  (...texts: ReadonlyArray<unknown>) => {
    lines.push(`${texts.join(" ")}\n`)
  }

/** Runs a command to its end. */
export const run = (
  args: ReadonlyArray<string>,
  { env = {}, stdio = Layer.empty }: Surroundings = {}
): Effect.Effect<Run> =>
  Effect.suspend(() => {
    const stdout: Array<string> = []
    const stderr: Array<string> = []
    return program(args).pipe(
      Effect.provide(Layer.merge(Platform.layer, stdio)),
      Effect.provideService(DownloadOptions, { allowLoopbackHttp: true }),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
      Effect.provideService(
        Console.Console,
        Object.assign(Object.create(console), { log: printTo(stdout), error: printTo(stderr) })
      ),
      Effect.exit,
      Effect.map((exit) => ({
        code: codeOf(exit),
        stdout: stdout.join(""),
        stderr: stderr.join("")
      }))
    )
  })

/** A backend on a port of loopback, a home that uses it, and the program on that home. */
export const world = Effect.fnUntraced(function* (options?: TestBackend.Options) {
  const fs = yield* FileSystem.FileSystem
  const backend = yield* TestBackend.make(options)
  const served = yield* backend.serve()
  const home = yield* fs.makeTempDirectoryScoped({ prefix: "codex-home-" })
  yield* backend.writeHome(home, served)
  return {
    backend,
    home,
    /** Runs a command on this home. */
    run: (...args: ReadonlyArray<string>) => run([...args, "--codex-home", home])
  }
})
