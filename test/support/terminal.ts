/**
 * A command on a real terminal, and the screen that a person sees.
 */
import { Effect, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as Fs from "node:fs"
import * as Emulator from "./emulator.ts"
import { eventually } from "./eventually.ts"

/** True if `script` of util-linux is installed. It opens the terminal. */
export const isAvailable = process.platform === "linux" && Fs.existsSync("/usr/bin/script")

/** The lines on a screen of this width after this output. */
export const screenOf = (output: string, columns?: number): ReadonlyArray<string> =>
  Emulator.linesOf(output, columns).map(Emulator.textOf)

/** Replaces times and rates, which differ between runs. */
export const withoutTimes = (line: string): string =>
  line
    .replace(/\d+(?:\.\d+)? s\b/g, "N s")
    .replace(/\d+(?:\.\d+)? [kM]?B\/s/g, "N/s")
    .replace(/^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/, "*")

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

export interface Options {
  readonly columns: number
  /** The program that Node runs. Default: the one of `src`. */
  readonly program?: string
  /** The folder that the command runs in. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly onOutput?: (output: string) => void
  /** Bytes to type, such as Ctrl-C, when the screen shows a text. */
  readonly type?: { readonly after: string | RegExp; readonly text: string }
}

/** Runs a command on a terminal of this width; `onOutput` sees all output so far. */
export const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>, options: Options) {
  let output = ""
  const typed = options.type
  const program =
    options.program ??
    // Only a test can build it.
    (yield* Effect.promise(async () => {
      const { helper } = await import("./builtPrograms.ts")
      return helper("terminalProgram")
    }))
  const command = [process.execPath, program, ...args].map(quote).join(" ")
  const handle = yield* ChildProcess.make(
    "/usr/bin/script",
    ["-qfec", `stty cols ${options.columns} rows 24; exec ${command}`, "/dev/null"],
    {
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      env: {
        PATH: process.env["PATH"],
        HOME: "/nonexistent",
        TERM: "xterm",
        SHELL: "/bin/sh",
        ...options.env
      },
      stdin:
        typed === undefined
          ? Stream.never
          : Stream.fromEffect(
              Effect.as(
                eventually(Effect.sync(() => screenOf(output).join("\n").search(typed.after) >= 0)),
                typed.text
              )
            ).pipe(Stream.concat(Stream.never), Stream.encodeText)
    }
  )
  yield* Stream.runForEach(Stream.decodeText(handle.stdout), (text) =>
    Effect.sync(() => {
      output += text
      options.onOutput?.(output)
    })
  )
  return {
    code: Number(yield* handle.exitCode),
    output,
    screen: screenOf(output, options.columns).map(withoutTimes)
  }
}, Effect.scoped)
