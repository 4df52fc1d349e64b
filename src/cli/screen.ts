/**
 * The terminal of stdout and stderr, if there is one.
 */
import { Console, Context, Effect } from "effect"
import * as Style from "./style.ts"

/** The properties of the terminal. */
export interface Screen {
  /** True if stderr is a terminal on which lines may be redrawn. */
  readonly isLive: boolean
  /** The width of stderr in columns. */
  readonly columns: () => number
  /** The width of stdout in columns; undefined if stdout is not a terminal. */
  readonly outputColumns: number | undefined
  /** The width of stderr in columns; undefined if stderr is not a terminal. */
  readonly messageColumns: number | undefined
  /** Writes a text to stderr without changes. */
  readonly write: (text: string) => void
  /** The time since the start of the process, in milliseconds. */
  readonly uptime: () => number
  /** The style of results, on stdout. */
  readonly output: Style.Style
  /** The style of messages and progress, on stderr. */
  readonly messages: Style.Style
}

/** The width for a terminal that reports 0 because it does not know its width. */
const usualColumns = 80

const isSet = (value: string | undefined): boolean => value !== undefined && value !== ""

/** The screen of a process with these streams and variables. */
export const make = (
  stdout: Pick<NodeJS.WriteStream, "isTTY" | "columns">,
  stderr: Pick<NodeJS.WriteStream, "isTTY" | "columns" | "write">,
  env: Readonly<Record<string, string | undefined>>
): Screen => {
  const isDumb = env["TERM"] === "dumb"
  const styleOf = ({ isTTY }: { readonly isTTY?: boolean }) =>
    Style.isColored(isTTY === true, env) ? Style.colored : Style.plain
  return {
    isLive: stderr.isTTY === true && !isDumb && !isSet(env["CI"]),
    columns: () => stderr.columns || usualColumns,
    outputColumns: stdout.isTTY === true ? stdout.columns || usualColumns : undefined,
    messageColumns: stderr.isTTY === true ? stderr.columns || usualColumns : undefined,
    write: (text) => void stderr.write(text),
    uptime: () => performance.now(),
    output: styleOf(stdout),
    messages: styleOf(stderr)
  }
}

/** The screen of this process. */
export const Screen = Context.Reference<Screen>("effect-codex-plugins/cli/Screen", {
  defaultValue: () => make(process.stdout, process.stderr, process.env)
})

/** Prints results on stdout, wrapped at words if stdout is a terminal. */
export const printLines = Effect.fnUntraced(function* (
  lines: (style: Style.Style) => ReadonlyArray<string>
) {
  const { output, outputColumns } = yield* Screen
  yield* Console.log(
    lines(output)
      .map((line) => Style.wrap(line, outputColumns))
      .join("\n")
  )
})

/** Prints a message on stderr, wrapped at words if stderr is a terminal. */
export const printMessage = Effect.fnUntraced(function* (
  lines: (style: Style.Style, isTerminal: boolean) => ReadonlyArray<string>
) {
  const { messageColumns, messages } = yield* Screen
  yield* Console.error(
    lines(messages, messageColumns !== undefined)
      .map((line) => Style.wrap(line, messageColumns))
      .join("\n")
  )
})
