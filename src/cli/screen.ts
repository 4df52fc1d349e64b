/**
 * The terminal behind stdout and stderr, as far as there is one.
 */
import { Console, Context, Effect } from "effect"
import * as Style from "./style.ts"

/** What a command knows of the terminal. */
export interface Screen {
  /** Whether stderr is a terminal on which lines may be drawn over. */
  readonly isLive: boolean
  /** The width of stderr in columns. */
  readonly columns: () => number
  /** The width of stdout in columns; undefined if stdout is no terminal. */
  readonly outputColumns: number | undefined
  /** The width of stderr in columns; undefined if stderr is no terminal. */
  readonly messageColumns: number | undefined
  /** Writes to stderr as it is. */
  readonly write: (text: string) => void
  /** How long the process has been running, in milliseconds. */
  readonly uptime: () => number
  /** The style of results, on stdout. */
  readonly output: Style.Style
  /** The style of messages and progress, on stderr. */
  readonly messages: Style.Style
}

/** A terminal that does not know its width says 0. */
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

/** Prints results on stdout, broken between words if stdout is a terminal. */
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

/** Prints a message on stderr, broken between words if stderr is a terminal. */
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
