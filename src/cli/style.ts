/**
 * Colours, and lines at the width of the terminal.
 */
import { CliOutput } from "effect/cli"
import { display } from "../internal/display.ts"

/** Styles for parts of a line. */
export interface Style {
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly red: (text: string) => string
  readonly cyan: (text: string) => string
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
}

const same = (text: string): string => text

/** No style: for files, pipes and logs. */
export const plain: Style = {
  green: same,
  yellow: same,
  red: same,
  cyan: same,
  bold: same,
  dim: same
}

const sgr =
  (on: number, off: number) =>
  (text: string): string =>
    text === "" ? "" : `\u001b[${on}m${text}\u001b[${off}m`

/** The sixteen colours of every terminal, which follow its theme. */
export const colored: Style = {
  green: sgr(32, 39),
  yellow: sgr(33, 39),
  red: sgr(31, 39),
  cyan: sgr(36, 39),
  bold: sgr(1, 22),
  dim: sgr(2, 22)
}

type Environment = Readonly<Record<string, string | undefined>>

const isSet = (value: string | undefined): boolean => value !== undefined && value !== ""

/** True if a stream is coloured. `NO_COLOR` takes precedence over `FORCE_COLOR`. */
export const isColored = (isTerminal: boolean, env: Environment): boolean => {
  if (isSet(env["NO_COLOR"])) return false
  const force = env["FORCE_COLOR"]
  if (isSet(force)) return force !== "0" && force !== "false"
  return isTerminal && env["TERM"] !== "dumb"
}

/** The escape sequences of {@link colored}. */
// oxlint-disable-next-line no-control-regex -- escape sequences begin with a control character
const sequences = /\u001b\[\d+m/g

const isPlain = (text: string): boolean => /^[ -~]*$/.test(text)

/** The width of a line on a terminal, without its escape sequences. */
export const width = (line: string): number =>
  isPlain(line) ? line.length : CliOutput.displayWidth(line)

/** Cuts an unstyled line to a width. */
export const cut = (line: string, columns: number): string => {
  if (width(line) <= columns) return line
  if (columns < 1) return ""
  let kept = ""
  for (const character of line) {
    if (width(kept + character) > columns - 1) break
    kept += character
  }
  return `${kept.trimEnd()}…`
}

/**
 * Wraps a line at words, so that the terminal does not break a word. Further lines are indented
 * like the text of the first one. Without a width, the line is unchanged.
 */
export const wrap = (line: string, columns: number | undefined): string => {
  if (columns === undefined || width(line) <= columns) return line
  const start = line.replace(sequences, "").match(/^(?: +(?:\S )?)?/)?.[0].length ?? 0
  const indent = " ".repeat(start)
  const lines: Array<string> = []
  let current = ""
  for (const word of line.split(/(?<=\S) /)) {
    const longer = current === "" ? word : `${current} ${word}`
    if (current === "" || width(longer) <= columns) current = longer
    else {
      lines.push(current)
      current = `${indent}${word}`
    }
  }
  return [...lines, current].join("\n")
}

/** A remedy, on the line below its error. */
export const helpLine = (remedy: string, style: Style): string =>
  `   ${style.cyan("help:")} ${display(remedy)}`
