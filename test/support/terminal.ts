/**
 * A command on a real terminal, and the screen that a person sees.
 */
import { Effect, Schedule, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("./terminalProgram.ts", import.meta.url))

/** Whether `script` of util-linux is here; it opens the terminal. */
export const isAvailable = process.platform === "linux" && Fs.existsSync("/usr/bin/script")

/** The lines on a screen after this output: carriage returns, cursor up and erase below. */
export const screenOf = (output: string): ReadonlyArray<string> => {
  const lines = [""]
  let row = 0
  let column = 0
  // eslint-disable-next-line no-control-regex
  for (const part of output.match(/\u001b\[(\d*)([A-Za-z])|\r|\n|[^\u001b\r\n]+/g) ?? []) {
    if (part === "\r") column = 0
    else if (part === "\n") {
      row += 1
      column = 0
      lines[row] ??= ""
    } else if (part.startsWith("\u001b")) {
      if (part.endsWith("A")) row = Math.max(0, row - Number(part.slice(2, -1) || 1))
      if (part.endsWith("J")) {
        lines[row] = lines[row]!.slice(0, column)
        lines.length = row + 1
      }
    } else {
      const line = lines[row]!.padEnd(column)
      lines[row] = line.slice(0, column) + part + line.slice(column + part.length)
      column += part.length
    }
  }
  return lines.map((line) => line.trimEnd())
}

/** Times and rates differ from run to run. */
export const withoutTimes = (line: string): string =>
  line
    .replace(/\d+(?:\.\d+)? s\b/g, "N s")
    .replace(/\d+(?:\.\d+)? [kM]?B\/s/g, "N/s")
    .replace(/^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/, "*")

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** Runs a command on a terminal of this width; `onOutput` sees all output so far. */
export const run = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  options: {
    readonly columns: number
    readonly env?: Readonly<Record<string, string>>
    readonly onOutput?: (output: string) => void
    /** Bytes that are typed, such as Ctrl-C, once the output holds a text. */
    readonly type?: { readonly after: string; readonly text: string }
  }
) {
  let output = ""
  const typed = options.type
  const command = [process.execPath, program, ...args].map(quote).join(" ")
  const handle = yield* ChildProcess.make(
    "/usr/bin/script",
    ["-qfec", `stty cols ${options.columns} rows 24; exec ${command}`, "/dev/null"],
    {
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
              Effect.sync(() => output.includes(typed.after)).pipe(
                Effect.repeat({ until: (seen) => seen, schedule: Schedule.spaced("20 millis") }),
                Effect.as(typed.text)
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
    screen: screenOf(output).map(withoutTimes)
  }
}, Effect.scoped)
