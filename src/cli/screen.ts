/**
 * The terminal behind stdout and stderr, as far as there is one.
 */
import { Context } from "effect"

/** What a command knows of the terminal. */
export interface Screen {
  /** Whether stderr is a terminal on which lines may be drawn over. */
  readonly isLive: boolean
  /** The width of stderr in columns. */
  readonly columns: () => number
  /** The width of stdout in columns; undefined if stdout is no terminal. */
  readonly outputColumns: number | undefined
  /** Writes to stderr as it is. */
  readonly write: (text: string) => void
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
  return {
    isLive: stderr.isTTY === true && !isDumb && !isSet(env["CI"]),
    columns: () => stderr.columns || usualColumns,
    outputColumns: stdout.isTTY === true ? stdout.columns || usualColumns : undefined,
    write: (text) => void stderr.write(text)
  }
}

/** The screen of this process. */
export const Screen = Context.Reference<Screen>("effect-codex-plugins/cli/Screen", {
  defaultValue: () => make(process.stdout, process.stderr, process.env)
})
