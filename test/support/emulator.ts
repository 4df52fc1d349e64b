/**
 * The screen of a terminal: it reads the output of a program and shows what a person sees.
 */

/** The style of one character; undefined is the terminal's default. */
export type Color = "red" | "green" | "yellow" | "blue" | "magenta" | "cyan"

export interface Style {
  readonly color?: Color
  readonly bold?: true
  readonly dim?: true
}

/** Consecutive characters of one style. */
export interface Run {
  readonly text: string
  readonly style: Style
}

export type Line = ReadonlyArray<Run>

interface Cell {
  readonly character: string
  readonly style: Style
}

const colors: ReadonlyArray<Color | undefined> = [
  undefined,
  "red",
  "green",
  "yellow",
  "blue",
  "magenta",
  "cyan"
]

/** The style after one SGR code. An unknown code is an error. */
const styled = (style: Style, code: number): Style => {
  const { bold, color, dim } = style
  switch (code) {
    case 0:
      return {}
    case 1:
      return { ...style, bold: true }
    case 2:
      return { ...style, dim: true }
    case 22:
      return color === undefined ? {} : { color }
    case 39:
      return { ...(bold && { bold }), ...(dim && { dim }) }
    default: {
      const chosen = colors[code - 30]
      if (chosen === undefined) throw new Error(`the style ${code} is not emulated`)
      return { ...style, color: chosen }
    }
  }
}

const sameStyle = (a: Style, b: Style) =>
  a.color === b.color && a.bold === b.bold && a.dim === b.dim

const runsOf = (cells: ReadonlyArray<Cell | undefined>): Line => {
  const runs: Array<{ text: string; style: Style }> = []
  for (const cell of cells) {
    const { character, style } = cell ?? { character: " ", style: {} }
    const last = runs.at(-1)
    if (last !== undefined && sameStyle(last.style, style)) last.text += character
    else runs.push({ text: character, style })
  }
  const last = runs.at(-1)
  if (last !== undefined) last.text = last.text.trimEnd()
  return runs.filter(({ text }) => text !== "")
}

/** The lines on a screen of this width after this output. */
export const linesOf = (
  output: string,
  columns = Number.POSITIVE_INFINITY
): ReadonlyArray<Line> => {
  const rows: Array<Array<Cell | undefined>> = [[]]
  let row = 0
  let column = 0
  let style: Style = {}

  const down = () => {
    row += 1
    rows[row] ??= []
  }
  const control = (argument: string, name: string) => {
    if (name === "m") {
      for (const code of argument.split(";")) style = styled(style, Number(code))
    } else if (name === "A") row = Math.max(0, row - Number(argument || 1))
    else if (name === "K") rows[row]!.length = Math.min(rows[row]!.length, column)
    else if (name === "J") {
      rows[row]!.length = Math.min(rows[row]!.length, column)
      rows.length = row + 1
    } else throw new Error(`the control sequence ${argument}${name} is not emulated`)
  }

  // eslint-disable-next-line no-control-regex
  const parts = /\u001b\[([\d;]*)([A-Za-z])|\r|\n|[^\u001b]/gu
  for (const [part, argument = "", name] of output.matchAll(parts)) {
    if (name !== undefined) control(argument, name)
    else if (part === "\r") column = 0
    else if (part === "\n") {
      down()
      column = 0
    } else {
      // A terminal wraps only when a character follows the one in the last column.
      if (column >= columns) {
        down()
        column = 0
      }
      rows[row]![column] = { character: part, style }
      column += 1
    }
  }
  return rows.map((cells) => runsOf(Array.from(cells)))
}

/** The text of a line. */
export const textOf = (line: Line): string => line.map(({ text }) => text).join("")

/** The text of a line with its styles, such as `{green +} alpha {dim 1.0.0}`. */
export const markedOf = (line: Line): string =>
  line
    .map(({ style, text }) => {
      const names = [style.bold && "bold", style.dim && "dim", style.color].filter(Boolean)
      return names.length === 0 ? text : `{${names.join("-")} ${text}}`
    })
    .join("")
